// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::stamp::Stamp;

/// An age, which both ways to it must agree on.
fn age(stamp: Stamp, ns: u64) -> u64 {
    let age = stamp.age(ns);
    let below = age
        .checked_sub(1)
        .and_then(|below| u32::try_from(below).ok());
    assert_eq!(stamp.below_age(ns), below);
    age
}

#[test]
fn one_comparison_finds_what_is_measured_and_usual() {
    for operation in 0..6 {
        let measured = Stamp::measured(operation, 77 << 8);
        let expected = (operation < 2).then_some((measured, operation));
        assert_eq!(Stamp::measured_below(measured.word(), 2), expected);
        let unmeasured = Stamp::unmeasured(operation).word();
        assert_eq!(Stamp::measured_below(unmeasured, 2), None);
    }
    assert_eq!(Stamp::measured_below(0, 2), None);
}

#[test]
fn the_word_of_no_stamp_is_0_and_each_stamps_word_is_its_own() {
    assert_eq!(Stamp::from_word(0), None);
    for operation in 0..6 {
        for stamp in [
            Stamp::unmeasured(operation),
            Stamp::measured(operation, 0),
            Stamp::measured(operation, (1 << 56) - 1),
        ] {
            assert_ne!(stamp.word(), 0);
            assert_eq!(Stamp::from_word(stamp.word()), Some(stamp));
            assert_eq!(stamp.operation(), operation);
        }
        assert!(!Stamp::unmeasured(operation).is_measured());
        assert!(Stamp::measured(operation, 0).is_measured());
    }
}

#[test]
fn an_age_is_to_the_nanosecond_up_to_a_year() {
    let stamp = Stamp::measured(1, 1000);
    for expected in [0, 1, 2, 255, 256, 1 << 32, (1 << 55) - 1] {
        assert_eq!(age(stamp, 1000 + expected), expected);
    }
}

/// A clock that another processor has a little later: 2^56 ns less that little would be in the sum and
/// the maximum for good.
#[test]
fn a_clock_that_seems_to_go_back_makes_a_request_of_no_time() {
    let stamp = Stamp::measured(0, 1_000_000);
    for ns in [999_999, 999_000, 0] {
        assert_eq!(age(stamp, ns), 0);
    }
    // The same is taken of what would be more than a year.
    assert_eq!(age(Stamp::measured(0, 0), (1 << 55) + 1), 0);
}

#[test]
fn the_time_may_wrap() {
    let stamp = Stamp::measured(0, (1 << 56) - 10);
    assert_eq!(age(stamp, (1 << 56) + 32), 42);
    assert_eq!(age(stamp, 32), 42);
}

proptest! {
    #[test]
    fn an_age_is_how_long_ago_it_is(operation in 0_u8..6, begin: u64, age_ns in 0_u64..1 << 55) {
        let stamp = Stamp::measured(operation, begin);
        prop_assert_eq!(age(stamp, begin.wrapping_add(age_ns)), age_ns);
        prop_assert_eq!(stamp.operation(), operation);
    }
}
