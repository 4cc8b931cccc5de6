// SPDX-License-Identifier: GPL-2.0

//! The n-th allocation of dmp fails, for each n up to the number of allocations: the operation then
//! fails completely.

use std::time::Duration;

use dmp_vm::{Error, Machine};

use crate::common::*;

/// Shells that share the work, each with its own device. Most of the time is spent waiting for
/// directories, which this kernel drops seconds late.
const SHELLS: u64 = 6;

/// Number of successes in a row which shows that no allocation remains. Some come in between: a slab
/// that cannot get many pages at once takes fewer.
const ENOUGH: u64 = 16;

/// Boots a machine in which `fail-nth` counts only the module's allocations, waiting or not, and
/// makes a device for each shell. kmemleak's own allocations, which follow them and have a reserve,
/// do not count.
fn machine_that_fails(table: &str) -> Machine {
    let mut machine = boot(builder());
    machine.set_limit(Duration::from_secs(300));
    machine.sh(&format!(
        "set -- $(grep '^dmp ' /proc/modules) && cd /sys/kernel/debug && \
         for what in failslab fail_page_alloc; do \
           echo N >$what/ignore-gfp-wait && echo 0 >$what/verbose && \
           echo 32 >$what/stacktrace-depth && echo $6 >$what/require-start && \
           printf '0x%x' $(($6 + $2)) >$what/require-end || exit; done && \
         echo N >fail_page_alloc/ignore-gfp-highmem && echo 0 >fail_page_alloc/min-order && \
         for slab in /sys/kernel/slab/*/failslab; do echo 1 >$slab || exit; done && \
         echo 0 >/sys/kernel/slab/kmemleak_object/failslab && echo Y >failslab/cache-filter && \
         for n in $(seq 1 {SHELLS}); do dmsetup create d$n {table} || exit; done"
    ));
    machine
}

/// Runs `command` for n = 1, 2, ... with a failure of the n-th allocation, until no allocation
/// remains. `check` follows each run, with the command's status in $status. In both, $d is the name
/// of the shell's device, and $stat the device's directory. Returns the number of failures.
///
/// A process takes long on this kernel, so the shells start none of their own.
#[track_caller]
fn each_allocation(machine: &mut Machine, command: &str, check: &str) -> u64 {
    machine.sh(&format!(
        r#"cat >/run/shell <<'END'
d=d$1 stat={STAT}/dm-$(dmsetup info -c --noheadings -o minor d$1)
n=0 times=0
# Takes the next n, whose file only one shell can make, unless no n shortly before it failed. If the
# others have ended, a shell whose n fails goes on alone.
take() {{
    while [ ! -e /run/stopped ]; do
        n=$((n + 1)) before=1
        [ ! -e /run/taken/$n ] || continue
        while [ $before -lt $n ] && [ ! -e /run/failed/$((n - before)) ]; do
            [ $before -lt {ENOUGH} ] || return
            before=$((before + 1))
        done
        set -o noclobber
        true >/run/taken/$n
        taken=$?
        set +o noclobber
        [ $taken != 0 ] || return 0
    done
    return 1
}} 2>/dev/null
while take; do
    (echo $n >/proc/self/fail-nth; {command})
    status=$?
    if [ $status != 0 ]; then
        times=$((times + 1))
        true >/run/failed/$n
    fi
    {check} || {{ echo "n = $n, status $status"; exit 1; }}
done >&2
echo $times
END"#
    ));
    let outcome = machine.sh(&format!(
        "rm -rf /run/stopped /run/taken /run/failed && mkdir /run/taken /run/failed && \
         for n in $(seq 1 {SHELLS}); do {{ sh /run/shell $n >/run/out$n \
           2>/run/err$n || touch /run/stopped; }} & done; wait; \
         if [ -e /run/stopped ]; then tail -n 5 /run/err* >&2; exit 1; fi; cat /run/out*"
    ));
    let failed = outcome
        .lines()
        .map(|line| line.parse::<u64>().unwrap())
        .sum();
    println!("failed {failed} times");
    failed
}

/// A load makes counters, a directory with 73 files, and an entry among the devices.
#[test]
fn a_load_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails("--notable");
    let failed = each_allocation(
        &mut machine,
        "exec dmsetup reload $d --table '0 2048 dmp /dev/vda 0 2 latency pattern'",
        "if [ $status = 0 ]; then [ -e $stat/other/size_histogram ] && dmsetup clear $d; fi && \
         [ ! -e $stat ]",
    );
    // Each file and directory needs memory, and so do their kernel objects.
    assert!(failed > 130, "{failed}");
    // The module still works.
    machine.sh("dmsetup remove_all");
    assert_nothing_left(&mut machine, "after the failures");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 3));
    assert_counts(&mut machine, &device, Count::of(3, 4096), Count::default());
    // The kernel logs each directory that it could not make.
    match machine.finish() {
        Err(Error::Complaints { complaints, .. }) => {
            let said = |line: &String| line.contains("kobject_add_internal failed for dm-");
            assert!(complaints.iter().all(said), "{complaints:#?}");
        }
        other => panic!("{other:?}"),
    }
}

/// The live table, its device's counters and its directory stay unchanged.
#[test]
fn a_reload_fails_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails("--table '0 2048 dmp /dev/vda 0'");
    machine.sh(&format!(
        "for n in $(seq 1 {SHELLS}); do {} || exit; done",
        direct_writes("d$n", 4096, 9)
    ));
    // The second line already shows its alias when its last allocation fails.
    machine.sh(
        "printf '0 1024 dmp /dev/vda 0 1 latency\\n1024 1024 dmp /dev/vdb 0 2 as_linear pattern\\n' \
         >/run/table",
    );
    let failed = each_allocation(
        &mut machine,
        "exec dmsetup reload $d /run/table",
        "lines=$(grep ^lines $stat/snapshot) && if [ $status = 0 ]; then \
           [ \"$lines\" = 'lines 1 2 as_linear 0 1 flush_bypass 0 0' ]; else \
           [ \"$lines\" = 'lines 1 0 as_linear 0 0 flush_bypass 0 0' ]; fi && \
         dmsetup clear $d && [ $(cat $stat/write/requests) = 9 ] && [ $(cat $stat/latency) = 0 ] && \
         dmsetup resume $d",
    );
    assert!(failed > 15, "{failed}");
    machine.sh("dmsetup remove_all");
    assert_nothing_left(&mut machine, "after the failures");
    // A reference that a failed load kept would prevent the unload.
    machine.sh("rmmod dmp && modprobe dmp");
}

/// A failed switch changes nothing, and neither does a failed reset. Both allocate only per-CPU
/// counters, which can fail if the counters need another page.
#[test]
fn a_switch_and_a_reset_fail_cleanly_at_every_allocation() {
    let mut machine = machine_that_fails("--table '0 2048 dmp /dev/vda 0'");
    each_allocation(
        &mut machine,
        "echo 1 >$stat/latency",
        "on=$(cat $stat/latency) && if [ $status = 0 ]; then \
           [ $on = 1 ] && echo 0 >$stat/latency; else [ $on = 0 ]; fi",
    );
    machine.sh(&format!(
        "for n in $(seq 1 {SHELLS}); do {} || exit; done; echo 1 | tee {STAT}/*/latency",
        direct_reads("d$n", 4096, 5)
    ));
    each_allocation(
        &mut machine,
        "echo 1 >$stat/reset",
        &format!(
            "left=$(cat $stat/read/requests) && if [ $status = 0 ]; then \
               [ $left = 0 ] && {}; else [ $left = 5 ]; fi",
            direct_reads("$d", 4096, 5)
        ),
    );
}
