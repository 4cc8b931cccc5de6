// SPDX-License-Identifier: GPL-2.0

//! Each operation is counted separately: requests, bytes, sizes.

use std::fs;

use dmp_vm::Machine;

use crate::common::*;

/// An fsync of a device without writes: one empty flush.
const FSYNC: &str = "dd if=/dev/null of=/dev/mapper/d conv=fsync,notrunc status=none";

#[test]
fn an_fsync_is_a_flush_without_bytes_for_each_line() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&format!("{FSYNC}; {FSYNC}; {FSYNC}"));
    assert_operations(&mut machine, &device, &[("flush", 3, 0, 0)]);
    // A request without bytes is in the first bucket.
    assert_eq!(
        histogram(&mut machine, &format!("{device}/flush/size_histogram")),
        [("512".to_owned(), 3)]
    );
    machine
        .sh("dd if=/dev/zero of=/dev/mapper/d bs=4k count=5 oflag=direct conv=fsync status=none");
    let all = [("write", 5, 5 * 4096, 0), ("flush", 4, 0, 0)];
    assert_operations(&mut machine, &device, &all);
    // `volumes` has only reads and writes.
    assert_counts(&mut machine, &device, Count::default(), Count::of(5, 4096));
    machine.sh("dmsetup remove d");

    let device = create(
        &mut machine,
        "d",
        "0 8 dmp /dev/vda 0\n8 8 dmp /dev/vdb 0\n16 8 linear /dev/vdb 8",
    );
    machine.sh(FSYNC);
    assert_operations(&mut machine, &device, &[("flush", 2, 0, 0)]);
}

/// One line's flush covers the writes of all lines on the disk. The device below counts the
/// flushes.
#[test]
fn lines_on_one_disk_get_one_flush_as_with_linear() {
    let mut machine = machine();
    let under = create(&mut machine, "under", "0 4096 dmp /dev/vda 0");
    let lines = |target: &str, offset: u64| -> String {
        let line = |n: u64| {
            let (start, sector) = (8 * n, offset + 8 * n);
            format!("{start} 8 {target} /dev/mapper/under {sector}\n")
        };
        (0..10).map(line).collect::<Vec<_>>().concat()
    };
    let flushes = |machine: &mut Machine| number(machine, &format!("{under}/flush/requests"));
    create(&mut machine, "l", &lines("linear", 0));
    let device = create(&mut machine, "d", &lines("dmp", 1024));
    for name in ["l", "d"] {
        let before = flushes(&mut machine);
        machine.sh(&format!(
            "for n in $(seq 20); do dd if=/dev/null of=/dev/mapper/{name} conv=fsync,notrunc \
             status=none || exit; done"
        ));
        assert_eq!(flushes(&mut machine) - before, 20, "{name}");
    }
    assert_operations(&mut machine, &device, &[("flush", 20, 0, 0)]);
    // Each of two disks is flushed once, for any lines on it, also after a reload.
    machine.sh("dmsetup reload d <<'END' && dmsetup resume d\n\
         0 8 dmp /dev/mapper/under 0\n8 8 dmp /dev/vdb 0\n16 8 dmp /dev/vdb 8\n\
         24 8 dmp /dev/mapper/under 8\nEND");
    let before = flushes(&mut machine);
    machine.sh(FSYNC);
    assert_eq!(flushes(&mut machine) - before, 1);
    assert_operations(&mut machine, &device, &[("flush", 22, 0, 0)]);
}

/// Flushes reach the disk uncounted, if all lines have the option.
#[test]
fn flush_bypass_passes_flushes_uncounted() {
    let mut machine = machine();
    let under = create(&mut machine, "under", "0 4096 dmp /dev/vda 0");
    let device = create(
        &mut machine,
        "d",
        "0 8 dmp /dev/mapper/under 0 1 flush_bypass\n\
         8 8 dmp /dev/mapper/under 8 2 latency flush_bypass",
    );
    machine.sh(&format!("{FSYNC}; {FSYNC}"));
    machine.sh("dd if=/dev/zero of=/dev/mapper/d bs=4k count=2 oflag=direct status=none");
    assert_operations_without_flushes(&mut machine, &device, &[("write", 2, 8192, 0)]);
    assert_eq!(number(&mut machine, &format!("{under}/flush/requests")), 2);
    let table = machine.sh("dmsetup table d");
    let options: Vec<&str> = table
        .lines()
        .map(|line| &line[line.find(" 2 ").unwrap()..])
        .collect();
    assert_eq!(options, [" 2 latency flush_bypass"; 2], "{table}");
    // One line without the option is enough to count flushes.
    machine.sh("dmsetup reload d <<'END' && dmsetup resume d\n\
         0 8 dmp /dev/mapper/under 0 1 flush_bypass\n8 8 dmp /dev/mapper/under 8\nEND");
    machine.sh(FSYNC);
    assert_operations(
        &mut machine,
        &device,
        &[("write", 2, 8192, 0), ("flush", 1, 0, 0)],
    );
    assert_eq!(number(&mut machine, &format!("{under}/flush/requests")), 3);
}

/// The disk is 4 MiB of noise. The second MiB and 64 KiB of the third are discarded, through an
/// offset.
#[test]
fn a_discard_is_counted_with_its_bytes_and_reaches_the_disk() {
    let content = pattern(4, 4 * MIB);
    let (_directory, mut machine) = machine_over(&content);
    let device = create(&mut machine, "d", "0 6144 dmp /dev/vda 2048");
    machine.sh(
        "blkdiscard -o 0 -l 1048576 /dev/mapper/d && blkdiscard -o 1048576 -l 65536 /dev/mapper/d",
    );
    let discards = [("discard", 2, MIB + 65536, 0)];
    assert_operations(&mut machine, &device, &discards);
    assert_eq!(
        histogram(&mut machine, &format!("{device}/discard/size_histogram")),
        [("65536".to_owned(), 1), ("1048576".to_owned(), 1)]
    );
    assert_counts(&mut machine, &device, Count::default(), Count::default());

    let mut expected = content;
    let begin = usize::try_from(MIB).unwrap();
    expected[begin..2 * begin + 65536].fill(0);
    let found = fs::read(machine.disk_file(0)).unwrap();
    assert_same_bytes(&found, &expected, "after the discards");
}

/// A loop device over a block device turns a discard into write_zeroes: loop punches a hole, which
/// is REQ_OP_WRITE_ZEROES on a block device.
#[test]
fn write_zeroes_are_counted_separately_and_reach_the_disk() {
    let content = pattern(5, 4 * MIB);
    let (_directory, mut machine) = machine_over(&content);
    let device = create(&mut machine, "d", "0 6144 dmp /dev/vda 2048");
    machine.sh("modprobe loop && losetup /dev/loop0 /dev/mapper/d && \
         blkdiscard -o 1048576 -l 1048576 /dev/loop0 && blkdiscard -o 0 -l 4096 /dev/loop0 && \
         losetup -d /dev/loop0");
    let shown = machine.sh(&format!(
        "cd {STAT}/{device} && cat write_zeroes/requests write_zeroes/bytes write_zeroes/errors \
         write/requests discard/requests other/requests"
    ));
    assert_eq!(shown, format!("2\n{}\n0\n0\n0\n0\n", MIB + 4096));
    assert_eq!(
        histogram(
            &mut machine,
            &format!("{device}/write_zeroes/size_histogram")
        ),
        [("4096".to_owned(), 1), ("1048576".to_owned(), 1)]
    );
    let mut expected = content;
    let mib = usize::try_from(MIB).unwrap();
    expected[mib..mib + 4096].fill(0);
    expected[2 * mib..3 * mib].fill(0);
    let found = fs::read(machine.disk_file(0)).unwrap();
    assert_same_bytes(&found, &expected, "after the zeroes");
}

#[test]
fn the_size_histogram_counts_each_request_in_the_first_fitting_bucket() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    // Size, number of requests, and bucket.
    let runs = [
        (512, 1, 512),
        (1024, 2, 1024),
        (1536, 3, 2048),
        (2048, 1, 2048),
        (4096, 5, 4096),
        (4608, 2, 8192),
        (65536, 4, 65536),
        (MIB - 512, 1, MIB),
        (MIB, 3, MIB),
    ];
    let (mut requests, mut bytes) = (0, 0);
    for (size, count, _) in runs {
        machine.sh(&direct_writes("d", size, count));
        machine.sh(&direct_reads("d", size, count));
        requests += count;
        bytes += size * count;
    }
    let mut expected = String::new();
    for bucket in 0..24 {
        let bound = 512 << bucket;
        let count: u64 = runs
            .iter()
            .filter(|(_, _, in_bucket)| *in_bucket == bound)
            .map(|(_, count, _)| count)
            .sum();
        match bucket {
            23 => expected += "inf 0\n",
            _ => expected += &format!("{bound} {count}\n"),
        }
    }
    for operation in ["read", "write"] {
        let shown = machine.sh(&format!("cat {STAT}/{device}/{operation}/size_histogram"));
        assert_eq!(shown, expected, "{operation}");
    }
    let both = [("read", requests, bytes, 0), ("write", requests, bytes, 0)];
    assert_operations(&mut machine, &device, &both);
}

#[test]
fn each_status_line_has_all_operations_of_the_whole_device() {
    let (mut machine, _) =
        machine_with_device("0 2048 dmp /dev/vda 0\n2048 2048 dmp /dev/vdb 0 1 latency");
    let counters = "read 2 8192 0 write 3 196608 0 discard 1 65536 0 flush 2 0 0 \
                    write_zeroes 0 0 0 other 0 0 0";
    let both_lines = |latency| {
        let line = format!("2048 dmp {counters} latency {latency} again 0 0 0 0 0 0");
        format!("0 {line}\n2048 {line}\n")
    };
    machine.sh(&direct_reads("d", 4096, 2));
    machine.sh(&direct_writes("d", 65536, 3));
    machine.sh(&format!("{FSYNC}; blkdiscard -o 0 -l 65536 /dev/mapper/d"));
    assert_eq!(machine.sh("dmsetup status d"), both_lines("on"));
    machine.sh("dmsetup message d 0 latency off");
    assert_eq!(machine.sh("dmsetup status d"), both_lines("off"));
}
