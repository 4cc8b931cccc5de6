// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::histogram::{Latencies, Scale, Seeks, Sizes};

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

/// The largest distance of each bucket but the last.
const SEEKS: [i64; 18] = [
    -16_777_217,
    -2_097_153,
    -262_145,
    -32_769,
    -4_097,
    -513,
    -65,
    -9,
    -1,
    0,
    8,
    64,
    512,
    4_096,
    32_768,
    262_144,
    2_097_152,
    16_777_216,
];

#[test]
fn distances_have_a_bucket_each_way() {
    let bounds: Vec<_> = (0..Seeks::BUCKETS).map(Seeks::bound).collect();
    let documented: Vec<_> = SEEKS.into_iter().map(Some).chain([None]).collect();
    assert_eq!(bounds, documented);
    assert_eq!(bounds[Seeks::SEQUENTIAL], Some(0));
}

/// Returns the smallest bucket whose bound is not below the distance.
fn seek_of(distance: i64) -> usize {
    SEEKS
        .iter()
        .position(|bound| distance <= *bound)
        .unwrap_or(SEEKS.len())
}

#[test]
fn a_distance_is_in_the_smallest_bucket_that_holds_it() {
    let edges = edges().map(|edge| edge as i64);
    for distance in edges.flat_map(|edge| [edge, edge.wrapping_neg()]) {
        if distance != 0 {
            let found = Seeks::bucket(Seeks::code(distance as u64));
            assert_eq!(found, seek_of(distance), "{distance}");
        }
    }
}

#[test]
fn a_histogram_of_distances_has_signed_bounds() {
    let mut counts = [0; Seeks::BUCKETS];
    (counts[0], counts[8], counts[9], counts[18]) = (1, 2, 3, 4);
    let mut text = String::new();
    Seeks::write_nonempty(&mut text, &counts).unwrap();
    assert_eq!(text, " -16777217:1 -1:2 0:3 inf:4");
    text.clear();
    Seeks::write(&mut text, &counts).unwrap();
    assert_eq!(text.lines().count(), 19);
    assert_eq!(text.lines().nth(10), Some("8 0"));
}

#[test]
fn a_histogram_has_a_line_for_each_bucket() {
    let mut text = String::new();
    Scale::<9, 3>::write(&mut text, &[7, 0, u64::MAX]).unwrap();
    assert_eq!(text, "512 7\n1024 0\ninf 18446744073709551615\n");
}

/// sysfs gives a file one page.
#[test]
fn the_largest_histograms_fit_a_page() {
    let (mut sizes, mut latencies) = (String::new(), String::new());
    Sizes::write(&mut sizes, &[u64::MAX; Sizes::BUCKETS]).unwrap();
    Latencies::write(&mut latencies, &[u64::MAX; Latencies::BUCKETS]).unwrap();
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
    fn the_nearest_distance_counts(
        distances: [i64; 4],
        shifts in prop::array::uniform4(0_u32..63),
    ) {
        let mut distances = distances;
        for (distance, shift) in distances.iter_mut().zip(shifts) {
            *distance = (*distance >> shift) | 1;
        }
        let codes = distances.map(|distance| Seeks::code(distance as u64));
        let code = codes.into_iter().min().unwrap();
        let nearest = distances
            .into_iter()
            .min_by_key(|distance| (distance.unsigned_abs(), *distance))
            .unwrap();
        prop_assert_eq!(Seeks::bucket(code), seek_of(nearest));
    }

    #[test]
    fn a_larger_value_is_never_in_a_lower_bucket(one: u64, other: u64) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(bucket::<9, 24>(low) <= bucket::<9, 24>(high));
        prop_assert!(bucket::<10, 28>(low) <= bucket::<10, 28>(high));
    }

    /// Each bucket has its line, with any count.
    #[test]
    fn a_written_histogram_reads_back(counts: [u64; 24]) {
        let mut text = String::new();
        Sizes::write(&mut text, &counts).unwrap();
        let read: Vec<(Option<u64>, u64)> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(bound, count)| (bound.parse().ok(), count.parse().unwrap()))
            .collect();
        let written: Vec<_> = bounds::<9, 24>().into_iter().zip(counts).collect();
        prop_assert_eq!(read, written);
    }
}
