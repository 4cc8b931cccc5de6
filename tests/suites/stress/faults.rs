// SPDX-License-Identifier: GPL-2.0

//! Disks that fail, slow down and disappear during requests.

use dmp_vm::{Disk, Fault, Machine};

use crate::common::*;
use crate::load::*;

/// Error numbers of the host's system.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Requests are in flight for 200 ms each. All end and are measured, and none is lost.
#[test]
fn all_requests_of_a_slow_disk_are_measured_over_suspends() {
    let mut machine = machine_of(2);
    machine.sh("modprobe dm-delay");
    create(&mut machine, "slow", "0 65536 delay /dev/vda 0 200");
    let device = create(
        &mut machine,
        "d",
        "0 65536 dmp /dev/mapper/slow 0 1 latency",
    );
    let totals = fio_against(
        &mut machine,
        "--filename=/dev/mapper/d --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=64 \
         --io_size=4m --size=32m",
        &["dmsetup suspend d && dmsetup resume d && sleep 1"],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    let file = format!("{device}/read/latency_histogram");
    let slower: u64 = histogram(&mut machine, &file)
        .iter()
        .filter(|(bound, _)| bound == "inf" || bound.parse::<u64>().unwrap() >= 1 << 28)
        .map(|(_, count)| count)
        .sum();
    assert_eq!(slower, totals.reads.requests);
    machine.sh("dmsetup remove d && dmsetup remove slow && rmmod dmp");
}

/// The disk is removed while requests are in flight, which fail as on linear. The device stays: its
/// counters can be read and reset, and it can be removed.
#[test]
fn an_unplugged_disk_only_fails_its_requests() {
    let mut outcomes = Vec::new();
    for target in ["linear", "dmp"] {
        let (mut machine, device) =
            with_device(machine_of(2), &format!("0 65536 {target} /dev/vdb 0"));
        let error = machine.sh(&format!(
            "disk=$(readlink -f /sys/block/vdb/device/..); \
             fio --name=load --filename=/dev/mapper/d --rw=randrw --bs=4k --direct=1 \
               --ioengine=libaio --iodepth=16 --time_based --runtime=1d 2>&1 | \
               grep -o 'error=Input/output error' | sort -u & \
             {}; echo 1 >$disk/remove; wait; [ ! -e /sys/block/vdb ]",
            until_written("vdb")
        ));
        if target == "dmp" {
            assert!(errors_of(&mut machine, &device) > 0);
            let requests = number(&mut machine, &format!("{device}/read/requests"));
            assert_refused(
                &mut machine,
                "dd if=/dev/mapper/d of=/dev/null bs=4k count=1 iflag=direct",
                "Input/output error",
            );
            let now = number(&mut machine, &format!("{device}/read/requests"));
            assert_eq!(now, requests + 1);
            machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
            assert_operations(&mut machine, &device, &[]);
            // The device continues with another disk.
            machine.sh("dmsetup reload d --table '0 65536 dmp /dev/vda 0' && dmsetup resume d");
            machine.sh(&direct_reads("d", 4096, 7));
            assert_counts(&mut machine, &device, Count::of(7, 4096), Count::default());
        }
        machine.sh("dmsetup remove d && rmmod dmp");
        outcomes.push(error);
    }
    assert_eq!(outcomes[0], "error=Input/output error\n");
    assert_eq!(outcomes[0], outcomes[1]);
}

/// Asserts that a script has the same outcome for the disk and for each of the two devices over it
/// in place of DEVICE. The script has to fail with `error`, if there is one. The dmp device must
/// have counted exactly `counted`.
#[track_caller]
fn assert_same_as_on(
    [disk, device]: [&str; 2],
    machine: &mut Machine,
    script: &str,
    error: Option<&str>,
    counted: &[(&str, u64, u64, u64)],
) {
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    let devices = [disk, BOTH[0], BOTH[1]];
    let outcome = assert_alike(machine, devices, script);
    assert_eq!(
        outcome.status != 0,
        error.is_some(),
        "{script}: {outcome:?}"
    );
    let said = outcome.stderr.contains(error.unwrap_or_default());
    assert!(said, "{script}: {outcome:?}");
    assert_operations(machine, device, counted);
}

/// The message of a virtio disk's error: the disk has one error for all errors of its host.
const FAILED: Option<&str> = Some("Input/output error");

/// Returns a script that reads `size` bytes from a sector on, in one request.
fn read_at(sector: u64, size: u64) -> String {
    format!(
        "dd if=DEVICE of=/dev/null bs={size} count=1 skip={} iflag=direct,skip_bytes status=none",
        sector * 512
    )
}

/// Returns a script that writes `size` bytes from a sector on, in one request, direct or not.
fn write_at(sector: u64, size: u64, how: &str) -> String {
    format!(
        "dd if=/dev/zero of=DEVICE bs={size} count=1 seek={} {how} status=none",
        sector * 512
    )
}

const DIRECT: &str = "oflag=direct,seek_bytes conv=notrunc";
const BUFFERED: &str = "oflag=seek_bytes conv=notrunc,fsync";

/// Returns a script that discards 8 KiB from a sector on or, with -z, writes zeroes. It does not
/// use busybox's blkdiscard, which needs exclusive access.
fn discard_at(sector: u64, how: &str) -> String {
    format!(
        "/usr/local/bin/blkdiscard -f {how} -o {} -l 8192 DEVICE",
        sector * 512
    )
}

/// QEMU fails the requests, one of them as on a host without space.
#[test]
fn a_bad_sector_fails_as_on_the_disk_and_is_one_error() {
    let fault = |operation, sector, errno| Fault {
        operation,
        sector: Some(sector),
        errno,
    };
    let disk = Disk::Failing {
        size: DISK,
        faults: vec![
            fault("read", 2048, EIO),
            fault("write", 4096, EIO),
            fault("write", 6144, ENOSPC),
            fault("discard", 8192, EIO),
            fault("write-zeroes", 10240, EIO),
        ],
    };
    let mut machine = boot(Machine::builder().disk(disk).tools(true));
    let device = create_both(&mut machine, "/dev/vda", 131_072);
    let on = ["/dev/vda", device.as_str()];
    for (script, operation, bytes) in [
        (read_at(2048, 4096), "read", 4096),
        (read_at(2016, 65536), "read", 65536),
        (write_at(4096, 4096, DIRECT), "write", 4096),
        (write_at(4096, 4096, BUFFERED), "write", 4096),
        (write_at(6080, 65536, DIRECT), "write", 65536),
        (discard_at(8192, ""), "discard", 8192),
        (discard_at(10240, "-z"), "write_zeroes", 8192),
    ] {
        let counted = [(operation, 1, bytes, 1)];
        assert_same_as_on(on, &mut machine, &script, FAILED, &counted);
    }
    // The neighbours of a bad sector are good, and so is the sector itself for another operation.
    for (script, operation, bytes) in [
        (read_at(2040, 4096), "read", 4096),
        (read_at(2056, 4096), "read", 4096),
        (read_at(6144, 4096), "read", 4096),
        (write_at(2048, 4096, DIRECT), "write", 4096),
        (write_at(4088, 4096, DIRECT), "write", 4096),
        (write_at(4104, 4096, DIRECT), "write", 4096),
        (discard_at(10240, ""), "discard", 8192),
        (discard_at(8192, "-z"), "write_zeroes", 8192),
    ] {
        let counted = [(operation, 1, bytes, 0)];
        assert_same_as_on(on, &mut machine, &script, None, &counted);
    }
    assert_all_goes(machine);
}

/// A disk has something to flush only after a write.
#[test]
fn a_failed_flush_of_the_disk_is_one_error() {
    let disk = Disk::Failing {
        size: DISK,
        faults: vec![Fault {
            operation: "flush",
            sector: None,
            errno: EIO,
        }],
    };
    let mut machine = boot(Machine::builder().disk(disk));
    let device = create_both(&mut machine, "/dev/vda", 2048);
    let on = ["/dev/vda", device.as_str()];
    let script = write_at(8, 4096, "oflag=direct,seek_bytes conv=notrunc,fsync");
    let counted = [("write", 1, 4096, 0), ("flush", 1, 0, 1)];
    assert_same_as_on(on, &mut machine, &script, FAILED, &counted);
    // Other requests succeed.
    for script in [read_at(8, 4096), write_at(8, 4096, DIRECT)] {
        assert_alike(&mut machine, ["/dev/vda", BOTH[1]], &script);
    }
    let counted = [
        ("read", 1, 4096, 0),
        ("write", 2, 8192, 0),
        ("flush", 1, 0, 1),
    ];
    assert_operations(&mut machine, &device, &counted);
    assert_all_goes(machine);
}

/// A SCSI disk with bad sectors, from 4660 on, and a full thin pool.
#[test]
fn medium_and_space_errors_are_returned_unchanged() {
    let mut machine = machine();
    scsi_disk(&mut machine, "opts=2");
    let device = create_both(&mut machine, "/dev/sda", 32768);
    let on = ["/dev/sda", device.as_str()];
    let counted = [("read", 1, 65536, 1)];
    let error = Some("No data available");
    assert_same_as_on(on, &mut machine, &read_at(4600, 65536), error, &counted);
    machine.sh("dmsetup remove_all && modprobe dm-thin-pool");

    // The pool has only one block of 64 KiB, which the first write takes.
    create(&mut machine, "meta", "0 8192 linear /dev/vda 0");
    let pool = "0 128 thin-pool /dev/mapper/meta /dev/vdb 128 0 1 error_if_no_space";
    create(&mut machine, "pool", pool);
    machine.sh("dmsetup message pool 0 'create_thin 0'");
    create(&mut machine, "thin", "0 256 thin /dev/mapper/pool 0");
    let device = create_both(&mut machine, "/dev/mapper/thin", 256);
    let on = ["/dev/mapper/thin", device.as_str()];
    let counted = [("write", 1, 4096, 0)];
    assert_same_as_on(on, &mut machine, &write_at(0, 4096, DIRECT), None, &counted);
    let counted = [("write", 1, 4096, 1)];
    let error = Some("No space left on device");
    assert_same_as_on(
        on,
        &mut machine,
        &write_at(128, 4096, DIRECT),
        error,
        &counted,
    );
    machine.sh("dmsetup remove dmp linear thin pool meta");
}
