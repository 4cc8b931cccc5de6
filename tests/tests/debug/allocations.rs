// SPDX-License-Identifier: GPL-2.0

//! The n-th allocation fails, for each n until there are no more of them: what was asked for fails
//! cleanly and wholly, or does without.

use std::time::Duration;

use dmp_vm::Machine;

use crate::common::*;

/// Shells that share the work, each with a device of its own: most of the time is waiting for
/// directories, which this kernel lets go of seconds late.
const SHELLS: u64 = 6;

/// How many in a row at which nothing fails show a shell that there are no more: some allocations
/// have another way out, and the command's own come last.
const ENOUGH: u32 = 10;

fn machine_that_fails() -> Machine {
    let mut machine = boot(builder());
    machine.set_limit(Duration::from_secs(240));
    // Allocations that may wait for memory are to fail as well.
    machine.sh(
        "cd /sys/kernel/debug && for what in failslab fail_page_alloc; do \
           echo N >$what/ignore-gfp-wait && echo 0 >$what/verbose || exit; done; \
         echo N >fail_page_alloc/ignore-gfp-highmem && echo 0 >fail_page_alloc/min-order",
    );
    machine
}

/// Runs `command` for n = 1, 2, ... with the n-th allocation failing from when it waits for its input
/// on, which is `input`. `check` follows each, with the command's status in $status. In all of them
/// $d is the name of the shell's device, and $stat its directory. Gives how often the command failed.
#[track_caller]
fn each_allocation(machine: &mut Machine, command: &str, input: &str, check: &str) -> u64 {
    machine.sh(&format!(
        r#"cat >/run/shell <<'END'
d=d$1 n=$1 failed=0 good=0
stat={STAT}/dm-$(dmsetup info -c --noheadings -o minor $d)
mkfifo /run/$d
while [ $good -lt {ENOUGH} ]; do
    {command} </run/$d >/dev/null 2>/run/$d.errors &
    exec 3>/run/$d
    until grep -qE 'pipe_read|poll' /proc/$!/wchan; do usleep 5000; done
    echo $n >/proc/$!/fail-nth || exit
    printf '%s\n' '{input}' >&3
    exec 3>&-
    wait $!
    status=$?
    if [ $status = 0 ]; then good=$((good + 1)); else good=0 failed=$((failed + 1)); fi
    {{ {check}
    }} || {{ echo "n = $n, status $status"; cat /run/$d.errors; exit 1; }}
    n=$((n + {SHELLS}))
done >&2
echo $failed
END"#
    ));
    let outcome = machine.sh(&format!(
        "for n in $(seq 1 {SHELLS}); do {{ sh /run/shell $n >/run/out$n 2>/run/err$n || \
           touch /run/failed; }} & done; wait; \
         if [ -e /run/failed ]; then cat /run/err* >&2; exit 1; fi; cat /run/out*; rm /run/d?"
    ));
    outcome
        .lines()
        .map(|line| line.parse::<u64>().unwrap())
        .sum()
}

/// A device for each shell, on a table line or on none.
#[track_caller]
fn devices(machine: &mut Machine, line: &str) {
    machine.sh(&format!(
        "for n in $(seq 1 {SHELLS}); do dmsetup create d$n {line} || exit; done"
    ));
}

/// A load makes counters, a directory with 54 files, and its place among the devices.
#[test]
fn a_load_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    devices(&mut machine, "--notable");
    let failed = each_allocation(
        &mut machine,
        "dmsetup reload $d",
        "0 2048 dmp /dev/vda 0 1 latency",
        "if [ $status = 0 ]; then [ -e $stat/other/latency_histogram ] && dmsetup clear $d; fi && \
         [ ! -e $stat ]",
    );
    assert!(failed > 60, "{failed}");
    // It works on.
    machine.sh("dmsetup remove_all");
    assert_nothing_left(&mut machine, "after the failures");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 3));
    assert_counts(&mut machine, &device, Count::of(3, 4096), Count::default());
    finish(machine);
}

/// The live table, its device's counters and its directory stay as they are.
#[test]
fn a_reload_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    devices(&mut machine, "--table '0 2048 dmp /dev/vda 0'");
    machine.sh(&format!(
        "for n in $(seq 1 {SHELLS}); do {} || exit; done",
        direct_writes("d$n", 4096, 9)
    ));
    let failed = each_allocation(
        &mut machine,
        "dmsetup reload $d",
        "0 1024 dmp /dev/vda 0 1 latency\n1024 1024 dmp /dev/vdb 0",
        "dmsetup clear $d && [ $(cat $stat/write/requests) = 9 ] && [ $(cat $stat/latency) = 0 ] && \
         dmsetup resume $d",
    );
    assert!(failed > 5, "{failed}");
    machine.sh("dmsetup remove_all");
    assert_nothing_left(&mut machine, "after the failures");
    finish(machine);
}

/// A switch that fails has not switched; a reset that fails has reset nothing.
#[test]
fn a_switch_and_a_reset_fail_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails();
    devices(&mut machine, "--table '0 2048 dmp /dev/vda 0'");
    let write = |file: &str| format!("sh -c \"read -r value; echo \\$value >$stat/{file}\"");
    let failed = each_allocation(
        &mut machine,
        &write("latency"),
        "1",
        "on=$(cat $stat/latency); if [ $status = 0 ]; then \
           [ $on = 1 ] && echo 0 >$stat/latency; else [ $on = 0 ]; fi",
    );
    assert!(failed > 2, "{failed}");
    let read = direct_reads("$d", 4096, 5);
    machine.sh(&format!(
        "for d in d1 d2 d3 d4 d5 d6; do {read} || exit; done; echo 1 | tee {STAT}/*/latency"
    ));
    let failed = each_allocation(
        &mut machine,
        &write("reset"),
        "1",
        &format!(
            "left=$(cat $stat/read/requests); if [ $status = 0 ]; then \
               [ $left = 0 ] && {read}; else [ $left = 5 ]; fi"
        ),
    );
    assert!(failed > 2, "{failed}");
    finish(machine);
}
