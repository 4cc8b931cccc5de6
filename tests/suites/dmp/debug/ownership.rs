// SPDX-License-Identifier: GPL-2.0

//! The counters belong to the mapped device, independently of its tables.

use dmp_vm::patience;

use crate::common::*;
use crate::held_sysfs::while_sysfs_is_held;

const NONE: Count = Count {
    requests: 0,
    bytes: 0,
};

#[test]
fn the_counters_survive_every_kind_of_new_table() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    let mut writes = Count::of(3, 4096);
    machine.sh(&direct_writes("d", 4096, 3));
    for table in [
        // The device grows, shrinks, moves on the disk, moves to another disk, gets an option, and
        // loses it.
        "0 131072 dmp /dev/vda 0",
        "0 64 dmp /dev/vda 0",
        "0 2048 dmp /dev/vda 8192",
        "0 2048 dmp /dev/vdb 0",
        "0 2048 dmp /dev/vdb 0 1 latency",
        "0 2048 dmp /dev/vdb 0",
        // The device has two lines, then one of them dmp, then one line again.
        "0 16 dmp /dev/vda 0\n16 2048 dmp /dev/vdb 0",
        "0 32 dmp /dev/vda 0\n32 32 linear /dev/vdb 0",
        "0 2048 dmp /dev/vda 0",
    ] {
        machine.sh(&format!("dmsetup reload d <<'END'\n{table}\nEND"));
        assert_counts(&mut machine, &device, NONE, writes);
        machine.sh("dmsetup resume d");
        assert_counts(&mut machine, &device, NONE, writes);
        machine.sh(&direct_writes("d", 4096, 2));
        writes = writes + Count::of(2, 4096);
        assert_counts(&mut machine, &device, NONE, writes);
        assert_eq!(
            machine.sh(&format!("ls {STAT}")),
            format!("{device}\nvolumes\n")
        );
    }
}

#[test]
fn the_counters_are_deleted_with_the_last_dmp_line() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 3));
    machine.sh("dmsetup reload d --table '0 2048 linear /dev/vda 0'");
    assert_counts(&mut machine, &device, NONE, Count::of(3, 4096));
    machine.sh("dmsetup resume d");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    machine.sh(&direct_writes("d", 4096, 3));
    machine.sh("dmsetup reload d --table '0 2048 dmp /dev/vda 0'");
    assert_counts(&mut machine, &device, NONE, NONE);
    machine.sh("dmsetup resume d");
    machine.sh(&direct_writes("d", 4096, 1));
    assert_counts(&mut machine, &device, NONE, Count::of(1, 4096));
    machine.sh("dmsetup remove d && rmmod dmp");
}

/// Four writers and four readers run while the device is suspended, resumed and reloaded: no
/// request is lost, and none counts twice.
#[test]
fn no_request_is_lost_over_suspend_resume_and_reload_under_load() {
    let (mut machine, device) = with_device(boot(builder().cpus(2)), "0 65536 dmp /dev/vda 0");
    machine.sh(
        "for n in 1 2 3 4; do \
           dd if=/dev/zero of=/dev/mapper/d bs=4k count=1000 oflag=direct conv=notrunc status=none & \
           dd if=/dev/mapper/d of=/dev/null bs=8k count=1000 iflag=direct status=none & \
         done; \
         for n in 1 2 3 4 5 6 7 8; do \
           dmsetup suspend d && dmsetup resume d || exit; \
           dmsetup reload d --table '0 65536 dmp /dev/vdb 0 1 latency' && dmsetup resume d || exit; \
           dmsetup reload d <<'END' && dmsetup resume d || exit\n\
0 16 dmp /dev/vda 0\n16 65520 dmp /dev/vda 16\nEND\n\
         done; wait",
    );
    assert_counts(
        &mut machine,
        &device,
        Count::of(4000, 8192),
        Count::of(4000, 4096),
    );
}

#[test]
fn the_first_loaded_table_creates_the_directory() {
    let mut machine = machine();
    machine.sh("dmsetup create d --notable");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    // A loaded table that is cleared leaves nothing.
    machine.sh("dmsetup load d --table '0 2048 dmp /dev/vda 0 1 latency'");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "dm-0\nvolumes\n");
    assert_eq!(machine.sh(&format!("cat {STAT}/dm-0/name")), "d\n");
    assert_counts(&mut machine, "dm-0", NONE, NONE);
    assert_eq!(number(&mut machine, "dm-0/latency"), 0);
    machine.sh("dmsetup clear d");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    // A bad table leaves the loaded good one.
    machine.sh("dmsetup load d --table '0 2048 dmp /dev/vda 0'");
    assert_refused(
        &mut machine,
        "dmsetup load d --table '0 2048 dmp /dev/vda x'",
        "Invalid argument",
    );
    assert_eq!(machine.sh(&format!("ls {STAT}")), "dm-0\nvolumes\n");
    // This loads a table over a loaded one.
    machine
        .sh("for n in 1 2 3; do dmsetup load d --table \"0 2048 dmp /dev/vda $n\" || exit; done");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "dm-0\nvolumes\n");
    machine.sh("dmsetup remove d");
    assert_nothing_left(&mut machine, "removed with an inactive table only");
    machine.sh("rmmod dmp");
}

/// The first line is good, so dmp makes it before it finds the error in the second one.
#[test]
fn a_load_that_fails_after_a_good_line_leaves_nothing() {
    let mut machine = machine();
    assert_refused(
        &mut machine,
        "dmsetup create d <<'END'\n0 8 dmp /dev/vda 0 1 latency\n8 8 dmp /dev/vda 0 1 fast\nEND",
        "Invalid argument",
    );
    assert_nothing_left(&mut machine, "a bad second line");
    // An unknown target type follows a good line.
    assert_refused(
        &mut machine,
        "dmsetup create d <<'END'\n0 8 dmp /dev/vda 0\n8 8 nothing /dev/vda 0\nEND",
        "Invalid argument",
    );
    assert_nothing_left(&mut machine, "an unknown second target");
    machine.sh("rmmod dmp");
}

/// Two shells load, clear and remove the same device concurrently. Each call may be refused;
/// nothing conflicts or remains.
#[test]
fn concurrent_loads_and_removes_never_conflict() {
    let mut machine = boot(builder().cpus(2));
    // A slow kernel drops a directory seconds late, so the two shells overlap for longer in each
    // round.
    let rounds = if patience() > 1 { 12 } else { 25 };
    machine.sh(&format!(
        "(for n in $(seq 1 {rounds}); do \
           dmsetup create d --table '0 8 dmp /dev/vda 0'; dmsetup remove d; done) >/dev/null 2>&1 & \
         for n in $(seq 1 {rounds}); do \
           dmsetup load d --table '0 8 dmp /dev/vdb 0 1 latency'; dmsetup clear d; \
           cat /sys/module/dmp/stat/dm-*/* /sys/module/dmp/stat/dm-*/*/*; \
         done >/dev/null 2>&1; wait; dmsetup remove_all",
    ));
    assert_nothing_left(&mut machine, "loads against removes");
    machine.sh("rmmod dmp");
}

/// While sysfs is held, the end of a device's last line waits for the removal of the directory. The
/// first line of the next table waits for that end, and then has its own directory.
#[test]
fn a_new_line_waits_for_the_old_directorys_removal() {
    let mut machine = machine_with_tools();
    let table = "0 2048 dmp /dev/vda 0";
    let device = {
        machine.sh(&format!(
            "dmsetup create d --notable && dmsetup reload d --table '{table}'"
        ));
        let minor = machine.sh("dmsetup info -c --noheadings -o minor d");
        format!("dm-{}", minor.trim())
    };
    let steps = format!(
        "dmsetup clear d & clear=$!\n\
         {}\n\
         dmsetup reload d --table '{table}' & reload=$!\n\
         {}\n\
         kill -0 $clear && kill -0 $reload && echo held",
        until_asleep("$clear", "kernfs_"),
        until_asleep("$reload", "[[]dmp]"),
    );
    let after = "wait $clear && wait $reload && echo done";
    assert_eq!(
        while_sysfs_is_held(&mut machine, "", &steps, after),
        "held\ndone\n"
    );
    machine.sh("dmsetup resume d");
    machine.sh(&direct_writes("d", 4096, 3));
    assert_counts(&mut machine, &device, Count::default(), Count::of(3, 4096));
    machine.sh("dmsetup remove d");
    assert_nothing_left(&mut machine, "two tables");
}
