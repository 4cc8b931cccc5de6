// SPDX-License-Identifier: GPL-2.0

//! Resets and switches while requests are in flight: each replaces counters that requests still
//! use.

use super::*;

/// Returns a script that reads from the fast half.
fn fast_reads(count: u64) -> String {
    format!(
        "dd if=/dev/mapper/d of=/dev/null bs=4k skip={} count={count} iflag=direct status=none",
        FAST / 8
    )
}

#[test]
fn a_request_belongs_to_the_period_in_which_it_arrived() {
    let mut machine = machine();
    let device = held(&mut machine);
    machine.sh(&format!(
        "{}{}{}",
        begin(&device, 8, 1),
        reset(&device),
        fast_reads(3)
    ));
    let during = snapshot(&mut machine, &device);
    assert_eq!(word(&during, "read", "inflight"), 8);
    assert_eq!(word(&during, "write", "inflight"), 1);
    assert_eq!(latencies(&during, "read"), 3);
    machine.sh(&release(&device));
    let after = snapshot(&mut machine, &device);
    assert_all_ended(&after);
    let reads = ["requests", "latency_ns", "latency_max_ns"].map(|name| word(&after, "read", name));
    let before =
        ["requests", "latency_ns", "latency_max_ns"].map(|name| word(&during, "read", name));
    assert_eq!(reads, before);
    assert_eq!((reads[0], word(&after, "write", "requests")), (3, 0));
}

/// Neither a reset nor a switch changes the number of requests in flight.
#[test]
fn requests_in_flight_are_exact_over_resets_and_switches() {
    let mut machine = machine();
    let device = held(&mut machine);
    let shown = machine.sh(&format!(
        "{}cd {STAT}/{device}; show() {{ echo $1 $(cat */inflight 2>&1); }}; show started; \
         echo 1 >reset; show reset; dmsetup message d 0 latency off; \
         cat */inflight 2>&1 | sort -u; \
         dmsetup message d 0 latency on; show on; echo 1 >reset; show again; \
         {}; show completed",
        begin(&device, 8, 1),
        release(&device)
    ));
    // The order is discard, flush, other, read, write, write_zeroes.
    assert_eq!(
        shown,
        "started 0 0 0 8 1 0\nreset 0 0 0 8 1 0\ncat: read error: No data available\n\
         on 0 0 0 8 1 0\nagain 0 0 0 8 1 0\ncompleted 0 0 0 0 0 0\n"
    );
    assert_all_ended(&snapshot(&mut machine, &device));
}

/// Flushes also wait for the suspended disk. All processors share their counters.
#[test]
fn rare_requests_belong_to_their_period() {
    let mut machine = machine();
    let device = held(&mut machine);
    machine.sh(&format!(
        "for n in 1 2 3; do dd if=/dev/null of=/dev/mapper/d conv=fsync,notrunc status=none & done; \
         {}; {}",
        until(&format!("{device}/flush/inflight"), 3),
        reset(&device)
    ));
    assert_eq!(
        word(&snapshot(&mut machine, &device), "flush", "inflight"),
        3
    );
    machine.sh(&release(&device));
    let after = snapshot(&mut machine, &device);
    assert_all_ended(&after);
    assert_eq!(word(&after, "flush", "requests"), 0);
}

/// A generation is not reused while a request carries it.
#[test]
fn a_reset_is_refused_when_requests_of_seven_periods_are_in_flight() {
    let mut machine = machine();
    let device = held(&mut machine);
    // One request more in each period.
    for count in 1..=7 {
        machine.sh(&format!("{}{}", begin_one(&device, count), reset(&device)));
    }
    machine.sh(&begin_one(&device, 8));
    for script in [
        &format!("echo 1 >{STAT}/{device}/reset"),
        "dmsetup message d 0 reset",
    ] {
        assert_refused(&mut machine, script, "Device or resource busy");
    }
    let shown = snapshot(&mut machine, &device);
    assert_eq!(
        ["inflight", "requests"].map(|name| word(&shown, "read", name)),
        [8, 1]
    );
    machine.sh(&release(&device));
    assert_eq!(latencies(&snapshot(&mut machine, &device), "read"), 1);
    // The requests have ended, so all generations are free.
    for _ in 0..9 {
        machine.sh(&reset(&device));
    }
    machine.sh(&fast_reads(2));
    let after = snapshot(&mut machine, &device);
    assert_all_ended(&after);
    assert_eq!(word(&after, "read", "requests"), 2);
}

/// Returns a script that starts one more read and waits until `count` are in flight.
fn begin_one(device: &str, count: u64) -> String {
    format!(
        "dd if=/dev/mapper/d of=/dev/null bs=4k count=1 iflag=direct status=none & \
         {}; ",
        until(&format!("{device}/read/inflight"), count)
    )
}
