// SPDX-License-Identifier: GPL-2.0

//! Conversion of the TSC to CLOCK_MONOTONIC.

use proptest::prelude::*;

#[rustfmt::skip]
#[path = "../../module/wrappers/timeline.rs"]
mod timeline;

use timeline::{Rate, Timeline, Update};

const GHZ: u64 = 1_000_000_000;
/// An hour of ticks of 3 GHz.
const HOUR: u64 = 3600 * 3 * GHZ;

/// Returns timekeeping's rate for a TSC of this frequency.
fn rate(hz: u64) -> Rate {
    let mult = u32::try_from((GHZ << 24) / hz).unwrap();
    Rate::new(mult, 24)
}

fn update(ticks: u64, ns: u64) -> Update {
    Update {
        ticks,
        ns,
        rate: rate(3 * GHZ),
    }
}

/// Returns an update while another clock keeps the time.
fn other_clock(ns: u64) -> Update {
    Update {
        ticks: 77,
        ns,
        rate: Rate::NONE,
    }
}

/// Makes a timeline that is converted to words and back after each update, as in the kernel.
fn timeline(updates: impl IntoIterator<Item = Update>) -> Timeline {
    let mut timeline = Timeline::from_words([0; Timeline::WORDS]);
    for update in updates {
        timeline.update(update);
        timeline = Timeline::from_words(timeline.words());
    }
    timeline
}

/// Returns the timeline of a TSC of 3 GHz that was 0 at 0, an hour later.
fn an_hour_of_it() -> Timeline {
    timeline([update(0, 0), update(HOUR, 3600 * GHZ)])
}

#[test]
fn a_rate_is_mult_and_shift() {
    // 1 GHz, and 1 GHz with timekeeping's adjustment by one.
    assert_eq!(Rate::new(1 << 23, 23).ns(12_345), 12_345);
    assert_eq!(Rate::new((1 << 23) + 1, 23).ns(1 << 23), (1 << 23) + 1);
    assert_eq!(Rate::new(1 << 31, 32).ns(10), 5);
    assert_eq!(rate(3 * GHZ).ns(3 * GHZ), GHZ - 60);
}

#[test]
fn a_rate_is_none_if_the_product_of_a_short_interval_overflows() {
    // The limit is 500 MHz, 2 ns a tick: the product of Rate::SHORT ticks with less fits 64 bits.
    let slowest = Rate::new((1 << 24) - 1, 23);
    assert_ne!(slowest, Rate::NONE);
    let below = Rate::SHORT - 1;
    assert_eq!(slowest.ns_of_short(below), slowest.ns(below));
    assert_eq!(Rate::new((1 << 24) + 1, 23), Rate::NONE);
    assert_eq!(Rate::new(1, 33), Rate::NONE);
}

#[test]
fn a_long_interval_is_converted_without_overflow() {
    // A year at 1 GHz exceeds 64 bits as a product.
    let year = 365 * 86_400 * GHZ;
    assert_eq!(Rate::new(1 << 23, 23).ns(year), year);
    assert_eq!(Rate::new(1 << 23, 23).word(), 1 << 32);
    assert_eq!(Rate::from_word(1 << 32), Rate::new(1 << 23, 23));
}

#[test]
fn the_tsc_counts_from_its_first_update_on() {
    let mut timeline = timeline([]);
    assert_eq!((timeline.began(), timeline.rate()), (None, Rate::NONE));
    timeline.update(other_clock(5));
    assert_eq!(timeline.began(), None);
    timeline.update(update(100, 10));
    assert_eq!(
        (timeline.began(), timeline.rate()),
        (Some(100), rate(3 * GHZ))
    );
    assert_eq!(timeline.latest(), 100);
}

/// NTP slews by at most 500 ppm, and timekeeping makes up for omitted ticks.
#[test]
fn an_adjusted_clock_is_no_break() {
    let timeline = timeline([
        update(0, 0),
        update(HOUR, 3600 * GHZ + 3600 * 500_000),
        update(HOUR + 3 * GHZ, 3601 * GHZ + 3600 * 500_000 + 900_000),
    ]);
    assert_eq!(timeline.began(), Some(0));
    assert_eq!(
        timeline.ns_at(HOUR + 3 * GHZ, None),
        3601 * GHZ + 3600 * 500_000 + 900_000
    );
}

#[test]
fn a_tsc_just_before_or_after_the_latest_update_is_converted_by_it() {
    let timeline = an_hour_of_it();
    let second = GHZ - 60;
    assert_eq!(
        timeline.ns_at(HOUR + 3 * GHZ, Some(HOUR + 3 * GHZ)),
        3600 * GHZ + second
    );
    assert_eq!(
        timeline.ns_at(HOUR - 3 * GHZ, Some(HOUR)),
        3600 * GHZ - second
    );
    // Another processor's TSC may be slightly ahead.
    assert_eq!(timeline.ns_at(HOUR + 3, Some(HOUR)), 3600 * GHZ);
}

/// CLOCK_MONOTONIC stops during a suspend. An arrival a second before the suspend is converted by
/// the update before it, for any change of the TSC during the suspend.
#[test]
fn a_suspend_is_a_break() {
    let second = GHZ - 60;
    for (ticks, what) in [
        (2 * HOUR, "went on"),
        (1000, "was set back"),
        (HOUR, "stood still"),
    ] {
        let mut timeline = an_hour_of_it();
        timeline.update(update(ticks, 3600 * GHZ));
        let now = ticks + 30;
        if ticks == HOUR {
            assert_eq!(timeline.began(), Some(0), "{what}");
        } else {
            assert_eq!(timeline.began(), Some(ticks), "{what}");
        }
        assert_eq!(
            timeline.ns_at(HOUR - 3 * GHZ, Some(now)),
            3600 * GHZ - second,
            "{what}"
        );
        assert_eq!(timeline.ns_at(now, Some(now)), 3600 * GHZ + 9, "{what}");
    }
}

#[test]
fn a_deviation_above_a_millisecond_and_a_thousandth_is_a_break() {
    for (ns, began) in [
        // The TSC counts a second, and the clock none.
        (3600 * GHZ, HOUR + 3 * GHZ),
        (3600 * GHZ + GHZ - 2_100_000, HOUR + 3 * GHZ),
        (3600 * GHZ + GHZ - 1_900_000, 0),
        (3600 * GHZ + GHZ + 1_900_000, 0),
        (3600 * GHZ + GHZ + 2_100_000, HOUR + 3 * GHZ),
    ] {
        let mut timeline = an_hour_of_it();
        timeline.update(update(HOUR + 3 * GHZ, ns));
        assert_eq!(timeline.began(), Some(began), "{ns}");
    }
}

#[test]
fn stamps_stay_valid_while_another_clock_keeps_the_time() {
    let mut timeline = an_hour_of_it();
    timeline.update(other_clock(3601 * GHZ));
    assert_eq!(timeline.began(), None);
    // The last rate stays.
    assert_eq!(timeline.rate(), rate(3 * GHZ));
    assert_eq!(
        (timeline.latest(), timeline.ns_at(HOUR, None)),
        (HOUR, 3600 * GHZ)
    );
    // The TSC keeps the time again. An arrival from before the other clock is converted by an
    // update of that period.
    timeline.update(update(HOUR + 90 * GHZ, 3660 * GHZ));
    assert_eq!(timeline.began(), Some(HOUR + 90 * GHZ));
    assert_eq!(timeline.ns_at(HOUR, Some(HOUR + 91 * GHZ)), 3600 * GHZ);
    assert_eq!(
        timeline.ns_at(HOUR + 90 * GHZ, Some(HOUR + 91 * GHZ)),
        3660 * GHZ
    );
}

proptest! {
    #[test]
    fn both_conversions_agree_on_short_intervals(ticks in 0..Rate::SHORT, mult: u32, shift in 0_u32..40) {
        let rate = Rate::new(mult, shift);
        prop_assert_eq!(rate.ns_of_short(ticks), rate.ns(ticks));
        prop_assert!(rate.ns(ticks) <= u64::from(u32::MAX));
    }

    #[test]
    fn a_timeline_is_restored_from_its_words(updates in prop::collection::vec((any::<u64>(), any::<u64>(), any::<bool>()), 0..5)) {
        let mut whole = Timeline::from_words([0; Timeline::WORDS]);
        for (ticks, ns, by_tsc) in updates {
            whole.update(if by_tsc { update(ticks, ns) } else { other_clock(ns) });
            prop_assert_eq!(Timeline::from_words(whole.words()), whole);
        }
    }
}
