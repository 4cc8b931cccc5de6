// SPDX-License-Identifier: GPL-2.0

//! The two properties of requests with a histogram.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::histogram::{Histogram, INFINITE};
use crate::model::interval::Interval;
use crate::model::snapshot::Counters;
use crate::model::units;

/// A property of requests with a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Measure {
    Size,
    Latency,
}

impl Measure {
    /// Returns the histogram, if it was measured.
    pub fn of(self, counters: &Counters) -> Option<Cow<'_, Histogram>> {
        match self {
            // Flushes and zone resets carry no data, and are in the bucket of the smallest requests.
            Self::Size if counters.bytes() == 0 => Some(Cow::Owned(counters.sizes.as_empty())),
            Self::Size => Some(Cow::Borrowed(&counters.sizes)),
            Self::Latency => Some(Cow::Borrowed(&counters.timing.as_ref()?.latencies)),
        }
    }

    /// Returns the name, in the singular.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Latency => "latency",
        }
    }

    /// Returns the words for a device without a value.
    pub fn unmeasured(self) -> &'static str {
        match self {
            Self::Size => "no request was counted",
            Self::Latency => "not measured",
        }
    }

    /// Returns the time that the histograms of an interval cover.
    pub fn length(self, interval: &Interval) -> Duration {
        match self {
            Self::Size => interval.length,
            Self::Latency => interval.latency_length.unwrap_or(interval.length),
        }
    }

    /// Formats a bound for people.
    pub fn label(self, bound: u64) -> String {
        match self {
            _ if bound == INFINITE => "more".to_owned(),
            Self::Size if bound == 0 => "0".to_owned(),
            // Bounds are powers of two, so the digit after the point is always 0.
            Self::Size => units::bytes(bound as f64).replace(".0", ""),
            Self::Latency => units::duration(bound as f64),
        }
    }
}
