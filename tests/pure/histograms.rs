// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::histogram::{Latencies, Scale, Sizes};

/// Returns all the bounds of a scale.
fn bounds<const FIRST: u32, const N: usize>() -> Vec<Option<u64>> {
    (0..N).map(Scale::<FIRST, N>::bound).collect()
}

/// Returns the bounds in the documentation: `first`, twice that, and so on, then none.
fn documented(first: u64, last: u64) -> Vec<Option<u64>> {
    std::iter::successors(Some(first), |bound| Some(bound * 2))
        .take_while(|bound| *bound <= last)
        .map(Some)
        .chain([None])
        .collect()
}

/// Returns the bucket of a value.
fn bucket<const FIRST: u32, const N: usize>(value: u64) -> usize {
    Scale::<FIRST, N>::bucket_above(value.saturating_sub(1))
}

/// Returns the smallest bucket whose bound is not below the value.
fn expected(bounds: &[Option<u64>], value: u64) -> usize {
    bounds
        .iter()
        .position(|bound| bound.is_none_or(|bound| value <= bound))
        .unwrap()
}

/// Returns each power of two and its neighbours, and the ends.
fn edges() -> impl Iterator<Item = u64> {
    (0..64)
        .map(|bit| 1_u64 << bit)
        .flat_map(|power| [power - 1, power, power + 1])
        .chain([u64::MAX - 1, u64::MAX])
}

#[test]
fn the_bounds_are_as_documented() {
    let sizes = documented(512, 2_147_483_648);
    assert_eq!((sizes.len(), Sizes::BUCKETS), (24, 24));
    assert_eq!(bounds::<9, 24>(), sizes);
    let latencies = documented(1024, 68_719_476_736);
    assert_eq!((latencies.len(), Latencies::BUCKETS), (28, 28));
    assert_eq!(bounds::<10, 28>(), latencies);
}

#[test]
fn a_value_on_a_bound_is_in_its_bucket_and_one_more_in_the_next() {
    let (sizes, latencies) = (bounds::<9, 24>(), bounds::<10, 28>());
    for value in edges() {
        assert_eq!(bucket::<9, 24>(value), expected(&sizes, value), "{value}");
        assert_eq!(
            bucket::<10, 28>(value),
            expected(&latencies, value),
            "{value}"
        );
    }
    assert_eq!(bucket::<9, 24>(0), 0);
    assert_eq!(bucket::<9, 24>(u64::MAX), 23);
}

#[test]
fn a_histogram_has_a_line_for_each_bucket() {
    let mut text = String::new();
    Scale::<9, 3>::write(&mut text, [7, 0, u64::MAX].into_iter()).unwrap();
    assert_eq!(text, "512 7\n1024 0\ninf 18446744073709551615\n");
}

/// sysfs gives a file one page.
#[test]
fn the_largest_histograms_fit_a_page() {
    let (mut sizes, mut latencies) = (String::new(), String::new());
    let most = || std::iter::repeat(u64::MAX);
    Sizes::write(&mut sizes, most()).unwrap();
    Latencies::write(&mut latencies, most()).unwrap();
    assert_eq!((sizes.lines().count(), latencies.lines().count()), (24, 28));
    assert!(sizes.len() < 4096 && latencies.len() < 4096);
}

proptest! {
    #[test]
    fn a_value_is_in_the_smallest_bucket_that_holds_it(value: u64, shift in 0_u32..64) {
        let value = value >> shift;
        prop_assert_eq!(bucket::<9, 24>(value), expected(&bounds::<9, 24>(), value));
        prop_assert_eq!(bucket::<10, 28>(value), expected(&bounds::<10, 28>(), value));
    }

    #[test]
    fn a_larger_value_is_never_in_a_lower_bucket(one: u64, other: u64) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(bucket::<9, 24>(low) <= bucket::<9, 24>(high));
        prop_assert!(bucket::<10, 28>(low) <= bucket::<10, 28>(high));
    }

    /// Each bucket has its line, with any count.
    #[test]
    fn a_written_histogram_reads_back(counts in prop::collection::vec(any::<u64>(), 24)) {
        let mut text = String::new();
        Sizes::write(&mut text, counts.iter().copied()).unwrap();
        let read: Vec<(Option<u64>, u64)> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(bound, count)| (bound.parse().ok(), count.parse().unwrap()))
            .collect();
        let written: Vec<_> = bounds::<9, 24>().into_iter().zip(counts).collect();
        prop_assert_eq!(read, written);
    }
}
