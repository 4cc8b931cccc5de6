// SPDX-License-Identifier: GPL-2.0

//! Devices and the module are created and removed, and leave nothing behind.

use crate::common::*;

#[test]
fn remove_deletes_the_counters_and_the_next_device_begins_at_zero() {
    let mut machine = machine();
    for _ in 0..3 {
        let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
        assert_counts(&mut machine, &device, Count::default(), Count::default());
        machine.sh(&direct_writes("d", 4096, 5));
        assert_counts(&mut machine, &device, Count::default(), Count::of(5, 4096));
        machine.sh("dmsetup remove d");
        assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
        assert_all(&mut machine, Count::default(), Count::default());
    }
}

#[test]
fn the_module_can_be_unloaded_only_without_devices() {
    let (mut machine, _) = machine_with_device("0 2048 dmp /dev/vda 0");
    let refused = machine.run("rmmod dmp").unwrap();
    assert_eq!(refused.status, 1);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(
        stderr.contains("Resource temporarily unavailable"),
        "{stderr}"
    );
    machine.sh(&direct_writes("d", 4096, 1));

    machine.sh("dmsetup remove d && rmmod dmp");
    assert_eq!(
        machine.sh("ls -d /sys/module/dmp 2>&1; lsmod | grep -w dmp; true"),
        "ls: /sys/module/dmp: No such file or directory\n"
    );
    assert!(!machine.sh("dmsetup targets").contains("dmp"));

    for _ in 0..3 {
        machine.sh("modprobe dmp");
        assert_eq!(
            machine.sh("dmsetup targets | grep dmp"),
            format!("dmp              v{VERSION}\n")
        );
        let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
        machine.sh(&direct_reads("d", 4096, 2));
        assert_counts(&mut machine, &device, Count::of(2, 4096), Count::default());
        machine.sh("dmsetup remove d && rmmod dmp");
    }
}

#[test]
fn unloading_with_an_open_file_is_safe() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&format!(
        "exec 5<{STAT}/{device}/volumes 6<{STAT}/volumes && \
         dmsetup remove d && {{ cat <&5; rmmod dmp; cat <&6; }} >/dev/null 2>&1; \
         exec 5<&- 6<&-; ! [ -e /sys/module/dmp ] || rmmod dmp"
    ));
    machine.sh("modprobe dmp");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
}

#[test]
fn a_rename_is_shown_at_once_and_keeps_the_counters() {
    let mut machine = machine();
    let device = create(&mut machine, "before", "0 2048 dmp /dev/vda 0");
    let name = format!("cat {STAT}/{device}/name");
    assert_eq!(machine.sh(&name), "before\n");
    machine.sh(&direct_writes("before", 4096, 3));
    machine.sh("dmsetup rename before after");
    assert_eq!(machine.sh(&name), "after\n");
    assert_counts(&mut machine, &device, Count::default(), Count::of(3, 4096));
}

#[test]
fn the_counters_outlive_a_reload_of_the_table() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 3));
    machine.sh("dmsetup reload d --table '0 4096 dmp /dev/vdb 8' && dmsetup resume d");
    assert_eq!(machine.sh("cat /sys/block/dm-0/size"), "4096\n");
    machine.sh(&direct_writes("d", 4096, 2));
    assert_counts(&mut machine, &device, Count::default(), Count::of(5, 4096));
    // A table that is loaded and never activated also changes nothing.
    machine.sh("dmsetup reload d --table '0 2048 dmp /dev/vda 0' && dmsetup clear d");
    assert_counts(&mut machine, &device, Count::default(), Count::of(5, 4096));
    machine.sh("dmsetup remove d");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
}

/// Device mapper loads the module by the target's name.
#[test]
fn the_first_table_that_names_the_target_loads_the_module() {
    let mut machine = machine();
    machine.sh("rmmod dmp && ! [ -e /sys/module/dmp ]");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 1));
    assert_counts(&mut machine, &device, Count::default(), Count::of(1, 4096));
    machine.sh("dmsetup remove d && rmmod dmp");
}
