// SPDX-License-Identifier: GPL-2.0

//! Data through a dmp device: unchanged, and at the right place on the disk.

use std::fs;

use dmp_vm::Machine;

use crate::common::*;

/// A window on the disk that begins and ends at odd sectors.
const OFFSET: u64 = 1001;
const LENGTH: u64 = 4099;

#[test]
fn reads_return_the_disks_bytes_at_the_offset() {
    let content = pattern(1, 4 * MIB);
    let (_directory, mut machine) = machine_over(&content);
    create(
        &mut machine,
        "d",
        &format!("0 {LENGTH} dmp /dev/vda {OFFSET}"),
    );
    let begin = usize::try_from(OFFSET * 512).unwrap();
    let end = begin + usize::try_from(LENGTH * 512).unwrap();
    for how in ["bs=4k iflag=direct", "bs=1M iflag=direct", "bs=64k"] {
        let read = machine
            .run(&format!("dd if=/dev/mapper/d {how} status=none"))
            .unwrap();
        assert_eq!(
            (read.status, read.stderr.as_slice()),
            (0, &b""[..]),
            "{how}"
        );
        assert_same_bytes(&read.stdout, &content[begin..end], how);
    }
}

#[test]
fn writes_change_the_disk_only_at_the_offset() {
    // The guest copies its second disk to the first, through three windows on it.
    let (before, written) = (pattern(2, 8 * MIB), pattern(3, LENGTH * 512));
    let directory = tempfile::tempdir().unwrap();
    let mut machine = boot(
        Machine::builder()
            .disk(disk_of(&directory, "to", &before, false))
            .disk(disk_of(&directory, "from", &written, true)),
    );
    let mut expected = before;
    for (n, how) in [
        (0, "bs=4k oflag=direct"),
        (1, "bs=1M oflag=direct"),
        (2, "bs=3k conv=fsync"),
    ] {
        let offset = OFFSET + n * (LENGTH + 1);
        create(
            &mut machine,
            &format!("d{n}"),
            &format!("0 {LENGTH} dmp /dev/vda {offset}"),
        );
        machine.sh(&format!(
            "dd if=/dev/vdb of=/dev/mapper/d{n} {how} status=none"
        ));
        let begin = usize::try_from(offset * 512).unwrap();
        expected[begin..begin + written.len()].copy_from_slice(&written);
        let found = fs::read(machine.disk_file(0)).unwrap();
        assert_same_bytes(&found, &expected, how);
    }
}

#[test]
fn a_device_of_two_targets_maps_each_disks_part() {
    let (mut machine, _) = machine_with_device("0 5 dmp /dev/vda 2048\n5 1000 dmp /dev/vdb 7");
    // 1005 numbered lines of 512 bytes: sector n has the number n.
    machine.sh("seq -f '%511.0f' 0 1004 >/run/sectors || \
                for n in $(seq 0 1004); do printf '%511d\\n' $n; done >/run/sectors; \
                dd if=/run/sectors of=/dev/mapper/d bs=4k conv=fsync status=none");
    let sector = |disk: &[u8], at: usize| {
        String::from_utf8_lossy(&disk[at * 512..][..512])
            .trim()
            .to_owned()
    };
    let first = fs::read(machine.disk_file(0)).unwrap();
    let second = fs::read(machine.disk_file(1)).unwrap();
    for n in 0..5 {
        assert_eq!(sector(&first, 2048 + n), n.to_string());
    }
    for n in 5..1005 {
        assert_eq!(sector(&second, 7 + n - 5), n.to_string());
    }
    assert!(first[2053 * 512..].iter().all(|byte| *byte == 0));
    assert!(second[..7 * 512].iter().all(|byte| *byte == 0));
}

#[test]
fn a_filesystem_on_a_device_keeps_its_files() {
    let (mut machine, _) = machine_with_device("0 120000 dmp /dev/vda 2048");
    machine.sh(
        "mke2fs /dev/mapper/d >/dev/null && mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt && \
         dd if=/dev/urandom of=/run/file bs=64k count=64 status=none && \
         cp /run/file /mnt/file && umount /mnt && echo 3 >/proc/sys/vm/drop_caches && \
         mount -t ext4 /dev/mapper/d /mnt && cmp /run/file /mnt/file && umount /mnt",
    );
}
