// SPDX-License-Identifier: GPL-2.0

use dmpstat::model::histogram::{Histogram, INFINITE};

fn histogram(buckets: &[(u64, u64)]) -> Histogram {
    Histogram::new(buckets.to_vec())
}

#[test]
fn buckets_are_sorted_merged_and_nonempty() {
    let buckets = histogram(&[(2048, 1), (INFINITE, 3), (1024, 0), (512, 2), (2048, 4)]);
    assert_eq!(buckets.buckets(), [(512, 2), (2048, 5), (INFINITE, 3)]);
    assert_eq!(
        (buckets.count(), buckets.of(2048), buckets.of(1024)),
        (10, 5, 0)
    );
}

#[test]
fn a_difference_is_the_growth_of_each_bucket_or_none() {
    let (before, now) = (
        histogram(&[(512, 2), (1024, 5)]),
        histogram(&[(512, 2), (1024, 7), (2048, 1)]),
    );
    assert_eq!(now.since(&before), Some(histogram(&[(1024, 2), (2048, 1)])));
    assert_eq!(before.since(&now), None);
    // Both have the same sum, but one bucket has less.
    assert_eq!(histogram(&[(512, 3), (1024, 4)]).since(&before), None);
}

#[test]
fn a_percentile_is_the_bound_of_its_bucket() {
    let of_1000 = histogram(&[(1024, 500), (2048, 490), (4096, 9), (INFINITE, 1)]);
    assert_eq!(of_1000.percentile(500), Some(1024));
    assert_eq!(of_1000.percentile(501), Some(2048));
    assert_eq!(of_1000.percentile(990), Some(2048));
    assert_eq!(of_1000.percentile(999), Some(4096));
    assert_eq!(of_1000.percentile(1000), Some(INFINITE));
    // Each percentile of one value is that value's bound.
    assert_eq!(histogram(&[(1024, 1)]).percentile(1), Some(1024));
    assert_eq!(histogram(&[]).percentile(990), None);
}

#[test]
fn a_percentile_of_any_counts_is_exact() {
    let most = histogram(&[(1024, u64::MAX / 1000 * 999), (2048, u64::MAX / 1000)]);
    assert_eq!(most.percentile(999), Some(1024));
    assert_eq!(most.percentile(1000), Some(2048));
}

/// A fuzzer found this case: the sum of the counts exceeds a `u64`.
#[test]
fn percentiles_are_right_if_the_total_exceeds_64_bits() {
    let many = histogram(&[(512, u64::MAX), (1024, u64::MAX), (2048, 1)]);
    assert_eq!(
        [499, 500, 1000].map(|permille| many.percentile(permille)),
        [Some(512), Some(1024), Some(2048)]
    );
}
