// SPDX-License-Identifier: GPL-2.0

//! `dmpstat check`: a plugin of Nagios, Icinga and others. It compares columns with [`limit`]s,
//! which are [`range`]s.
//!
//! A call covers the interval since the call before, whose counters are in the [`state`]. The result is an
//! exit status and a [`line`].

pub mod limit;
pub mod line;
pub mod range;
pub mod state;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::attach::former;
use crate::commands::check::limit::Limit;
use crate::commands::check::line::{Line, Problem};
use crate::commands::check::state::{Missing, State};
use crate::commands::groups::By;
use crate::environment::Environment;
use crate::error::Error;
use crate::model::column::{COLUMNS, Column, Level};
use crate::model::interval::Interval;
use crate::model::snapshot::Snapshot;
use crate::record::sample::Sample;
use crate::source::host::Host;
use crate::source::selection::Selection;

/// The options of a check.
#[derive(Debug)]
pub struct Options {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// Devices are added up in these groups.
    pub by: Option<By>,
    /// The limits beyond which the status is [`Status::Warning`].
    pub warning: Vec<Limit>,
    /// The limits beyond which the status is [`Status::Critical`].
    pub critical: Vec<Limit>,
    /// The file of the state; without one, the file follows from the other options.
    pub state: Option<PathBuf>,
}

/// The result of a check, the worst last.
///
/// An unknown value hides no alarm, so [`Status::Unknown`] comes before the alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Status {
    Ok,
    Unknown,
    Warning,
    Critical,
}

impl Status {
    /// Returns the exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// Returns the status in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Writes the line of a check. An error of reading becomes the line of [`Status::Unknown`], because monitors
/// show standard output.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<Status, Error> {
    let line = match check(options, environment) {
        Ok(line) => line,
        Err(error) => Line::unknown(&former::explain(error, environment)),
    };
    match environment.print(|out| writeln!(out, "{line}")) {
        Err(error) if !error.is_closed_pipe() => Err(error),
        // The exit status tells the result without a reader of the line.
        _ => Ok(line.status()),
    }
}

fn check(options: &Options, environment: &Environment<'_>) -> Result<Line, Error> {
    let devices = environment.devices();
    let readings = Selection::new(&options.devices).first(devices, false)?;
    let readings = readings.with_disks(devices);
    let host = Host::of(environment.machine);
    let now = environment.clock.now();
    let state = State::new(options, environment.machine);
    let before = state.read(&host, now.time_zone().clone());

    let mut line = Line::default();
    let mut kept = readings.snapshots.clone();
    for failure in readings.failures {
        // The next interval of an unreadable device will be longer.
        kept.extend(
            before
                .as_ref()
                .ok()
                .and_then(|of| of.get(&failure.device))
                .cloned(),
        );
        line.add(Problem::unknown(&failure.error));
    }
    let mut sample = Sample {
        realtime: i64::try_from(now.timestamp().as_nanosecond()).unwrap_or_default(),
        boottime: u64::try_from(environment.clock.boottime().as_nanos()).unwrap_or_default(),
        snapshots: kept,
        failures: Vec::new(),
    };
    sample.sort();
    if let Err(error) = state.write(&sample, host) {
        line.add(Problem::unknown(&error));
    }
    compare(options, &readings.snapshots, &before, &mut line);
    Ok(line)
}

/// Compares the columns of each device or group with the limits.
fn compare(
    options: &Options,
    devices: &[Snapshot],
    before: &Result<HashMap<String, Snapshot>, Missing>,
    line: &mut Line,
) {
    let interval = |device: &Snapshot| match before {
        Ok(before) => Interval::between(before.get(&device.device), device),
        Err(_) => Interval::since_reset(device),
    };
    let rows: Vec<(Cow<'_, Snapshot>, Interval)> = match &options.by {
        None => devices
            .iter()
            .map(|device| (Cow::Borrowed(device), interval(device)))
            .collect(),
        Some(by) => by
            .rows(devices, interval)
            .into_iter()
            .map(|(group, interval)| (Cow::Owned(group), interval))
            .collect(),
    };
    let columns = columns(options);
    let limited = |column: &Column| {
        let of = |limits: &'_ [Limit]| limits.iter().rposition(|limit| limit.column == column);
        (
            of(&options.warning).map(|at| &options.warning[at]),
            of(&options.critical).map(|at| &options.critical[at]),
        )
    };
    for (device, interval) in &rows {
        let mut unmeasured: Vec<&Column> = Vec::new();
        for column in &columns {
            let limits = limited(column);
            if !column.quantity.is_measured(device) {
                if limits != (None, None) {
                    unmeasured.push(column);
                }
                continue;
            }
            // The time since the reset is no interval: failures of last week would raise an alarm.
            if before.is_err() && !column.quantity.is_instant() {
                continue;
            }
            // Without a value there was no request, or no time has passed.
            if let Some(value) = column.quantity.value(interval) {
                line.add_value(device, column, value, limits);
            }
        }
        if !unmeasured.is_empty() {
            line.add(Problem::unmeasured(device, &unmeasured));
        }
        line.add_state(device, interval, before.is_ok());
    }
    line.finish(
        devices.len(),
        before.as_ref().err().copied(),
        longest(before, devices),
    );
}

/// Returns the columns with limits, as the user wrote them; without limits, those of the short table.
fn columns(options: &Options) -> Vec<&'static Column> {
    let mut columns: Vec<&'static Column> = Vec::new();
    for limit in options.warning.iter().chain(&options.critical) {
        if !columns.contains(&limit.column) {
            columns.push(limit.column);
        }
    }
    match columns.is_empty() {
        true => COLUMNS
            .iter()
            .filter(|of| of.level == Level::Short)
            .collect(),
        false => columns,
    }
}

/// Returns the longest time since the last call, of the devices that were there.
fn longest(
    before: &Result<HashMap<String, Snapshot>, Missing>,
    devices: &[Snapshot],
) -> Option<Duration> {
    let before = before.as_ref().ok()?;
    let times = devices.iter().filter_map(|now| {
        let before = before.get(&now.device)?;
        now.taken.checked_sub(before.taken)
    });
    times.max().map(Duration::from_nanos)
}
