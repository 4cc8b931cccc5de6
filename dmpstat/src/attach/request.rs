// SPDX-License-Identifier: GPL-2.0

//! Requests to attach volumes.

use std::ffi::OsString;

use crate::attach::line::Options;

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
