// SPDX-License-Identifier: GPL-2.0

//! Requests pass a dmp device with their flags and data, and fail as on a linear one.

use std::fs;

use crate::common::*;

/// Neither device can do more than the disk, and both fail with the same error.
#[test]
fn requests_refused_by_the_disk_fail_as_on_linear() {
    let mut machine = machine();
    machine.sh("modprobe null_blk nr_devices=1 gb=1 discard=0");
    machine.sh(
        "dmsetup create proxy --table '0 2048 dmp /dev/nullb0 0' && \
         dmsetup create plain --table '0 2048 linear /dev/nullb0 0'",
    );
    for script in [
        "blkdiscard -o 0 -l 4096 DEVICE",
        "blkdiscard -s -o 0 -l 4096 DEVICE",
        "blockdev --setbsz 123 DEVICE",
        "dd if=/dev/zero of=DEVICE bs=4k count=1 seek=300 oflag=direct status=none",
        "dd if=DEVICE of=/dev/null bs=1000 count=1 iflag=direct status=none",
        "fdisk -l DEVICE",
    ] {
        assert_alike(
            &mut machine,
            ["/dev/mapper/proxy", "/dev/mapper/plain"],
            script,
        );
    }
}

#[test]
fn a_filesystem_discards_and_flushes_through_dmp() {
    let (mut machine, device) = machine_with_device("0 65536 dmp /dev/vda 2048");
    machine.sh(
        "mke2fs /dev/mapper/d >/dev/null && mkdir /mnt && mount -t ext4 /dev/mapper/d /mnt && \
         dd if=/dev/urandom of=/mnt/file bs=64k count=16 conv=fsync status=none && \
         rm /mnt/file && fstrim /mnt && umount /mnt",
    );
    for operation in ["read", "write", "discard", "flush"] {
        assert!(
            number(&mut machine, &format!("{device}/{operation}/requests")) > 0,
            "{operation}"
        );
        assert_eq!(
            number(&mut machine, &format!("{device}/{operation}/errors")),
            0
        );
    }
}

/// Each O_DSYNC write of a block device is a write with FUA, and then an empty flush. A virtio disk
/// does not support FUA, so the kernel sends it a flush after the write instead. It does so below
/// the mapped device, which passes the flag on with the write.
#[test]
fn a_write_with_fua_is_one_write_and_keeps_the_flag() {
    let mut machine = machine_with_tools();
    for target in ["linear", "dmp"] {
        let device = create(&mut machine, "d", &format!("0 2048 {target} /dev/vda 0"));
        let before = disk_stat(&mut machine, "vda").flushes;
        machine.sh(
            "fio --name=fua --filename=/dev/mapper/d --rw=write --bs=4k --size=40k --direct=1 \
             --sync=dsync --ioengine=psync",
        );
        let flushes = disk_stat(&mut machine, "vda").flushes - before;
        assert_eq!(flushes, 10 + 10, "{target}");
        if target == "dmp" {
            let all = [("write", 10, 40960, 0), ("flush", 10, 0, 0)];
            assert_operations(&mut machine, &device, &all);
        }
        machine.sh("dmsetup remove d");
    }
}

/// A request that must not wait (RWF_NOWAIT) passes. If it would have to wait, for example on a
/// suspended device, it fails as on linear.
#[test]
fn a_nowait_request_passes_or_fails_as_on_linear() {
    let mut machine = machine_with_tools();
    let device = create(&mut machine, "proxy", "0 2048 dmp /dev/vda 0");
    create(&mut machine, "plain", "0 2048 linear /dev/vda 0");
    let read = "fio --name=nowait --filename=DEVICE --rw=read --bs=4k --size=40k --direct=1 \
                --ioengine=pvsync2 --nowait=1 --output-format=terse --terse-version=3 | \
                cut -d ';' -f 3-6";
    assert_alike(
        &mut machine,
        ["/dev/mapper/proxy", "/dev/mapper/plain"],
        &format!("set -o pipefail; {read}"),
    );
    assert_operations(&mut machine, &device, &[("read", 10, 40960, 0)]);
    let suspended = "dmsetup suspend TARGET; fio --name=nowait --filename=DEVICE --rw=read --bs=4k \
                     --size=4k --direct=1 --ioengine=pvsync2 --nowait=1 2>&1 | \
                     grep -o 'error=[^:)]*' | head -n 1; \
                     dmsetup resume TARGET";
    assert_alike(
        &mut machine,
        ["/dev/mapper/proxy", "/dev/mapper/plain"],
        suspended,
    );
    let error = machine.sh(&suspended
        .replace("DEVICE", "/dev/mapper/proxy")
        .replace("TARGET", "proxy"));
    assert_eq!(error, "error=Resource temporarily unavailable\n");
}

/// The kernel generates a write's protection information at the topmost device. The disk
/// (scsi_debug) gets the information with the data, and checks it.
#[test]
fn protection_information_and_its_errors_are_passed_on() {
    let mut machine = machine();
    scsi_disk(&mut machine, "dif=1 dix=1");
    let exchanged = "set -- /proc/scsi/scsi_debug/*; grep -o 'dix_[a-z]*=[0-9]*' $1";
    let mut seen = Vec::new();
    for target in ["linear", "dmp"] {
        create(&mut machine, "d", &format!("0 8192 {target} /dev/sda 1024"));
        let before = machine.sh(exchanged);
        machine.sh(&direct_writes("d", 65536, 4));
        machine.sh(&direct_reads("d", 4096, 10));
        seen.push(difference(&before, &machine.sh(exchanged)));
        machine.sh("dmsetup remove d");
    }
    assert_eq!(
        seen[0],
        [("dix_reads".into(), 10), ("dix_writes".into(), 4)]
    );
    assert_eq!(seen[0], seen[1]);

    let device = create(&mut machine, "proxy", "0 8192 dmp /dev/sda 1024");
    create(&mut machine, "plain", "0 8192 linear /dev/sda 1024");
    // The disk finds every command's protection information wrong from now on.
    let knobs = "/sys/bus/pseudo/drivers/scsi_debug";
    machine.sh(&format!(
        "echo 0x20 >{knobs}/opts && echo -1 >{knobs}/every_nth"
    ));
    assert_alike(
        &mut machine,
        ["/dev/mapper/proxy", "/dev/mapper/plain"],
        "dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none",
    );
    machine.sh(&format!("echo 0 >{knobs}/every_nth; echo 0 >{knobs}/opts"));
    assert_operations(&mut machine, &device, &[("read", 1, 4096, 1)]);
}

/// Returns the growth of each `name=number` word from `before` to `after`.
fn difference(before: &str, after: &str) -> Vec<(String, u64)> {
    let parse = |text: &str| -> Vec<(String, u64)> {
        text.lines()
            .map(|line| line.split_once('=').unwrap())
            .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
            .collect()
    };
    let before = parse(before);
    parse(after)
        .into_iter()
        .zip(before)
        .map(|((name, after), (_, before))| (name, after - before))
        .collect()
}

/// ext4 with `inlinecrypt` leaves encryption to the block layer. The disk cannot encrypt here, so
/// the kernel's own fallback encrypts before the topmost device.
#[test]
fn a_file_encrypted_in_the_block_layer_is_the_same_through_linear() {
    let mut machine = machine_with_tools();
    create(&mut machine, "proxy", "0 65536 dmp /dev/vda 2048");
    let mount = "mount -t ext4 -o inlinecrypt /dev/mapper/DEVICE /mnt";
    let key = "echo password | e4crypt add_key -S s:salt";
    machine.sh(&format!(
        "mkfs.ext4 -q -O encrypt,^has_journal -b 4096 /dev/mapper/proxy && mkdir /mnt && {} && \
         mkdir /mnt/secret && {key} /mnt/secret && \
         yes 'a line of plain text' | head -c 262144 >/run/plain && \
         cp /run/plain /mnt/secret/file && umount /mnt",
        mount.replace("DEVICE", "proxy")
    ));
    // The plain text is not on the disk.
    let disk = fs::read(machine.disk_file(0)).unwrap();
    assert!(!disk.windows(10).any(|bytes| bytes == b"plain text"));
    machine.sh("dmsetup remove proxy && echo 3 >/proc/sys/vm/drop_caches");
    create(&mut machine, "plain", "0 65536 linear /dev/vda 2048");
    machine.sh(&format!(
        "{} && cmp /run/plain /mnt/secret/file && umount /mnt",
        mount.replace("DEVICE", "plain")
    ));
}
