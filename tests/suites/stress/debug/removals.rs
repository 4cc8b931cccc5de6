// SPDX-License-Identifier: GPL-2.0

//! Devices and the module are created and removed, concurrently with each other and with readers of
//! their files. Faults appear as complaints in the log, above all of the debug kernel.

use crate::common::*;
use crate::load::*;

/// Several shells make devices with one number, so the number's entry often belongs to the next
/// device.
#[test]
fn counts_of_lines_are_exact_after_devices_shared_a_number() {
    let mut machine = machine_of(4);
    let fight = "dmsetup create same --table '0 8 dmp /dev/vda 0 1 as_linear'; \
                 dmsetup reload same --table '0 8 dmp /dev/vda 8 1 flush_bypass'; \
                 dmsetup remove same; true";
    let fight = format!("{{ {fight}; }} >/dev/null 2>&1");
    let wait = format!("sleep {}", seconds());
    run_against(&mut machine, &wait, &[&fight, &fight, &fight]);
    machine.sh("dmsetup remove same 2>/dev/null; true");
    let device = create(&mut machine, "d", "0 8 dmp /dev/vda 0 1 as_linear");
    assert_eq!(
        machine.sh(&format!("grep ^lines {STAT}/{device}/snapshot")),
        "lines 1 0 as_linear 1 0 flush_bypass 0 0\n"
    );
    assert_all_goes(machine);
}

/// Devices are made and removed with requests in flight until the last moment. During this other
/// shells read all files in sysfs, and keep some open.
#[test]
fn devices_are_removed_while_readers_hold_files_open() {
    let mut machine = machine_of(4);
    create(&mut machine, "other", "0 65536 dmp /dev/vdb 0");
    let read = "cat /sys/module/dmp/stat/*/*/* /sys/module/dmp/stat/*/* >/dev/null 2>&1; true";
    let hold = "for file in /sys/module/dmp/stat/*/volumes /sys/module/dmp/stat/*/read/requests; do \
                  { cat <&5; usleep 20000; cat <&5; } 5<$file; done >/dev/null 2>&1; true";
    fio_against(
        &mut machine,
        &random_load("/dev/mapper/other"),
        &[
            "dmsetup create d --table '0 65536 dmp /dev/vda 0 1 latency' && \
             dd if=/dev/mapper/d of=/dev/null bs=4k count=20 iflag=direct status=none && \
             dmsetup remove d",
            read,
            hold,
            hold,
        ],
    );
    assert_all_goes(machine);
}

/// Each file is read repeatedly until it disappears. The removal waits for the reader, so the
/// reader must not wait for any lock that the removal holds.
#[test]
fn devices_are_removed_while_their_own_files_are_read() {
    let mut machine = machine_of(4);
    machine.sh(&format!(
        "end=$(($(date +%s) + {})); n=0; \
         while [ $n -lt 4 ] || [ $(date +%s) -lt $end ]; do n=$((n + 1)); \
           dmsetup create d --table '{TABLE} 1 latency' || exit; \
           set -- {STAT}/dm-*; \
           for file in volumes name uuid latency read/requests write/latency_histogram; do \
             cat $(yes $1/$file | head -n 2000) >/dev/null 2>&1 & done; \
           while read line; do :; done <{STAT}/volumes; usleep $((n % 20 * 1000)); \
           dmsetup remove d || exit; wait; done",
        seconds()
    ));
    assert_all_goes(machine);
}

/// Three shells make devices with their own names, and two compete for one name.
#[test]
fn several_shells_make_and_remove_devices() {
    let mut machine = machine_of(4);
    create(&mut machine, "other", "0 65536 dmp /dev/vdb 0");
    let own = |name: &str| {
        format!(
            "dmsetup create {name} --table '0 2048 dmp /dev/vda 0' && \
             dmsetup reload {name} --table '0 2048 dmp /dev/vda 8 1 latency' && \
             dmsetup resume {name} && dmsetup remove {name}"
        )
    };
    let fight = "dmsetup create same --table '0 2048 dmp /dev/vda 0'; \
                 dmsetup reload same --table '0 2048 dmp /dev/vda 8'; dmsetup clear same; \
                 dmsetup remove same; true";
    let fight = format!("{{ {fight}; }} >/dev/null 2>&1");
    fio_against(
        &mut machine,
        &random_load("/dev/mapper/other"),
        &[&own("one"), &own("two"), &own("three"), &fight, &fight],
    );
    assert_all_goes(machine);
}

/// rmmod is refused while there is a device. After the last one it has to work at once, although
/// files of the module are open. Reads of these files fail from then on.
#[test]
fn the_module_is_unloaded_at_once_after_its_last_device() {
    let mut machine = machine_of(4);
    machine.sh(&format!(
        "end=$(($(date +%s) + {})); n=0; \
         while [ $n -lt 4 ] || [ $(date +%s) -lt $end ]; do n=$((n + 1)); \
           dmsetup create d --table '{TABLE} 1 latency' || exit; \
           set -- {STAT}/dm-*; \
           exec 5<$1/volumes 6<$1/read/latency_histogram 7<{STAT}/volumes; \
           {{ until rmmod dmp 2>/dev/null; do :; done; }} & \
           ( while cat $1/write/bytes; do :; done >/dev/null 2>&1 ) & \
           dd if=/dev/mapper/d of=/dev/null bs=4k count=$((n % 7)) iflag=direct status=none; \
           dmsetup remove d || exit; wait; \
           for fd in 5 6 7; do cat <&$fd 2>/dev/null && exit 1; done; \
           exec 5<&- 6<&- 7<&-; [ ! -e /sys/module/dmp ] || exit; modprobe dmp || exit; done",
        seconds()
    ));
}
