// SPDX-License-Identifier: GPL-2.0

//! Times of day on the command line.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A time of day, with or without its date and time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `HH:MM` or `HH:MM:SS`, on the last day of the recording.
    Time(Time),
    /// `YYYY-MM-DD HH:MM`, in the local time zone.
    Local(DateTime),
    /// A time of RFC 3339.
    Instant(Timestamp),
}

/// An error of a text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected HH:MM, HH:MM:SS, YYYY-MM-DD HH:MM or a time of RFC 3339")]
pub struct NoTime;

impl FromStr for When {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let text = text.trim();
        let instant = || text.parse().ok().map(Self::Instant);
        let local = || text.parse().ok().map(Self::Local);
        let time = || text.parse().ok().map(Self::Time);
        // Each form also takes the texts of the forms before it, and ignores a part of them.
        instant().or_else(local).or_else(time).ok_or(NoTime)
    }
}

impl When {
    /// Returns the time in nanoseconds since 1970. `last` is the last day of the recording; `None` if the time
    /// does not exist.
    pub fn nanoseconds(self, last: Date, zone: &TimeZone) -> Option<i64> {
        let local = |time: DateTime| time.to_zoned(zone.clone()).ok();
        let timestamp = match self {
            Self::Instant(timestamp) => timestamp,
            Self::Local(time) => local(time)?.timestamp(),
            Self::Time(time) => local(last.to_datetime(time))?.timestamp(),
        };
        i64::try_from(timestamp.as_nanosecond()).ok()
    }
}

/// Returns a time of day from nanoseconds since 1970.
pub fn zoned(nanoseconds: i64, zone: &TimeZone) -> Zoned {
    let timestamp = Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
    timestamp.to_zoned(zone.clone())
}
