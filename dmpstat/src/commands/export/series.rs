// SPDX-License-Identifier: GPL-2.0

//! The series of each volume: its operations, and the bounds of its histograms.

use std::ops::RangeInclusive;

use crate::model::histogram::Histogram;
use crate::model::operation::Operation;
use crate::model::scale::{Latencies, Sizes};
use crate::model::statistic::{Shown, Statistic};
use crate::model::units;

/// Bounds of durations without an option, in nanoseconds: 8 µs to 17 s.
const DURATIONS: RangeInclusive<u64> = 1 << 13..=1 << 34;
/// Bounds of sizes without an option, in bytes.
const SIZES: [u64; 6] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20];

/// The series to write of each volume.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The operations; empty for reads and writes, and for other operations that have occurred.
    pub operations: Vec<Operation>,
    /// All metrics of all operations, with all bounds.
    pub full: bool,
    /// The times at which counters began to count, in OpenMetrics.
    pub created: bool,
    /// Bounds of durations, in nanoseconds; empty for the default ones.
    pub durations: Vec<u64>,
    /// Bounds of sizes, in bytes; empty for the default ones.
    pub sizes: Vec<u64>,
    /// Only powers of 2^`thinning` are bounds; 0 for no bounds.
    pub thinning: u32,
}

impl Series {
    /// Returns the operations of a volume that can have series.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        let wanted = |operation: &Operation| {
            self.operations.is_empty() || self.operations.contains(operation)
        };
        Operation::ALL.into_iter().filter(wanted)
    }

    /// Returns true if the operation has series before its first request.
    pub fn has_idle(&self, operation: Operation) -> bool {
        self.full || operation.rare().is_none() || self.operations.contains(&operation)
    }

    /// Returns true if the operation has the metric of this statistic.
    pub fn has(&self, statistic: Statistic, operation: Operation) -> bool {
        let Some(metric) = statistic.description().metric else {
            return false;
        };
        self.full
            || match metric.shown {
                Shown::Always => true,
                Shown::CommonOperations => operation.rare().is_none(),
                Shown::Full => false,
            }
    }

    /// Returns the scale of durations.
    pub fn durations(&self) -> Scale {
        let all = module_bounds(Latencies::bound);
        let default = all.clone().filter(|bound| DURATIONS.contains(bound));
        self.scale(&self.durations, default, all)
    }

    /// Returns the scale of an operation's sizes.
    pub fn sizes(&self, operation: Operation) -> Scale {
        let all = module_bounds(Sizes::bound);
        let is_default = |bound: &u64| SIZES.contains(bound) && operation.rare().is_none();
        self.scale(&self.sizes, all.clone().filter(is_default), all)
    }

    fn scale(
        &self,
        wanted: &[u64],
        default: impl Iterator<Item = u64>,
        all: impl Iterator<Item = u64>,
    ) -> Scale {
        let bounds: Vec<u64> = match (wanted, self.full) {
            ([], true) => all.collect(),
            ([], false) => default.collect(),
            (wanted, _) => all.filter(|bound| wanted.contains(bound)).collect(),
        };
        let is_kept = |bound: &u64| self.thinning > 0 && bound.ilog2() % self.thinning == 0;
        Scale(bounds.into_iter().filter(is_kept).collect())
    }
}

/// Returns the finite bounds of the module's buckets.
fn module_bounds(bound: fn(usize) -> Option<u64>) -> impl Iterator<Item = u64> + Clone {
    (0..).map_while(bound)
}

/// Bounds of buckets, without the infinite one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale(pub Vec<u64>);

impl Scale {
    /// Counts the values of a histogram in the buckets of these bounds, and in the infinite one.
    pub fn count(&self, histogram: &Histogram, counts: &mut Vec<u64>) {
        counts.clear();
        counts.resize(self.0.len() + 1, 0);
        let mut at = 0;
        for (bound, count) in histogram.buckets() {
            while self.0.get(at).is_some_and(|shown| shown < bound) {
                at += 1;
            }
            counts[at] = counts[at].saturating_add(*count);
        }
    }
}

/// Reads a bound of durations: a number of seconds, or a number with a unit.
pub fn duration_bound(word: &str) -> Result<u64, String> {
    let shown = |bound: u64| format!("{:?}", bound as f64 / 1e9);
    bound(word, &units::TIMES, 1e9, Latencies::bound, shown)
}

/// Reads a bound of sizes: a number of bytes, or a number with a unit.
pub fn size_bound(word: &str) -> Result<u64, String> {
    let units = [
        ("K", 10),
        ("KiB", 10),
        ("M", 20),
        ("MiB", 20),
        ("G", 30),
        ("GiB", 30),
    ];
    let units = units.map(|(unit, power)| (unit, f64::from(1 << power)));
    bound(word, &units, 1.0, Sizes::bound, |bound| bound.to_string())
}

/// Reads a bound in this or another unit. It must be one of the module's.
fn bound(
    word: &str,
    units: &[(&str, f64)],
    plain: f64,
    of: fn(usize) -> Option<u64>,
    shown: impl Fn(u64) -> String,
) -> Result<u64, String> {
    let (begin, unit) = units::split(word);
    let scale = match unit {
        "" => Some(plain),
        unit => units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale),
    };
    let value = scale.zip(begin.parse::<f64>().ok());
    let value = value.map(|(scale, value)| value * scale);
    let Some(value) = value.filter(|value| value.is_finite() && *value > 0.0) else {
        let units: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "expected a number, without a unit or in {}",
            units.join(", ")
        ));
    };
    let bounds = module_bounds(of);
    // A bound that was written with fewer digits is near enough.
    let nearest = |least: &u64, next: &u64| {
        let distance = |bound: u64| (bound as f64 / value).ln().abs();
        distance(*least).total_cmp(&distance(*next))
    };
    match bounds.min_by(nearest) {
        Some(bound) if (bound as f64 - value).abs() < 1e-3 * value => Ok(bound),
        Some(bound) => Err(format!(
            "the module counts up to powers of two only; the nearest is {}",
            shown(bound)
        )),
        None => Err("the module has no bounds".to_owned()),
    }
}
