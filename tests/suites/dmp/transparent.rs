// SPDX-License-Identifier: GPL-2.0

//! A dmp device has the same limits, flags and answers as a linear one of the same range.

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
