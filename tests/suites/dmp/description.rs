// SPDX-License-Identifier: GPL-2.0

//! Properties of a mapped device in user space.

use dmp_vm::Machine;

/// Returns a block device's description: every file of its queue, its flags, and the answers to
/// ioctls. Leaves out only properties that differ for each device.
#[track_caller]
pub fn description(machine: &mut Machine, name: &str) -> String {
    machine.sh(&format!(
        "set -- $(dmsetup info -c --noheadings -o minor {name}) && cd /sys/block/dm-$1 && \
         find queue size ro capability range ext_range removable discard_alignment \
              alignment_offset integrity -type f -perm -400 2>/dev/null | sort | \
           while read -r file; do echo \"$file: $(cat $file 2>&1)\"; done; \
         for question in getsz getsize64 getss getbsz getro getra; do \
           echo \"$question: $(blockdev --$question /dev/mapper/{name} 2>&1)\"; done; \
         ls slaves; dmsetup deps -o devno {name}"
    ))
}
