// SPDX-License-Identifier: GPL-2.0

//! Latencies of requests, measured on demand. The guest may run on a busy host, so a request takes
//! at least the delay of dm-delay, and may take longer.

use dmp_vm::Machine;

use crate::common::*;

mod debug;

/// The delay that dm-delay adds to each request.
const DELAY_MS: u64 = 100;
/// The least latency of a request. dm-delay counts in ticks of 10 ms or less, and a tick may be
/// almost over when a request arrives.
const LEAST_NS: u64 = (DELAY_MS - 10) * 1_000_000;

/// Makes `slow`, a disk that delays each request.
fn slow_disk(machine: &mut Machine) {
    machine.sh("modprobe dm-delay");
    create(
        machine,
        "slow",
        &format!("0 2048 delay /dev/vda 0 {DELAY_MS}"),
    );
}

/// Asserts that `requests` requests of `operation` were measured, each with at least the delay, and
/// that sum, maximum and histogram are consistent.
#[track_caller]
fn assert_measured(machine: &mut Machine, device: &str, operation: &str, requests: u64) {
    let operation = format!("{device}/{operation}");
    let sum = number(machine, &format!("{operation}/latency_ns"));
    let max = number(machine, &format!("{operation}/latency_max_ns"));
    let counts = histogram(machine, &format!("{operation}/latency_histogram"));
    assert!(sum >= requests * LEAST_NS, "{operation}: {sum}");
    assert!(
        max >= sum.div_ceil(requests) && max <= sum,
        "{operation}: {max} of {sum}"
    );
    assert_eq!(
        counts.iter().map(|(_, count)| count).sum::<u64>(),
        requests,
        "{counts:?}"
    );
    // 2^26 ns are less than the delay, so the first possible bucket is 2^27. The slowest request is
    // in the last non-empty bucket.
    let bounds: Vec<u64> = counts
        .iter()
        .map(|(bound, _)| bound.parse().unwrap())
        .collect();
    assert!(bounds[0] >= 1 << 27, "{counts:?}");
    assert_eq!(
        *bounds.last().unwrap(),
        max.next_power_of_two(),
        "{counts:?}"
    );
}

/// Asserts that no operation has a latency, although latencies are measured.
#[track_caller]
fn assert_none_measured(machine: &mut Machine, device: &str, why: &str) {
    let mut expected = String::new();
    for bucket in 10..37 {
        expected += &format!("{} 0\n", 1_u64 << bucket);
    }
    expected += "inf 0\n";
    for operation in OPERATIONS {
        let shown = machine.sh(&format!(
            "cd {STAT}/{device}/{operation} && cat latency_ns latency_max_ns latency_histogram"
        ));
        assert_eq!(shown, format!("0\n0\n{expected}"), "{why}: {operation}");
    }
}

/// Asserts that latencies are not measured: the files fail, because 0 would look like a value.
#[track_caller]
fn assert_not_measured(machine: &mut Machine, device: &str) {
    for operation in OPERATIONS {
        for file in [
            "latency_ns",
            "latency_max_ns",
            "latency_histogram",
            "inflight",
        ] {
            let file = format!("cat {STAT}/{device}/{operation}/{file}");
            assert_refused(machine, &file, "No data available");
        }
    }
}

#[track_caller]
pub fn assert_latency(machine: &mut Machine, device: &str, on: bool) {
    assert_eq!(number(machine, &format!("{device}/latency")), u64::from(on));
    let status = machine.sh("dmsetup status d");
    let word = if on { "on" } else { "off" };
    let end = format!(" latency {word} again 0 0 0 0 0 0\n");
    assert!(status.ends_with(&end), "{status}");
}

/// A slow kernel may fail to calibrate its processor's counter. It would then count its ticks, and
/// a busy host loses ticks.
#[test]
fn the_machine_has_a_clock_that_counts_nanoseconds() {
    let clock =
        machine().sh("cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
    assert!(
        ["tsc", "tsc-early", "kvm-clock"].contains(&clock.trim()),
        "{clock}"
    );
}

#[test]
fn latencies_are_off_by_default() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_reads("d", 4096, 9));
    assert_latency(&mut machine, &device, false);
    assert_not_measured(&mut machine, &device);
    assert_counts(&mut machine, &device, Count::of(9, 4096), Count::default());
}

#[test]
fn every_request_is_measured_from_its_arrival_to_its_end() {
    let mut machine = machine();
    slow_disk(&mut machine);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/slow 0 1 latency");
    assert_latency(&mut machine, &device, true);
    assert_none_measured(&mut machine, &device, "before the first request");
    machine.sh(&direct_reads("d", 4096, 5));
    machine.sh(&direct_writes("d", 65536, 3));
    assert_measured(&mut machine, &device, "read", 5);
    assert_measured(&mut machine, &device, "write", 3);
    // Concurrent requests each have their own latency.
    machine.sh("dmsetup message d 0 reset");
    assert_none_measured(&mut machine, &device, "after a reset");
    assert_latency(&mut machine, &device, true);
    machine.sh(
        "for n in 1 2 3 4 5 6 7 8; do dd if=/dev/mapper/d of=/dev/null bs=4k count=1 skip=$n \
         iflag=direct status=none & done; wait",
    );
    assert_measured(&mut machine, &device, "read", 8);
    assert_operations(&mut machine, &device, &[("read", 8, 8 * 4096, 0)]);
}

/// A latency of more than four seconds is measured outside of the module's fast path.
#[test]
fn a_request_of_seconds_is_only_in_its_own_bucket() {
    let mut machine = machine();
    machine.sh("modprobe dm-delay");
    let slow = "0 2048 delay /dev/vda 0 5000 /dev/vda 0 10000";
    create(&mut machine, "slow", slow);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/slow 0 1 latency");
    machine.sh(&format!(
        "{} & {}; wait",
        direct_reads("d", 4096, 1),
        direct_writes("d", 4096, 1)
    ));
    for (operation, seconds) in [("read", 5), ("write", 10)] {
        let file = |name: &str| format!("{device}/{operation}/{name}");
        let max = number(&mut machine, &file("latency_max_ns"));
        assert!(max >= seconds * 1_000_000_000 - 10_000_000, "{max}");
        assert_eq!(number(&mut machine, &file("latency_ns")), max);
        let counts = histogram(&mut machine, &file("latency_histogram"));
        assert_eq!(counts, [(max.next_power_of_two().to_string(), 1)]);
    }
    for operation in ["discard", "flush", "write_zeroes", "other"] {
        let counts = histogram(
            &mut machine,
            &format!("{device}/{operation}/latency_histogram"),
        );
        assert_eq!(counts, [], "{operation}");
    }
}

/// A request also takes some time on a fast disk. The time to a failure is not the disk's latency.
#[test]
fn flushes_are_measured_and_failed_requests_are_not() {
    let mut machine = machine();
    create(&mut machine, "bad", "0 8 linear /dev/vda 0\n8 8 error");
    let device = create(&mut machine, "d", "0 16 dmp /dev/mapper/bad 0 1 latency");
    machine.sh(
        "dd if=/dev/mapper/d of=/dev/null bs=4k count=2 iflag=direct status=none; \
         dd if=/dev/null of=/dev/mapper/d conv=fsync,notrunc status=none",
    );
    let all = [("read", 2, 8192, 1), ("flush", 1, 0, 0)];
    assert_operations(&mut machine, &device, &all);
    for operation in ["read", "flush"] {
        let counts = histogram(
            &mut machine,
            &format!("{device}/{operation}/latency_histogram"),
        );
        let sum: u64 = counts.iter().map(|(_, count)| count).sum();
        assert_eq!(sum, 1, "{operation}");
        assert!(number(&mut machine, &format!("{device}/{operation}/latency_ns")) > 0);
        assert_eq!(inflight(&mut machine, &device, operation), 0, "{operation}");
    }
    // Nothing is measured if all requests fail.
    machine.sh("dmsetup message d 0 reset; \
         ! dd if=/dev/mapper/d of=/dev/null bs=4k count=1 skip=1 iflag=direct status=none");
    assert_operations(&mut machine, &device, &[("read", 1, 4096, 1)]);
    assert_none_measured(&mut machine, &device, "all failed");
}

#[track_caller]
fn inflight(machine: &mut Machine, device: &str, operation: &str) -> u64 {
    number(machine, &format!("{device}/{operation}/inflight"))
}

/// The module cannot know the requests in flight before the switch.
#[test]
fn inflight_excludes_requests_from_before_the_switch() {
    let mut machine = machine();
    slow_disk(&mut machine);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/slow 0");
    let shown = machine.sh(&format!(
        "{read} & {arrived}; dmsetup message d 0 latency on; cat {STAT}/{device}/read/inflight; \
         wait; cat {STAT}/{device}/read/inflight",
        read = direct_reads("d", 4096, 1),
        arrived = until(&format!("{device}/read/requests"), 1),
    ));
    assert_eq!(shown, "0\n0\n");
}

/// dm-zero completes a request on the processor that sent it, so only one processor has had any.
#[test]
fn the_highest_latency_is_found_on_any_processor() {
    let mut machine = boot(builder().cpus(2));
    machine.sh("dmsetup create z --table '0 2048 zero'");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/z 0 1 latency");
    for processor in 0..2 {
        machine.sh(&format!(
            "echo 1 >{STAT}/{device}/reset && taskset -c {processor} {}",
            direct_reads("d", 4096, 10)
        ));
        let file = |name: &str| format!("{device}/read/{name}");
        let sum = number(&mut machine, &file("latency_ns"));
        let highest = number(&mut machine, &file("latency_max_ns"));
        assert!(
            sum > 0 && highest <= sum && highest * 10 >= sum,
            "processor {processor}: the highest of 10 is {highest}, their sum {sum}"
        );
    }
}
