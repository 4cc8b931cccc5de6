// SPDX-License-Identifier: GPL-2.0

//! `dmpstat export --listen` in a process of its own, and its answers to requests.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::Root;

/// The longest wait. A loaded machine may pause a process for half a minute; a longer wait means a hang.
const LONG: Duration = Duration::from_secs(600);

/// An exporter in a process of its own, and its devices.
pub struct Server {
    pub root: Root,
    child: Child,
    log: BufReader<ChildStderr>,
    pub port: u16,
}

/// Kills the exporter: the reader of this test's output waits for all processes that have it open.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn new(root: Root, arguments: &[&str]) -> Self {
        Self::of(root, command(arguments))
    }

    pub fn of(root: Root, command: Command) -> Self {
        let mut server = Self::silent(root, command);
        server.listens();
        server
    }

    /// Reads the next line, in which the server reports its port.
    pub fn listens(&mut self) {
        let line = self.line();
        let address = line
            .strip_prefix("dmpstat: listening on http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/metrics\n"));
        self.port = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    }

    /// Starts a server, and does not read its log yet.
    pub fn silent(root: Root, mut command: Command) -> Self {
        let mut child = command
            .env("DMPSTAT_ROOT", root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self {
            root,
            child,
            log,
            port: 0,
        }
    }

    /// Reads the next line of the log.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.port)
    }

    pub fn answer(&self, request: &str) -> Answer {
        answer(self.port, request)
    }

    /// Reads a file of the server's process in /proc.
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// Returns the number after a word in /proc/PID/status.
    pub fn status(&self, word: &str) -> u64 {
        let status = self.file("status");
        let line = status.lines().find(|line| line.starts_with(word)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub fn files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        files.count()
    }

    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits until the server exits. Returns the exit status, and the log without the line about listening.
    pub fn wait_for_exit(mut self) -> (ExitStatus, String) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < LONG, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (status, log)
    }

    pub fn end(self) {
        self.terminate();
        let (status, log) = self.wait_for_exit();
        assert_eq!((status.code(), log.as_str()), (Some(0), ""));
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
    command.args(["export", "--listen", "0"]).args(arguments);
    command
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), LONG).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

/// An answer of a server.
pub struct Answer<B = String> {
    pub head: String,
    pub body: B,
}

impl<B> Answer<B> {
    pub fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .find(|header| header.0 == name)
            .map(|header| header.1)
    }
}

pub fn answer(port: u16, request: &str) -> Answer {
    let Answer { head, body } = bytes(port, request);
    Answer {
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

/// Sends a request and returns the answer, with a body of any bytes.
pub fn bytes(port: u16, request: &str) -> Answer<Vec<u8>> {
    let mut stream = connect(port);
    stream.write_all(request.as_bytes()).unwrap();
    rest(&mut stream)
}

/// Reads the answer up to the end of the connection.
pub fn rest(stream: &mut TcpStream) -> Answer<Vec<u8>> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let end = text.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
    let body = text.split_off(end + 4);
    text.truncate(end);
    Answer {
        head: String::from_utf8(text).unwrap(),
        body,
    }
}

/// Requests use HTTP/1.0, so that the body of an answer is not chunked.
pub const METRICS: &str = "GET /metrics HTTP/1.0\r\n\r\n";
pub const OPEN: &str = "GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text\r\n\r\n";
pub const GZIP: &str = "GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
