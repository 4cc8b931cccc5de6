// SPDX-License-Identifier: GPL-2.0

//! Data, with everything going on around it.

use dmp_vm::Machine;

use crate::common::*;
use crate::load::*;

/// Written at random and read back, each block with a checksum and its place in it, while the device
/// is suspended, reloaded and reset all the time.
#[test]
fn every_block_is_read_back_as_it_was_written() {
    let mut machine = machine_of(4);
    create(&mut machine, "d", "0 65536 dmp /dev/vda 2048");
    let totals = fio_against(
        &mut machine,
        "--filename=/dev/mapper/d --rw=randwrite --direct=1 --ioengine=libaio --iodepth=16 \
         --bssplit=512/20:4k/50:64k/30 --blockalign=512 --size=32m --io_size=24m \
         --verify=crc32c --verify_fatal=1 --do_verify=1 --norandommap=0",
        &[
            "dmsetup suspend d && dmsetup resume d && \
             dmsetup reload d --table '0 65536 dmp /dev/vda 2048 1 latency' && dmsetup resume d && \
             dmsetup reload d --table '0 65536 dmp /dev/vda 2048' && dmsetup resume d",
            &format!("echo 1 >$(echo {STAT}/dm-*/reset)"),
        ],
    );
    assert_eq!(totals.errors, 0);
    assert!(totals.reads.bytes >= totals.writes.bytes / 2, "{totals:?}");
    finish(machine);
}

/// A filesystem that is filled through a dmp device is in order, and has its files.
fn a_full_filesystem_is_in_order(make: &str, check: &str, kind: &str) {
    let mut machine = boot(
        Machine::builder()
            .disk(dmp_vm::Disk::Scratch(256 * MIB))
            .tools(true)
            .cpus(2),
    );
    let device = create(&mut machine, "d", "0 524288 dmp /dev/vda 0");
    machine.sh(&format!(
        "modprobe {kind} 2>/dev/null; {make} /dev/mapper/d && mkdir /mnt && \
         mount -t {kind} /dev/mapper/d /mnt && mkdir /mnt/a /mnt/b && \
         dd if=/dev/urandom of=/run/noise bs=64k count=160 status=none && \
         n=0; while cp /run/noise /mnt/a/$n 2>/dev/null; do n=$((n + 1)); done; \
         rm /mnt/a/$n; [ $n -gt 10 ] && mv /mnt/a/3 /mnt/b/ && rm /mnt/a/5 && sync && \
         for file in /mnt/a/* /mnt/b/*; do cmp /run/noise $file || exit; done; \
         umount /mnt && {check} /dev/mapper/d"
    ));
    for operation in ["read", "write", "flush"] {
        assert_eq!(
            number(&mut machine, &format!("{device}/{operation}/errors")),
            0
        );
    }
    finish(machine);
}

#[test]
fn a_full_ext4_is_in_order() {
    a_full_filesystem_is_in_order("mkfs.ext4 -q", "e2fsck -f -n", "ext4");
}

#[test]
fn a_full_btrfs_is_in_order() {
    a_full_filesystem_is_in_order("mkfs.btrfs -q", "btrfs check --readonly", "btrfs");
}

/// Files are written and synced one after the other until the power goes. Those that were synced are
/// on the disk, whole, and the filesystem is in order once its journal was replayed.
#[test]
fn a_power_cut_loses_nothing_that_was_synced() {
    let directory = tempfile::tempdir().unwrap();
    let disk = || disk_of(&directory, "disk", &vec![0; 64 * MIB as usize], false);
    let first = disk();
    for target in ["linear", "dmp"] {
        let mut machine = boot(Machine::builder().disk(disk()).tools(true).cpus(2));
        create(&mut machine, "d", &format!("0 120000 {target} /dev/vda 8"));
        machine.sh("mkfs.ext4 -q /dev/mapper/d && mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt");
        // What is on the console when the power goes was on the disk before.
        machine.sh("( n=0; while n=$((n + 1)); do \
                 yes \"this is file $n\" | dd of=/mnt/$n bs=4k count=4 iflag=fullblock \
                   conv=fsync status=none && sync /mnt && echo \"synced $n\" >/dev/console; \
               done ) >/dev/null 2>&1 &\n\
             yes | fio --name=noise --filename=/mnt/noise --rw=randwrite --bs=4k --size=16m \
               --fsync=32 --time_based --runtime=60 >/dev/null 2>&1 & sleep 5");
        let synced = machine
            .console()
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("synced ")?.trim().parse::<u64>().ok())
            .max();
        let synced = synced.unwrap_or_else(|| panic!("{}", machine.console().tail()));
        machine.cut_power();

        let mut machine = boot(Machine::builder().disk(first.clone()).tools(true));
        create(&mut machine, "d", &format!("0 120000 {target} /dev/vda 8"));
        machine.sh(&format!(
            "mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt && \
             for n in $(seq 1 {synced}); do \
               yes \"this is file $n\" | head -c 16384 | cmp - /mnt/$n || exit; done; \
             umount /mnt && e2fsck -f -n /dev/mapper/d"
        ));
        finish(machine);
    }
}

/// The disk below loses all writes from one moment on, as one without power does (dm-flakey): what
/// was flushed before that moment is there.
#[test]
fn a_disk_that_loses_its_power_keeps_what_was_flushed_through_dmp() {
    let mut machine = machine_of(2);
    machine.sh("modprobe dm-flakey");
    let good = "0 120000 flakey /dev/vda 0 3600 0";
    create(&mut machine, "disk", good);
    create(&mut machine, "d", "0 120000 dmp /dev/mapper/disk 0");
    machine.sh("mkfs.ext4 -q /dev/mapper/d && mkdir /mnt");
    for round in 0..5 {
        machine.sh(&format!(
            "mount -t ext4 /dev/mapper/d /mnt && \
             yes 'round {round}' | dd of=/mnt/synced{round} bs=64k count=8 iflag=fullblock \
               conv=fsync status=none && sync /mnt && \
             yes 'lost' | dd of=/mnt/lost{round} bs=64k count=8 iflag=fullblock status=none && \
             dmsetup reload disk --table '0 120000 flakey /dev/vda 0 0 3600 1 drop_writes' && \
             dmsetup suspend --nolockfs disk && dmsetup resume disk && umount /mnt && \
             dmsetup reload disk --table '{good}' && dmsetup suspend --nolockfs disk && \
             dmsetup resume disk && echo 3 >/proc/sys/vm/drop_caches && \
             mount -t ext4 /dev/mapper/d /mnt && \
             for n in $(seq 0 {round}); do \
               yes \"round $n\" | head -c 524288 | cmp - /mnt/synced$n || exit; done; \
             umount /mnt && e2fsck -f -n /dev/mapper/d"
        ));
    }
    finish(machine);
}
