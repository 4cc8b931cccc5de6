// SPDX-License-Identifier: GPL-2.0

use std::io;
use std::time::Duration;

use crate::console::Tail;

/// What can go wrong with a machine. Where there was a guest, the message ends with the last of
/// its console.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable that says where the machine's parts are is missing.
    #[error("{name} is not set: it must name {what}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What it must name.
        what: &'static str,
    },
    /// Something the host's system refused.
    #[error("cannot {what}: {source}")]
    Host {
        /// What was tried, to be read after "cannot".
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// QEMU ended with a failure of its own.
    #[error("QEMU failed ({status})\n{message}{console}")]
    Qemu {
        /// How it ended.
        status: String,
        /// What it printed.
        message: String,
        /// The guest's last words, if there was one.
        console: Tail,
    },
    /// The guest's kernel panicked.
    #[error("the guest panicked\n{console}")]
    Panic {
        /// Its last words.
        console: Tail,
    },
    /// The guest powered off while something was still expected of it.
    #[error("the guest went down before {what}\n{console}")]
    WentDown {
        /// What was expected.
        what: String,
        /// Its last words.
        console: Tail,
    },
    /// A wait reached its limit.
    #[error("{} s were not enough for {what}{}\n{console}", limit.as_secs_f32(),
        if *silent { ", and its kernel does not answer any more" } else { "" })]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// Whether its kernel gave no answer when it was asked what it does.
        silent: bool,
        /// The guest's last words, with what it does.
        console: Tail,
    },
    /// Whoever reads the command's output has closed it, or it cannot be written.
    #[error("cannot write the command's output: {0}")]
    Output(io::Error),
    /// The guest's kernel complained.
    #[error("the guest's kernel complained:\n{}\n{console}", complaints.join("\n"))]
    Complaints {
        /// The lines it did so in.
        complaints: Vec<String>,
        /// The end of its log.
        console: Tail,
    },
}

/// Says what was being done when the host's system refused.
pub(crate) trait Doing<T> {
    /// `what` is read after "cannot".
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
