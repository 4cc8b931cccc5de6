// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::stamp::{Clock, GENERATIONS, OPERATIONS, Stamp, Tag};

/// Number of values of a stamp's time.
const WRAP: u64 = 1 << 53;

fn tag() -> Tag {
    Tag::measured(0, Clock::Tsc)
}

fn tags() -> impl Iterator<Item = Tag> {
    (0..GENERATIONS).flat_map(|generation| Clock::ALL.map(|clock| Tag::measured(generation, clock)))
}

/// Returns an age, and asserts that all methods return the same.
fn age(stamp: Stamp, time: u64) -> u64 {
    let age = stamp.age(time);
    let below = stamp.age_less_one(time);
    if age > 0 {
        assert_eq!(below, age - 1);
        assert_eq!(stamp.arrival(time), time.wrapping_sub(age));
    } else {
        // One comparison detects the age 0 together with long ages.
        assert!(below > WRAP / 2);
    }
    age
}

#[test]
fn operation_below_finds_only_measured_operations_of_the_same_tag() {
    for (n, tag) in tags().enumerate() {
        for operation in 0..6 {
            let stamp = Stamp::measured(tag, operation, 77 << 8);
            for (m, other) in tags().enumerate() {
                let expected = (n == m && operation < 2).then_some(operation);
                assert_eq!(stamp.operation_below(2, other), expected);
            }
            assert_eq!(Stamp::unmeasured(operation).operation_below(2, tag), None);
        }
    }
}

#[test]
fn a_clock_is_found_by_its_number() {
    assert_eq!(Clock::ALL.map(Clock::number), [0, 1]);
    assert_eq!(Clock::ALL, [Clock::Monotonic, Clock::Tsc]);
}

/// A request without a stamp has the word 0, which is also the stamp of an unmeasured read.
#[test]
fn a_stamp_keeps_its_parts_and_only_an_unmeasured_one_can_be_0() {
    for operation in 0..OPERATIONS as u8 {
        let unmeasured = Stamp::unmeasured(operation);
        assert_eq!(unmeasured.word() == 0, operation == 0);
        assert_eq!(Stamp::from_word(unmeasured.word()), unmeasured);
        assert_eq!(
            (unmeasured.operation(), unmeasured.tag()),
            (operation, None)
        );
        for generation in 0..GENERATIONS {
            for clock in Clock::ALL {
                for time in [0, 1, WRAP - 1] {
                    let stamp = Stamp::measured(Tag::measured(generation, clock), operation, time);
                    assert_ne!(stamp.word(), 0);
                    assert_eq!(Stamp::from_word(stamp.word()), stamp);
                    assert_eq!(stamp.operation(), operation);
                    let tag = stamp.tag().unwrap();
                    assert_eq!((tag.generation(), tag.clock()), (generation, clock));
                    let other = Clock::ALL[1 - clock.number()];
                    assert_eq!(tag.with_clock(other), Tag::measured(generation, other));
                }
            }
        }
    }
}

/// Bits 8 to 10 are reserved for the size class of a later version.
#[test]
fn the_time_is_above_the_size_class() {
    assert_eq!(Stamp::measured(tag(), 1, 1).word() >> 8, 1 << 3);
    assert_eq!(Stamp::measured(tag(), 1, WRAP - 1).word() >> 11, WRAP - 1);
}

#[test]
fn an_age_is_exact_up_to_the_wrap() {
    let stamp = Stamp::measured(tag(), 1, 1000);
    for expected in [0, 1, 2, 255, 256, 1 << 31, 1 << 32, WRAP - (1 << 41)] {
        assert_eq!(age(stamp, 1000 + expected), expected);
    }
}

/// The processor that ends a request may have a slightly earlier clock. A negative age would wrap
/// round, and corrupt the sum and the maximum.
#[test]
fn a_clock_that_went_back_makes_an_age_of_0() {
    for (arrival, time) in [
        (1_000_000, 999_999),
        (1_000_000, 0),
        (1 << 39, 1),
        (WRAP + 5, WRAP),
    ] {
        let stamp = Stamp::measured(tag(), 0, arrival);
        assert_eq!(age(stamp, time), 0);
        assert_eq!(stamp.arrival(time), arrival);
    }
}

#[test]
fn the_time_wraps() {
    let stamp = Stamp::measured(tag(), 0, WRAP - 10);
    assert_eq!(age(stamp, WRAP + 32), 42);
    assert_eq!(stamp.arrival(WRAP + 32), WRAP - 10);
    assert_eq!(age(stamp, 32), 42);
}

/// The numbers are those in the stamp's documentation.
#[test]
fn the_wrap_is_after_104_days_of_nanoseconds_and_34_of_a_tsc_of_3_ghz() {
    let days = |per_second: u64| WRAP / per_second / 86_400;
    assert_eq!((days(1_000_000_000), days(3_000_000_000)), (104, 34));
}

proptest! {
    #[test]
    fn an_age_is_the_time_since_the_arrival(
        operation in 0_u8..6, begin: u64, interval in 1..WRAP - (1 << 41)
    ) {
        let stamp = Stamp::measured(tag(), operation, begin);
        prop_assert_eq!(age(stamp, begin.wrapping_add(interval)), interval);
        prop_assert_eq!(stamp.arrival(begin.wrapping_add(interval)), begin);
        prop_assert_eq!(stamp.operation(), operation);
    }
}
