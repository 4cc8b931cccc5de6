// SPDX-License-Identifier: GPL-2.0

//! How many values were how large.

/// The bound of the bucket that takes all that is larger.
pub const INFINITE: u64 = u64::MAX;

/// Counts by the largest value that they are of, in rising order, and none of 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(Vec<(u64, u64)>);

impl Histogram {
    /// Of buckets in any order. Those of one bound are one.
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

    /// The buckets: their bounds, and how many are in them.
    pub fn buckets(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::try_from(self.total()).unwrap_or(u64::MAX)
    }

    /// The same, also where the file says more than are counted in a lifetime.
    fn total(&self) -> u128 {
        self.0.iter().map(|(_, count)| u128::from(*count)).sum()
    }

    /// Returns the histogram of as many values that are all 0.
    pub fn as_empty(&self) -> Self {
        Self::new(vec![(0, self.count())])
    }

    /// Returns the bound of the highest bucket; 0 if all are empty.
    pub fn highest(&self) -> u64 {
        self.0.last().map_or(0, |(bound, _)| *bound)
    }

    /// How many are in the bucket of this bound.
    pub fn of(&self, bound: u64) -> u64 {
        self.0
            .binary_search_by_key(&bound, |(bound, _)| *bound)
            .map_or(0, |at| self.0[at].1)
    }

    /// What was counted since `before`; `None` if that had more in any bucket.
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

    /// The bound of the bucket in which the value is that `permille` of 1000 values do not exceed.
    ///
    /// A bucket's values are more than half of its bound, so the value itself is that, or up to half
    /// as large.
    pub fn percentile(&self, permille: u32) -> Option<u64> {
        let rank = (self.total() * u128::from(permille)).div_ceil(1000).max(1);
        let mut below = 0;
        self.0.iter().find_map(|(bound, count)| {
            below += u128::from(*count);
            (below >= rank).then_some(*bound)
        })
    }
}
