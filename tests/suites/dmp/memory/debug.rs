// SPDX-License-Identifier: GPL-2.0

//! Allocations that a resume waits for.

use super::*;
use crate::latency::assert_latency;

const HOW: [&str; 3] = ["size", "align", "gfp_flags"];
/// The pattern that matches dmp's own functions in the lines of a trace.
const DMP: &str = "[[]dmp]";
/// dmp's allocations: bytes, alignment and flags. `GFP_KERNEL` waits for I/O, `GFP_NOIO` does not,
/// and `GFP_NOWAIT` waits for nothing.
const ARRIVALS: &str = "504 64 GFP_NOIO";
const LATENCIES: &str = "496 64 GFP_NOIO";
const ARRIVALS_AT_ONCE: &str = "504 64 GFP_NOWAIT";
const LATENCIES_AT_ONCE: &str = "496 64 GFP_NOWAIT";

/// Requests of a suspended device wait for its resume, so the resume must not wait for requests. A
/// resume allocates nothing, and no task that holds a lock needed by a resume makes an allocation
/// that waits for I/O.
#[test]
fn no_allocation_before_a_resume_waits_for_io() {
    let mut machine = machine_with_traces();
    let table = "--table '0 2048 dmp /dev/vda 0 1 latency'";
    let reset = format!("echo 1 >{STAT}/dm-0/reset");
    for (script, expected) in [
        (
            format!("dmsetup create d {table}"),
            &[LATENCIES, ARRIVALS][..],
        ),
        ("dmsetup suspend d".to_owned(), &[]),
        // A suspend waits for a message's sender. The sender must not wait for the mutex of per-CPU
        // memory either, because the mutex's holder may wait for I/O.
        (
            "dmsetup message d 0 reset".to_owned(),
            &[LATENCIES_AT_ONCE, ARRIVALS_AT_ONCE],
        ),
        ("dmsetup message d 0 latency off".to_owned(), &[]),
        (
            "dmsetup message d 0 latency on".to_owned(),
            &[LATENCIES_AT_ONCE],
        ),
        (format!("dmsetup reload d {table}"), &[LATENCIES]),
        ("dmsetup resume d".to_owned(), &[]),
        (reset.clone(), &[LATENCIES, ARRIVALS]),
    ] {
        let found = allocations(&mut machine, DMP, &script, HOW);
        assert_eq!(found, expected, "{script}");
    }
    assert_latency(&mut machine, "dm-0", true);
    // Later allocations of the same task may wait again, and so may those of its children.
    let other = format!("{reset}; dmsetup create other --table '0 8 linear /dev/vda 2048'");
    let found = allocations(&mut machine, "bdev_alloc", &other, HOW);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with(" GFP_KERNEL"), "{found:?}");
}
