// SPDX-License-Identifier: GPL-2.0

//! Persistent memory under dmp, compared with linear.

use dmp_vm::Machine;

use crate::common::*;

/// Boots a machine with a persistent memory disk in 64 MiB of memory, which supports direct access.
fn machine_with_pmem() -> Machine {
    let mut machine = boot(builder().kernel_arguments("memmap=64M!256M"));
    machine.sh(
        "modprobe nd_e820; modprobe nd_pmem; \
         for n in $(seq 1 50); do [ -e /dev/pmem0 ] && break; usleep 100000; done; [ -e /dev/pmem0 ]",
    );
    machine
}

#[test]
fn persistent_memory_is_accessed_directly_as_through_linear() {
    let mut machine = machine_with_pmem();
    let mut described = ["dmp", "linear"].map(|target| {
        create(
            &mut machine,
            "d",
            &format!("0 98304 {target} /dev/pmem0 8192"),
        );
        let lines = queue(&mut machine, "d");
        machine.sh("dmsetup remove d");
        lines
    });
    assert_eq!(described[0], described[1]);
    described[0].retain(|line| line.starts_with("dax"));
    assert_eq!(described[0], ["dax: 1"]);

    // Once a file's blocks are allocated, no request writes or reads them: only the filesystem's
    // own metadata still needs requests.
    let device = create(&mut machine, "d", "0 98304 dmp /dev/pmem0 8192");
    machine.sh("mke2fs -b 4096 /dev/mapper/d >/dev/null && mkdir /mnt && \
         mount -t ext4 -o dax /dev/mapper/d /mnt && grep -q dax /proc/mounts && \
         dd if=/dev/zero of=/mnt/file bs=64k count=128 conv=fsync status=none");
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    machine.sh(
        "dd if=/dev/urandom of=/run/noise bs=64k count=128 status=none && \
         dd if=/run/noise of=/mnt/file bs=64k conv=notrunc,fsync status=none && \
         cmp /run/noise /mnt/file && truncate -s 8388000 /mnt/file",
    );
    let bytes = number(&mut machine, &format!("{device}/write/bytes"));
    assert!(bytes < MIB, "{bytes}");
    assert_eq!(number(&mut machine, &format!("{device}/read/requests")), 0);
    // The data is on the disk at the offset: a linear device reads it through the page cache.
    machine.sh(
        "umount /mnt && dmsetup remove d && dmsetup create d --table '0 98304 linear /dev/pmem0 8192' && \
         mount -t ext4 /dev/mapper/d /mnt && cmp -n 8388000 /run/noise /mnt/file && umount /mnt && \
         dmsetup remove d && rmmod dmp",
    );
}

/// Direct access addresses the whole disk, so the partition's start has to be added.
#[test]
fn direct_access_to_a_partition_adds_the_partitions_start() {
    let mut machine = machine_with_pmem();
    machine.sh("dd if=/dev/urandom of=/dev/pmem0 bs=1M count=1 conv=fsync status=none");
    machine.sh(&partition("/dev/pmem0"));
    // This is the first MiB, up to the begin of the device.
    let before = "dd if=/dev/pmem0 bs=4k count=192 iflag=direct status=none | sha256sum";
    let untouched = machine.sh(before);
    let device = create(&mut machine, "d", "0 14336 dmp /dev/pmem0p1 512");
    machine.sh("mke2fs -b 4096 /dev/mapper/d >/dev/null && mkdir /mnt && \
         mount -t ext4 -o dax /dev/mapper/d /mnt && grep -q dax /proc/mounts && \
         dd if=/dev/zero of=/mnt/file bs=64k count=32 conv=fsync status=none");
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    machine.sh(
        "dd if=/dev/urandom of=/run/noise bs=64k count=32 status=none && \
         dd if=/run/noise of=/mnt/file bs=64k conv=notrunc,fsync status=none && \
         cmp /run/noise /mnt/file",
    );
    // The writes were direct: no request carried them.
    let bytes = number(&mut machine, &format!("{device}/write/bytes"));
    assert!(bytes < MIB, "{bytes}");
    // This reads the data through the page cache, by a line over the whole disk.
    machine.sh(
        "umount /mnt && dmsetup remove d && dmsetup create d --table '0 14336 linear /dev/pmem0 1536' && \
         mount -t ext4 /dev/mapper/d /mnt && cmp /run/noise /mnt/file && umount /mnt && \
         dmsetup remove d && rmmod dmp",
    );
    assert_eq!(machine.sh(before), untouched);
}
