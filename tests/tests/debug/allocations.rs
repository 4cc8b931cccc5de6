// SPDX-License-Identifier: GPL-2.0

//! The n-th allocation fails, for each n until there are no more of them: what was asked for fails
//! cleanly and wholly, or does without.

use std::time::Duration;

use dmp_vm::Machine;

use crate::common::*;

fn machine_that_fails() -> Machine {
    let mut machine = boot(builder());
    machine.set_limit(Duration::from_secs(600));
    // Allocations that may wait for memory are to fail as well.
    machine.sh(
        "cd /sys/kernel/debug && for what in failslab fail_page_alloc; do \
           echo N >$what/ignore-gfp-wait && echo 0 >$what/verbose || exit; done; \
         echo N >fail_page_alloc/ignore-gfp-highmem && echo 0 >fail_page_alloc/min-order",
    );
    machine
}

/// How many of them in a row, at which nothing fails, show that there are no more: a few are made
/// with another way out, and some of the command's own allocations come last.
const ENOUGH: u32 = 15;

/// Runs `command` for n = 1, 2, ... with the n-th allocation failing from when it waits for its input
/// on, which is `input`. `check` follows each, with the command's status in $status and its errors in
/// /run/errors. Gives how often the command failed.
#[track_caller]
fn each_allocation(machine: &mut Machine, command: &str, input: &str, check: &str) -> u64 {
    let outcome = machine.sh(&format!(
        "mkfifo /run/input; failed=0; n=0; good=0; while [ $good -lt {ENOUGH} ]; do n=$((n + 1)); \
           {command} </run/input >/run/output 2>/run/errors & exec 3>/run/input; \
           until grep -qE 'pipe_read|poll' /proc/$!/wchan; do usleep 5000; done; \
           echo $n >/proc/$!/fail-nth || exit; \
           printf '%s\\n' '{input}' >&3; exec 3>&-; wait $!; status=$?; \
           if [ $status = 0 ]; then good=$((good + 1)); \
             else good=0; failed=$((failed + 1)); fi; \
           {{ {check}\n}} || {{ echo \"n = $n, status $status\"; cat /run/errors; exit 1; }}; \
         done; rm /run/input; echo $failed"
    ));
    outcome.trim().parse().unwrap()
}

/// A load makes counters, a directory with 54 files, and its place among the devices.
#[test]
fn a_load_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    machine.sh("dmsetup create d --notable");
    let nothing = format!("[ \"$(ls {STAT})\" = volumes ]");
    let failed = each_allocation(
        &mut machine,
        "dmsetup reload d",
        "0 2048 dmp /dev/vda 0 1 latency",
        &format!(
            "if [ $status = 0 ]; then [ -e {STAT}/dm-0/other/latency_histogram ] && \
               dmsetup clear d; fi && {nothing}"
        ),
    );
    assert!(failed > 20, "{failed}");
    // It works on.
    machine.sh("dmsetup remove d");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 3));
    assert_counts(&mut machine, &device, Count::of(3, 4096), Count::default());
    finish(machine);
}

/// The live table, its device's counters and its directory stay as they are.
#[test]
fn a_reload_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 9));
    let failed = each_allocation(
        &mut machine,
        "dmsetup reload d",
        "0 1024 dmp /dev/vda 0 1 latency\n1024 1024 dmp /dev/vdb 0",
        &format!(
            "dmsetup clear d && [ $(cat {STAT}/{device}/write/requests) = 9 ] && \
             [ $(cat {STAT}/{device}/latency) = 0 ] && dmsetup resume d"
        ),
    );
    assert!(failed > 5, "{failed}");
    assert_counts(&mut machine, &device, Count::default(), Count::of(9, 4096));
    finish(machine);
}

/// A reset that fails has reset nothing; a switch that fails has not switched.
#[test]
fn a_reset_and_a_switch_fail_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    let write = |file: &str| format!("sh -c 'read -r value; echo $value >{STAT}/{device}/{file}'");
    let failed = each_allocation(
        &mut machine,
        &write("latency"),
        "1",
        &format!(
            "on=$(cat {STAT}/{device}/latency); if [ $status = 0 ]; then \
               [ $on = 1 ] && echo 0 >{STAT}/{device}/latency; else [ $on = 0 ]; fi"
        ),
    );
    assert!(failed > 2, "{failed}");
    machine.sh(&format!("echo 1 >{STAT}/{device}/latency"));
    machine.sh(&direct_reads("d", 4096, 5));
    let failed = each_allocation(
        &mut machine,
        &write("reset"),
        "1",
        &format!(
            "left=$(cat {STAT}/{device}/read/requests); if [ $status = 0 ]; then \
               [ $left = 0 ] && {}; else [ $left = 5 ]; fi",
            direct_reads("d", 4096, 5)
        ),
    );
    assert!(failed > 2, "{failed}");
    finish(machine);
}
