// SPDX-License-Identifier: GPL-2.0

//! Requests in flight, their ages, and the period between two resets in which each request counts.
//! A suspended disk holds the requests until the test resumes it.

use dmp_vm::Machine;

use crate::common::*;
use crate::snapshot::{Snapshot, numbers, parse, snapshot};

mod debug;

/// The first half of the device is over a disk that can be suspended, the other half over a fast
/// one.
const TABLE: &str = "0 1024 dmp /dev/mapper/held 0 1 latency\n1024 1024 dmp /dev/vdb 0 1 latency\n";
/// The first sector of the other half.
const FAST: u64 = 1024;

const HOLD: &str = "dmsetup suspend --nolockfs held";

/// Returns a script that releases all requests and waits for their completion.
fn release(device: &str) -> String {
    format!(
        "dmsetup resume held; until [ \"$(cat {STAT}/{device}/*/inflight | sort -u)\" = 0 ]; do \
           usleep 1000; done; wait"
    )
}

/// Makes the device, over a disk that is suspended from now on.
fn held(machine: &mut Machine) -> String {
    create(machine, "held", "0 2048 linear /dev/vda 0");
    let device = create(machine, "d", TABLE);
    machine.sh(HOLD);
    device
}

/// Returns a script that starts requests and waits until all of them are in flight.
fn begin(device: &str, reads: u64, writes: u64) -> String {
    let each = |count: u64, operation: &str, ends: &str| {
        format!(
            "for n in $(seq {count}); do dd {ends} bs=4k count=1 conv=notrunc status=none & done; \
             {}; ",
            until(&format!("{device}/{operation}/inflight"), count)
        )
    };
    let node = "/dev/mapper/d";
    let read = each(
        reads,
        "read",
        &format!("if={node} of=/dev/null iflag=direct"),
    );
    let write = each(
        writes,
        "write",
        &format!("if=/dev/zero of={node} oflag=direct"),
    );
    read + &write
}

/// Returns a script that resets the counters.
fn reset(device: &str) -> String {
    format!("echo 1 >{STAT}/{device}/reset; ")
}

/// Returns a number of an operation.
#[track_caller]
fn word(snapshot: &Snapshot, operation: &str, name: &str) -> u64 {
    numbers(&snapshot[operation])[name]
}

/// Returns a number that has its own line.
#[track_caller]
fn line(snapshot: &Snapshot, keyword: &str) -> u64 {
    snapshot[keyword][0].parse().unwrap()
}

/// Returns the number of measured latencies.
#[track_caller]
fn latencies(snapshot: &Snapshot, operation: &str) -> u64 {
    let buckets = snapshot[&format!("{operation} latencies")].iter();
    let counts = buckets.map(|bucket| {
        let (_, count) = bucket.split_once(':').unwrap();
        count.parse::<u64>().unwrap()
    });
    counts.sum()
}

/// Asserts that nothing is in flight, and that each request since the reset ended with a latency,
/// an error or again.
#[track_caller]
fn assert_all_ended(snapshot: &Snapshot) {
    for operation in OPERATIONS {
        let number = |name| word(snapshot, operation, name);
        assert_eq!(
            (number("inflight"), number("age_ns")),
            (0, 0),
            "{snapshot:?}"
        );
        assert_eq!(
            number("requests"),
            latencies(snapshot, operation) + number("errors") + number("again"),
            "{operation}: {snapshot:?}"
        );
    }
}

/// The number of requests in flight, integrated over time, is the total time of all requests:
/// completed ones and those in flight.
#[test]
fn ages_and_latencies_add_up_to_the_integral_of_inflight() {
    let mut machine = machine();
    let device = held(&mut machine);
    machine.sh(&begin(&device, 8, 0));
    // The age is read slightly after the time, and a busy host may stop the machine in between.
    let (mut grown_in, mut age) = (Vec::new(), 0);
    let fits = |(grown, interval): &(u64, u64)| grown.abs_diff(8 * interval) < interval / 100;
    while grown_in.len() < 20 && !grown_in.iter().any(fits) {
        let one = snapshot(&mut machine, &device);
        machine.sh("usleep 500000");
        let two = snapshot(&mut machine, &device);
        let interval = line(&two, "taken") - line(&one, "taken");
        let ages = [&one, &two].map(|shown| word(shown, "read", "age_ns"));
        grown_in.push((ages[1] - ages[0], interval));
        age = ages[1];
    }
    assert!(grown_in.iter().any(fits), "{grown_in:?}");
    machine.sh(&reset(&device));
    let three = snapshot(&mut machine, &device);
    assert!(word(&three, "read", "age_ns") >= age);
    machine.sh(&release(&device));
    let four = snapshot(&mut machine, &device);
    assert_all_ended(&four);
    // The requests belong to the period before the reset.
    assert_eq!(word(&four, "read", "rest"), 8);
    let rest = word(&four, "read", "rest_ns");
    assert!(rest >= word(&three, "read", "age_ns"), "{rest}");
    let most = 8 * (line(&four, "taken") - line(&three, "taken"));
    assert!(rest <= word(&three, "read", "age_ns") + most, "{rest}");
}

/// A failed request's duration is in `rest_ns`, and in no histogram.
#[test]
fn the_durations_of_failed_requests_are_in_the_rest() {
    let mut machine = machine();
    create(&mut machine, "bad", "0 8 linear /dev/vda 0\n8 8 error");
    let device = create(&mut machine, "d", "0 16 dmp /dev/mapper/bad 0 1 latency");
    machine.sh("dd if=/dev/mapper/d of=/dev/null bs=4k count=2 iflag=direct status=none 2>&1 || :");
    let shown = snapshot(&mut machine, &device);
    assert_all_ended(&shown);
    assert_eq!(
        ["requests", "errors"].map(|name| word(&shown, "read", name)),
        [2, 1]
    );
    assert!(word(&shown, "read", "rest_ns") > 0, "{shown:?}");
    assert_eq!(word(&shown, "read", "rest"), 1, "{shown:?}");
    machine.sh(&format!("{}{}", reset(&device), direct_reads("d", 4096, 1)));
    let shown = snapshot(&mut machine, &device);
    let rest = ["rest_ns", "rest"].map(|name| word(&shown, "read", name));
    assert_eq!(rest, [0, 0], "{shown:?}");
}

#[test]
fn latency_since_is_the_time_of_the_switch_or_of_the_reset() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    let mut show = |script: &str| {
        machine.sh(script);
        snapshot(&mut machine, &device)
    };
    let one = show("true");
    // The table was activated after its load.
    assert!(line(&one, "latency_since") >= line(&one, "since"));
    let off = show("dmsetup message d 0 latency off");
    assert!(!off.contains_key("latency_since"), "{off:?}");
    let two = show("dmsetup message d 0 latency on");
    assert_eq!(line(&two, "since"), line(&one, "since"));
    assert!(line(&two, "latency_since") > line(&off, "taken"));
    // A second switch to on changes nothing.
    let same = show("dmsetup message d 0 latency on");
    assert_eq!(line(&same, "latency_since"), line(&two, "latency_since"));
    let reset = show("dmsetup message d 0 reset");
    assert!(line(&reset, "since") > line(&same, "taken"));
    assert_eq!(line(&reset, "latency_since"), line(&reset, "since"));
}

/// A request arrives while the TSC keeps the time, and ends while another clock does. The same in
/// the other order.
#[test]
fn requests_are_measured_with_another_clocksource() {
    let mut machine = machine();
    let device = held(&mut machine);
    let clock = "/sys/devices/system/clocksource/clocksource0";
    let other = machine.sh(&format!(
        "tr ' ' '\\n' <{clock}/available_clocksource | grep -v tsc | head -n 1"
    ));
    let (by_tsc, by_other) = (
        format!("echo tsc >{clock}/current_clocksource; "),
        format!("echo {} >{clock}/current_clocksource; ", other.trim()),
    );
    for (first, second) in [
        (&by_tsc, &by_other),
        (&by_other, &by_tsc),
        (&by_other, &by_other),
    ] {
        let script = format!(
            "{first}{}{}usleep 300000; {second}usleep 200000; \
             cat {STAT}/{device}/snapshot; {release}; {HOLD}; cat {STAT}/{device}/snapshot",
            reset(&device),
            begin(&device, 2, 1),
            release = release(&device),
        );
        let shown = machine.sh(&script);
        let (during, after) = shown.split_at(shown.rfind("dmp 1\n").unwrap());
        let (during, after) = (parse(during), parse(after));
        let elapsed = line(&after, "taken") - line(&during, "since");
        for (operation, count) in [("read", 2), ("write", 1)] {
            assert_eq!(
                word(&during, operation, "inflight"),
                count,
                "{first}{second}"
            );
            let age = word(&during, operation, "age_ns");
            assert!(
                age >= count * 490_000_000 && age <= count * elapsed,
                "{shown}"
            );
            let sum = word(&after, operation, "latency_ns");
            assert!(
                sum >= count * 490_000_000 && sum <= count * elapsed,
                "{shown}"
            );
        }
        assert_all_ended(&after);
    }
    machine.sh(&by_tsc);
}

/// The target does not get these flushes, so their files have no value: 0 would be one.
#[test]
fn bypassing_flushes_are_not_shown() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 flush_bypass");
    let flush = "dd if=/dev/null of=/dev/mapper/d conv=fsync,notrunc status=none";
    machine.sh(flush);
    let shown = snapshot(&mut machine, &device);
    assert!(!shown.contains_key("flush"), "{shown:?}");
    assert!(!shown.contains_key("flush sizes"), "{shown:?}");
    for file in [
        "requests",
        "bytes",
        "avg_size",
        "errors",
        "again",
        "size_histogram",
    ] {
        let file = format!("cat {STAT}/{device}/flush/{file}");
        assert_refused(&mut machine, &file, "No data available");
    }
    let status = machine.sh("dmsetup status d");
    assert!(status.contains(" flush - - - "), "{status}");
    assert!(status.ends_with(" again 0 0 0 - 0 0\n"), "{status}");
    // One line without the option is enough for the target to get all flushes.
    machine.sh(&format!(
        "printf '0 8 dmp /dev/vda 0 1 flush_bypass\\n8 8 dmp /dev/vdb 0\\n' | dmsetup reload d && \
         dmsetup resume d && {flush}"
    ));
    assert_eq!(number(&mut machine, &format!("{device}/flush/requests")), 2);
    let status = machine.sh("dmsetup status d | head -n 1");
    assert!(status.contains(" flush 2 0 0 "), "{status}");
}
