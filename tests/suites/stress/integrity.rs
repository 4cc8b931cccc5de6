// SPDX-License-Identifier: GPL-2.0

//! Integrity of the data during all other operations.

use dmp_vm::Machine;

use crate::common::*;
use crate::load::*;

mod btrfs;

/// fio writes blocks at random and reads them back. Each block has a checksum and its place in it.
/// During this the device is suspended, reloaded and reset all the time.
#[test]
fn every_block_is_read_back_as_written() {
    let (mut machine, _) = with_device(machine_of(4), "0 65536 dmp /dev/vda 2048");
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
}

/// Returns dmp's counters in the disk's terms: write-zeroes requests are writes, and a flush is
/// also a write without bytes. Asserts that nothing failed.
#[track_caller]
fn counted(machine: &mut Machine, device: &str) -> DiskStat {
    let mut count = |operation: &str| {
        let mut number = |what| number(machine, &format!("{device}/{operation}/{what}"));
        assert_eq!(number("errors"), 0, "{operation}");
        Count {
            requests: number("requests"),
            bytes: number("bytes"),
        }
    };
    let flushes = count("flush");
    DiskStat {
        reads: count("read"),
        writes: count("write") + count("write_zeroes") + flushes,
        discards: count("discard"),
        flushes: flushes.requests,
    }
}

/// Runs fsx, which does all operations on a file or a device of 16 MiB at random. fsx checks that
/// each byte that it reads is the last one written there. Little stays in memory for long, and the
/// device is suspended and reloaded all the time.
#[track_caller]
fn fsx_finds_every_byte(machine: &mut Machine, path: &str, config: &str) {
    machine.sh(&format!(
        "cat >/run/fsx.toml <<'END'
nomsyncafterwrite = true
flen = 16777216
{config}
mapread = 10
mapwrite = 10
fsync = 0.1
fdatasync = 0.1
punch_hole = 1
posix_fadvise = 1
END"
    ));
    let (seed, count) = (seed(), operations(10_000));
    run_against(
        machine,
        &format!("fsx -q -S {seed} -N {count} -f /run/fsx.toml -P /run {path}"),
        &[
            "sync && echo 1 >/proc/sys/vm/drop_caches && usleep 200000",
            "dmsetup reload d --table \"$(dmsetup table d)\" && dmsetup suspend d && \
             dmsetup resume d && usleep 200000",
        ],
    );
}

#[test]
fn fsx_finds_every_byte_in_a_filesystem() {
    let mut machine = machine_of(2);
    let before = disk_stat(&mut machine, "vda");
    let device = create(&mut machine, "d", "0 65536 dmp /dev/vda 2048");
    machine.sh("mkfs.ext4 -q /dev/mapper/d && mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt");
    fsx_finds_every_byte(
        &mut machine,
        "/mnt/file",
        "[opsize]\nmax = 16384\n\
         [weights]\nclose_open = 1\ntruncate = 0.1\nposix_fallocate = 1\ncopy_file_range = 1",
    );
    machine.sh("fstrim /mnt; umount /mnt && e2fsck -f -n /dev/mapper/d");
    // The disk also flushes after each FUA write of the journal, so its own number of flushes is
    // not compared.
    let disk = DiskStat {
        flushes: number(&mut machine, &format!("{device}/flush/requests")),
        ..disk_stat(&mut machine, "vda") - before
    };
    assert_eq!(counted(&mut machine, &device), disk);
}

#[test]
fn fsx_finds_every_byte_in_a_device() {
    let mut machine = machine_of(2);
    let before = disk_stat(&mut machine, "vda");
    let device = create(&mut machine, "d", "0 32768 dmp /dev/vda 2048");
    fsx_finds_every_byte(
        &mut machine,
        "/dev/mapper/d",
        "blockmode = true\nnosizechecks = true\n[opsize]\nmax = 16384\nalign = 512\n\
         [weights]\nclose_open = 0\ntruncate = 0",
    );
    machine.sh("sync");
    let disk = disk_stat(&mut machine, "vda") - before;
    assert_eq!(counted(&mut machine, &device), disk);
}

/// Fills a filesystem through a dmp device. Asserts that the filesystem is consistent, and has its
/// files.
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
         rm /mnt/a/$n; [ $n -gt 10 ] && mv /mnt/a/3 /mnt/b/ && rm /mnt/a/5 && sync"
    ));
    machine.sh("for file in /mnt/a/* /mnt/b/*; do cmp /run/noise $file || exit; done");
    machine.sh(&format!("umount /mnt && {check} /dev/mapper/d"));
    for operation in ["read", "write", "flush"] {
        assert_eq!(
            number(&mut machine, &format!("{device}/{operation}/errors")),
            0
        );
    }
}

#[test]
fn a_full_ext4_is_consistent() {
    a_full_filesystem_is_in_order("mkfs.ext4 -q", "e2fsck -f -n", "ext4");
}

/// Files are written and synced one after the other until the power is cut. All synced files are on
/// the disk, complete, and the filesystem is consistent after a replay of its journal.
#[test]
fn a_power_cut_loses_no_synced_file() {
    let directory = tempfile::tempdir().unwrap();
    for target in ["linear", "dmp"] {
        let disk = disk_of(&directory, target, &vec![0; 64 * MIB as usize], false);
        let mut machine = boot(Machine::builder().disk(disk.clone()).tools(true).cpus(2));
        create(&mut machine, "d", &format!("0 120000 {target} /dev/vda 8"));
        machine.sh("mkfs.ext4 -q /dev/mapper/d && mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt");
        // A file is on the disk before its number is on the console.
        machine.sh("( n=0; while n=$((n + 1)); do \
                 yes \"this is file $n\" | dd of=/mnt/$n bs=4k count=4 iflag=fullblock \
                   conv=fsync status=none && sync /mnt && echo \"synced $n\" >/dev/console && \
                 touch /run/synced; \
               done ) >/dev/null 2>&1 &\n\
             yes | fio --name=noise --filename=/mnt/noise --rw=randwrite --bs=4k --size=16m \
               --fsync=32 --time_based --runtime=1d >/dev/null 2>&1 & \
             until [ -e /run/synced ]; do sleep 0.1; done; sleep 5");
        let synced = machine
            .console()
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("synced ")?.trim().parse::<u64>().ok())
            .max();
        let synced = synced.unwrap_or_else(|| panic!("{}", machine.console().tail()));
        machine.cut_power();

        let mut machine = boot(Machine::builder().disk(disk).tools(true));
        create(&mut machine, "d", &format!("0 120000 {target} /dev/vda 8"));
        machine.sh(&format!(
            "mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt && \
             for n in $(seq 1 {synced}); do \
               yes \"this is file $n\" | head -c 16384 | cmp - /mnt/$n || exit; done; \
             umount /mnt && e2fsck -f -n /dev/mapper/d"
        ));
    }
}

/// The disk below (dm-flakey) loses all writes from one moment on, like a disk without power. Data
/// that was flushed before that moment is present.
#[test]
fn a_disk_without_power_keeps_data_flushed_through_dmp() {
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
}
