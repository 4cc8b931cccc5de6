// SPDX-License-Identifier: GPL-2.0

//! dmp over and under other targets: the data is correct, and so are the counts.

use dmp_vm::Machine;

use crate::common::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Writes noise to a device, reads it back without caches, and compares.
#[track_caller]
fn assert_keeps_data(machine: &mut Machine, name: &str) {
    machine.sh(&format!(
        "dd if=/dev/urandom of=/run/noise bs=64k count=8 status=none && \
         dd if=/run/noise of=/dev/mapper/{name} bs=64k oflag=direct conv=notrunc status=none && \
         dd if=/dev/mapper/{name} of=/run/back bs=64k count=8 iflag=direct status=none && \
         cmp /run/noise /run/back"
    ));
}

#[test]
fn each_layer_over_and_under_linear_and_dmp_counts_once() {
    let mut machine = machine();
    let bottom = create(&mut machine, "bottom", "0 8192 dmp /dev/vda 2048");
    create(
        &mut machine,
        "line",
        "0 4096 linear /dev/mapper/bottom 1024",
    );
    let middle = create(&mut machine, "middle", "0 4096 dmp /dev/mapper/line 0");
    let top = create(&mut machine, "top", "0 2048 dmp /dev/mapper/middle 8");
    assert_keeps_data(&mut machine, "top");
    let all = Count::of(8, 65536);
    for device in [&bottom, &middle, &top] {
        assert_counts(&mut machine, device, all, all);
    }
    // The noise is at the sum of the offsets: 2048 + 1024 + 0 + 8.
    machine.sh("dd if=/dev/vda of=/run/back bs=512 skip=3080 count=1024 status=none && cmp /run/noise /run/back");
    // Flushes and discards pass through all of them.
    machine.sh(
        "dd if=/dev/null of=/dev/mapper/top conv=fsync,notrunc status=none && \
         blkdiscard -o 0 -l 65536 /dev/mapper/top",
    );
    let size = 8 * 65536;
    let all = [
        ("read", 8, size, 0),
        ("write", 8, size, 0),
        ("discard", 1, 65536, 0),
        ("flush", 1, 0, 0),
    ];
    for device in [&bottom, &middle, &top] {
        assert_operations(&mut machine, device, &all);
    }
    // Devices are removed from the top down: a device in use cannot be removed.
    assert_refused(
        &mut machine,
        "dmsetup remove bottom",
        "Device or resource busy",
    );
    machine.sh("for d in top middle line bottom; do dmsetup remove $d || exit; done; rmmod dmp");
}

/// dm-crypt does not split a request of 64 KiB, so its requests below are as large as those above.
#[test]
fn dmp_works_over_and_under_crypt() {
    let mut machine = machine();
    machine.sh("modprobe dm-crypt");
    let under = create(&mut machine, "under", "0 8192 dmp /dev/vda 2048");
    create(
        &mut machine,
        "crypt",
        &format!("0 8192 crypt aes-xts-plain64 {KEY} 0 /dev/mapper/under 0"),
    );
    let over = create(&mut machine, "over", "0 8192 dmp /dev/mapper/crypt 0");
    assert_keeps_data(&mut machine, "over");
    let all = Count::of(8, 65536);
    assert_counts(&mut machine, &over, all, all);
    assert_counts(&mut machine, &under, all, all);
    // The disk below has other bytes than the written ones.
    machine.sh("dd if=/dev/vda of=/run/back bs=512 skip=2048 count=1024 status=none && ! cmp -s /run/noise /run/back");
    // Without the proxies the data is the same.
    machine.sh("dmsetup remove over && dmsetup remove crypt && dmsetup remove under");
    create(
        &mut machine,
        "crypt",
        &format!("0 8192 crypt aes-xts-plain64 {KEY} 0 /dev/vda 2048"),
    );
    machine.sh("dd if=/dev/mapper/crypt of=/run/back bs=64k count=8 status=none && cmp /run/noise /run/back");
}

/// The origin is written after the creation of the snapshot. kcopyd copies the old data for the
/// snapshot, through the proxies under both.
#[test]
fn dmp_works_under_and_over_a_snapshot() {
    let mut machine = machine();
    machine.sh("modprobe dm-snapshot");
    let under = create(&mut machine, "under", "0 8192 dmp /dev/vda 0");
    let store = create(&mut machine, "store", "0 32768 dmp /dev/vdb 0");
    assert_keeps_data(&mut machine, "under");
    create(
        &mut machine,
        "origin",
        "0 8192 snapshot-origin /dev/mapper/under",
    );
    machine.sh("dmsetup suspend origin");
    create(
        &mut machine,
        "snap",
        "0 8192 snapshot /dev/mapper/under /dev/mapper/store N 16",
    );
    machine.sh("dmsetup resume origin");
    let over = create(&mut machine, "over", "0 8192 dmp /dev/mapper/snap 0");
    machine.sh(&format!(
        "mv /run/noise /run/old; echo 1 >{STAT}/{under}/reset; echo 1 >{STAT}/{store}/reset"
    ));
    // 64 chunks of 8 KiB: each is read from the origin once and written to the store once.
    machine.sh("dd if=/dev/zero of=/dev/mapper/origin bs=64k count=8 oflag=direct status=none");
    assert_eq!(
        number(&mut machine, &format!("{under}/read/bytes")),
        8 * 65536
    );
    assert_eq!(
        number(&mut machine, &format!("{under}/write/bytes")),
        8 * 65536
    );
    assert!(number(&mut machine, &format!("{store}/write/bytes")) >= 8 * 65536);
    machine.sh("dd if=/dev/mapper/over of=/run/back bs=64k count=8 iflag=direct status=none && cmp /run/old /run/back");
    assert_counts(&mut machine, &over, Count::of(8, 65536), Count::default());
    machine
        .sh("for d in over snap origin store under; do dmsetup remove $d || exit; done; rmmod dmp");
}

/// A first write of 4 KiB makes the pool fill a block of 64 KiB with zeroes. The pool uses a write,
/// because it does not support write_zeroes. A discard of the thin device frees blocks, and is
/// passed on to the disk.
#[test]
fn dmp_works_under_and_over_a_thin_pool() {
    let mut machine = machine();
    machine.sh("modprobe dm-thin-pool");
    let meta = create(&mut machine, "meta", "0 8192 dmp /dev/vdb 0");
    let data = create(&mut machine, "data", "0 65536 dmp /dev/vda 0");
    create(
        &mut machine,
        "pool",
        "0 65536 thin-pool /dev/mapper/meta /dev/mapper/data 128 0",
    );
    machine.sh("dmsetup message pool 0 'create_thin 0'");
    create(&mut machine, "thin", "0 131072 thin /dev/mapper/pool 0");
    let over = create(&mut machine, "over", "0 131072 dmp /dev/mapper/thin 0");
    // One write to each of four blocks.
    machine.sh(
        "for n in 0 1 2 3; do dd if=/dev/zero of=/dev/mapper/over bs=4k count=1 seek=$((n * 16)) \
         oflag=direct conv=notrunc status=none || exit; done",
    );
    assert_operations(&mut machine, &over, &[("write", 4, 4 * 4096, 0)]);
    let shown = machine.sh(&format!(
        "cd {STAT}/{data} && cat write_zeroes/requests write_zeroes/bytes write/requests write/bytes"
    ));
    assert_eq!(shown, format!("0\n0\n8\n{}\n", 4 * (65536 + 4096)));
    assert!(number(&mut machine, &format!("{meta}/write/requests")) > 0);

    assert_keeps_data(&mut machine, "over");
    machine.sh("blkdiscard -o 0 -l 262144 /dev/mapper/over");
    assert_eq!(number(&mut machine, &format!("{over}/discard/requests")), 1);
    assert_eq!(
        number(&mut machine, &format!("{data}/discard/bytes")),
        262_144
    );
    machine.sh("for d in over thin pool data meta; do dmsetup remove $d || exit; done; rmmod dmp");
}

#[test]
fn dmp_works_under_and_over_mirrors() {
    let mut machine = machine();
    machine.sh("modprobe dm-mirror && modprobe dm-raid");
    let left = create(&mut machine, "left", "0 16384 dmp /dev/vda 0");
    let right = create(&mut machine, "right", "0 16384 dmp /dev/vdb 0");
    for (target, table) in [
        (
            "mirror",
            "0 16384 mirror core 2 1024 nosync 2 /dev/mapper/left 0 /dev/mapper/right 0",
        ),
        (
            "raid",
            "0 16384 raid raid1 2 0 nosync 2 - /dev/mapper/left - /dev/mapper/right",
        ),
    ] {
        create(&mut machine, "pair", table);
        let over = create(&mut machine, "over", "0 8192 dmp /dev/mapper/pair 0");
        machine.sh(&format!(
            "echo 1 >{STAT}/{left}/reset; echo 1 >{STAT}/{right}/reset"
        ));
        assert_keeps_data(&mut machine, "over");
        assert_counts(
            &mut machine,
            &over,
            Count::of(8, 65536),
            Count::of(8, 65536),
        );
        // Each write goes to both legs, and each read to one.
        let mut bytes = |file: &str| number(&mut machine, file);
        assert_eq!(bytes(&format!("{left}/write/bytes")), 8 * 65536, "{target}");
        assert_eq!(
            bytes(&format!("{right}/write/bytes")),
            8 * 65536,
            "{target}"
        );
        let read = bytes(&format!("{left}/read/bytes")) + bytes(&format!("{right}/read/bytes"));
        assert_eq!(read, 8 * 65536, "{target}");
        machine.sh("cmp -n 524288 /dev/mapper/left /dev/mapper/right && cmp -n 524288 /dev/mapper/left /run/noise");
        machine.sh("dmsetup remove over && dmsetup remove pair");
    }
    machine.sh("dmsetup remove left && dmsetup remove right && rmmod dmp");
}

/// Four legs of 8 MiB and their metadata are dmp devices. The data is kept, even without one leg.
#[test]
fn dmp_works_under_and_over_raid() {
    let mut machine = machine();
    machine.sh("modprobe dm-raid");
    let mut legs = String::new();
    for (n, disk) in ["vda", "vda", "vdb", "vdb"].into_iter().enumerate() {
        let offset = 32768 * (n % 2);
        for (name, at, length) in [("meta", 0, 8192), ("leg", 8192, 16384)] {
            create(
                &mut machine,
                &format!("{name}{n}"),
                &format!("0 {length} dmp /dev/{disk} {}", offset + at),
            );
        }
        legs += &format!(" /dev/mapper/meta{n} /dev/mapper/leg{n}");
    }
    for (level, length) in [
        ("raid4 1 128", 49152),
        ("raid5_ls 1 128", 49152),
        ("raid6_zr 1 128", 32768),
        ("raid10 5 128 raid10_format near raid10_copies 2", 32768),
    ] {
        machine.sh(
            "for n in 0 1 2 3; do dd if=/dev/zero of=/dev/mapper/meta$n bs=64k count=64 \
             oflag=direct status=none || exit; done",
        );
        let table = format!("0 {length} raid {level} 4{legs}");
        create(&mut machine, "array", &table);
        let over = create(&mut machine, "over", "0 8192 dmp /dev/mapper/array 0");
        assert_keeps_data(&mut machine, "over");
        let all = Count::of(8, 65536);
        assert_counts(&mut machine, &over, all, all);
        // Once all legs are in sync, one of them can be removed.
        machine.sh("for n in $(seq 1 300); do \
               case $(dmsetup status array) in *' idle '*) break ;; esac; usleep 100000; done; \
             dmsetup reload leg1 --table '0 16384 error' && dmsetup suspend --nolockfs leg1 && \
             dmsetup resume leg1");
        machine.sh("dd if=/dev/mapper/over of=/run/back bs=64k count=8 iflag=direct status=none && cmp /run/noise /run/back");
        machine.sh("dmsetup remove over && dmsetup remove array && \
             dmsetup reload leg1 --table '0 16384 dmp /dev/vda 40960' && \
             dmsetup suspend leg1 && dmsetup resume leg1");
    }
    machine.sh("for n in 0 1 2 3; do dmsetup remove leg$n && dmsetup remove meta$n || exit; done; rmmod dmp");
}
