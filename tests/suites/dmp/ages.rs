// SPDX-License-Identifier: GPL-2.0

//! Ages of requests in flight to the nanosecond, in a machine whose clock counts instructions.

use dmp_vm::{Accel, Machine};

use crate::common::*;
use crate::snapshot::{numbers, parse};

/// Number of requests that complete while another one is in flight.
const COMPLETED: u64 = 4_000;

/// Size in sectors of each disk: COMPLETED requests of 4 KiB read it once.
const SECTORS: u64 = 8 * COMPLETED;

/// Returns the difference between the age of the only read in flight and the present time, in
/// nanoseconds. The age is read slightly after the time, and the smallest of the differences has no
/// interrupt in between.
#[track_caller]
fn age_less_time(machine: &mut Machine, device: &str) -> i64 {
    let texts = machine.sh(&format!(
        "for n in $(seq 20); do cat {STAT}/{device}/snapshot; done"
    ));
    let snapshots = texts.split("dmp 1\n").skip(1).map(parse);
    let differences = snapshots.map(|snapshot| {
        let read = numbers(&snapshot["read"]);
        assert_eq!(read["inflight"], 1, "{snapshot:?}");
        let taken: u64 = snapshot["taken"][0].parse().unwrap();
        read["age_ns"] as i64 - taken as i64
    });
    differences.min().unwrap()
}

/// A nanosecond too much or too little for each request would add up to a second within days.
#[test]
fn completed_requests_do_not_change_the_age_of_another() {
    let mut machine = boot(builder().accel(Accel::Icount));
    create(&mut machine, "held", "0 8 linear /dev/vda 0");
    create(&mut machine, "zero", &format!("0 {SECTORS} zero"));
    create(&mut machine, "bad", &format!("0 {SECTORS} error"));
    // A suspended disk, one that completes each request at once, and one that fails each.
    let table = format!(
        "0 8 dmp /dev/mapper/held 0 1 latency\n\
         8 {SECTORS} dmp /dev/mapper/zero 0 1 latency\n\
         {} {SECTORS} dmp /dev/mapper/bad 0 1 latency",
        8 + SECTORS
    );
    let device = create(&mut machine, "d", &table);
    machine.sh(&format!(
        "dmsetup suspend --nolockfs held; {} & {}",
        direct_reads("d", 4096, 1),
        until(&format!("{device}/read/inflight"), 1)
    ));
    for (first, count) in [(1, [COMPLETED, 0]), (1 + COMPLETED, [COMPLETED, COMPLETED])] {
        let before = age_less_time(&mut machine, &device);
        machine.sh(&format!(
            "dd if=/dev/mapper/d of=/dev/null bs=4k skip={first} count={COMPLETED} iflag=direct \
             conv=noerror 2>/dev/null || :"
        ));
        let counted = ["requests", "errors"]
            .map(|name| number(&mut machine, &format!("{device}/read/{name}")));
        assert_eq!(counted, [1 + count[0] + count[1], count[1]]);
        let drift = age_less_time(&mut machine, &device) - before;
        assert!(drift.unsigned_abs() < COMPLETED / 10, "{drift}");
    }
    machine.sh("dmsetup resume held; wait");
}
