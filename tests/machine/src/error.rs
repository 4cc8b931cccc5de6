// SPDX-License-Identifier: GPL-2.0

use std::io;
use std::time::Duration;

use crate::console::Tail;

/// A failure of a machine. If there was a guest, the message ends with the last of its console.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable that says where the machine's parts are is missing.
    #[error("{name} is not set: it must name {what}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// The part that it must name.
        what: &'static str,
    },
    /// Something the host's system refused.
    #[error("cannot {what}: {source}")]
    Host {
        /// The action that failed, to be read after "cannot".
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// QEMU ended with a failure of its own.
    #[error("QEMU failed ({status})\n{message}{console}")]
    Qemu {
        /// QEMU's exit status.
        status: String,
        /// QEMU's own output.
        message: String,
        /// The guest's last words, if there was one.
        console: Tail,
    },
    /// The guest's kernel panicked.
    #[error("the guest panicked\n{console}")]
    Panic {
        /// The guest's last words.
        console: Tail,
    },
    /// The guest powered off while something was still expected of it.
    #[error("the guest went down before {what}\n{console}")]
    WentDown {
        /// The event that was expected.
        what: String,
        /// The guest's last words.
        console: Tail,
    },
    /// A wait reached its limit.
    #[error("{} s were not enough for {what}{}\n{console}", limit.as_secs_f32(),
        if *silent { ", and its kernel does not answer any more" } else { "" })]
    Timeout {
        /// The event that was waited for.
        what: String,
        /// The length of the wait.
        limit: Duration,
        /// True if the guest's kernel gave no answer when it was asked for its state.
        silent: bool,
        /// The guest's last words, with its state.
        console: Tail,
    },
    /// The reader of the command's output has closed it, or it cannot be written.
    #[error("cannot write the command's output: {0}")]
    Output(io::Error),
    /// The guest's kernel complained.
    #[error("the guest's kernel complained:\n{}\n{console}", complaints.join("\n"))]
    Complaints {
        /// The lines of the complaints.
        complaints: Vec<String>,
        /// The end of the guest's log.
        console: Tail,
    },
}

/// Adds the action to an error of the host's system.
pub(crate) trait Doing<T> {
    /// Makes the error; `what` is read after "cannot".
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
