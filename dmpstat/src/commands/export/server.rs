// SPDX-License-Identifier: GPL-2.0

//! The HTTP server. It limits the number and duration of connections, and keeps a bounded number of
//! compressed pages in memory, whatever its clients do. No client waits for another one to read: if all
//! places are taken, the client that was idle for the longest time loses its place.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Cursor, Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap,
    HeaderValue, VARY,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::commands::export::exporter::Exporter;
use crate::commands::export::text::Form;
use crate::commands::problems::Told;

/// Limits for clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Concurrent connections.
    pub connections: usize,
    /// Clients that read metrics at the same time.
    pub readers: usize,
    /// Time limit for a client's request.
    pub request: Duration,
    /// Time limit for a whole connection.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            readers: 16,
            request: Duration::from_secs(10),
            // Prometheus' own default timeout is 10 s.
            connection: Duration::from_secs(60),
        }
    }
}

/// The size of the buffer for a request, in bytes.
const HEADERS: usize = 16 << 10;
/// The size of a piece, in bytes, that is encoded and sent.
const PIECE: usize = 32 << 10;
/// The pause before the next accept, after one that failed for lack of a place, memory or a descriptor.
const PAUSE: Duration = Duration::from_millis(100);

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>dmp exporter</title></head>\n\
<body><h1>dmp exporter</h1>\n<p>Statistics of this machine's dmp devices, for Prometheus: \
<a href=\"metrics\">metrics</a>.</p>\n</body></html>\n";

/// The health path, which answers without any device.
const HEALTHY: &str = "/-/healthy";

/// Serves until SIGTERM or ^C. `has_ended` returns true if such a signal came before the server installed its
/// own handlers.
pub fn run(
    listeners: Vec<TcpListener>,
    exporter: Exporter,
    told: Told,
    limits: Limits,
    has_ended: impl FnOnce() -> bool,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        // One thread for a page of each form.
        .max_blocking_threads(2)
        .build()?;
    let server = Arc::new(Server {
        exporter,
        limits,
        clients: Arc::default(),
        open_metrics: Arc::default(),
        classic: Arc::default(),
        told: Mutex::new(told),
    });
    let result = runtime.block_on(server.serve(listeners, has_ended));
    // The program exits even if clients still read.
    runtime.shutdown_background();
    result
}

/// All metrics in one form.
struct Page {
    gzip: Bytes,
    /// Length of the text, in bytes.
    length: u64,
}

/// The last encoded page of a form, and the time at which its encoding began.
type Latest = Arc<AsyncMutex<Option<(Instant, Arc<Page>)>>>;

struct Server {
    exporter: Exporter,
    limits: Limits,
    clients: Arc<Clients>,
    open_metrics: Latest,
    classic: Latest,
    told: Mutex<Told>,
}

impl Server {
    async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        has_ended: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // The server receives all signals from here on.
        if has_ended() {
            return Ok(());
        }
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(self.clone().accept(listener));
        }
        let either = |context: &mut Context<'_>| {
            let came = [&mut terminate, &mut interrupt].map(|signal| signal.poll_recv(context));
            match came.iter().any(Poll::is_ready) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        };
        poll_fn(either).await;
        Ok(())
    }

    async fn accept(self: Arc<Self>, listener: tokio::net::TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            while !self.clients.make_place(self.limits.connections) {
                sleep(PAUSE).await;
            }
            let client = Arc::new(Client::default());
            let place = Place(self.clients.clone(), client.clone());
            let task = tokio::spawn(self.clone().connection(stream, place));
            self.clients.add(client, task.abort_handle());
        }
    }

    async fn connection(self: Arc<Self>, stream: tokio::net::TcpStream, place: Place) {
        let service = service_fn(|request| self.clone().respond(request, place.1.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.request)
            .max_buf_size(HEADERS)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        // Errors are ignored: a client may disconnect early, or be too slow.
        let _ = timeout(self.limits.connection, connection).await;
    }

    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: Arc<Client>,
    ) -> Result<Response<Answer>, Infallible> {
        let path = request.uri().path();
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        let response = match path {
            "/" | HEALTHY | "/metrics" if !is_read => {
                let text = "use GET or HEAD\n";
                let mut response = whole(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text);
                let methods = HeaderValue::from_static("GET, HEAD");
                response.headers_mut().insert(ALLOW, methods);
                response
            }
            "/metrics" => self.metrics(request.headers(), client).await,
            "/" => whole(StatusCode::OK, HTML, PAGE),
            HEALTHY => whole(StatusCode::OK, PLAIN, "dmp exporter is healthy\n"),
            _ => whole(
                StatusCode::NOT_FOUND,
                PLAIN,
                "no such page; the metrics are at /metrics\n",
            ),
        };
        Ok(response)
    }

    async fn metrics(
        self: Arc<Self>,
        headers: &HeaderMap,
        client: Arc<Client>,
    ) -> Response<Answer> {
        let form = form(headers);
        let gzip = accepts_gzip(headers);
        client.set(Doing::Waiting);
        let page = match self.clone().page(form).await {
            Ok(page) => page,
            Err(error) => {
                let text = format!("cannot write the metrics: {error}\n");
                return whole(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, text);
            }
        };
        self.clients.begin_reading(&client, self.limits.readers);
        let mut response = Response::new(Either::Right(Sent::new(&page, gzip, client)));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static(form.content_type());
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// Returns a page of counters that were read after this call. Pages of a form are encoded one at a time.
    /// Each page is for all clients that asked before its encoding began, so a client waits for at most two
    /// encodings.
    async fn page(self: Arc<Self>, form: Form) -> io::Result<Arc<Page>> {
        let asked = Instant::now();
        let latest = match form {
            Form::OpenMetrics => &self.open_metrics,
            Form::Classic => &self.classic,
        };
        let mut latest = latest.clone().lock_owned().await;
        match &*latest {
            Some((started, page)) if *started >= asked => return Ok(page.clone()),
            _ => {}
        }
        // The task holds the lock until the end of the encoding, even if this client disconnects.
        let encoding = tokio::task::spawn_blocking(move || {
            *latest = None;
            let started = Instant::now();
            let page = Arc::new(self.encode(form)?);
            *latest = Some((started, page.clone()));
            Ok(page)
        });
        encoding.await.map_err(io::Error::other)?
    }

    fn encode(&self, form: Form) -> io::Result<Page> {
        let mut reading = self.exporter.read();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for news in told.news(&reading.all_problems()) {
            // A failed write to the log does not end the server.
            let _ = writeln!(anstream::stderr(), "dmpstat: {news}");
        }
        drop(told);
        let mut text = Counted {
            out: GzEncoder::new(Vec::new(), Compression::fast()),
            length: 0,
        };
        self.exporter.write(&reading.volumes, form, &mut text)?;
        Ok(Page {
            length: text.length,
            gzip: text.out.finish()?.into(),
        })
    }
}

/// The activity of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It sends its request.
    Asking,
    /// It waits for the server.
    Waiting,
    /// It reads metrics.
    Reading,
}

/// A client of a connection.
struct Client(Mutex<(Doing, Instant)>);

impl Default for Client {
    fn default() -> Self {
        Self(Mutex::new((Doing::Asking, Instant::now())))
    }
}

impl Client {
    /// Records the client's activity, which begins now.
    fn set(&self, doing: Doing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (doing, Instant::now());
    }

    /// Returns the client's activity, and its begin.
    fn doing(&self) -> (Doing, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clients of all connections.
#[derive(Default)]
struct Clients(Mutex<Vec<(Arc<Client>, AbortHandle)>>);

impl Clients {
    fn all(&self) -> MutexGuard<'_, Vec<(Arc<Client>, AbortHandle)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, client: Arc<Client>, connection: AbortHandle) {
        self.all().push((client, connection));
    }

    /// Makes a place for one more client. Returns false if all `most` clients wait for the server.
    fn make_place(&self, most: usize) -> bool {
        let mut all = self.all();
        all.len() < most || cut_off(&mut all, |doing| doing != Doing::Waiting)
    }

    /// Lets a client read metrics. If there are `most` readers already, disconnects one.
    fn begin_reading(&self, client: &Client, most: usize) {
        let mut all = self.all();
        let is_reading = |of: &&(Arc<Client>, AbortHandle)| of.0.doing().0 == Doing::Reading;
        if all.iter().filter(is_reading).count() >= most {
            cut_off(&mut all, |doing| doing == Doing::Reading);
        }
        client.set(Doing::Reading);
    }
}

/// Disconnects the client that was idle for the longest time, among those whose activity `among` selects.
/// Returns false if there is no such client.
fn cut_off(all: &mut Vec<(Arc<Client>, AbortHandle)>, among: impl Fn(Doing) -> bool) -> bool {
    let clients = all.iter().map(|(client, _)| client.doing()).enumerate();
    let longest = clients
        .filter(|(_, (doing, _))| among(*doing))
        .min_by_key(|(_, (_, since))| *since);
    let Some((at, _)) = longest else {
        return false;
    };
    let (_, connection) = all.remove(at);
    connection.abort();
    true
}

/// A client's place, which is freed with its connection.
struct Place(Arc<Clients>, Arc<Client>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0
            .all()
            .retain(|(client, _)| !Arc::ptr_eq(client, &self.1));
    }
}

/// A writer that counts its bytes.
struct Counted<W> {
    out: W,
    length: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

type Answer = Either<Full<Bytes>, Sent>;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

fn whole(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A page that is sent to a client piece by piece, as the client reads.
struct Sent {
    text: Text,
    /// Remaining bytes.
    left: u64,
    client: Arc<Client>,
}

enum Text {
    Gzip(Bytes),
    Plain(Box<GzDecoder<Cursor<Bytes>>>),
}

impl Sent {
    fn new(page: &Page, gzip: bool, client: Arc<Client>) -> Self {
        let text = page.gzip.clone();
        let (text, left) = match gzip {
            true => (Text::Gzip(text), page.gzip.len() as u64),
            false => (
                Text::Plain(Box::new(GzDecoder::new(Cursor::new(text)))),
                page.length,
            ),
        };
        Self { text, left, client }
    }

    fn piece(&mut self) -> io::Result<Bytes> {
        let length = self.left.min(PIECE as u64) as usize;
        let piece = match &mut self.text {
            Text::Gzip(text) => text.split_to(length),
            Text::Plain(text) => {
                let mut piece = vec![0; length];
                text.read_exact(&mut piece)?;
                piece.into()
            }
        };
        self.left -= length as u64;
        Ok(piece)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.client.set(Doing::Reading);
        Poll::Ready((self.left > 0).then(|| self.piece().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// Returns the exact length, which is sent first: a client that is disconnected sees that a part is
    /// missing.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Returns the form that a client prefers; the classic one if the client states none.
fn form(headers: &HeaderMap) -> Form {
    let (mut open, mut classic) = (0.0_f64, 0.0_f64);
    for accepted in accepted(headers, ACCEPT) {
        match accepted.kind.as_str() {
            "application/openmetrics-text" if accepted.version == "1.0.0" => {
                open = accepted.quality.max(open);
            }
            "text/plain" | "text/*" | "*/*" => classic = accepted.quality.max(classic),
            _ => {}
        }
    }
    if open > 0.0 && open >= classic {
        Form::OpenMetrics
    } else {
        Form::Classic
    }
}

/// Returns whether a client accepts gzip, and does not prefer plain text.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut plain) = (None, 0.0, 0.0);
    for accepted in accepted(headers, ACCEPT_ENCODING) {
        match accepted.kind.as_str() {
            "gzip" | "x-gzip" => gzip = Some(accepted.quality),
            "*" => any = accepted.quality,
            "identity" => plain = accepted.quality,
            _ => {}
        }
    }
    let gzip = gzip.unwrap_or(any);
    gzip > 0.0 && gzip >= plain
}

/// A media type or an encoding that a client accepts.
struct Accepted<'a> {
    /// Its name, in lower case.
    kind: String,
    /// The client's preference; 1 if the client states none.
    quality: f64,
    /// Its version; 1.0.0 if the client states none.
    version: &'a str,
}

/// Reads the media types or encodings that a client accepts from a header.
fn accepted(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Accepted<'_>> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut words = range.split(';').map(str::trim);
        let mut accepted = Accepted {
            kind: words.next().unwrap_or_default().to_ascii_lowercase(),
            quality: 1.0,
            version: "1.0.0",
        };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => accepted.quality = value.trim().parse().unwrap_or(0.0),
                "version" => accepted.version = value.trim().trim_matches('"'),
                _ => {}
            }
        }
        accepted
    })
}
