// SPDX-License-Identifier: GPL-2.0

//! QEMU's monitor (QMP, docs/interop/qmp-spec.rst): JSON, a line each way.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::limit::Limit;

/// Time between two queries of QEMU's progress.
const POLL: Duration = Duration::from_millis(10);
/// Bytes a second: more than QEMU can write. QEMU's own default is for a network.
const BANDWIDTH: u64 = 1 << 40;

/// The host's end of the monitor.
#[derive(Debug)]
pub(crate) struct Monitor(BufReader<UnixStream>);

impl Monitor {
    /// Makes the host's end, and the end for QEMU to inherit.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (near, far) = UnixStream::pair()?;
        Ok((Self(BufReader::new(near)), far.into()))
    }

    /// Makes QEMU write the machine's state to this file. The machine pauses during the write, and
    /// then continues.
    pub(crate) fn save(&mut self, file: &Path, limit: Limit) -> io::Result<()> {
        let file = file.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        self.execute("qmp_capabilities", json!({}), limit)?;
        let parameters = json!({ "max-bandwidth": BANDWIDTH });
        self.execute("migrate-set-parameters", parameters, limit)?;
        self.execute("migrate", json!({ "uri": format!("file:{file}") }), limit)?;
        loop {
            let state = self.execute("query-migrate", json!({}), limit)?;
            match state["status"].as_str() {
                Some("completed") => break,
                Some("failed" | "cancelled") => return Err(io::Error::other(state.to_string())),
                _ => thread::sleep(POLL),
            }
        }
        self.execute("cont", json!({}), limit).map(|_| ())
    }

    fn execute(&mut self, command: &str, arguments: Value, limit: Limit) -> io::Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.0
            .get_ref()
            .write_all(format!("{request}\n").as_bytes())?;
        loop {
            // A timeout of zero is refused.
            let left = limit.left().max(Duration::from_millis(1));
            self.0.get_ref().set_read_timeout(Some(left))?;
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // QEMU's greeting and its events are neither errors nor answers.
            let mut said: Value = serde_json::from_str(&line)?;
            if said.get("error").is_some() {
                return Err(io::Error::other(line));
            }
            if let Some(answer) = said.get_mut("return") {
                return Ok(answer.take());
            }
        }
    }
}
