// SPDX-License-Identifier: GPL-2.0

//! A dmp device has the same limits, flags and answers as a linear one of the same range.

use std::fs;

use dmp_vm::Machine;

use crate::common::*;
use crate::description::description;

/// Makes a dmp and a linear device of the same range, and asserts that their descriptions are
/// equal. Returns the description.
#[track_caller]
fn assert_like_linear(machine: &mut Machine, disk: &str, offset: u64, length: u64) -> String {
    machine.sh(&format!(
        "dmsetup create proxy --table '0 {length} dmp {disk} {offset}' && \
         dmsetup create line --table '0 {length} linear {disk} {offset}'"
    ));
    let proxy = description(machine, "proxy");
    let line = description(machine, "line");
    let differences: Vec<_> = proxy
        .lines()
        .zip(line.lines())
        .filter(|(proxy, line)| proxy != line)
        .collect();
    assert_eq!(differences, [], "{disk} from {offset}");
    assert_eq!(proxy, line, "{disk} from {offset}");
    machine.sh("dmsetup remove proxy && dmsetup remove line");
    proxy
}

#[test]
fn the_device_has_linears_properties_over_every_kind_of_disk() {
    let mut machine = machine();
    let virtio = assert_like_linear(&mut machine, "/dev/vda", 0, 131_072);
    assert_like_linear(&mut machine, "/dev/vda", 1001, 4099);
    // This shows that the comparison is meaningful: the description has the disk's properties.
    for line in ["queue/write_cache: write back", "getsz: 131072", "getro: 0"] {
        assert!(virtio.contains(&format!("{line}\n")), "{line}: {virtio}");
    }
    for limit in [
        "queue/discard_max_bytes: 0",
        "queue/write_zeroes_max_bytes: 0",
    ] {
        assert!(!virtio.contains(&format!("{limit}\n")), "{limit}: {virtio}");
    }

    machine.sh("modprobe brd rd_nr=1 rd_size=8192 && modprobe null_blk nr_devices=1 bs=4096 gb=1 discard=1");
    assert_like_linear(&mut machine, "/dev/ram0", 0, 16384);
    let null = assert_like_linear(&mut machine, "/dev/nullb0", 8, 4096);
    assert!(null.contains("getss: 4096\n"), "{null}");
    // A SCSI disk has protection information and discards.
    scsi_disk(&mut machine, "dif=1 dix=1 lbpu=1 lbpws=1 physblk_exp=3");
    let scsi = assert_like_linear(&mut machine, "/dev/sda", 0, 32768);
    assert!(scsi.contains("queue/physical_block_size: 4096\n"), "{scsi}");
    assert!(scsi.contains("T10-DIF-TYPE1-CRC"), "{scsi}");
    // The offset is not at the begin of one of the disk's blocks, so the device has an alignment
    // offset.
    let within = assert_like_linear(&mut machine, "/dev/sda", 1, 4096);
    assert!(within.contains("alignment_offset: 3584\n"), "{within}");
}

/// Linear passes atomic writes through only in newer kernels.
#[test]
fn the_device_has_linears_properties_over_a_disk_with_atomic_writes() {
    let mut machine = machine();
    scsi_disk(&mut machine, "atomic_wr=1");
    assert_like_linear(&mut machine, "/dev/sda", 0, 32768);
}

#[test]
fn only_a_read_only_disk_makes_a_read_only_device() {
    let directory = tempfile::tempdir().unwrap();
    let disk = disk_of(&directory, "disk", &pattern(6, MIB), true);
    let mut machine = boot(Machine::builder().disk(disk));
    machine.sh("for target in dmp linear; do \
         dmsetup create --readonly $target --table \"0 2048 $target /dev/vda 0\" || exit; done");
    for script in [
        "blockdev --getro DEVICE",
        "dd if=/dev/zero of=DEVICE bs=4k count=1 oflag=direct status=none",
        "blkdiscard -o 0 -l 4096 DEVICE",
        "dmsetup reload TARGET --table '0 2048 TARGET /dev/vda 0'; dmsetup clear TARGET",
        "dmsetup create both --table '0 2048 TARGET /dev/vda 0'; dmsetup remove both",
    ] {
        assert_alike(
            &mut machine,
            ["/dev/mapper/dmp", "/dev/mapper/linear"],
            script,
        );
    }
    assert_eq!(machine.sh("blockdev --getro /dev/mapper/dmp"), "1\n");
    assert_refused(
        &mut machine,
        "dd if=/dev/zero of=/dev/mapper/dmp bs=4k count=1 oflag=direct",
        "Operation not permitted",
    );
    let (dmp, linear) = (
        description(&mut machine, "dmp"),
        description(&mut machine, "linear"),
    );
    assert_eq!(dmp, linear);
    let device = machine.sh("dmsetup info -c --noheadings -o minor dmp");
    machine.sh("cmp /dev/vda /dev/mapper/dmp");
    machine.sh(&format!("echo 1 >{STAT}/dm-{}/reset", device.trim()));
    machine.sh(&direct_reads("dmp", 4096, 3));
    let device = format!("dm-{}", device.trim());
    assert_counts(&mut machine, &device, Count::of(3, 4096), Count::default());
}

/// A write-protected disk must not be opened for writing, even if nothing is written.
#[test]
fn a_read_only_table_opens_its_disk_read_only() {
    let mut machine = machine();
    scsi_disk(&mut machine, "wp=1");
    for target in ["linear", "dmp"] {
        machine.sh(&format!(
            "dmsetup create --readonly {target} --table '0 2048 {target} /dev/sda 0'"
        ));
    }
    let read = "dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none";
    let devices = ["/dev/mapper/linear", "/dev/mapper/dmp"];
    let outcome = assert_alike(&mut machine, devices, read);
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

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

/// losetup of a mapped device asks the loop device under it (LOOP_GET_STATUS). A user without
/// CAP_SYS_RAWIO may do so only if the line covers the whole loop device.
#[test]
fn an_unprivileged_ioctl_reaches_only_a_whole_disk() {
    let mut machine = machine();
    machine.sh(MAKE_USER);
    machine.sh(
        "modprobe loop && truncate -s 1M /run/file && chmod 644 /run/file && \
         losetup /dev/loop0 /run/file",
    );
    let status = "0 /run/file\n";
    for (range, offset, unprivileged) in [(2048, 0, Some(status)), (1024, 0, None), (1024, 8, None)]
    {
        for target in ["linear", "dmp"] {
            let what = format!("{target}, {range} sectors from {offset}");
            create(
                &mut machine,
                "d",
                &format!("0 {range} {target} /dev/loop0 {offset}"),
            );
            machine.sh("chmod 644 /dev/mapper/d");
            let asked = machine.sh("losetup /dev/mapper/d");
            assert!(asked.ends_with(status), "{what}: {asked}");
            let output = machine.run("su user -c 'losetup /dev/mapper/d'").unwrap();
            let asked = String::from_utf8_lossy(&output.stdout).into_owned();
            match unprivileged {
                Some(status) => assert!(asked.ends_with(status), "{what}: {output:?}"),
                None => assert_ne!(output.status, 0, "{what}: {asked}"),
            }
            machine.sh("dmsetup remove d");
        }
    }
    // After a change of the disk's size, the kernel checks again whether the line covers the whole
    // disk.
    for (range, offset, kib, unprivileged) in [
        (2048, 0, 512, false),
        (2048, 0, 2048, false),
        (2048, 1024, 1024, false),
        (2048, 0, 1024, true),
    ] {
        for target in ["linear", "dmp"] {
            let table = format!("0 {range} {target} /dev/loop0 {offset}");
            let what = format!("{table}, which has {kib} KiB");
            machine.sh("truncate -s 2M /run/file && losetup -c /dev/loop0");
            create(&mut machine, "d", &table);
            machine.sh(&format!(
                "chmod 644 /dev/mapper/d && truncate -s {kib}k /run/file && losetup -c /dev/loop0"
            ));
            let output = machine.run("su user -c 'losetup /dev/mapper/d'").unwrap();
            assert_eq!(output.status == 0, unprivileged, "{what}: {output:?}");
            machine.sh("dmsetup remove d");
        }
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

/// `dmsetup measure` prints the text of a table in the integrity measurement architecture.
#[test]
fn integrity_measurement_of_a_line_is_as_linears() {
    let mut machine = machine();
    for target in ["linear", "dmp"] {
        create(
            &mut machine,
            target,
            &format!("0 2048 {target} /dev/vda 8\n2048 8 {target} /dev/vdb 4096"),
        );
    }
    let [linear, dmp] = ["linear", "dmp"].map(|name| {
        let text = machine.sh(&format!("dmsetup measure {name}"));
        let version = text.split("target_version=").nth(1).expect(&text);
        let (version, _) = version.split_once(',').expect(&text);
        text.replace(version, "VERSION").replace(name, "TARGET")
    });
    assert_eq!(dmp, linear);
    let [vda, vdb] = ["vda", "vdb"].map(|disk| machine.sh(&format!("cat /sys/block/{disk}/dev")));
    assert_eq!(
        dmp,
        format!(
            "0 2048 TARGET target_name=TARGET,target_version=VERSION,device_name={},start=8;\n\
             2048 8 TARGET target_name=TARGET,target_version=VERSION,device_name={},start=4096;\n",
            vda.trim(),
            vdb.trim()
        )
    );
}
