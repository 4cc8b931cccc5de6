// SPDX-License-Identifier: GPL-2.0

//! Reports of an interval, and the parts that all forms share.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Zoned;

use crate::model::interval::{Interval, Restart, State};
use crate::model::snapshot::{Counters, Snapshot};
use crate::model::statistic::Statistic;

/// A count of an operation, in the forms for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// A statistic.
    Statistic(Statistic),
    /// The number of measured latencies, which are those of successes.
    Latencies,
}

impl Count {
    /// Returns all counts: first the statistics that do not begin with latency. The number of latencies comes
    /// after their sum.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        let mut statistics = Statistic::ALL;
        statistics.sort_by_key(|statistic| statistic.begins_with_latency());
        statistics.into_iter().flat_map(|statistic| {
            let number = (statistic == Statistic::LatencySum).then_some(Self::Latencies);
            [Self::Statistic(statistic)].into_iter().chain(number)
        })
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Statistic(statistic) => statistic.name(),
            Self::Latencies => "latencies_count",
        }
    }

    /// Returns the count, if it was measured.
    pub fn of(self, counters: &Counters) -> Option<u64> {
        match self {
            Self::Statistic(statistic) => counters.of(statistic),
            Self::Latencies => Some(counters.timing.as_ref()?.latencies.count()),
        }
    }
}

/// The look of reports for people.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// dm-N replaces names.
    pub numbers: bool,
    /// The time is above each report.
    pub timestamps: bool,
}

/// A device in a report.
pub struct Row<'a> {
    /// The device, or the sum of a group of devices.
    pub device: Cow<'a, Snapshot>,
    /// The interval of the report.
    pub interval: Interval,
}

impl Row<'_> {
    /// Returns the device's title: its name, or dm-N.
    pub fn title(&self, numbers: bool) -> String {
        // A group has no number.
        match numbers && !self.device.is_group() {
            true => self.device.device.clone(),
            false => self.device.shown_name(),
        }
    }
}

/// Returns the words after a device's numbers: the reason that counting restarted, and the device's state.
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

    /// Returns whether a report without devices is left out.
    fn needs_devices(&self) -> bool {
        false
    }

    /// Writes the end of the document after the last report, if there was one.
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
