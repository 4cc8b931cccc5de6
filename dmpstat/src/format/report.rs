// SPDX-License-Identifier: GPL-2.0

//! Reports of an interval, and the parts that all forms share.

use std::io::{self, Write};

use jiff::Zoned;

use crate::model::interval::{Interval, Restart, State};
use crate::model::snapshot::{Counters, Snapshot};

/// A function that reads a count of an operation in an interval.
pub type Count = fn(&Counters) -> Option<u64>;

/// Counts of an operation, as programs get them: all but `inflight`, `age_ns` and `latency_max_ns` can be added
/// up over intervals. `latencies_count` is the number of successes that were measured.
pub const COUNTS: [(&str, Count); 11] = [
    ("requests", |of| Some(of.requests)),
    ("bytes", |of| Some(of.bytes)),
    ("errors", |of| of.errors),
    ("again", |of| of.again),
    ("inflight", |of| of.inflight),
    ("age_ns", |of| of.age),
    ("latency_ns", |of| Some(of.timing.as_ref()?.sum)),
    ("latencies_count", |of| {
        Some(of.timing.as_ref()?.latencies.count())
    }),
    ("latency_max_ns", |of| Some(of.timing.as_ref()?.max)),
    ("rest_ns", |of| of.timing.as_ref()?.rest),
    ("rest", |of| of.timing.as_ref()?.rest_count),
];

/// The look of reports for people.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// dm-N takes the place of names.
    pub numbers: bool,
    /// The time is above each report.
    pub timestamps: bool,
}

/// A device in a report.
pub struct Row<'a> {
    /// The device.
    pub device: &'a Snapshot,
    /// The interval of the report.
    pub interval: Interval,
}

impl Row<'_> {
    /// Returns the device's title: its name, or dm-N.
    pub fn title(&self, numbers: bool) -> String {
        match numbers {
            true => self.device.device.clone(),
            false => self.device.shown_name(),
        }
    }
}

/// Returns the words behind a device's numbers: the reason that counting restarted, and the device's state.
pub fn marks(interval: &Interval) -> String {
    let restart = interval.restart.map(Restart::word);
    let state = Some(interval.state).filter(|state| *state != State::Running);
    let words: Vec<&str> = restart.into_iter().chain(state.map(State::word)).collect();
    words.join(" ")
}

/// A form of reports.
pub trait Report {
    /// Writes a report of these devices.
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()>;

    /// Takes the width of the terminal, if there is one.
    fn fit(&mut self, _: Option<usize>) {}

    /// Tells if a report without a device is left out.
    fn needs_devices(&self) -> bool {
        false
    }

    /// Writes the end of the document, behind the last report, if there was one.
    fn end(&mut self, _: &mut dyn Write, _: &Zoned) -> io::Result<()> {
        Ok(())
    }
}

/// Formats the time above a table, as iostat does.
pub fn timestamp(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Formats the time for programs, with milliseconds.
pub fn precise_timestamp(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}
