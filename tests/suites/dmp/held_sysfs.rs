// SPDX-License-Identifier: GPL-2.0

//! sysfs held by `dmp_test_hold`: every creation and removal of a directory waits.

use dmp_vm::{Machine, patience};

/// Runs `steps` in a shell while sysfs is held, for at most 20 seconds, or longer on a slow kernel,
/// and `after` once sysfs is released. Returns the output of both. The shell has no /sys, because a lookup in /sys would
/// wait, too; `before` may open files there.
#[track_caller]
pub fn while_sysfs_is_held(
    machine: &mut Machine,
    before: &str,
    steps: &str,
    after: &str,
) -> String {
    let seconds = 20 * patience();
    machine.sh(&format!(
        "cat >/run/steps <<'END'\n\
         {before}\n\
         umount -l /sys || exit\n\
         insmod /lib/dmp-tests/dmp_test_hold.ko seconds={seconds} || exit\n\
         {steps}\n\
         rmmod dmp_test_hold\n\
         {after}\nEND\n"
    ));
    machine.sh("unshare -m sh /run/steps")
}
