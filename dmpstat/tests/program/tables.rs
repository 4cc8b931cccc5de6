// SPDX-License-Identifier: GPL-2.0

//! The table, and what options make of it.

use crate::common::{Root, SNAPSHOT};

/// 4.5 s later, with 100 more reads of 8 KiB that took 0.1 ms each, and 9 of them failed.
fn later() -> String {
    SNAPSHOT
        .replace("taken 9000000000", "taken 13500000000")
        .replace(
            "read requests 500 bytes 2048000 errors 0 again 0 inflight 0 latency_ns 10000000",
            "read requests 600 bytes 2867200 errors 9 again 0 inflight 2 latency_ns 19100000",
        )
        .replace("4096:500", "4096:500 8192:100")
        .replace("32768:20", "32768:20 131072:91")
}

#[test]
fn one_report_is_of_all_since_the_reset() {
    assert_eq!(
        Root::with_device().run(&[]).output(),
        "\
Device           r/s     rkB/s r_await r_p99     w/s     wkB/s w_await w_p99 aqu-sz inflight err/s
vg-data       125.00    500.00    0.02 0.033    0.00      0.00    0.00     -   0.00        0  0.00

"
    );
}

#[test]
fn a_second_report_is_of_the_interval_by_the_clock_of_the_snapshots() {
    let root = Root::with_device();
    let output = root
        .run_while(&["77", "2"], |_| root.write("dm-3", later()))
        .output();
    assert_eq!(
        output.lines().nth(4).unwrap(),
        "vg-data        22.22    177.78    0.10  0.14    0.00      0.00    0.00     -   0.00        2  2.00"
    );
    assert_eq!(output.lines().count(), 6);
}
