// SPDX-License-Identifier: GPL-2.0

use dmpstat::model::units::{bound, bytes, duration, duration_down, duration_up};
use proptest::prelude::*;

#[test]
fn bytes_are_in_the_largest_unit_that_fits() {
    let amounts = [0.0, 1023.0, 1024.0, 5_000_000.0, 1e12, 2e18, 2e21].map(bytes);
    assert_eq!(
        amounts,
        [
            "0.0",
            "1023.0",
            "1.0k",
            "4.8M",
            "931.3G",
            "1776.4P",
            "1776356.8P"
        ]
    );
}

#[test]
fn durations_have_three_digits() {
    let amounts = [
        0.0,
        999.0,
        999.6,
        1024.0,
        16384.0,
        131072.0,
        999_999.0,
        67e6,
        68_719_476_736.0,
        1e12,
    ];
    assert_eq!(
        amounts.map(duration),
        [
            "0.00ns", "999ns", "1.00us", "1.02us", "16.4us", "131us", "1.00ms", "67.0ms", "68.7s",
            "1000s"
        ]
    );
}

#[test]
fn durations_are_rounded_up() {
    for (nanoseconds, expected) in [
        (0.0, "0.00ns"),
        (0.4, "0.40ns"),
        (5.0, "5.00ns"),
        (101.0, "101ns"),
        (1000.0, "1.00us"),
        (1001.0, "1.01us"),
        (9_994.0, "10.0us"),
        (10_001.0, "10.1us"),
        (131_072.0, "132us"),
        (999_001.0, "1.00ms"),
        (68_719_476_736.0, "68.8s"),
    ] {
        assert_eq!(duration_up(nanoseconds), expected, "{nanoseconds}");
    }
}

#[test]
fn durations_are_rounded_down() {
    for (nanoseconds, expected) in [
        (0.0, "0.00ns"),
        (0.4, "0.40ns"),
        (0.009, "0.00ns"),
        // 0.29 / 0.01 is a bit less than 29.
        (0.29, "0.29ns"),
        (5.0, "5.00ns"),
        (999.9, "999ns"),
        (1000.0, "1.00us"),
        (1009.0, "1.00us"),
        (1_048_576.0, "1.04ms"),
        (61_000_000.0, "61.0ms"),
        (68_719_476_736.0, "68.7s"),
    ] {
        assert_eq!(duration_down(nanoseconds), expected, "{nanoseconds}");
    }
}

#[test]
fn bounds_have_two_digits_and_are_rounded_up() {
    let bounds = [
        0.0, 0.001024, 0.016384, 0.131072, 1.0, 1.048576, 10.0, 33.6, 134.217728, 68719.5,
    ];
    assert_eq!(
        bounds.map(bound),
        [
            "0", "0.0011", "0.017", "0.14", "1.0", "1.1", "10", "34", "140", "69000"
        ]
    );
}

proptest! {
    #[test]
    fn a_shown_bound_is_at_most_a_tenth_above_the_exact_one(nanoseconds in 1_u64..1 << 55) {
        let milliseconds = nanoseconds as f64 / 1e6;
        let shown: f64 = bound(milliseconds).parse().unwrap();
        prop_assert!(shown >= milliseconds * (1.0 - 1e-9) && shown <= milliseconds * 1.1);
    }
}
