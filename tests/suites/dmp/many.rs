// SPDX-License-Identifier: GPL-2.0

//! Many devices at once. The debug kernel drops each device's directory seconds late.

use std::time::Duration;

use crate::common::*;

/// Two concurrent dmsetups each make a hundred devices from one concise table.
#[test]
fn two_hundred_devices_are_made_and_removed_and_leave_nothing() {
    let mut machine = boot(builder().cpus(2).limit(Duration::from_secs(100)));
    machine.sh("for w in 0 1; do \
           dmsetup create --concise \"$(for n in $(seq 1 100); do \
             printf 'd%s-%s,,,rw,0 8 dmp /dev/vda %s;' $w $n $((n * 8)); done)\" & \
         done; wait");
    let shown = machine.sh(&format!(
        "cat {STAT}/dm-*/name | sort -u | wc -l; ls -d {STAT}/dm-*/other/errors | wc -l; \
         ls {STAT} | wc -l"
    ));
    assert_eq!(shown, "200\n200\n201\n");
    machine.sh("for d in /dev/mapper/d*; do \
         dd if=$d of=/dev/null bs=4k iflag=direct status=none || exit; done");
    assert_all(&mut machine, Count::of(200, 4096), Count::default());
    machine.sh("for n in 1 2 3 4 5 6 7 8; do \
           dmsetup reload d0-$n --table '0 8 dmp /dev/vdb 8 1 latency' || exit; done");
    machine.sh(&remove_together("d"));
    assert_nothing_left(&mut machine, "200 devices");
    machine.sh("rmmod dmp");
}
