// SPDX-License-Identifier: GPL-2.0

//! The counters against those of fio, and of the disk, to the last request.

use crate::common::*;
use crate::load::*;

/// What /sys/block/DISK/stat has counted. Requests that were merged into others are requests, too.
#[track_caller]
fn disk(machine: &mut dmp_vm::Machine, name: &str) -> (Count, Count) {
    let stat = machine.sh(&format!("cat /sys/block/{name}/stat"));
    let stat: Vec<u64> = stat
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let count = |at: usize| Count {
        requests: stat[at] + stat[at + 1],
        bytes: stat[at + 2] * 512,
    };
    (count(0), count(4))
}

fn minus(after: Count, before: Count) -> Count {
    Count {
        requests: after.requests - before.requests,
        bytes: after.bytes - before.bytes,
    }
}

/// Four jobs, sizes from 512 bytes to 64 KiB, which no disk here splits.
fn all_engines_are_counted_exactly(cpus: u32) {
    let mut machine = machine_of(cpus);
    let device = create(&mut machine, "d", "0 131072 dmp /dev/vda 0 1 latency");
    for engine in ["psync", "libaio --iodepth=16", "io_uring --iodepth=16"] {
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        let before = disk(&mut machine, "vda");
        let totals = fio_against(
            &mut machine,
            &format!(
                "--filename=/dev/mapper/d --rw=randrw --direct=1 --ioengine={engine} --numjobs=4 \
                 --bssplit=512/20:4k/40:12k/20:64k/20 --blockalign=512 --io_size=8m --size=64m"
            ),
            &[],
        );
        assert_eq!(totals.errors, 0, "{engine}");
        assert!(
            totals.reads.requests > 100 && totals.writes.requests > 100,
            "{totals:?}"
        );
        assert_counts(&mut machine, &device, totals.reads, totals.writes);
        let after = disk(&mut machine, "vda");
        assert_eq!(
            minus(after.0, before.0),
            totals.reads,
            "{engine}: the disk's reads"
        );
        assert_eq!(
            minus(after.1, before.1),
            totals.writes,
            "{engine}: the disk's writes"
        );
        // Each of them ended, and was measured.
        for (operation, count) in [("read", totals.reads), ("write", totals.writes)] {
            let file = format!("{device}/{operation}/latency_histogram");
            let measured: u64 = histogram(&mut machine, &file).iter().map(|(_, n)| n).sum();
            assert_eq!(measured, count.requests, "{engine}: {operation}");
        }
    }
    finish(machine);
}

#[test]
fn on_two_processors_all_engines_are_counted_exactly() {
    all_engines_are_counted_exactly(2);
}

#[test]
fn on_four_processors_all_engines_are_counted_exactly() {
    all_engines_are_counted_exactly(4);
}

/// A quarter of the device fails: fio, which goes on, counts an error for each request there.
#[test]
fn errors_are_counted_exactly() {
    let mut machine = machine_of(4);
    create(
        &mut machine,
        "bad",
        "0 98304 linear /dev/vda 0\n98304 32768 error",
    );
    let device = create(&mut machine, "d", "0 131072 dmp /dev/mapper/bad 0");
    for engine in ["psync", "libaio --iodepth=16", "io_uring --iodepth=16"] {
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        let totals = fio_against(
            &mut machine,
            &format!(
                "--filename=/dev/mapper/d --rw=randrw --direct=1 --bs=4k --ioengine={engine} \
                 --numjobs=4 --io_size=4m --size=64m --continue_on_error=io"
            ),
            &[],
        );
        assert!(totals.errors > 100, "{engine}: {totals:?}");
        let errors = number(&mut machine, &format!("{device}/read/errors"))
            + number(&mut machine, &format!("{device}/write/errors"));
        assert_eq!(errors, totals.errors, "{engine}");
    }
    finish(machine);
}
