// SPDX-License-Identifier: GPL-2.0

//! Numbers that nearly follow from others, such as the requests from their sizes. Cells have the differences,
//! which are mostly 0. All arithmetic wraps, so no number is lost.

use crate::model::histogram::Histogram;
use crate::model::operation::Operation;
use crate::model::snapshot::Counters;
use crate::model::statistic::Statistic::{
    self, Again, Bytes, Errors, Inflight, LatencySum, Requests,
};

type Operations = [Option<Counters>; Operation::COUNT];

/// Returns the reads and writes in flight, which the kernel counts as well.
pub fn inflights(operations: &Operations) -> [u64; 2] {
    [Operation::Read, Operation::Write].map(|operation| {
        let counters = operations[operation as usize].as_ref();
        counters.and_then(|of| of.values.get(Inflight)).unwrap_or(0)
    })
}

/// Returns the number of completed reads and writes, which the kernel counts as well. A reader may not know
/// the other operations.
pub fn completed(operations: &Operations) -> u64 {
    let common = operations.iter().take(Operation::COMMON_COUNT);
    common.flatten().map(ends).fold(0, u64::wrapping_add)
}

fn ends(counters: &Counters) -> u64 {
    let value = |statistic| counters.values.get(statistic).unwrap_or(0);
    let latencies = counters.timing.as_ref().map(|of| count(&of.latencies));
    value(Errors)
        .wrapping_add(value(Again))
        .wrapping_add(latencies.unwrap_or(0))
}

fn count(histogram: &Histogram) -> u64 {
    let counts = histogram.buckets().iter().map(|(_, count)| *count);
    counts.fold(0, u64::wrapping_add)
}

/// Returns the sum of a histogram's values, each taken as this function of the bound of its bucket.
fn sum(histogram: &Histogram, of: impl Fn(u64) -> u64) -> u64 {
    let buckets = histogram.buckets().iter();
    let products = buckets.map(|(bound, count)| of(*bound).wrapping_mul(*count));
    products.fold(0, u64::wrapping_add)
}

/// Statistics of an operation that nearly follow from others.
pub struct Predicted {
    requests: u64,
    bytes: u64,
    inflight: u64,
    latency: u64,
}

impl Predicted {
    /// Returns the predictions from the counters of an operation.
    pub fn of(counters: &Counters) -> Self {
        let timing = counters.timing.as_ref();
        let requests = counters.values.get(Requests).unwrap_or(0);
        Self {
            requests: count(&counters.sizes),
            bytes: sum(&counters.sizes, |bound| bound),
            inflight: requests.wrapping_sub(ends(counters)),
            // The mean latency of a bucket is near three quarters of its bound.
            latency: timing.map_or(0, |of| sum(&of.latencies, |bound| bound - bound / 4)),
        }
    }

    /// Returns the prediction of a statistic.
    pub fn value(&self, statistic: Statistic) -> u64 {
        match statistic {
            Requests => self.requests,
            Bytes => self.bytes,
            Inflight => self.inflight,
            _ => 0,
        }
    }

    /// Returns the prediction of a statistic that begins with the measuring of latencies.
    pub fn timed(&self, statistic: Statistic) -> u64 {
        match statistic {
            LatencySum => self.latency,
            _ => 0,
        }
    }
}
