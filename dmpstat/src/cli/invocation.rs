// SPDX-License-Identifier: GPL-2.0

//! The command line as options, which the commands define.

use std::ffi::OsString;

use crate::attach::request::Request as Attach;
use crate::commands::check::{self, Status};
use crate::commands::export::exporter;
use crate::commands::top::app as top;
use crate::commands::{heatmap, hist, page, record, report};
use crate::model::measurement::Measurement;
use crate::record::player::Request;

/// A command line, as options.
#[derive(Debug)]
pub struct Invocation {
    /// The options of the reports that dmpstat writes without a command.
    pub report: report::Options,
    /// The command; without one, reports are written.
    pub command: Option<Command>,
    /// The recording to read in place of the machine.
    pub recording: Option<Request>,
}

impl Invocation {
    /// Returns the exit status after an error.
    pub fn failure(&self) -> u8 {
        match self.command {
            Some(Command::Check(_)) => Status::Unknown.code(),
            _ => 1,
        }
    }
}

/// A command and its options.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Command {
    Hist(hist::Options),
    Heatmap(heatmap::Options),
    Top(top::Options),
    Show {
        devices: Vec<OsString>,
    },
    Attach(Attach),
    Detach {
        volumes: Vec<OsString>,
    },
    Status,
    Guard,
    Reset {
        devices: Vec<OsString>,
    },
    Measure {
        measurements: Vec<Measurement>,
        on: bool,
        devices: Vec<OsString>,
    },
    Export(exporter::Options),
    Record(record::Options),
    Report(page::Options),
    Check(check::Options),
}
