// SPDX-License-Identifier: GPL-2.0

//! Locks that dmp waits for, according to lockdep.

use dmp_vm::Machine;

use crate::common::*;

/// Returns the names of the locks that were taken under a lock of a class.
fn taken_under(machine: &mut Machine, class: &str) -> Vec<String> {
    let classes = machine.sh("cat /proc/lockdep");
    let mut lines = classes
        .lines()
        .skip_while(|line| !line.ends_with(&format!(": {class}")));
    lines
        .next()
        .unwrap_or_else(|| panic!("no {class} in {classes}"));
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.rsplit("] ").next().unwrap().to_owned())
        .collect()
}

/// A suspend waits for a message. The holder of the mutex of per-CPU memory may wait for I/O to
/// this device, so a message that waited for the mutex could hang for ever.
#[test]
fn a_message_does_not_take_the_mutex_of_per_cpu_memory() {
    const MUTEX: &str = "pcpu_alloc_mutex";
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    // A reset by file may wait for the mutex. This shows that lockdep would detect a message that
    // does.
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    let classes = machine.sh("cat /proc/lockdep");
    assert!(classes.contains(&format!(": {MUTEX}\n")), "{classes}");
    machine.sh(
        "for n in $(seq 20); do dmsetup message d 0 reset && dmsetup message d 0 latency on && \
         dmsetup message d 0 reset && dmsetup message d 0 latency off && \
         dmsetup message d 0 pattern on && dmsetup message d 0 pattern off || exit; done",
    );
    let taken = taken_under(&mut machine, "&md->io_barrier");
    assert!(!taken.is_empty());
    assert!(!taken.iter().any(|lock| lock == MUTEX), "{taken:?}");
}
