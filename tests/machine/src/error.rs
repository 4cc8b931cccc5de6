// SPDX-License-Identifier: GPL-2.0

use std::io;
use std::time::Duration;

use crate::console::Tail;

/// A failure of a machine. If there was a guest, the message ends with the end of its console.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable with the path of one of the machine's parts is missing.
    #[error("{name} is not set: it must name {what}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// The part that it must name.
        what: &'static str,
    },
    /// A system call of the host failed.
    #[error("cannot {what}: {source}")]
    Host {
        /// The failed action, after "cannot".
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// QEMU failed by itself.
    #[error("QEMU failed ({status})\n{message}{console}")]
    Qemu {
        /// QEMU's exit status.
        status: String,
        /// QEMU's own output.
        message: String,
        /// The end of the guest's console, if there was a guest.
        console: Tail,
    },
    /// The guest's kernel panicked.
    #[error("the guest panicked\n{console}")]
    Panic {
        /// The end of the guest's console.
        console: Tail,
    },
    /// The guest powered off before an expected event.
    #[error("the guest went down before {what}\n{console}")]
    WentDown {
        /// The expected event.
        what: String,
        /// The end of the guest's console.
        console: Tail,
    },
    /// A wait reached its limit.
    #[error("{} s were not enough for {what}{}\n{console}", limit.as_secs_f32(),
        if *silent { ", and its kernel does not answer any more" } else { "" })]
    Timeout {
        /// The awaited event.
        what: String,
        /// The length of the wait.
        limit: Duration,
        /// True if the guest's kernel did not answer the question for its state.
        silent: bool,
        /// The end of the guest's console, with its state.
        console: Tail,
    },
    /// The command's output has no reader, or cannot be written.
    #[error("cannot write the command's output: {0}")]
    Output(io::Error),
    /// The guest's kernel logged complaints.
    #[error("the guest's kernel complained:\n{}\n{console}", complaints.join("\n"))]
    Complaints {
        /// The lines of the complaints.
        complaints: Vec<String>,
        /// The end of the guest's log.
        console: Tail,
    },
}

/// Adds the action to a system call's error.
pub(crate) trait Doing<T> {
    /// Makes the error; `what` follows "cannot".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::Host {
            what: what(),
            source: error.into(),
        })
    }
}
