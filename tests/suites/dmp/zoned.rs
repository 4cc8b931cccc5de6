// SPDX-License-Identifier: GPL-2.0

//! Zoned disks under dmp, compared with linear.

use dmp_vm::Machine;

use crate::common::*;

mod btrfs;

/// Makes a disk of 1 GiB in 256 zones of 4 MiB. The first two are conventional.
fn zoned_disk(machine: &mut Machine) {
    machine.sh("modprobe null_blk nr_devices=1 gb=1 bs=4096 zoned=1 zone_size=4 zone_nr_conv=2 zone_max_open=8 zone_max_active=12");
}

#[test]
fn a_zoned_disk_has_the_same_properties_as_through_linear() {
    let mut machine = machine();
    zoned_disk(&mut machine);
    // The whole disk, and a part from the third zone on.
    for (offset, length) in [(0, 2_097_152), (16384, 81920)] {
        let mut described = ["dmp", "linear"].map(|target| {
            create(
                &mut machine,
                "d",
                &format!("0 {length} {target} /dev/nullb0 {offset}"),
            );
            let lines = queue(&mut machine, "d");
            machine.sh("dmsetup remove d");
            lines
        });
        assert_eq!(described[0], described[1], "from {offset}");
        described[0].retain(|line| line.starts_with("zoned:") || line.starts_with("chunk_"));
        assert_eq!(described[0], ["chunk_sectors: 8192", "zoned: host-managed"]);
    }
    // Neither target accepts a range with a part of a zone.
    for target in ["dmp", "linear"] {
        assert_refused(
            &mut machine,
            &format!("dmsetup create d --table '0 8192 {target} /dev/nullb0 100'"),
            "Invalid argument",
        );
    }
    assert_nothing_left(&mut machine, "a part of a zone");
}

/// Writes at a zone's write pointer succeed, and all others fail, as on linear.
#[test]
fn zones_are_written_only_in_order() {
    let mut machine = machine();
    zoned_disk(&mut machine);
    // The disk's zones 4 to 23 are the device's 0 to 19.
    let device = create(&mut machine, "d", "0 163840 dmp /dev/nullb0 32768");
    assert_eq!(
        machine.sh(&format!("cat /sys/block/{device}/queue/nr_zones")),
        "20\n"
    );
    let write = |zone: u64, block: u64, count: u64| {
        format!(
            "dd if=/dev/zero of=/dev/mapper/d bs=64k count={count} seek={} oflag=direct \
             conv=notrunc",
            zone * 64 + block
        )
    };
    let before = number(&mut machine, &format!("{device}/write/requests"));
    assert_eq!(before, 0);
    machine.sh(&write(0, 0, 10));
    machine.sh(&write(0, 10, 54));
    machine.sh(&write(3, 0, 1));
    assert_operations(&mut machine, &device, &[("write", 65, 65 * 65536, 0)]);
    // A write past the write pointer is one error.
    assert_refused(&mut machine, &write(3, 5, 1), "Input/output error");
    assert_operations(&mut machine, &device, &[("write", 66, 66 * 65536, 1)]);
    machine.sh(&write(4, 0, 1));
    machine.sh(&direct_reads("d", 65536, 4));
    let all = [("read", 4, 4 * 65536, 0), ("write", 67, 67 * 65536, 1)];
    assert_operations(&mut machine, &device, &all);
    machine.sh("dmsetup remove d && rmmod dmp");
}

/// Returns the zones of a device, in the form of `blkzone report`.
#[track_caller]
fn report(machine: &mut Machine, name: &str) -> String {
    machine.sh(&format!("blkzone report /dev/mapper/{name}"))
}

/// Zone management counts as `other`: a request without bytes for each zone.
#[test]
fn zones_are_opened_closed_finished_reset_and_reported_as_through_linear() {
    let mut machine = machine_with_tools();
    zoned_disk(&mut machine);
    let device = create(&mut machine, "proxy", "0 163840 dmp /dev/nullb0 32768");
    create(&mut machine, "plain", "0 163840 linear /dev/nullb0 32768");
    let mut others = 0;
    let mut last = report(&mut machine, "proxy");
    for (command, zones) in [
        ("open -o 8192 -c 2", 2),
        ("close -o 8192 -c 1", 1),
        ("finish -o 16384 -c 1", 1),
        ("finish -o 24576 -c 3", 3),
        ("reset -o 16384 -c 2", 2),
    ] {
        machine.sh(&format!("blkzone {command} /dev/mapper/proxy"));
        others += zones;
        let now = report(&mut machine, "proxy");
        assert_ne!(now, last, "{command}");
        assert_eq!(now, report(&mut machine, "plain"), "{command}");
        last = now;
        assert_operations(&mut machine, &device, &[("other", others, 0, 0)]);
    }
    // The report of a device in the middle of the disk begins at its own zero.
    assert!(last.starts_with("  start: 0x000000000,"), "{last}");
    assert_eq!(last.lines().count(), 20, "{last}");
    // This resets all zones of the device at once.
    machine.sh("blkzone reset /dev/mapper/proxy");
    let empty = report(&mut machine, "plain");
    assert!(
        empty
            .lines()
            .all(|zone| zone.contains("[type: 2(SEQ_WRITE_REQUIRED)]")),
        "{empty}"
    );
    assert!(
        empty.lines().all(|zone| zone.contains("zcond: 1(em)")),
        "{empty}"
    );
}

/// Each line has its own part of the disk, so the zones of each line have their own offset.
#[test]
fn the_zones_of_two_lines_are_reported_one_after_the_other() {
    let mut machine = machine_with_tools();
    zoned_disk(&mut machine);
    let table = |target: &str| {
        format!("0 40960 {target} /dev/nullb0 131072\n40960 40960 {target} /dev/nullb0 32768")
    };
    create(&mut machine, "proxy", &table("dmp"));
    create(&mut machine, "plain", &table("linear"));
    // A block in the first line's second zone, and two in the second line's third.
    for (zone, count) in [(1, 1), (7, 2)] {
        machine.sh(&format!(
            "dd if=/dev/zero of=/dev/mapper/proxy bs=64k count={count} seek={} oflag=direct \
             conv=notrunc status=none",
            zone * 64
        ));
    }
    let zones = report(&mut machine, "proxy");
    assert_eq!(zones, report(&mut machine, "plain"));
    let written: Vec<_> = zones
        .lines()
        .enumerate()
        .filter(|(_, zone)| !zone.contains(" wptr 0x000000 "))
        .map(|(n, zone)| (n, zone.split(',').next().unwrap().trim()))
        .collect();
    assert_eq!(
        written,
        [(1, "start: 0x000002000"), (7, "start: 0x00000e000")],
        "{zones}"
    );
    assert_eq!(zones.lines().count(), 10, "{zones}");
}

/// dmp returns the disk's error. Otherwise device mapper would request the same zones endlessly.
#[test]
fn an_error_of_a_zone_report_is_returned() {
    let mut machine = machine_with_tools();
    scsi_disk(&mut machine, "zbc=managed zone_size_mb=4");
    for target in ["linear", "dmp"] {
        create(
            &mut machine,
            target,
            &format!("0 32768 {target} /dev/sda 0"),
        );
        machine.sh(&format!("blkzone report /dev/mapper/{target} >/dev/null"));
    }
    machine.sh("echo offline >/sys/block/sda/device/state");
    for target in ["linear", "dmp"] {
        assert_refused(
            &mut machine,
            &format!("blkzone report /dev/mapper/{target}"),
            "Input/output error",
        );
    }
    machine.sh("dmsetup remove linear dmp");
}
