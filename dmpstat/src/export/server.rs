// SPDX-License-Identifier: GPL-2.0

//! The HTTP server. Whatever its clients do, it has a bounded number of connections, for a bounded time,
//! and in memory a bounded part of what it sends.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{FromRawFd, OwnedFd};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, VARY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::export::Exporter;
use crate::export::metrics::Form;
use crate::export::problems::Told;
use crate::export::volumes::Volumes;

/// What a client gets at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there are at once; the others wait in the kernel.
    pub connections: usize,
    /// How many of them are sent metrics at once.
    pub scrapes: usize,
    /// How long one waits for its turn.
    pub turn: Duration,
    /// How long a client may take to say what it wants.
    pub request: Duration,
    /// How long it may take for all.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            scrapes: 4,
            turn: Duration::from_secs(5),
            request: Duration::from_secs(10),
            // Prometheus waits for 10 s itself if it is told nothing else.
            connection: Duration::from_secs(60),
        }
    }
}

/// How much a client may say.
const HEADERS: usize = 16 << 10;
/// How much is sent at once, and how many such pieces wait to be sent.
const PIECE: (usize, usize) = (32 << 10, 2);
/// After how long it is tried again to take a connection where there was no memory or file for it.
const PAUSE: Duration = Duration::from_millis(100);

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>dmp exporter</title></head>\n\
<body><h1>dmp exporter</h1>\n<p>What passes through the dmp devices of this machine, for Prometheus: \
<a href=\"metrics\">metrics</a>.</p>\n</body></html>\n";

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Address(String);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.parse::<u16>().is_ok() {
            return Ok(Self(format!("127.0.0.1:{text}")));
        }
        let is_name = |host: &str| !host.is_empty() && !host.contains(':');
        match text.rsplit_once(':') {
            Some(("", _)) => Err(
                "say which addresses: [::]:PORT are all, and PORT alone is for this machine only",
            ),
            Some((host, port)) if is_name(host) && port.parse::<u16>().is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ if text.parse::<SocketAddr>().is_ok() => Ok(Self(text.to_owned())),
            _ => Err("it is to be HOST:PORT, or PORT for this machine only"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Address {
    /// Listens there, or at the sockets that systemd has for this service. Returns notes with the listeners: why
    /// they are others than those asked for.
    pub fn listen(&self) -> Result<(Vec<TcpListener>, Vec<String>), Error> {
        let failed = |source| Error::Listen {
            address: self.0.clone(),
            source,
        };
        let addresses = self.0.to_socket_addrs();
        let inherited = inherited().map_err(failed)?;
        if !inherited.is_empty() {
            let wanted: Vec<SocketAddr> = addresses.into_iter().flatten().collect();
            // dmp-exporter.service names the address of its socket unit.
            let is_wanted = |listener: &TcpListener| {
                let address = listener.local_addr();
                address.is_ok_and(|address| wanted.contains(&address))
            };
            let note = format!(
                "--listen {self} has no effect, because systemd listens for this service: set ListenStream= \
                 with \"systemctl edit dmp-exporter.socket\""
            );
            let notes = if inherited.iter().all(is_wanted) {
                vec![]
            } else {
                vec![note]
            };
            return Ok((inherited, notes));
        }
        let addresses = addresses.map_err(failed)?;
        let (listeners, missing) = bind(addresses, TcpListener::bind).map_err(failed)?;
        let missing = missing.into_iter();
        let notes = missing.map(|(address, error)| format!("not listening at {address}: {error}"));
        Ok((listeners, notes.collect()))
    }
}

/// Binds to the addresses of one name, as far as this machine has them: localhost may name ::1 without
/// IPv6. Returns the others with their errors. Fails if there is none, or for another reason.
#[allow(clippy::type_complexity)]
pub fn bind<T>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<(Vec<T>, Vec<(SocketAddr, io::Error)>)> {
    let (mut bound, mut missing) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for address in addresses {
        if seen.contains(&address) {
            continue;
        }
        seen.push(address);
        match bind(address) {
            Ok(socket) => bound.push(socket),
            Err(error) if is_missing(&error) => missing.push((address, error)),
            Err(error) => return Err(error),
        }
    }
    if bound.is_empty() {
        let first = missing.into_iter().next().map(|(_, error)| error);
        return Err(first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok((bound, missing))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
    )
}

/// Returns the sockets that systemd passed to this process.
fn inherited() -> io::Result<Vec<TcpListener>> {
    let sockets = sd_notify::listen_fds()?.map(|socket| {
        // SAFETY: LISTEN_PID says that these descriptors are for this process, whose one call this is; nothing
        // else of it knows them.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let listener = TcpListener::from(socket);
        // Fails for sockets of other kinds.
        listener.local_addr().map(|_| listener)
    });
    sockets.collect()
}

/// Serves until SIGTERM or ^C. `ended` is whether one of them came before the server was there to see
/// it.
pub fn run(
    listeners: Vec<TcpListener>,
    exporter: Exporter,
    told: Told,
    limits: Limits,
    ended: impl FnOnce() -> bool,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(limits.scrapes)
        .build()?;
    let server = Arc::new(Server::new(exporter, told, limits));
    let result = runtime.block_on(server.serve(listeners, ended));
    // Who still reads does not keep it from ending.
    runtime.shutdown_background();
    result
}

struct Server {
    exporter: Exporter,
    limits: Limits,
    connections: Arc<Semaphore>,
    scrapes: Arc<Semaphore>,
    told: Mutex<Told>,
}

impl Server {
    fn new(exporter: Exporter, told: Told, limits: Limits) -> Self {
        Self {
            exporter,
            limits,
            connections: Arc::new(Semaphore::new(limits.connections)),
            scrapes: Arc::new(Semaphore::new(limits.scrapes)),
            told: Mutex::new(told),
        }
    }

    async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        ended: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // From here on none is missed.
        if ended() {
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
        // It is never closed, so there is always a next one.
        while let Ok(place) = self.connections.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = self.clone();
                    tokio::spawn(async move {
                        let service = service_fn(|request| server.clone().respond(request));
                        let connection = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(server.limits.request)
                            .max_buf_size(HEADERS)
                            .keep_alive(false)
                            .serve_connection(TokioIo::new(stream), service);
                        // Whether a client goes early or comes too late is its own affair.
                        let _ = timeout(server.limits.connection, connection).await;
                        drop(place);
                    });
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Infallible> {
        let known = ["/", "/metrics"].contains(&request.uri().path());
        let response = match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => self.metrics(request.headers()).await,
            (&Method::GET | &Method::HEAD, "/") => whole(StatusCode::OK, HTML, PAGE),
            _ if known => {
                let text = "only GET and HEAD are answered here\n";
                let mut response = whole(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text);
                let methods = HeaderValue::from_static("GET, HEAD");
                response.headers_mut().insert(ALLOW, methods);
                response
            }
            _ => whole(
                StatusCode::NOT_FOUND,
                PLAIN,
                "there is no such page: what was counted is at /metrics\n",
            ),
        };
        Ok(response)
    }

    async fn metrics(self: Arc<Self>, headers: &HeaderMap) -> Response<Answer> {
        let Ok(Ok(turn)) = timeout(self.limits.turn, self.scrapes.clone().acquire_owned()).await
        else {
            let text = format!(
                "{} others are being sent metrics: try again\n",
                self.limits.scrapes
            );
            let mut response = whole(StatusCode::SERVICE_UNAVAILABLE, PLAIN, text);
            let seconds = HeaderValue::from_static("5");
            response.headers_mut().insert(RETRY_AFTER, seconds);
            return response;
        };
        let form = form(headers);
        let server = self.clone();
        let read = tokio::task::spawn_blocking(move || server.exporter.read()).await;
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                let text = format!("cannot read the volumes: {error}\n");
                return whole(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, text);
            }
        };
        self.tell(&reading.problems);
        let volumes = reading.volumes;
        let (sender, pieces) = mpsc::channel(PIECE.1);
        tokio::task::spawn_blocking(move || self.send(volumes, form, sender, turn));
        let mut response = Response::new(Either::Right(Pieces(pieces)));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static(form.content_type());
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        response
    }

    /// Sends it piece by piece, as fast as the client reads.
    fn send(
        &self,
        volumes: Volumes,
        form: Form,
        sender: mpsc::Sender<io::Result<Bytes>>,
        _turn: OwnedSemaphorePermit,
    ) {
        let mut out = io::BufWriter::with_capacity(PIECE.0, Sending(sender.clone()));
        let written = self.exporter.write(volumes, form, &mut out);
        if let Err(error) = written.and_then(|()| out.flush()) {
            // The client must not take this for the end.
            let _ = sender.blocking_send(Err(error));
        }
    }

    /// Writes problems that are new to the log.
    fn tell(&self, problems: &[Error]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for news in told.news(problems) {
            // A log that cannot be written is no reason to end.
            let _ = writeln!(anstream::stderr(), "dmpstat: {news}");
        }
    }
}

type Answer = Either<Full<Bytes>, Pieces>;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

fn whole(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// What is sent as it comes.
struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The other end of it.
struct Sending(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(bytes));
        match self.0.blocking_send(piece) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form that a client likes best. Who does not say reads the old one.
fn form(headers: &HeaderMap) -> Form {
    let accepted = headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let (mut open, mut classic) = (0.0_f64, 0.0_f64);
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut words = range.split(';').map(str::trim);
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1.0_f64, "1.0.0");
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = value.trim().parse().unwrap_or(0.0),
                "version" => version = value.trim().trim_matches('"'),
                _ => {}
            }
        }
        match kind.as_str() {
            "application/openmetrics-text" if version == "1.0.0" => open = quality.max(open),
            "text/plain" | "text/*" | "*/*" => classic = quality.max(classic),
            _ => {}
        }
    }
    if open > 0.0 && open >= classic {
        Form::OpenMetrics
    } else {
        Form::Classic
    }
}
