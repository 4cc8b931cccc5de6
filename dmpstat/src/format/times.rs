// SPDX-License-Identifier: GPL-2.0

//! Times and operations of a timeline, for people.

use jiff::tz::TimeZone;

use crate::model::operation::Operation;
use crate::model::timeline::Timeline;
use crate::record::when::zoned;

/// Returns the name of the requests of an operation.
pub fn plural(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "reads",
        Operation::Write => "writes",
        Operation::Discard => "discards",
        Operation::Flush => "flushes",
        Operation::WriteZeroes => "writes of zeroes",
        Operation::Other => "other requests",
    }
}

/// Formats a time in nanoseconds since 1970.
pub fn shown(time: i64, zone: &TimeZone) -> String {
    zoned(time, zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats a time beside a picture: without the date if all of the picture is on one day, and without the
/// seconds in one of hours.
pub fn clock(time: i64, timeline: &Timeline, zone: &TimeZone) -> String {
    let step = timeline
        .step
        .as_secs()
        .saturating_mul(timeline.columns as u64);
    let form = match step {
        ..7200 => "%H:%M:%S",
        7200..172_800 => "%H:%M",
        _ => "%m-%d %H:%M",
    };
    zoned(time, zone).strftime(form).to_string()
}

/// Formats the length of a column.
pub fn step(seconds: u64) -> String {
    let (number, unit) = match seconds {
        _ if seconds % 86400 == 0 => (seconds / 86400, "day"),
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    match number {
        1 => format!("a {unit}").replace("a hour", "an hour"),
        number => format!("{number} {unit}s"),
    }
}
