// SPDX-License-Identifier: GPL-2.0

//! Another target that uses the module's wrappers: tests/modules/fail_nth.rs.

use crate::common::*;

const LOAD: &str = "insmod /lib/dmp-tests/dmp_test_fail.ko";

/// A script that writes ten blocks and prints the status of each write, then reads the blocks and
/// prints the status of each comparison.
const WRITE_AND_READ: &str = "head -c 4096 /dev/zero | tr '\\0' x >/tmp/x; \
    for n in $(seq 0 9); do \
    dd if=/tmp/x of=DEVICE bs=4k seek=$n oflag=direct conv=notrunc status=none 2>/dev/null; \
    echo $n $?; done; \
    for n in $(seq 0 9); do \
    dd if=DEVICE bs=4k skip=$n count=1 iflag=direct status=none | cmp -s - /tmp/x; echo $n $?; done";

/// The target has no end_io, message, preresume, ioctls, zones and direct access: device mapper
/// does not call the functions that a target lacks.
#[test]
fn another_target_of_the_wrappers_fails_only_every_third_write() {
    let mut machine = machine_with_tools();
    machine.sh(LOAD);
    create(&mut machine, "third", "0 2048 fail-nth /dev/vda 3");
    // dmp over the target counts its failures.
    let proxy = create(&mut machine, "proxy", "0 2048 dmp /dev/mapper/third");
    let became = machine.sh(&WRITE_AND_READ.replace("DEVICE", "/dev/mapper/proxy"));
    let expected = "0 0\n1 0\n2 1\n3 0\n4 0\n5 1\n6 0\n7 0\n8 1\n9 0\n".repeat(2);
    assert_eq!(became, expected);
    let all = [("read", 10, 40960, 0), ("write", 10, 40960, 3)];
    assert_operations(&mut machine, &proxy, &all);
    let disk = machine.sh("cat /sys/block/vda/dev");
    assert_eq!(
        machine.sh("dmsetup status third && dmsetup table third && dmsetup targets | grep fail"),
        format!(
            "0 2048 fail-nth 10 writes\n0 2048 fail-nth {} 3\nfail-nth         v1.2.3\n",
            disk.trim()
        )
    );
    // A flush is not a write, and reaches the disk.
    let before = disk_stat(&mut machine, "vda");
    machine.sh("dd if=/dev/null of=/dev/mapper/third conv=fsync,notrunc status=none");
    assert_eq!((disk_stat(&mut machine, "vda") - before).flushes, 1);
    assert_eq!(
        machine.sh("dmsetup status third"),
        "0 2048 fail-nth 10 writes\n"
    );
    assert_refused(
        &mut machine,
        "dmsetup message third 0 reset",
        "Invalid argument",
    );
}

#[test]
fn a_refused_line_of_another_target_has_a_message_and_releases_its_device() {
    let mut machine = machine_with_tools();
    machine.sh(LOAD);
    for (arguments, message) in [
        ("", "<device> is missing"),
        ("/dev/vda", "<n> is not a number above 0"),
        ("/dev/vda 0", "<n> is not a number above 0"),
        ("/dev/vdz 3", "<device> cannot be opened"),
    ] {
        let create = format!("dmsetup create third --table '0 2048 fail-nth {arguments}'");
        machine.sh("dmesg -c >/dev/null");
        assert_refused(&mut machine, &create, "failed");
        let log = machine.sh("dmesg");
        assert!(log.contains(&format!("fail-nth: {message}")), "{log}");
    }
    // The disk is free again.
    create(&mut machine, "third", "0 2048 fail-nth /dev/vda 3");
    assert_refused(&mut machine, "rmmod dmp_test_fail", "unavailable");
    machine.sh("dmsetup remove third && mkfs.ext4 -q /dev/vda && rmmod dmp_test_fail");
    assert_eq!(
        machine.sh("dmsetup targets | grep -c fail-nth || true"),
        "0\n"
    );
}
