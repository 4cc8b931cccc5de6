// SPDX-License-Identifier: GPL-2.0

//! The properties of requests with a histogram.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::histogram::{Histogram, INFINITE, bounds, from_signed, to_signed};
use crate::model::interval::Interval;
use crate::model::scale::Seeks;
use crate::model::snapshot::Counters;
use crate::model::units;

/// A property of requests with a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Measure {
    Size,
    Latency,
    /// The signed distance from an earlier request, in sectors.
    Seek,
}

impl Measure {
    /// Returns the histogram, if it was measured.
    pub fn of(self, counters: &Counters) -> Option<Cow<'_, Histogram>> {
        match self {
            // Flushes and zone resets carry no data, and are in the bucket of the smallest requests.
            Self::Size if counters.bytes() == 0 => Some(Cow::Owned(counters.sizes.as_empty())),
            Self::Size => Some(Cow::Borrowed(&counters.sizes)),
            Self::Latency => Some(Cow::Borrowed(&counters.timing.as_ref()?.latencies)),
            Self::Seek => Some(Cow::Borrowed(counters.seeks.as_ref()?)),
        }
    }

    /// Returns the name, in the singular.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Latency => "latency",
            Self::Seek => "seek",
        }
    }

    /// Returns the bounds of all non-empty buckets and of the empty buckets between them.
    pub fn bounds<'a>(self, histograms: impl Iterator<Item = &'a Histogram>) -> Vec<u64> {
        match self {
            Self::Size | Self::Latency => bounds(histograms),
            Self::Seek => {
                let buckets = histograms.flat_map(|of| of.buckets());
                let mut bounds: Vec<u64> = buckets.map(|(bound, _)| *bound).collect();
                bounds.sort_unstable();
                if let (Some(first), Some(last)) = (bounds.first().copied(), bounds.last().copied())
                {
                    let all = (0..Seeks::BUCKETS).map(Seeks::bound);
                    let all = all.map(|bound| bound.map_or(INFINITE, from_signed));
                    bounds.extend(all.filter(|bound| (first..=last).contains(bound)));
                    bounds.sort_unstable();
                }
                bounds.dedup();
                bounds
            }
        }
    }

    /// Returns the words for a device without a value.
    pub fn unmeasured(self) -> &'static str {
        match self {
            Self::Size => "no request was counted",
            Self::Latency | Self::Seek => "not measured",
        }
    }

    /// Returns the time that the histograms of an interval cover.
    pub fn length(self, interval: &Interval) -> Duration {
        match self {
            Self::Size => interval.length,
            Self::Latency => interval.latency_length.unwrap_or(interval.length),
            Self::Seek => interval.pattern_length.unwrap_or(interval.length),
        }
    }

    /// Formats a bound for people. A distance back has the other end of its bucket, which is the larger amount.
    pub fn label(self, bound: u64) -> String {
        match self {
            _ if bound == INFINITE => "more".to_owned(),
            Self::Seek => seek(to_signed(bound)),
            Self::Size if bound == 0 => "0".to_owned(),
            // Bounds are powers of two, so the digit after the point is always 0.
            Self::Size => units::bytes(bound as f64).replace(".0", ""),
            Self::Latency => units::duration(bound as f64),
        }
    }
}

/// Formats the bound of a bucket of distances.
fn seek(bound: i64) -> String {
    let amount = |amount: i64| match amount.unsigned_abs() {
        amount if amount >= 1 << 20 && amount % (1 << 20) == 0 => format!("{}M", amount >> 20),
        amount if amount >= 1 << 10 && amount % (1 << 10) == 0 => format!("{}K", amount >> 10),
        amount => amount.to_string(),
    };
    let farthest = Seeks::bound(0).unwrap_or(i64::MIN);
    match bound {
        0.. => amount(bound),
        _ if bound <= farthest => format!("<-{}", amount(farthest + 1)),
        -1 => "-8".to_owned(),
        _ => format!("-{}", amount((bound + 1).saturating_mul(8))),
    }
}
