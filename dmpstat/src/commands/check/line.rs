// SPDX-License-Identifier: GPL-2.0

//! The line of a check, as monitors read it: the status, a text, and performance data.
//!
//! "|" separates the two, so no text has one. Nagios shows ";" as ":", so commas separate the parts of a text.
//! The Monitoring Plugins Development Guidelines define the form
//! and the units of performance data.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::commands::check::Status;
use crate::commands::check::limit::Limit;
use crate::commands::check::range::Breach;
use crate::commands::check::state::Missing;
use crate::model::column::{Column, Dimension};
use crate::model::escape;
use crate::model::interval::{Interval, Restart, State};
use crate::model::snapshot::Snapshot;
use crate::model::units::{self, NS_PER_MS};
use crate::source::lvm;

/// The most problems in a line: a pager shows no more.
const MOST: usize = 10;

/// A part of the text.
#[derive(Debug, PartialEq)]
pub struct Problem {
    status: Status,
    /// The distance of the value from its limit, as a factor.
    distance: f64,
    text: String,
}

impl Problem {
    /// Makes the problem of an error.
    pub fn unknown(error: &dyn Display) -> Self {
        Self::new(Status::Unknown, error.to_string())
    }

    /// Makes the problem of limits whose columns a device does not measure.
    pub fn unmeasured(device: &Snapshot, columns: &[&Column]) -> Self {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let needs_latency = columns
            .iter()
            .any(|column| column.quantity.is_of_latencies());
        let command = match (needs_latency && !device.latency, device.is_group()) {
            (false, _) => String::new(),
            (true, true) => ": enable latency with \"dmpstat latency on DEVICE...\"".to_owned(),
            (true, false) => format!(
                ": enable latency with \"dmpstat latency on {}\"",
                device.device
            ),
        };
        let text = format!(
            "{} does not measure {}{command}",
            name(device),
            names.join(" and ")
        );
        Self::new(Status::Unknown, text)
    }

    fn new(status: Status, text: String) -> Self {
        Self {
            status,
            distance: 0.0,
            text,
        }
    }
}

/// The line of a check.
#[derive(Debug, Default)]
pub struct Line {
    problems: Vec<Problem>,
    /// States of devices that raise no alarm.
    states: Vec<String>,
    summary: String,
    /// Performance data.
    values: Vec<String>,
}

impl Line {
    /// Makes the line of an error.
    pub fn unknown(error: &dyn Display) -> Self {
        let mut line = Self::default();
        line.add(Problem::unknown(error));
        line
    }

    /// Returns the status: that of the worst problem.
    pub fn status(&self) -> Status {
        let all = self.problems.iter().map(|problem| problem.status);
        all.max().unwrap_or(Status::Ok)
    }

    /// Adds a problem.
    pub fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds a value, and a problem if the value is beyond a limit: one for a warning, or one for
    /// [`Status::Critical`].
    pub fn add_value(
        &mut self,
        device: &Snapshot,
        column: &Column,
        value: f64,
        (warning, critical): (Option<&Limit>, Option<&Limit>),
    ) {
        let limits = [(Status::Critical, critical), (Status::Warning, warning)];
        let broken = limits.into_iter().find_map(|(status, limit)| {
            let breach = limit?.range.breach(value)?;
            Some((status, limit?, breach))
        });
        if let Some((status, limit, breach)) = broken {
            let device = name(device);
            let shown = shown(value, column.quantity.dimension(), breach);
            self.add(Problem {
                status,
                distance: limit.range.distance(value),
                text: format!("{device} {} {shown} (limit {})", column.name, limit.shown),
            });
        }
        let limit =
            |limit: Option<&Limit>| limit.map_or_else(String::new, |of| of.range.to_string());
        self.values.push(format!(
            "{}={}{};{};{};0",
            label(device, column),
            // Milliseconds keep their nanoseconds, and rates get no more digits.
            (value * NS_PER_MS).round() / NS_PER_MS,
            unit(column.quantity.dimension()),
            limit(warning),
            limit(critical)
        ));
    }

    /// Adds the state of a device, and the restart of its counters if `has_interval` is set.
    pub fn add_state(&mut self, device: &Snapshot, interval: &Interval, has_interval: bool) {
        let restart = interval.restart.filter(|_| has_interval);
        let restart = restart.map(|restart| match restart {
            Restart::Device => "is new",
            Restart::Reset => "was reset",
            Restart::Latency => "had latency switched",
        });
        let state = match interval.state {
            State::Running => None,
            State::Hung => Some("is hung"),
            State::Suspended => Some("is suspended"),
        };
        for words in state.into_iter().chain(restart) {
            self.states.push(format!("{} {words}", name(device)));
        }
    }

    /// Sorts the problems, the worst first, and adds the number of devices and the interval.
    pub fn finish(&mut self, devices: usize, missing: Option<Missing>, interval: Option<Duration>) {
        self.problems.sort_by(|one, other| {
            let by_distance = other.distance.total_cmp(&one.distance);
            other.status.cmp(&one.status).then(by_distance)
        });
        let plural = if devices == 1 { "" } else { "s" };
        self.summary = match (missing, interval) {
            (Some(missing), _) => format!("{devices} volume{plural}, no interval yet: {missing}"),
            (None, Some(interval)) => {
                let seconds = interval.as_secs_f64();
                format!("{devices} volume{plural} in {seconds:.1} s")
            }
            (None, None) => format!("{devices} volume{plural}"),
        };
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let problems = self.problems.iter().map(|problem| &problem.text);
        let all: Vec<&String> = problems.chain(&self.states).collect();
        let mut texts: Vec<String> = all.iter().take(MOST).map(|text| plain(text)).collect();
        if all.len() > MOST {
            texts.push(format!("{} more", all.len() - MOST));
        }
        texts.extend(Some(self.summary.clone()).filter(|summary| !summary.is_empty()));
        write!(f, "DMP {} - {}", self.status().word(), texts.join(", "))?;
        if !self.values.is_empty() {
            write!(f, " | {}", self.values.join(" "))?;
        }
        Ok(())
    }
}

/// Returns the name of a device in a text: VG/LV for LVM's volumes.
fn name(device: &Snapshot) -> String {
    let volume = lvm::logical_volume(&device.plain_name()).filter(|_| lvm::made(&device.uuid));
    volume.map_or_else(|| device.shown_name(), |volume| escape::show(&volume))
}

/// Returns the label of a value: the name in device mapper, and the column, as one word. Checkmk divides labels
/// at spaces even within quotes, and refuses a slash, a colon and a backslash.
fn label(device: &Snapshot, column: &Column) -> String {
    let label = format!("{}_{}", device.shown_name(), column.name);
    label.replace(is_special, "_")
}

/// Tells if a character ends a label, or is refused in labels.
fn is_special(character: char) -> bool {
    "'=|/:\\".contains(character) || character.is_whitespace()
}

/// Returns a text in one line, and without "|". Control characters are `\xHH`.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut plain = String::with_capacity(text.len());
    for character in lines.join(" ").chars() {
        match character == '|' || character.is_control() {
            true => plain.push_str(&format!("\\x{:02x}", u32::from(character))),
            false => plain.push(character),
        }
    }
    plain
}

/// Formats a value for people. Rounds away from the limit, so that the value stays beyond its limit.
fn shown(value: f64, dimension: Dimension, breach: Breach) -> String {
    let is_below = breach == Breach::Below;
    match dimension {
        Dimension::Time if is_below => units::duration_down(value * NS_PER_MS),
        Dimension::Time => units::duration_up(value * NS_PER_MS),
        Dimension::Bytes => units::bytes(value),
        Dimension::Requests | Dimension::Percentage => {
            let rounded = match is_below {
                true => (value * 100.0 + 1e-9).floor(),
                false => (value * 100.0 - 1e-9).ceil(),
            };
            // 0 becomes -0 above, which would be written with its sign.
            let amount = (rounded.abs() / 100.0).to_string();
            amount + unit(dimension)
        }
    }
}

/// Returns the unit of performance data.
fn unit(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Time => "ms",
        // Monitors disagree about the size of a KB.
        Dimension::Bytes => "B",
        Dimension::Requests => "",
        Dimension::Percentage => "%",
    }
}
