// SPDX-License-Identifier: GPL-2.0

//! Histograms.

/// The bound of the last bucket, which takes all larger values.
pub const INFINITE: u64 = u64::MAX;

/// The buckets' bounds and counts, in rising order, without empty buckets. A bucket's bound is the largest
/// value in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(Vec<(u64, u64)>);

impl Histogram {
    /// Makes a histogram of buckets in any order. Adds up buckets of one bound.
    pub fn new(mut buckets: Vec<(u64, u64)>) -> Self {
        buckets.sort_unstable_by_key(|(bound, _)| *bound);
        buckets.dedup_by(|(bound, count), (before, sum)| {
            let same = bound == before;
            if same {
                *sum = sum.saturating_add(*count);
            }
            same
        });
        buckets.retain(|(_, count)| *count > 0);
        Self(buckets)
    }

    /// Returns the bounds and counts of the buckets.
    pub fn buckets(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Returns the number of values, or `u64::MAX` for more.
    pub fn count(&self) -> u64 {
        u64::try_from(self.total()).unwrap_or(u64::MAX)
    }

    /// Returns the number of values, without overflow for any text of a file.
    fn total(&self) -> u128 {
        self.0.iter().map(|(_, count)| u128::from(*count)).sum()
    }

    /// Returns a histogram of as many values, all 0.
    pub fn as_empty(&self) -> Self {
        Self::new(vec![(0, self.count())])
    }

    /// Returns the bound of the highest bucket; 0 if all are empty.
    pub fn highest(&self) -> u64 {
        self.0.last().map_or(0, |(bound, _)| *bound)
    }

    /// Returns the count of the bucket with this bound.
    pub fn of(&self, bound: u64) -> u64 {
        self.0
            .binary_search_by_key(&bound, |(bound, _)| *bound)
            .map_or(0, |at| self.0[at].1)
    }

    /// Returns the differences since `before`; `None` if `before` had more in any bucket.
    pub fn since(&self, before: &Self) -> Option<Self> {
        if before
            .0
            .iter()
            .any(|(bound, count)| self.of(*bound) < *count)
        {
            return None;
        }
        let buckets = self.0.iter();
        Some(Self::new(
            buckets
                .map(|(bound, count)| (*bound, count - before.of(*bound)))
                .collect(),
        ))
    }

    /// Returns the bound of the bucket with the percentile: the value that at least `permille` of 1000 values
    /// do not exceed. `None` without values.
    ///
    /// In all buckets but the first and the last, values are more than half of the bound. So the percentile
    /// itself is between half of the returned bound and this bound.
    pub fn percentile(&self, permille: u32) -> Option<u64> {
        let rank = (self.total() * u128::from(permille)).div_ceil(1000).max(1);
        let mut below = 0;
        self.0.iter().find_map(|(bound, count)| {
            below += u128::from(*count);
            (below >= rank).then_some(*bound)
        })
    }
}

/// Returns the bound of a signed value, in the order of the values.
pub fn from_signed(value: i64) -> u64 {
    value.wrapping_sub(i64::MIN) as u64
}

/// Returns the signed value of a bound that [`from_signed`] has made.
pub fn to_signed(bound: u64) -> i64 {
    (bound as i64).wrapping_add(i64::MIN)
}

/// Returns the bounds of all non-empty buckets and of the empty buckets between them. Each bound is twice the
/// previous one.
pub fn bounds<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Vec<u64> {
    let mut present: Vec<u64> = histograms
        .flat_map(|histogram| histogram.buckets().iter().map(|(bound, _)| *bound))
        .collect();
    present.sort_unstable();
    present.dedup();
    let mut bounds = Vec::new();
    for (at, bound) in present.iter().enumerate() {
        bounds.push(*bound);
        let next = present.get(at + 1).filter(|next| **next != INFINITE);
        let mut double = bound.checked_mul(2).filter(|double| *double > 0);
        while let (Some(next), Some(between)) = (next, double) {
            if between >= *next {
                break;
            }
            bounds.push(between);
            double = between.checked_mul(2);
        }
    }
    bounds
}
