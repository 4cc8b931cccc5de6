// SPDX-License-Identifier: GPL-2.0

//! Requests to attach or detach volumes.

use std::ffi::OsString;

use crate::model::measurement::Measurements;

/// A request to attach volumes. `queue`, `queued` and `all` exclude each other and `volumes`.
#[derive(Debug, Default)]
pub struct Request {
    /// The volumes, as the user wrote them.
    pub volumes: Vec<OsString>,
    /// The options of the volumes' dmp lines.
    pub options: Options,
    /// The volumes are added to attach.conf.
    pub keep: bool,
    /// The tables are printed, and nothing is changed.
    pub dry_run: bool,
    /// All volumes in attach.conf are attached, with their options there.
    pub all: bool,
    /// This device, dm-N, is added to the queue, if attach.conf lists it.
    pub queue: Option<String>,
    /// The volumes in the queue are attached.
    pub queued: bool,
}

/// The options of dmp lines, as the user asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The measurements that are on.
    pub measurements: Measurements,
    /// Pass flushes on uncounted.
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
    /// Counting starts, with these options.
    Attach(Options),
    /// Counting ends.
    Detach,
}

impl Change {
    /// Returns the word for a volume after the change.
    pub fn done(self) -> &'static str {
        match self {
            Self::Attach(_) => "attached",
            Self::Detach => "detached",
        }
    }
}
