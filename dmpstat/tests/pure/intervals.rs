// SPDX-License-Identifier: GPL-2.0

use std::time::Duration;

use dmpstat::column::Quantity;
use dmpstat::interval::{Anew, Interval};
use dmpstat::operation::Operation::{Flush, Read, Write};
use dmpstat::snapshot::Snapshot;
use proptest::prelude::*;

fn snapshot(since: u64, taken: u64, latency: &str, reads: &str) -> Snapshot {
    let text = format!(
        "dmp 1\ndevice dm-1\nname a\ndiskseq 7\nsince {since}\ntaken {taken}\nlatency {latency}\n{reads}"
    );
    Snapshot::parse(text.as_bytes()).unwrap()
}

const EARLY: &str = "read requests 100 bytes 51200 errors 1 again 2 inflight 3 latency_ns 9400 latency_max_ns 200\n\
    read sizes 512:100\nread latencies 1024:94\n";
const LATE: &str = "read requests 150 bytes 102400 errors 2 again 4 inflight 1 latency_ns 14400 latency_max_ns 300\n\
    read sizes 512:100 1024:50\nread latencies 1024:143\n";

#[test]
fn an_interval_has_the_differences_and_what_is_under_way_at_its_end() {
    let (early, late) = (
        snapshot(5, 1_000_000_005, "on", EARLY),
        snapshot(5, 3_500_000_005, "on", LATE),
    );
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.length, interval.anew),
        (Duration::from_millis(2500), None)
    );
    let reads = interval.of(Read).unwrap();
    assert_eq!(
        (reads.requests, reads.bytes, reads.errors, reads.again),
        (50, 51200, Some(1), Some(2))
    );
    assert_eq!(
        (reads.sizes.buckets(), reads.inflight),
        ([(1024, 50)].as_slice(), Some(1))
    );
    let timing = reads.timing.as_ref().unwrap();
    assert_eq!(
        (timing.sum, timing.latencies.buckets()),
        (5000, [(1024, 49)].as_slice())
    );
    assert_eq!(interval.rate(reads.requests), Some(20.0));
    assert_eq!(interval.of(Write), None);
}

#[test]
fn a_reset_another_device_and_a_first_snapshot_begin_anew_where_counting_did() {
    let early = snapshot(5, 1_000_000_005, "on", LATE);
    let late = snapshot(2_000_000_005, 3_500_000_005, "on", EARLY);
    let reset = Interval::between(Some(&early), &late);
    assert_eq!(
        (reset.anew, reset.length),
        (Some(Anew::Reset), Duration::from_millis(1500))
    );
    assert_eq!(reset.operations, late.operations);

    let other = Snapshot {
        diskseq: 8,
        ..late.clone()
    };
    let device = Interval::between(Some(&early), &other);
    assert_eq!(
        (device.anew, device.length),
        (Some(Anew::Device), Duration::from_millis(1500))
    );
    assert_eq!(Interval::between(None, &late).anew, Some(Anew::Device));
}

#[test]
fn counters_that_went_back_were_reset() {
    let (early, late) = (
        snapshot(5, 1005, "on", LATE),
        snapshot(5, 2005, "on", EARLY),
    );
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.anew, &interval.operations),
        (Some(Anew::Reset), &late.operations)
    );
}

#[test]
fn where_latency_was_switched_all_else_is_exact_and_of_latencies_nothing_is_said() {
    let off = "read requests 100 bytes 51200 errors 1 again 2\nread sizes 512:100\n";
    let (early, late) = (snapshot(5, 1005, "off", off), snapshot(5, 2005, "on", LATE));
    for (early, late, inflight) in [
        (&early, &late, Some(1)),
        (
            &snapshot(5, 1005, "on", EARLY),
            &snapshot(5, 2005, "off", off),
            None,
        ),
        // Off and on again.
        (
            &snapshot(5, 1005, "on", EARLY),
            &snapshot(5, 2005, "on", &EARLY.replace("9400", "9399")),
            Some(3),
        ),
    ] {
        let interval = Interval::between(Some(early), late);
        let reads = interval.of(Read).unwrap();
        assert_eq!(
            (interval.anew, interval.latency_length),
            (Some(Anew::Latency), None)
        );
        let requests = late.of(Read).unwrap().requests - 100;
        assert_eq!(
            (reads.requests, &reads.timing, reads.inflight),
            (requests, &None, inflight)
        );
    }
}

/// The sum and the buckets are more than before, so nothing but `latency_since` tells.
#[test]
fn latencies_that_were_switched_on_within_the_interval_are_of_the_time_since_then() {
    let late = snapshot(5, 5_000_000_005, "on\nlatency_since 3500000005", LATE);
    let off = "read requests 100 bytes 51200 errors 1 again 2\nread sizes 512:100\n";
    for early in [
        snapshot(5, 1_000_000_005, "on\nlatency_since 5", EARLY),
        snapshot(5, 1_000_000_005, "off", off),
    ] {
        let interval = Interval::between(Some(&early), &late);
        assert_eq!(
            (interval.anew, interval.length, interval.latency_length),
            (
                Some(Anew::Latency),
                Duration::from_secs(4),
                Some(Duration::from_millis(1500))
            )
        );
        let reads = interval.of(Read).unwrap();
        assert_eq!((reads.requests, reads.errors), (50, Some(1)));
        assert_eq!(reads.timing, late.of(Read).unwrap().timing);
    }
}

#[test]
fn latencies_that_went_on_have_the_length_of_the_interval() {
    let early = snapshot(5, 1_000_000_005, "on\nlatency_since 7", EARLY);
    let late = snapshot(5, 5_000_000_005, "on\nlatency_since 7", LATE);
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.anew, interval.latency_length),
        (None, Some(Duration::from_secs(4)))
    );
    let sum = |interval: &Interval| interval.of(Read)?.timing.as_ref().map(|timing| timing.sum);
    assert_eq!(sum(&interval), Some(5000));
    // A sum that went back was begun again, whatever the text says.
    let back = snapshot(
        5,
        5_000_000_005,
        "on\nlatency_since 7",
        &LATE.replace("14400", "9399"),
    );
    let interval = Interval::between(Some(&early), &back);
    assert_eq!(
        (interval.anew, interval.latency_length, sum(&interval)),
        (Some(Anew::Latency), None, None)
    );
}

#[test]
fn a_first_report_knows_the_time_in_which_latencies_were_measured() {
    let lengths = |latency: &str, reads: &str| {
        let interval = Interval::since_reset(&snapshot(5, 5_000_000_005, latency, reads));
        (interval.length.as_secs(), interval.latency_length)
    };
    let milliseconds = |length| (5, Some(Duration::from_millis(length)));
    let later = "on\nlatency_since 3500000005";
    assert_eq!(lengths(later, LATE), milliseconds(1500));
    assert_eq!(lengths("off\nlatency_since 3500000005", ""), (5, None));
    // An older module does not say when: if each request was measured, it was all of the time.
    assert_eq!(lengths("on", EARLY), milliseconds(5000));
    let unmeasured = EARLY.replace("1024:94", "1024:93");
    assert_eq!(lengths("on", &unmeasured), (5, None));
}

#[test]
fn a_clock_that_stands_still_or_goes_back_has_no_rate() {
    for taken in [1005, 900] {
        let (early, late) = (
            snapshot(5, 1005, "on", EARLY),
            snapshot(5, taken, "on", LATE),
        );
        let interval = Interval::between(Some(&early), &late);
        assert_eq!((interval.length, interval.rate(50)), (Duration::ZERO, None));
    }
}

/// The snapshot has no flush line while flushes bypass the counters, and the older counts afterwards.
#[test]
fn an_operation_without_an_earlier_count_is_not_measured_in_the_interval() {
    let flushes = "flush requests 1000 bytes 0 errors 5 again 6\nflush sizes 512:1000\n";
    let without = snapshot(5, 1_000_000_005, "on", EARLY);
    let with = snapshot(5, 2_000_000_005, "on", &format!("{EARLY}{flushes}"));
    let interval = Interval::between(Some(&without), &with);
    assert_eq!((interval.anew, interval.of(Flush)), (None, None));
    assert_eq!(Quantity::Rate(Flush).value(&interval), None);
    // Totals are of the operations that are measured.
    assert_eq!(Quantity::Errors.value(&interval), Some(0.0));
    assert_eq!(Interval::between(Some(&with), &without).of(Flush), None);
    assert_eq!(
        Interval::since_reset(&with).of(Flush).unwrap().requests,
        1000
    );
}

#[test]
fn a_counter_without_an_earlier_value_has_no_difference() {
    let reads = |others: &str| {
        let line = format!("read requests 9 bytes 0{others}\nread sizes 512:9\n");
        snapshot(5, 1005, "off", &line)
    };
    let (without, with) = (reads(""), reads(" errors 7 again 8"));
    let interval = Interval::between(Some(&without), &with);
    let counters = interval.of(Read).unwrap();
    assert_eq!((counters.errors, counters.again), (None, None));
    assert_eq!(Quantity::Errors.value(&interval), None);
}

#[test]
fn idle_is_what_has_nothing_under_way_either() {
    let idle = EARLY.replace("inflight 3", "inflight 0");
    let interval = |late: &str| {
        Interval::between(
            Some(&snapshot(5, 1005, "on", &idle)),
            &snapshot(5, 2005, "on", late),
        )
    };
    assert!(interval(&idle).is_idle());
    assert!(!interval(EARLY).is_idle());
    assert!(!interval(LATE).is_idle());
}

proptest! {
    #[test]
    fn no_difference_is_more_than_what_was_counted(
        counts in any::<[u64; 8]>(),
        times in any::<[u64; 4]>(),
    ) {
        let reads = |at: usize| format!(
            "read requests {} bytes {} errors {} again 0 inflight 0 latency_ns {} latency_max_ns 0\n",
            counts[at], counts[at + 1], counts[at + 2], counts[at + 3]
        );
        let before = snapshot(times[0], times[1], "on", &reads(0));
        let now = snapshot(times[0], times[2], "on", &reads(4));
        let interval = Interval::between(Some(&before), &now);
        let reads = interval.of(Read).unwrap();
        prop_assert!(reads.requests <= counts[4] && reads.bytes <= counts[5]);
        prop_assert!(reads.errors <= Some(counts[6]));
        prop_assert!(reads.timing.as_ref().is_none_or(|timing| timing.sum <= counts[7]));
        prop_assert!(interval.length.as_nanos() <= u128::from(times[2]));
    }
}
