// SPDX-License-Identifier: GPL-2.0

//! Requests, bytes and average for direct I/O of many sizes.
//!
//! A direct read or write of up to 1 MiB is one bio, and so one request: its 256 pages fill the bio
//! (BIO_MAX_VECS). Device mapper splits a bio with data only at the end of a target; the disk's own
//! limits (virtio's number of segments, max_sectors) split it further below dmp.

use crate::common::*;

const SECTOR: u64 = 512;
/// Block size and number of blocks: one sector, three, a page, 16 pages, an odd number of sectors
/// above a page, and the maximum of a bio.
const RUNS: [(u64, u64); 7] = [
    (SECTOR, 7),
    (3 * SECTOR, 5),
    (4096, 100),
    (65536, 20),
    (131 * SECTOR, 11),
    (MIB / 2, 9),
    (MIB, 6),
];

#[test]
fn each_direct_write_of_a_sector_to_a_mebibyte_is_one_request_of_its_size() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    let mut writes = Count::default();
    for (size, count) in RUNS {
        machine.sh(&direct_writes("d", size, count));
        writes = writes + Count::of(count, size);
        assert_counts(&mut machine, &device, Count::default(), writes);
    }
}

#[test]
fn each_direct_read_of_a_sector_to_a_mebibyte_is_one_request_of_its_size() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    let mut reads = Count::default();
    for (size, count) in RUNS {
        machine.sh(&direct_reads("d", size, count));
        reads = reads + Count::of(count, size);
        assert_counts(&mut machine, &device, reads, Count::default());
    }
}

/// Above 1 MiB the number of bios depends on the memory: adjacent pages share one of the 256
/// segments. So 4 writes of 2 MiB are between 4 and 8 requests. The block layer's own count for the
/// mapped device gives the number of requests (its fields: reads completed, merged, sectors read,
/// time, writes completed, merged, sectors written).
#[test]
fn requests_above_a_mebibyte_are_counted_as_the_block_layer_splits_them() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 2 * MIB, 4));
    machine.sh(&direct_reads("d", 8 * MIB, 3));
    let fields: Vec<u64> = machine
        .sh(&format!("cat /sys/block/{device}/stat"))
        .split_whitespace()
        .map(|field| field.parse().unwrap())
        .collect();
    let reads = Count {
        requests: fields[0],
        bytes: fields[2] * SECTOR,
    };
    let writes = Count {
        requests: fields[4],
        bytes: fields[6] * SECTOR,
    };
    assert_eq!((reads.bytes, writes.bytes), (24 * MIB, 8 * MIB));
    assert!((3..=24).contains(&reads.requests), "{reads:?}");
    assert!((4..=8).contains(&writes.requests), "{writes:?}");
    assert_counts(&mut machine, &device, reads, writes);
}

/// Three blocks of 64 sectors, and the second target begins at sector 100: the second block, 64 to
/// 127, is split there; the others are not.
#[test]
fn a_request_across_two_targets_counts_as_two() {
    let (mut machine, device) =
        machine_with_device("0 100 dmp /dev/vda 0\n100 1948 dmp /dev/vdb 0");
    machine.sh(&direct_writes("d", 64 * SECTOR, 3));
    let writes = Count {
        requests: 4,
        bytes: 3 * 64 * SECTOR,
    };
    assert_counts(&mut machine, &device, Count::default(), writes);
}

/// Writeback sends each buffer of a block device's page cache as its own bio, and device mapper
/// merges none. A buffer is one block, here a page. The flush at the end of fsync is not a write.
#[test]
fn buffered_writes_count_as_one_request_a_page() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    machine.sh("dd if=/dev/zero of=/dev/mapper/d bs=64k count=4 conv=fsync status=none");
    let writes = Count::of(64, 4096);
    assert_counts(&mut machine, &device, Count::default(), writes);
}
