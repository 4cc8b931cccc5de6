// SPDX-License-Identifier: GPL-2.0

//! `dmpstat export --listen`, with well-behaved clients and others.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dmpstat::cli;
use dmpstat::cli::invocation::Command::Export;
use dmpstat::commands::export::address;
use dmpstat::commands::export::exporter::Exporter;
use dmpstat::commands::export::server::{self, Limits};
use dmpstat::commands::problems::Told;
use flate2::read::GzDecoder;
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::io::Errno;

use crate::common::{BUILD_INFO, Root, SNAPSHOT, named};
use crate::server::{GZIP, METRICS, OPEN, Server, answer, bytes, command, connect, rest};

fn thousand() -> Root {
    let root = Root::new();
    for number in 0..1000 {
        let device = format!("dm-{number}");
        let snapshot = named(SNAPSHOT, &device, &device);
        root.write(&device, snapshot);
    }
    root
}

#[test]
fn the_accept_header_selects_the_format() {
    let server = Server::new(Root::with_device(), &[]);
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let classic = "text/plain; version=0.0.4; charset=utf-8";
    let cases = [
        ("", classic),
        // The headers of Prometheus 2.53 and 3.5.
        (
            "Accept: application/openmetrics-text;version=1.0.0;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n",
            open,
        ),
        (
            "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
             escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n",
            open,
        ),
        (
            "accept: APPLICATION/openmetrics-text ; Version = \"1.0.0\"\r\n",
            open,
        ),
        (
            "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n",
            open,
        ),
        ("Accept: */*\r\n", classic),
        ("Accept: */*, application/openmetrics-text\r\n", open),
        ("Accept: application/json\r\n", classic),
        (
            "Accept: text/plain, application/openmetrics-text;q=0.5\r\n",
            classic,
        ),
        ("Accept: application/openmetrics-text;q=0\r\n", classic),
        (
            "Accept: application/openmetrics-text;version=0.0.1\r\n",
            classic,
        ),
        ("Accept: ,;=;,\r\n", classic),
    ];
    for (accept, expected) in cases {
        let answer = server.answer(&format!("GET /metrics HTTP/1.0\r\n{accept}\r\n"));
        assert_eq!(answer.status(), "200");
        assert_eq!(answer.header("content-type"), Some(expected), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(answer.body.ends_with("# EOF\n"), expected == open);
    }
    server.end();
}

#[test]
fn each_scrape_has_new_counts_and_the_same_created_times() {
    let server = Server::new(
        Root::with_device(),
        &["--full", "--created", "--operations", "read", "vg/data"],
    );
    let line = |begin: &str| {
        let body = server.answer(OPEN).body;
        let mut lines = body.lines().map(str::to_owned);
        lines.find(|line| line.starts_with(begin)).unwrap()
    };
    let created = line("dmp_requests_created");
    assert!(line("dmp_requests_total").ends_with(" 500"));
    server
        .root
        .write("dm-3", SNAPSHOT.replace("requests 500", "requests 501"));
    assert!(line("dmp_requests_total").ends_with(" 501"));
    assert_eq!(line("dmp_requests_created"), created);
    // In the snapshot, counting began 5 s after the boot.
    let (_, created) = created.rsplit_once(' ').unwrap();
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let boot = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))
        .unwrap();
    let (created, boot): (f64, f64) = (created.parse().unwrap(), boot.parse().unwrap());
    assert!((created - boot - 5.0).abs() < 2.0, "{created} {boot}");
    server.end();
}

#[test]
fn other_pages_and_methods_get_an_error_in_words() {
    let server = Server::new(Root::with_device(), &[]);
    let page = server.answer("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(page.status(), "200");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("<a href=\"metrics\">"), "{}", page.body);
    let missing = server.answer("GET /metric HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(
        (missing.status(), missing.body.as_str()),
        ("404", "no such page; the metrics are at /metrics\n")
    );
    let healthy = server.answer("GET /-/healthy HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(
        (healthy.status(), healthy.body.as_str()),
        ("200", "dmp exporter is healthy\n")
    );
    for page in ["/", "/metrics", "/-/healthy"] {
        let post = server.answer(&format!(
            "POST {page} HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx"
        ));
        assert_eq!(
            (post.status(), post.header("allow")),
            ("405", Some("GET, HEAD"))
        );
        let get = server.answer(&format!("GET {page} HTTP/1.1\r\nHost: here\r\n\r\n"));
        let head = server.answer(&format!("HEAD {page} HTTP/1.1\r\nHost: here\r\n\r\n"));
        assert_eq!((head.status(), head.body.as_str()), ("200", ""));
        for header in ["content-type", "vary"] {
            assert_eq!(head.header(header), get.header(header), "{page} {header}");
        }
        // The length varies, because the seconds have more or fewer digits.
        let length = get.header("content-length").unwrap();
        assert_eq!(length, get.body.len().to_string(), "{page}");
        assert!(head.header("content-length").is_some(), "{page}");
    }
    assert_eq!(
        server.answer("GET /metrics?x=1 HTTP/1.0\r\n\r\n").status(),
        "200"
    );
    assert_eq!(server.answer("hello\r\n\r\n").status(), "400");
    server.end();
}

/// Returns the first word of each series.
fn series(page: &str) -> Vec<&str> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect()
}

/// Returns the lines about the exporter itself, without the duration of the reading.
fn of_exporter(page: &str) -> Vec<&str> {
    let lines = page
        .lines()
        .filter(|line| line.starts_with("dmp_exporter_"));
    lines.filter(|line| !line.contains("_seconds ")).collect()
}

#[test]
fn a_module_reload_is_reported_once_and_scrapes_continue() {
    let mut server = Server::silent(Root::without_module(), command(&[]));
    let message = "the dmp module is not loaded: run \"modprobe dmp\"\n";
    assert_eq!(server.line(), format!("dmpstat: {message}"));
    server.listens();
    let without = [
        "dmp_exporter_module_loaded 0",
        "dmp_exporter_read_errors 0",
        BUILD_INFO.trim_end(),
    ];
    for _ in 0..3 {
        let answer = server.answer(METRICS);
        assert_eq!(answer.status(), "200");
        assert_eq!(of_exporter(&answer.body), without);
        let is_own =
            |name: &&str| name.starts_with("process_") || name.starts_with("dmp_exporter_");
        assert!(series(&answer.body).iter().all(is_own), "{}", answer.body);
    }
    let head = server.answer("HEAD /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(head.status(), "200");
    for _ in 0..2 {
        server.root.write("dm-3", SNAPSHOT);
        let answer = server.answer(METRICS);
        assert_eq!(of_exporter(&answer.body)[0], "dmp_exporter_module_loaded 1");
        assert!(
            answer
                .body
                .contains("\ndmp_request_errors_total{name=\"vg-data\"")
        );
        fs::remove_dir_all(server.root.stat()).unwrap();
        let answer = server.answer(METRICS);
        assert_eq!(
            (answer.status(), of_exporter(&answer.body)),
            ("200", without.into())
        );
    }
    server.terminate();
    let (status, log) = server.wait_for_exit();
    assert!(status.success());
    assert_eq!(log, format!("dmpstat: {message}").repeat(2));
}

#[test]
fn an_unreadable_volume_is_reported_once_and_all_others_are_served() {
    let server = Server::new(Root::with_device(), &[]);
    server.root.write("dm-4", "no snapshot");
    for _ in 0..3 {
        let answer = server.answer(METRICS);
        assert_eq!(answer.status(), "200");
        assert!(
            answer
                .body
                .contains("\ndmp_request_errors_total{name=\"vg-data\"")
        );
        assert_eq!(of_exporter(&answer.body)[1], "dmp_exporter_read_errors 1");
    }
    let path = server.root.stat().join("dm-4/snapshot");
    server.root.remove("dm-4");
    let answer = server.answer(METRICS);
    assert_eq!(of_exporter(&answer.body)[1], "dmp_exporter_read_errors 0");
    server.terminate();
    let (_, log) = server.wait_for_exit();
    let message = "the first line is not \"dmp 1\"";
    assert_eq!(
        log,
        format!("dmpstat: cannot parse {}: {message}\n", path.display())
    );
}

/// The list of volumes exists, but is unreadable.
#[test]
fn an_unreadable_list_of_volumes_is_reported_once_and_counted_as_an_error() {
    let server = Server::new(Root::with_device(), &[]);
    let stat = server.root.stat();
    fs::remove_dir_all(&stat).unwrap();
    fs::write(&stat, "").unwrap();
    for _ in 0..2 {
        let answer = server.answer(METRICS);
        assert_eq!(answer.status(), "200");
        assert_eq!(
            of_exporter(&answer.body)[..2],
            ["dmp_exporter_module_loaded 1", "dmp_exporter_read_errors 1"]
        );
    }
    server.terminate();
    let (_, log) = server.wait_for_exit();
    let path = stat.display();
    assert_eq!(
        log,
        format!("dmpstat: cannot read {path}: Not a directory (os error 20)\n")
    );
}

#[test]
fn the_exporter_has_the_standard_process_metrics() {
    let server = Server::new(Root::new(), &[]);
    let page = server.answer(OPEN).body;
    let value = |name: &str| -> f64 {
        let lines = page.lines().filter_map(|line| line.strip_prefix(name));
        let values: Vec<&str> = lines.filter_map(|line| line.strip_prefix(' ')).collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0].parse().unwrap()
    };
    let (stat, limits) = (server.file("stat"), server.file("limits"));
    let stat: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let number = |at: usize| -> f64 { stat[at - 3].parse().unwrap() };
    let ticks = procfs::ticks_per_second() as f64;
    assert!(
        (0.0..=(number(14) + number(15)) / ticks).contains(&value("process_cpu_seconds_total"))
    );
    let since_boot = |clock| {
        let time = rustix::time::clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let boot =
        since_boot(rustix::time::ClockId::Realtime) - since_boot(rustix::time::ClockId::Boottime);
    let start = boot + number(22) / ticks;
    assert!((value("process_start_time_seconds") - start).abs() < 1.0);
    let resident = value("process_resident_memory_bytes");
    let virtual_memory = value("process_virtual_memory_bytes");
    assert!(resident > 1e6 && resident <= server.status("VmHWM:") as f64 * 1024.0);
    assert!(
        virtual_memory > resident && virtual_memory <= server.status("VmPeak:") as f64 * 1024.0
    );
    let most = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let most: f64 = most
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(value("process_max_fds"), most);
    assert!((4.0..100.0).contains(&value("process_open_fds")));
    server.end();
}

#[test]
fn gzip_sends_the_same_text_in_a_tenth_of_the_bytes() {
    let root = Root::new();
    for number in 0..100 {
        let device = format!("dm-{number}");
        root.write(&device, named(SNAPSHOT, &device, &device));
    }
    let server = Server::new(root, &[]);
    let get = |encoding: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: here\r\n{encoding}\r\n");
        bytes(server.port, &request)
    };
    let volumes = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("name=\"dm-"));
        lines.map(str::to_owned).collect()
    };
    let plain = get("");
    assert_eq!(plain.header("content-encoding"), None);
    let text = String::from_utf8(plain.body).unwrap();
    assert_eq!(volumes(&text).len(), 100 * (2 * 36 + 2));
    for (encoding, is_gzip) in [
        // The header of Prometheus.
        ("Accept-Encoding: gzip\r\n", true),
        ("accept-encoding: deflate, GZIP ;q=0.5\r\n", true),
        ("Accept-Encoding: *\r\n", true),
        ("Accept-Encoding: identity, gzip\r\n", true),
        ("Accept-Encoding: identity, gzip;q=0.9\r\n", false),
        ("Accept-Encoding: gzip;q=0, *\r\n", false),
        ("Accept-Encoding: deflate, br\r\n", false),
        ("Accept-Encoding:\r\n", false),
    ] {
        let answer = get(encoding);
        assert_eq!(answer.status(), "200");
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(length, answer.body.len());
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        let expected = is_gzip.then_some("gzip");
        assert_eq!(answer.header("content-encoding"), expected, "{encoding}");
        let mut unpacked = String::new();
        match is_gzip {
            true => {
                assert!(answer.body.len() * 10 < text.len(), "{length}");
                let mut gzip = GzDecoder::new(answer.body.as_slice());
                gzip.read_to_string(&mut unpacked).unwrap();
            }
            false => unpacked = String::from_utf8(answer.body).unwrap(),
        }
        assert_eq!(volumes(&unpacked), volumes(&text), "{encoding}");
        assert!(unpacked.ends_with(BUILD_INFO));
    }
    server.end();
}

#[test]
fn scrapes_are_complete_while_devices_come_and_go() {
    let server = Server::new(Root::with_device(), &[]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for number in 10..20 {
                    let device = format!("dm-{number}");
                    server
                        .root
                        .write(&device, named(SNAPSHOT, &device, &device));
                }
                for number in 10..20 {
                    server.root.remove(&format!("dm-{number}"));
                }
            }
        });
        // Panics are caught, so that the other thread exits as well.
        let scrape = || {
            let answer = server.answer(OPEN);
            let whole = answer.status() == "200" && answer.body.ends_with("# EOF\n");
            let all = answer.body.contains("dmp_volume_info{device=\"dm-3\"");
            assert!(whole && all, "{}\n{}", answer.head, answer.body);
        };
        let scraped = catch_unwind(AssertUnwindSafe(|| (0..200).for_each(|_| scrape())));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = scraped {
            resume_unwind(panic);
        }
    });
    server.end();
}

/// Makes a client that begins to read metrics, and then stops.
fn slow(port: u16) -> TcpStream {
    let mut stream = connect(port);
    stream.write_all(METRICS.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    stream
}

/// Returns whether the server has closed the connection. Does not wait.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 1]);
    stream.set_nonblocking(false).unwrap();
    match read {
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Ok(0) => true,
        read => panic!("{read:?}"),
    }
}

#[test]
fn slow_readers_delay_no_scrape_and_take_little_memory() {
    let server = Server::new(thousand(), &[]);
    // First, one scrape.
    assert_eq!(server.answer(OPEN).status(), "200");
    // Pages of the program's file are memory that the kernel can drop. They count as RssShmem if the file is in
    // a tmpfs.
    let most = || server.status("VmHWM:") - server.status("RssFile:") - server.status("RssShmem:");
    assert!(most() < 11 << 10, "{} KiB", most());
    let mut readers: Vec<TcpStream> = (0..5).map(|_| slow(server.port)).collect();
    let series = |body: &str| {
        body.lines()
            .filter(|line| line.contains("name=\"dm-"))
            .count()
    };
    // Eight scrapes at once are all answered.
    thread::scope(|scope| {
        let eight = [0; 8].map(|_| scope.spawn(|| server.answer(OPEN)));
        for answer in eight {
            let answer = answer.join().unwrap();
            assert_eq!(answer.status(), "200");
            // There are 36 series each of reads and of writes, and two of the device.
            assert_eq!(series(&answer.body), 1000 * (2 * 36 + 2));
            assert!(answer.body.ends_with("# EOF\n"));
        }
    });
    // A slow reader that continues gets the whole text.
    let mut text = String::new();
    readers.pop().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.ends_with(BUILD_INFO));
    assert!(most() < 28 << 10, "{} KiB", most());
    // The server exits in spite of slow readers.
    server.end();
}

/// Starts a server in this process, which serves until the process exits. Returns its port.
fn serve(root: &Root, limits: Limits) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let arguments = cli::parse(["dmpstat", "export", "--listen", "0"]).unwrap();
    let Some(Export(options)) = arguments.command else {
        unreachable!()
    };
    let exporter = Exporter::new(&options, &root.machine());
    thread::spawn(move || server::run(vec![listener], exporter, Told::default(), limits, || false));
    port
}

#[test]
fn one_of_too_many_slow_readers_is_cut_off_before_the_end() {
    let limits = Limits {
        readers: 2,
        connection: Duration::from_secs(3600),
        ..Limits::default()
    };
    let root = thousand();
    let port = serve(&root, limits);
    let readers = [slow(port), slow(port), slow(port)];
    let mut cut_off = 0;
    for mut reader in readers {
        let mut text = Vec::new();
        // The read may fail, which can lose the text before.
        let whole = reader.read_to_end(&mut text).is_ok() && text.ends_with(BUILD_INFO.as_bytes());
        cut_off += i32::from(!whole);
    }
    assert_eq!(cut_off, 1);
    let answer = answer(port, METRICS);
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, answer.body.len());
}

#[test]
fn a_scrape_closes_the_oldest_of_too_many_silent_connections() {
    let limits = Limits {
        request: Duration::from_secs(3600),
        connection: Duration::from_secs(3600),
        ..Limits::default()
    };
    let root = Root::with_device();
    let port = serve(&root, limits);
    let mut silent: Vec<TcpStream> = (0..64).map(|_| connect(port)).collect();
    let mut scrape = |closed: usize| {
        // The kernel passes connections to the server in their order, so the server has accepted all silent
        // ones when it answers this one.
        assert_eq!(answer(port, METRICS).status(), "200");
        let are_closed: Vec<bool> = silent.iter_mut().map(is_closed).collect();
        let expected: Vec<bool> = (0..64).map(|at| at < closed).collect();
        assert_eq!(are_closed, expected);
    };
    scrape(1);
    // The place of the previous scrape is free, so no other connection is closed.
    scrape(1);
}

#[test]
fn a_silent_connection_is_closed_after_ten_seconds() {
    let server = Server::new(Root::with_device(), &[]);
    let begin = Instant::now();
    assert_eq!(server.connect().read(&mut [0; 1]).unwrap(), 0);
    let seconds = begin.elapsed().as_secs();
    // The upper bound is less than the limit of a minute for a connection.
    assert!((9..50).contains(&seconds), "{seconds}");
    server.end();
}

/// The first client waits for a device's snapshot while others come. All others get the next page.
#[test]
fn concurrent_scrapes_are_encoded_once() {
    let server = Server::new(Root::with_device(), &[]);
    let fifo = server.root.stat().join("dm-3/snapshot");
    fs::remove_file(&fifo).unwrap();
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    thread::scope(|scope| {
        let scrape = || assert_eq!(server.answer(METRICS).status(), "200");
        let first = scope.spawn(scrape);
        // The open waits for a reader.
        let open = || File::options().write(true).open(&fifo).unwrap();
        let mut snapshot = open();
        let mut others: Vec<TcpStream> = (0..15).map(|_| server.connect()).collect();
        for other in &mut others {
            other.write_all(GZIP.as_bytes()).unwrap();
        }
        // The server answers requests while it reads devices. Once this request is answered, it has read all
        // earlier requests.
        let healthy = server.answer("GET /-/healthy HTTP/1.0\r\n\r\n");
        assert_eq!(healthy.status(), "200");
        snapshot.write_all(SNAPSHOT.as_bytes()).unwrap();
        drop(snapshot);
        first.join().unwrap();
        open().write_all(SNAPSHOT.as_bytes()).unwrap();
        // Nothing writes the snapshot for a third page, which would wait for ever.
        for other in &mut others {
            assert_eq!(rest(other).status(), "200");
        }
    });
    server.end();
}

#[test]
fn ten_thousand_connections_leave_nothing_behind() {
    let server = Server::new(Root::with_device(), &[]);
    let one = |number: u32| {
        let request = match number % 4 {
            0 => METRICS,
            1 => "GET / HTTP/1.0\r\n\r\n",
            2 => "GET /x HTTP/1.0\r\n\r\n",
            // This client disconnects without sending anything.
            _ => return drop(server.connect()),
        };
        assert_eq!(
            server.answer(request).status(),
            ["200", "200", "404"][number as usize % 4]
        );
    };
    (0..1000).for_each(one);
    let state = || (server.files(), server.status("RssAnon:"));
    // The allocator keeps some memory of a busy time. What connections leave behind grows each time.
    let grows = |_| {
        let before = state();
        (0..10_000).for_each(one);
        let after = state();
        after.0 > before.0 + 1 || after.1 >= before.1 + 512
    };
    assert!(!(0..3).all(grows), "{:?}", state());
    server.end();
}

#[test]
fn headers_of_a_mebibyte_are_refused_unread() {
    let server = Server::new(Root::with_device(), &[]);
    assert_eq!(server.answer(METRICS).status(), "200");
    let before = server.status("VmHWM:");
    let one = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat((1 << 20) / 6));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    for request in [one, many, path] {
        let mut stream = server.connect();
        // The server closes the connection while more data is to come. The client may see that as an error at
        // once, and may lose the server's answer.
        let written = stream.write_all(request.as_bytes());
        let mut text = Vec::new();
        let read = stream.read_to_end(&mut text);
        let text = String::from_utf8(text).unwrap();
        let said = ["HTTP/1.1 431", "HTTP/1.1 414"]
            .iter()
            .any(|status| text.starts_with(status));
        assert!(said || text.is_empty(), "{text}");
        assert!(said || written.is_err() || read.is_err());
    }
    let after = server.status("VmHWM:");
    assert!(after < before + 512, "{before} {after}");
    assert_eq!(server.answer(METRICS).status(), "200");
    server.end();
}

#[test]
fn a_client_without_a_whole_request_is_closed_after_the_time_limit() {
    let limits = Limits {
        request: Duration::from_millis(300),
        connection: Duration::from_secs(3600),
        ..Limits::default()
    };
    let root = Root::with_device();
    let port = serve(&root, limits);
    let begin = Instant::now();
    // One client sends nothing, and another half a request.
    let mut silent = connect(port);
    let mut half = connect(port);
    half.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    for stream in [&mut silent, &mut half] {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
    }
    assert!(begin.elapsed() >= Duration::from_millis(290));
}

#[test]
fn a_client_that_does_not_read_is_cut_off_after_the_time_limit() {
    let limits = Limits {
        connection: Duration::from_secs(3),
        ..Limits::default()
    };
    let root = thousand();
    let port = serve(&root, limits);
    // The client's time limit covers the whole connection, including the encoding of the answer.
    let mut reader = connect(port);
    reader.write_all(METRICS.as_bytes()).unwrap();
    thread::sleep(Duration::from_secs(12));
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text);
    assert!(!text.ends_with(BUILD_INFO.as_bytes()));
}

#[test]
fn an_address_in_use_is_named() {
    let root = Root::with_device();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(
        root.run(&["export", "--listen", &address]).message(),
        format!("cannot listen on {address}: Address already in use (os error 98)")
    );
}

#[test]
fn an_unknown_name_is_an_error_at_the_start_but_a_pattern_waits() {
    let server = Server::silent(Root::with_device(), command(&["vg-dats"]));
    let (status, log) = server.wait_for_exit();
    assert_eq!(status.code(), Some(1));
    assert_eq!(
        log,
        "dmpstat: there is no dmp device \"vg-dats\"; similar names: vg-data\n"
    );
    // This is also true without another device.
    let (status, _) = Server::silent(Root::new(), command(&["vg-data"])).wait_for_exit();
    assert_eq!(status.code(), Some(1));
    let server = Server::new(Root::new(), &["vg/d*"]);
    assert!(!server.answer(METRICS).body.contains("vg-data"));
    server.root.write("dm-3", SNAPSHOT);
    assert!(server.answer(METRICS).body.contains("vg-data"));
    server.end();
}

#[test]
fn a_removed_named_volume_is_reported_once_and_served_after_its_return() {
    let server = Server::new(Root::with_device(), &["vg/data"]);
    server
        .root
        .write("dm-4", named(SNAPSHOT, "dm-4", "vg-home"));
    server.root.remove("dm-3");
    for _ in 0..3 {
        let answer = server.answer(METRICS);
        assert_eq!(answer.status(), "200");
        assert!(!answer.body.contains("name=\"vg-"));
    }
    server.root.write("dm-3", SNAPSHOT);
    assert!(server.answer(METRICS).body.contains("name=\"vg-data\""));
    server.terminate();
    let (_, log) = server.wait_for_exit();
    assert_eq!(
        log,
        "dmpstat: the dmp device \"vg/data\" is gone; dmpstat waits for its return\n"
    );
}

/// Returns the bound addresses, and the reasons for the missing ones.
fn bound(addresses: [&str; 2], failure: Errno) -> (Vec<String>, Vec<String>) {
    let addresses = addresses.map(|address| address.parse::<SocketAddr>().unwrap());
    let bind = |address: SocketAddr| match address.is_ipv6() {
        true => Err(failure.into()),
        false => Ok(address.to_string()),
    };
    let (bound, missing) = address::bind(addresses, bind).unwrap();
    let missing = missing.into_iter();
    let missing = missing.map(|(address, error)| format!("{address}: {error}"));
    (bound, missing.collect())
}

#[test]
fn addresses_that_the_machine_lacks_are_left_out() {
    // The first failure is that of IPv6 switched off for the loopback, the second that of a kernel without
    // IPv6.
    for failure in [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT] {
        let (bound, missing) = bound(["[::1]:9", "127.0.0.1:9"], failure);
        assert_eq!(bound, ["127.0.0.1:9"]);
        assert_eq!(
            missing,
            [format!("[::1]:9: {}", std::io::Error::from(failure))]
        );
    }
    // A hosts file may have a name twice.
    let (bound, _) = bound(["127.0.0.1:9", "127.0.0.1:9"], Errno::ADDRNOTAVAIL);
    assert_eq!(bound, ["127.0.0.1:9"]);
    let addresses = ["[::1]:9", "127.0.0.1:9"].map(|address| address.parse().unwrap());
    let fails = |addresses: &[SocketAddr], failure: Errno| {
        let bind = |address: SocketAddr| match address.is_ipv6() {
            true => Err(failure.into()),
            false => Ok(()),
        };
        let error = address::bind(addresses.iter().copied(), bind).unwrap_err();
        Errno::from_io_error(&error)
    };
    assert_eq!(fails(&addresses, Errno::ADDRINUSE), Some(Errno::ADDRINUSE));
    assert_eq!(
        fails(&addresses[..1], Errno::ADDRNOTAVAIL),
        Some(Errno::ADDRNOTAVAIL)
    );
}

/// The signal may come before the server has a handler.
#[test]
fn a_sigterm_right_after_the_start_ends_the_server() {
    for _ in 0..50 {
        Server::new(Root::with_device(), &[]).end();
    }
}

/// Starts a server that inherits this listener as if from systemd, and also gets an address.
fn activated(listener: TcpListener, address: &str) -> Server {
    // LISTEN_PID is the shell's process number, which exec keeps for the program.
    let mut command = Command::new("sh");
    let script =
        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" export --listen \"$1\"";
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_dmpstat"), address])
        .stdin(Stdio::from(OwnedFd::from(listener)));
    Server::silent(Root::with_device(), command)
}

#[test]
fn a_systemd_socket_replaces_another_listen_address_with_a_note() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = activated(listener.try_clone().unwrap(), "1.2.3.4:1");
    assert_eq!(
        server.line(),
        "dmpstat: --listen 1.2.3.4:1 has no effect, because systemd listens for this service: set \
         ListenStream= with \"systemctl edit dmp-exporter.socket\"\n"
    );
    server.listens();
    assert_eq!(server.port, port);
    assert_eq!(server.answer(METRICS).status(), "200");
    server.end();
    // There is no note if the address is that of the socket, as in the unit.
    let mut server = activated(listener, &port.to_string());
    server.listens();
    assert_eq!(server.port, port);
    server.end();
}

#[test]
fn a_socket_of_another_family_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    let server = activated(TcpListener::from(OwnedFd::from(listener)), "1");
    let (status, log) = server.wait_for_exit();
    assert_eq!(status.code(), Some(1));
    assert!(
        log.starts_with("dmpstat: cannot listen on 127.0.0.1:1: "),
        "{log}"
    );
}
