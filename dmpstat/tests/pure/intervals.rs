// SPDX-License-Identifier: GPL-2.0

use std::time::Duration;

use dmpstat::model::column::Quantity;
use dmpstat::model::interval::{Interval, Restart};
use dmpstat::model::operation::Operation::{Flush, Read, Write};
use dmpstat::model::snapshot::Snapshot;
use dmpstat::model::statistic::Statistic::{Again, Errors, Inflight, LatencySum, RestSum};
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
fn an_interval_has_differences_and_the_final_inflight() {
    let (early, late) = (
        snapshot(5, 1_000_000_005, "on", EARLY),
        snapshot(5, 3_500_000_005, "on", LATE),
    );
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.length, interval.restart),
        (Duration::from_millis(2500), None)
    );
    let reads = interval.of(Read).unwrap();
    assert_eq!(
        (
            reads.requests(),
            reads.bytes(),
            reads.of(Errors),
            reads.of(Again)
        ),
        (50, 51200, Some(1), Some(2))
    );
    assert_eq!(
        (reads.sizes.buckets(), reads.of(Inflight)),
        ([(1024, 50)].as_slice(), Some(1))
    );
    let timing = reads.timing.as_ref().unwrap();
    assert_eq!(
        (timing.sum(), timing.latencies.buckets()),
        (5000, [(1024, 49)].as_slice())
    );
    assert_eq!(interval.rate(reads.requests()), Some(20.0));
    assert_eq!(interval.of(Write), None);
}

#[test]
fn a_reset_another_device_or_a_first_snapshot_restarts_the_interval() {
    let early = snapshot(5, 1_000_000_005, "on", LATE);
    let late = snapshot(2_000_000_005, 3_500_000_005, "on", EARLY);
    let reset = Interval::between(Some(&early), &late);
    assert_eq!(
        (reset.restart, reset.length),
        (Some(Restart::Reset), Duration::from_millis(1500))
    );
    assert_eq!(reset.operations, late.operations);

    let other = Snapshot {
        diskseq: 8,
        ..late.clone()
    };
    let device = Interval::between(Some(&early), &other);
    assert_eq!(
        (device.restart, device.length),
        (Some(Restart::Device), Duration::from_millis(1500))
    );
    assert_eq!(
        Interval::between(None, &late).restart,
        Some(Restart::Device)
    );
}

#[test]
fn decreased_counters_mean_a_reset() {
    let (early, late) = (
        snapshot(5, 1005, "on", LATE),
        snapshot(5, 2005, "on", EARLY),
    );
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.restart, &interval.operations),
        (Some(Restart::Reset), &late.operations)
    );
}

#[test]
fn a_latency_switch_makes_latencies_unknown_and_keeps_requests_exact() {
    let off = "read requests 100 bytes 51200 errors 1 again 2\nread sizes 512:100\n";
    let (early, late) = (snapshot(5, 1005, "off", off), snapshot(5, 2005, "on", LATE));
    for (early, late, inflight) in [
        (&early, &late, Some(1)),
        (
            &snapshot(5, 1005, "on", EARLY),
            &snapshot(5, 2005, "off", off),
            None,
        ),
        // Latencies were switched off and on again.
        (
            &snapshot(5, 1005, "on", EARLY),
            &snapshot(5, 2005, "on", &EARLY.replace("9400", "9399")),
            Some(3),
        ),
    ] {
        let interval = Interval::between(Some(early), late);
        let reads = interval.of(Read).unwrap();
        assert_eq!(
            (interval.restart, interval.latency_length),
            (Some(Restart::Latency), None)
        );
        let requests = late.of(Read).unwrap().requests() - 100;
        assert_eq!(
            (reads.requests(), &reads.timing, reads.of(Inflight)),
            (requests, &None, inflight)
        );
    }
}

/// The sum and the buckets have grown, so only `latency_since` reveals the switch.
#[test]
fn latencies_switched_on_within_the_interval_cover_the_time_since() {
    let late = snapshot(5, 5_000_000_005, "on\nlatency_since 3500000005", LATE);
    let off = "read requests 100 bytes 51200 errors 1 again 2\nread sizes 512:100\n";
    for early in [
        snapshot(5, 1_000_000_005, "on\nlatency_since 5", EARLY),
        snapshot(5, 1_000_000_005, "off", off),
    ] {
        let interval = Interval::between(Some(&early), &late);
        assert_eq!(
            (interval.restart, interval.length, interval.latency_length),
            (
                Some(Restart::Latency),
                Duration::from_secs(4),
                Some(Duration::from_millis(1500))
            )
        );
        let reads = interval.of(Read).unwrap();
        assert_eq!((reads.requests(), reads.of(Errors)), (50, Some(1)));
        assert_eq!(reads.timing, late.of(Read).unwrap().timing);
    }
}

#[test]
fn a_decrease_of_some_operations_latencies_makes_all_unknown() {
    let early = snapshot(
        5,
        1005,
        "on",
        &format!("{EARLY}{}", timed("write", [50, 0], 0, "")),
    );
    // The latencies of the reads decrease, then those of both operations.
    for writes in [70, 49] {
        let late = EARLY.replace("9400", "9399") + &timed("write", [writes, 0], 0, "");
        let interval = Interval::between(Some(&early), &snapshot(5, 2005, "on", &late));
        assert_eq!(
            (interval.restart, interval.inflight_ns),
            (Some(Restart::Latency), None)
        );
        for operation in [Read, Write] {
            assert_eq!(interval.of(operation).unwrap().timing, None);
        }
    }
}

#[test]
fn unswitched_latencies_cover_the_whole_interval() {
    let early = snapshot(5, 1_000_000_005, "on\nlatency_since 7", EARLY);
    let late = snapshot(5, 5_000_000_005, "on\nlatency_since 7", LATE);
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.restart, interval.latency_length),
        (None, Some(Duration::from_secs(4)))
    );
    let sum = |interval: &Interval| interval.of(Read)?.of(LatencySum);
    assert_eq!(sum(&interval), Some(5000));
    // A sum that decreased has restarted, even if `latency_since` is the same.
    let back = snapshot(
        5,
        5_000_000_005,
        "on\nlatency_since 7",
        &LATE.replace("14400", "9399"),
    );
    let interval = Interval::between(Some(&early), &back);
    assert_eq!(
        (interval.restart, interval.latency_length, sum(&interval)),
        (Some(Restart::Latency), None, None)
    );
    assert_eq!(interval.inflight_ns, None);
}

#[test]
fn a_first_report_knows_the_time_with_measured_latencies() {
    let lengths = |latency: &str, reads: &str| {
        let interval = Interval::since_reset(&snapshot(5, 5_000_000_005, latency, reads));
        (interval.length.as_secs(), interval.latency_length)
    };
    let milliseconds = |length| (5, Some(Duration::from_millis(length)));
    let later = "on\nlatency_since 3500000005";
    assert_eq!(lengths(later, LATE), milliseconds(1500));
    assert_eq!(lengths("off\nlatency_since 3500000005", ""), (5, None));
    // An older module does not report when latencies were switched on. If each request was measured,
    // latencies were always on.
    assert_eq!(lengths("on", EARLY), milliseconds(5000));
    let unmeasured = EARLY.replace("1024:94", "1024:93");
    assert_eq!(lengths("on", &unmeasured), (5, None));
}

#[test]
fn a_constant_or_decreasing_clock_gives_no_rate() {
    for taken in [1005, 900] {
        let (early, late) = (
            snapshot(5, 1005, "on", EARLY),
            snapshot(5, taken, "on", LATE),
        );
        let interval = Interval::between(Some(&early), &late);
        assert_eq!((interval.length, interval.rate(50)), (Duration::ZERO, None));
        assert_eq!((interval.inflight_ns, queue(&interval)), (Some(5000), None));
    }
}

/// The snapshot has no flush line while flushes bypass the counters. Afterwards it has the earlier counts.
#[test]
fn an_operation_without_an_earlier_count_is_unmeasured() {
    let flushes = "flush requests 1000 bytes 0 errors 5 again 6\nflush sizes 512:1000\n";
    let without = snapshot(5, 1_000_000_005, "on", EARLY);
    let with = snapshot(5, 2_000_000_005, "on", &format!("{EARLY}{flushes}"));
    let interval = Interval::between(Some(&without), &with);
    assert_eq!((interval.restart, interval.of(Flush)), (None, None));
    assert_eq!(Quantity::Rate(Flush).value(&interval), None);
    // Totals cover the measured operations.
    assert_eq!(Quantity::ErrorRate.value(&interval), Some(0.0));
    assert_eq!(Interval::between(Some(&with), &without).of(Flush), None);
    assert_eq!(
        Interval::since_reset(&with).of(Flush).unwrap().requests(),
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
    assert_eq!((counters.of(Errors), counters.of(Again)), (None, None));
    assert_eq!(Quantity::ErrorRate.value(&interval), None);
}

#[test]
fn an_idle_device_has_no_arrivals_completions_or_requests_in_flight() {
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
    // A request that arrived before the interval completed within it.
    assert!(!interval(&idle.replace("1024:94", "1024:95")).is_idle());
}

/// Returns the lines of an operation for tests of its time in flight.
fn timed(operation: &str, durations: [u64; 2], inflight: u64, age: &str) -> String {
    let [latency, rest] = durations;
    format!(
        "{operation} requests 9 bytes 0 errors 0 again 0 inflight {inflight} latency_ns {latency} \
         latency_max_ns 0{age} rest_ns {rest}\n{operation} latencies 1024:9\n"
    )
}

/// Returns the snapshot of a device whose latencies were switched on after its last reset.
fn aged(taken: u64, operations: &str) -> Snapshot {
    snapshot(5, taken, "on\nlatency_since 100", operations)
}

fn queue(interval: &Interval) -> Option<f64> {
    Quantity::Queue.value(interval)
}

#[test]
fn the_mean_inflight_is_exact() {
    let early =
        timed("read", [1000, 200], 4, " age_ns 70") + &timed("flush", [5, 0], 0, " age_ns 0");
    let late =
        timed("read", [1500, 260], 2, " age_ns 30") + &timed("flush", [75, 0], 1, " age_ns 10");
    let interval = Interval::between(Some(&aged(1000, &early)), &aged(1400, &late));
    // In 400 ns, reads were in flight for 500 + 60 - 40 ns, and flushes for 70 + 0 + 10 ns.
    assert_eq!(
        (interval.inflight_ns, queue(&interval)),
        (Some(600), Some(1.5))
    );
    let timing = interval.of(Read).unwrap().timing.as_ref().unwrap();
    assert_eq!((timing.sum(), timing.values.get(RestSum)), (500, Some(60)));
    // An operation that one of the snapshots lacks is in no total.
    let early = timed("read", [1000, 200], 4, " age_ns 70");
    let interval = Interval::between(Some(&aged(1000, &early)), &aged(1400, &late));
    assert_eq!(queue(&interval), Some(1.3));
    // Nothing is measured.
    let interval = Interval::between(Some(&aged(1000, "")), &aged(1400, &late));
    assert_eq!(queue(&interval), None);
}

#[test]
fn a_hung_disk_has_its_inflight_requests_as_mean() {
    let reads = |age: u64| timed("read", [700, 300], 3, &format!(" age_ns {age}"));
    let (early, late) = (aged(1000, &reads(600)), aged(5000, &reads(12_600)));
    assert_eq!(queue(&Interval::between(Some(&early), &late)), Some(3.0));
    // In the first 4900 ns, requests were in flight for 1000 + 12600 ns.
    let first = Interval::since_reset(&late);
    assert_eq!(
        (first.inflight_ns, first.latency_length),
        (Some(13_600), Some(Duration::from_nanos(4900)))
    );
}

#[test]
fn the_mean_inflight_is_unknown_without_an_operations_age() {
    let reads = |age: &str| timed("read", [0, 0], 1, age) + &timed("write", [0, 0], 0, " age_ns 0");
    let (with, without) = (reads(" age_ns 0"), reads(""));
    for (early, late, expected) in [
        (&with, &with, Some(0.0)),
        (&with, &without, None),
        (&without, &with, None),
    ] {
        let interval = Interval::between(Some(&aged(1000, early)), &aged(1400, late));
        assert_eq!(queue(&interval), expected);
        // Everything else is known.
        assert_eq!(Quantity::Inflight.value(&interval), Some(1.0));
        assert!(interval.of(Read).unwrap().timing.is_some());
    }
    assert_eq!(queue(&Interval::since_reset(&aged(1400, &without))), None);
    let no_rest = with.replace(" rest_ns 0", "");
    let interval = Interval::between(Some(&aged(1000, &with)), &aged(1400, &no_rest));
    assert_eq!(queue(&interval), None);
}

/// An older module has no ages, so the mean covers completed requests, as in iostat.
#[test]
fn the_mean_inflight_without_ages_covers_completed_requests() {
    let (early, late) = (
        snapshot(5, 1005, "on", EARLY),
        snapshot(5, 3505, "on", LATE),
    );
    let interval = Interval::between(Some(&early), &late);
    assert_eq!(
        (interval.inflight_ns, queue(&interval)),
        (Some(5000), Some(2.0))
    );
    assert_eq!(Interval::since_reset(&early).inflight_ns, Some(9400));
}

#[test]
fn a_mean_inflight_is_never_negative() {
    let reads = |age: u64| timed("read", [0, 0], 1, &format!(" age_ns {age}"));
    let interval = Interval::between(Some(&aged(1000, &reads(50))), &aged(1400, &reads(49)));
    assert_eq!(queue(&interval), Some(0.0));
}

/// Requests in flight at a reset count from the reset on, or the mean is unknown.
#[test]
fn the_mean_inflight_after_a_reset_covers_the_time_since() {
    let of = |requests: u64, others: &str, durations: [u64; 2], inflight: u64, age: u64| {
        let line = timed("read", durations, inflight, &format!(" age_ns {age}"))
            .replace("requests 9", &format!("requests {requests}"))
            .replace("errors 0 again 0", others)
            .replace("latencies 1024:9", "latencies");
        let now = snapshot(1000, 3000, "on\nlatency_since 1000", &line);
        queue(&Interval::since_reset(&now))
    };
    let none = "errors 0 again 0";
    // All requests arrived before the reset; all arrived after it; or some before and some after.
    assert_eq!(of(0, none, [0, 0], 3, 90_000), Some(3.0));
    assert_eq!(of(3, none, [0, 0], 3, 5000), Some(2.5));
    assert_eq!(of(1, none, [0, 0], 3, 90_000), None);
    assert_eq!(of(2, none, [0, 0], 3, 2001), None);
    assert_eq!(of(3, "errors 1 again 1", [0, 0], 3, 90_000), None);
    // The sum of all ages is less than the time since the reset, so no request is from before it.
    assert_eq!(of(1, none, [0, 0], 3, 2000), Some(1.0));
    // The whole duration of a completed request may be from before the reset.
    assert_eq!(of(9, none, [4000, 10], 0, 0), Some(2.005));
    assert_eq!(of(9, none, [4000, 11], 0, 0), None);
    // This is also true after a switch of latencies.
    let now = snapshot(
        1000,
        3000,
        "on\nlatency_since 1000",
        &timed("read", [4000, 11], 0, " age_ns 0"),
    );
    let before = snapshot(5, 900, "off", "read requests 9 bytes 0\n");
    assert_eq!(queue(&Interval::between(Some(&before), &now)), None);
    let now = aged(3100, &timed("read", [4000, 500], 2, " age_ns 90000"));
    let before = snapshot(5, 90, "off", "read requests 9 bytes 0\n");
    let switched = Interval::between(Some(&before), &now);
    assert_eq!(
        (switched.restart, queue(&switched)),
        (Some(Restart::Latency), Some(3.5))
    );
}

/// A request: its arrival, its duration, and true for a failure.
type Request = (u64, u64, bool);

/// Returns the snapshot at `taken` of a device with these requests, which was reset at `since` with latencies
/// on.
fn simulated(requests: &[Request], since: u64, taken: u64) -> Snapshot {
    let [mut arrived, mut latencies, mut errors, mut inflight] = [0; 4];
    let [mut latency, mut rest, mut age] = [0; 3];
    for (arrival, duration, fails) in requests.iter().copied().filter(|of| of.0 <= taken) {
        let (end, new) = (arrival + duration, arrival >= since);
        arrived += u64::from(new);
        if end > taken {
            inflight += 1;
            age += taken - arrival;
        } else if new && !fails {
            latencies += 1;
            latency += duration;
        } else if end >= since {
            errors += u64::from(new);
            rest += duration;
        }
    }
    let line = format!(
        "read requests {arrived} bytes 0 errors {errors} again 0 inflight {inflight} latency_ns {latency} \
         latency_max_ns 0 age_ns {age} rest_ns {rest}\nread latencies 1024:{latencies}\n"
    );
    snapshot(since, taken, &format!("on\nlatency_since {since}"), &line)
}

/// Returns the nanoseconds in flight of all requests between two times.
fn integral(requests: &[Request], begin: u64, end: u64) -> u64 {
    let within = |time: u64| time.clamp(begin, end);
    let parts = requests.iter();
    parts
        .map(|(arrival, duration, _)| within(arrival + duration) - within(*arrival))
        .sum()
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let duration = prop_oneof![0..5_u64, 0..2000_u64, Just(1_000_000)];
    prop::collection::vec((0..3000_u64, duration, any::<bool>()), 0..6)
}

proptest! {
    #[test]
    fn the_mean_inflight_is_the_integral(
        requests in requests(),
        since in 0..1000_u64,
        times in [0..2000_u64, 0..2000_u64],
    ) {
        let early = since + times[0];
        let late = early + times[1];
        let before = simulated(&requests, since, early);
        let now = simulated(&requests, since, late);
        let interval = Interval::between(Some(&before), &now);
        prop_assert_eq!(interval.restart, None);
        prop_assert_eq!(interval.inflight_ns, Some(integral(&requests, early, late).into()));
        // The mean since the reset is unknown, or right to the shown digits.
        let first = Interval::since_reset(&now);
        if let Some(known) = first.inflight_ns {
            let error = known as i128 - i128::from(integral(&requests, since, late));
            prop_assert!(error.abs() * 200 <= i128::from(late - since), "{error}");
        }
    }

    #[test]
    fn no_difference_exceeds_the_later_count(
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
        prop_assert!(reads.requests() <= counts[4] && reads.bytes() <= counts[5]);
        prop_assert!(reads.of(Errors) <= Some(counts[6]));
        prop_assert!(reads.timing.as_ref().is_none_or(|timing| timing.sum() <= counts[7]));
        prop_assert!(interval.length.as_nanos() <= u128::from(times[2]));
    }
}
