// SPDX-License-Identifier: GPL-2.0

//! `dmpstat check`: the line and the exit status for monitors.

mod errors;
mod limits;
mod lines;
mod ranges;
mod states;

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::common::Root;

/// The counters of a volume.
#[derive(Clone, Copy)]
struct Counts {
    /// The time of the snapshot, in seconds since boot. Counting began at 5 s.
    taken: u64,
    /// Reads of 4 KiB that took 1 ms.
    fast: u64,
    /// Reads of 4 KiB that took 61 ms.
    slow: u64,
    /// Failed reads, of 4 KiB.
    errors: u64,
    /// Reads in flight, for 40 s each.
    inflight: u64,
}

/// The counters at the first call: each number differs from 0, so a check of them raises alarms.
const FIRST: Counts = Counts {
    taken: 10,
    fast: 1000,
    slow: 1000,
    errors: 3,
    inflight: 0,
};

impl Counts {
    /// Returns the counters some seconds later.
    fn after(self, seconds: u64) -> Self {
        Self {
            taken: self.taken + seconds,
            ..self
        }
    }

    fn with_slow(self, reads: u64) -> Self {
        Self {
            slow: self.slow + reads,
            ..self
        }
    }

    fn with_fast(self, reads: u64) -> Self {
        Self {
            fast: self.fast + reads,
            ..self
        }
    }

    fn with_errors(self, errors: u64) -> Self {
        Self {
            errors: self.errors + errors,
            ..self
        }
    }

    fn with_inflight(self, inflight: u64) -> Self {
        Self { inflight, ..self }
    }

    /// Returns the file `snapshot` of vg-data.
    fn text(self) -> String {
        let Self {
            taken,
            fast,
            slow,
            errors,
            inflight,
        } = self;
        let requests = fast + slow + errors + inflight;
        let (bytes, time) = (requests * 4096, fast * 1_000_000 + slow * 61_000_000);
        let age = inflight * 40_000_000_000;
        format!(
            "dmp 1\ndevice dm-3\nname vg-data\nuuid LVM-0123\ndiskseq 21\nsince 5000000000\n\
             taken {taken}000000000\nlatency on\nlatency_since 5000000000\n\
             read requests {requests} bytes {bytes} errors {errors} again 0 inflight {inflight} \
             latency_ns {time} latency_max_ns 61000000 age_ns {age} rest_ns 0 rest {errors}\n\
             read sizes 4096:{requests}\n\
             read latencies 1048576:{fast} 67108864:{slow}\n\
             write requests 0 bytes 0 errors 0 again 0 inflight 0 latency_ns 0 latency_max_ns 0 \
             age_ns 0 rest_ns 0 rest 0\nwrite sizes\nwrite latencies\n"
        )
    }

    fn off(self) -> String {
        let text = self.text();
        let lines = text
            .lines()
            .filter(|line| !line.contains("latencies") && !line.starts_with("latency_since"));
        let lines = lines.map(|line| match line.find(" inflight") {
            Some(at) => &line[..at],
            None => line,
        });
        lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("latency on", "latency off")
            + "\n"
    }
}

/// A machine, and the state of a check.
struct Checked {
    root: Root,
    directory: TempDir,
}

impl Checked {
    fn new() -> Self {
        let root = Root::new();
        root.write("dm-3", FIRST.text());
        Self {
            root,
            directory: TempDir::new().unwrap(),
        }
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Runs the check, and returns the exit status and the line.
    fn call(&self, arguments: &[&str]) -> (u8, String) {
        let state = self.state();
        let named = ["--state", state.to_str().unwrap()];
        let ran = self.root.run(&[&["check"], arguments, &named].concat());
        assert_eq!(ran.notes, "");
        ran.result.unwrap();
        let line = ran.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{line}");
        (ran.status.unwrap(), line.to_owned())
    }

    /// Calls the check, changes the counters of vg-data, and calls the check again.
    fn second(&self, arguments: &[&str], counts: Counts) -> (u8, String) {
        self.call(arguments);
        self.root.write("dm-3", counts.text());
        self.call(arguments)
    }
}

/// Returns the result of a second call over 10 s with these counters.
fn second(arguments: &[&str], counts: Counts) -> (u8, String) {
    Checked::new().second(arguments, counts.after(10))
}

fn is(status: u8, line: &str) -> (u8, String) {
    (status, line.to_owned())
}

/// Returns a process of the program whose own states are below the root directory.
fn program(root: &Root, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
    command
        .args(arguments)
        .env("DMPSTAT_ROOT", root.path())
        // A user other than root has the states here, and root has them in /run of DMPSTAT_ROOT.
        .env("XDG_RUNTIME_DIR", root.path().join("run"));
    command
}

/// Returns the exit status, standard output and standard error.
fn output(mut command: Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}
