// SPDX-License-Identifier: GPL-2.0

//! The counters compared with fio's and the disk's, to the last request.

use crate::common::*;
use crate::load::*;

/// Engines of fio: some send requests one at a time, others several.
const ENGINES: [&str; 3] = ["psync", "libaio --iodepth=16", "io_uring --iodepth=16"];

/// Runs four jobs of each engine, and asserts exact counts. Their requests are of 512 bytes to 64
/// KiB, which no disk here splits.
fn all_engines_are_counted_exactly(cpus: u32) {
    let (mut machine, device) = with_device(machine_of(cpus), "0 131072 dmp /dev/vda 0 1 latency");
    for engine in ENGINES {
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        let before = disk_stat(&mut machine, "vda");
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
        let disk = disk_stat(&mut machine, "vda") - before;
        assert_eq!(disk.reads, totals.reads, "{engine}: the disk's reads");
        assert_eq!(disk.writes, totals.writes, "{engine}: the disk's writes");
        // Each request ended, and was measured.
        for (operation, count) in [("read", totals.reads), ("write", totals.writes)] {
            let file = format!("{device}/{operation}/latency_histogram");
            let measured: u64 = histogram(&mut machine, &file).iter().map(|(_, n)| n).sum();
            assert_eq!(measured, count.requests, "{engine}: {operation}");
        }
    }
}

#[test]
fn all_engines_are_counted_exactly_on_two_processors() {
    all_engines_are_counted_exactly(2);
}

#[test]
fn all_engines_are_counted_exactly_on_four_processors() {
    all_engines_are_counted_exactly(4);
}

/// A quarter of the device fails: fio continues, and counts an error for each request there.
#[test]
fn errors_are_counted_exactly() {
    let mut machine = machine_of(4);
    create(
        &mut machine,
        "bad",
        "0 98304 linear /dev/vda 0\n98304 32768 error",
    );
    let device = create(&mut machine, "d", "0 131072 dmp /dev/mapper/bad 0");
    for engine in ENGINES {
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
        let errors = errors_of(&mut machine, &device);
        assert_eq!(errors, totals.errors, "{engine}");
    }
}
