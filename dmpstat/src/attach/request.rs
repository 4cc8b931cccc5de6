// SPDX-License-Identifier: GPL-2.0

//! Requests to attach or detach volumes.

use std::ffi::OsString;

/// A request to attach volumes. `queue`, `queued` and `all` exclude each other and `volumes`.
#[derive(Debug, Default)]
pub struct Request {
    /// The volumes, as they were written.
    pub volumes: Vec<OsString>,
    /// The options of the volumes' dmp lines.
    pub options: Options,
    /// The volumes are to be listed in attach.conf.
    pub keep: bool,
    /// The tables are to be printed, and nothing is to be changed.
    pub dry_run: bool,
    /// All volumes that attach.conf lists are to be attached, with the options that it gives them.
    pub all: bool,
    /// This device, dm-N, is to be put into the queue, if attach.conf lists it.
    pub queue: Option<String>,
    /// The volumes in the queue are to be attached.
    pub queued: bool,
}

/// The options of dmp lines that a user can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Measure latencies.
    pub latency: bool,
    /// Have flushes go past the counters.
    pub flush_bypass: bool,
    /// The target's name in `dmsetup table`.
    pub shown: Shown,
}

/// The target's name in `dmsetup table`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Linear for LVM's volumes, because LVM compares the name with that in its own table; dmp for all
    /// others.
    #[default]
    Auto,
    /// Always dmp.
    Dmp,
    /// Always linear.
    Linear,
}

/// A change of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Counting begins, with these options.
    Attach(Options),
    /// Counting ends.
    Detach,
}

impl Change {
    /// Returns the word for a volume that got the change.
    pub fn done(self) -> &'static str {
        match self {
            Self::Attach(_) => "attached",
            Self::Detach => "detached",
        }
    }
}
