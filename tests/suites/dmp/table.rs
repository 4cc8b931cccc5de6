// SPDX-License-Identifier: GPL-2.0

//! Valid and invalid table lines.

use crate::common::*;

const DEVICE: &str = "<device> is missing";
const NUMBER: &str = "<offset> is not a sector number";
const OPTIONS: &str = "<#options> is not a number";
const OPTION_COUNT: &str = "<#options> is not the number of options that follow";
const OPTION: &str = "<option> is unknown: expected latency, flush_bypass, as_linear or pattern";
const REPEATED: &str = "<option> latency is repeated";
const OPEN: &str = "<device> cannot be opened";
const END: &str = "<offset> + length reaches past the end of <device>";

/// Invalid lines, with dmp's message and dmsetup's error. The disks have 131072 sectors.
const BAD: &[(&str, &str, &str)] = &[
    ("0 8 dmp", DEVICE, "Invalid argument"),
    ("0 8 dmp /dev/vda x", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 8x", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 0x8", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda -1", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda +1", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 1.5", NUMBER, "Invalid argument"),
    // 2^64, one above the maximum of 64 bits.
    (
        "0 8 dmp /dev/vda 18446744073709551616",
        NUMBER,
        "Invalid argument",
    ),
    ("0 8 dmp /dev/vda 0 x", OPTIONS, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 latency", OPTIONS, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 -1 latency", OPTIONS, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 +1 latency", OPTIONS, "Invalid argument"),
    (
        "0 8 dmp /dev/vda 0 0x1 latency",
        OPTIONS,
        "Invalid argument",
    ),
    (
        "0 8 dmp /dev/vda 0 18446744073709551616 latency",
        OPTIONS,
        "Invalid argument",
    ),
    // Fewer options follow than the number says, then more.
    ("0 8 dmp /dev/vda 0 1", OPTION_COUNT, "Invalid argument"),
    (
        "0 8 dmp /dev/vda 0 2 latency",
        OPTION_COUNT,
        "Invalid argument",
    ),
    (
        "0 8 dmp /dev/vda 0 18446744073709551615 latency",
        OPTION_COUNT,
        "Invalid argument",
    ),
    (
        "0 8 dmp /dev/vda 0 0 latency",
        OPTION_COUNT,
        "Invalid argument",
    ),
    (
        "0 8 dmp /dev/vda 0 1 latency latency",
        OPTION_COUNT,
        "Invalid argument",
    ),
    ("0 8 dmp /dev/vda 0 1 fast", OPTION, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 1 Latency", OPTION, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 1 latency=1", OPTION, "Invalid argument"),
    (
        "0 8 dmp /dev/vda 0 2 latency fast",
        OPTION,
        "Invalid argument",
    ),
    (
        "0 8 dmp /dev/vda 0 2 latency latency",
        REPEATED,
        "Invalid argument",
    ),
    // The message is about the first wrong word.
    ("0 8 dmp /dev/nothing x 1", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/nothing 0", OPEN, "No such file or directory"),
    // A number that no driver has.
    ("0 8 dmp 240:77 0", OPEN, "No such device or address"),
    ("0 8 dmp /dev/null 0", OPEN, "Block device required"),
    ("0 131073 dmp /dev/vda", END, "Invalid argument"),
    ("0 8 dmp /dev/vda 131065", END, "Invalid argument"),
    ("0 8 dmp /dev/vda 131072", END, "Invalid argument"),
    (
        "0 8 dmp /dev/vda 9223372036854775808",
        END,
        "Invalid argument",
    ),
    // 2^64 - 1: its sum with the length exceeds 64 bits.
    (
        "0 8 dmp /dev/vda 18446744073709551615",
        END,
        "Invalid argument",
    ),
    // The second line is the wrong one.
    (
        "0 8 dmp /dev/vda 0\n8 8 dmp /dev/vdb y",
        NUMBER,
        "Invalid argument",
    ),
];

#[test]
fn a_bad_table_line_is_refused_with_its_message_and_leaves_nothing() {
    let mut machine = machine();
    for (line, message, errno) in BAD {
        machine.sh("dmesg -c >/dev/null");
        let output = machine
            .run(&format!("dmsetup create d <<'END'\n{line}\nEND"))
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status, 1, "{line}: {stderr}");
        assert!(
            stderr.contains(&format!("failed: {errno}")),
            "{line}: {stderr}"
        );
        let log = machine.sh("dmesg");
        assert!(
            log.contains(&format!(": dmp: {message} (")),
            "{line}: {log}"
        );
        assert_nothing_left(&mut machine, line);
    }
    // The disks and the module are free.
    let device = create(&mut machine, "d", "0 131072 dmp /dev/vda 0");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
    machine.sh("dmsetup remove d && rmmod dmp");
}

/// A device that another holder uses exclusively, and the mapped device itself.
#[test]
fn a_device_that_cannot_be_opened_is_refused() {
    let mut machine = machine();
    machine.sh("mke2fs /dev/vdb >/dev/null && mkdir /mnt && mount -t ext4 /dev/vdb /mnt");
    for (line, errno) in [
        ("0 8 dmp /dev/vdb 0", "Device or resource busy"),
        ("0 8 dmp /dev 0", "Block device required"),
    ] {
        machine.sh("dmesg -c >/dev/null");
        assert_refused(
            &mut machine,
            &format!("dmsetup create d --table '{line}'"),
            errno,
        );
        let log = machine.sh("dmesg");
        assert!(log.contains(&format!(": dmp: {OPEN} (")), "{line}: {log}");
    }
    machine.sh("umount /mnt");
    assert_nothing_left(&mut machine, "a busy device");

    let device = create(&mut machine, "d", "0 2048 dmp /dev/vdb 0");
    machine.sh("dmesg -c >/dev/null");
    assert_refused(
        &mut machine,
        "dmsetup reload d --table '0 8 dmp /dev/mapper/d 0'",
        "Invalid argument",
    );
    let log = machine.sh("dmesg");
    assert!(log.contains(&format!(": dmp: {OPEN} (")), "{log}");
    machine.sh(&direct_reads("d", 4096, 2));
    assert_counts(&mut machine, &device, Count::of(2, 4096), Count::default());
}

#[test]
fn a_failed_reload_leaves_the_device_and_its_counters_unchanged() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 8");
    machine.sh(&direct_writes("d", 4096, 3));
    let before = machine.sh("dmsetup table d");
    for (line, _, _) in BAD {
        let script = format!("dmsetup reload d <<'END'\n{line}\nEND");
        assert_eq!(machine.run(&script).unwrap().status, 1, "{line}");
    }
    assert_eq!(machine.sh("dmsetup table d"), before);
    machine.sh(&direct_writes("d", 4096, 1));
    assert_counts(&mut machine, &device, Count::default(), Count::of(4, 4096));
}

#[test]
fn a_printed_line_makes_the_same_device() {
    let mut machine = machine();
    let vda = machine.sh("cat /sys/block/vda/dev");
    let vda = vda.trim();
    for (line, printed) in [
        (
            "0 2048 dmp /dev/vda".to_owned(),
            format!("0 2048 dmp {vda} 0"),
        ),
        (
            "0 2048 dmp /dev/vda 0".to_owned(),
            format!("0 2048 dmp {vda} 0"),
        ),
        (
            "0 2048 dmp /dev/vda 7 0".to_owned(),
            format!("0 2048 dmp {vda} 7"),
        ),
        (
            "0 2048 dmp /dev/vda 7 1 latency".to_owned(),
            format!("0 2048 dmp {vda} 7 1 latency"),
        ),
        (
            "0 2048 dmp /dev/vda 7 01 latency".to_owned(),
            format!("0 2048 dmp {vda} 7 1 latency"),
        ),
        (
            format!("0 2048 dmp {vda} 129024"),
            format!("0 2048 dmp {vda} 129024"),
        ),
        (
            "0 131072 dmp /dev/vda 00".to_owned(),
            format!("0 131072 dmp {vda} 0"),
        ),
    ] {
        create(&mut machine, "d", &line);
        assert_eq!(
            machine.sh("dmsetup table d"),
            format!("{printed}\n"),
            "{line}"
        );
        machine
            .sh("dmsetup table d >/run/table && dmsetup remove d && dmsetup create d /run/table");
        assert_eq!(
            machine.sh("dmsetup table d"),
            format!("{printed}\n"),
            "{line}"
        );
        machine.sh("dmsetup remove d");
    }
}

/// An inactive table prints its own option. The live table prints `latency` while latencies are
/// measured.
#[test]
fn an_inactive_table_prints_its_own_option() {
    const NO_TABLE: &str = "\n";
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 1");
    let vda = machine.sh("cat /sys/block/vda/dev");
    let (plain, timed) = (
        format!("0 2048 dmp {} 1\n", vda.trim()),
        format!("0 2048 dmp {} 1 1 latency\n", vda.trim()),
    );
    let mut assert_tables = |script: &str, live: &str, inactive: &str| {
        machine.sh(script);
        assert_eq!(machine.sh("dmsetup table d"), live, "{script}: live");
        assert_eq!(
            machine.sh("dmsetup table --inactive d"),
            inactive,
            "{script}: inactive"
        );
    };
    let reload = "dmsetup reload d --table '0 2048 dmp /dev/vda 1";
    assert_tables(&format!("{reload} 1 latency'"), &plain, &timed);
    assert_tables("dmsetup resume d", &timed, NO_TABLE);
    assert_tables(&format!("{reload}'"), &timed, &plain);
    assert_tables("dmsetup clear d", &timed, NO_TABLE);
    assert_tables("dmsetup message d 0 latency off", &plain, NO_TABLE);
    assert_tables(
        &format!("echo 1 >{STAT}/{device}/latency"),
        &timed,
        NO_TABLE,
    );
}

/// A drive without a medium and a loop device without a file have no size yet. They may get one
/// later.
#[test]
fn a_line_over_a_device_without_a_size_loads_as_linears() {
    let mut machine = machine();
    machine.sh("modprobe loop && [ $(blockdev --getsz /dev/loop0) = 0 ]");
    for target in ["linear", "dmp"] {
        create(
            &mut machine,
            target,
            &format!("0 2048 {target} /dev/loop0 8"),
        );
    }
    let read = "dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none";
    let devices = ["/dev/mapper/linear", "/dev/mapper/dmp"];
    let outcome = assert_alike(&mut machine, devices, read);
    assert_ne!(outcome.status, 0);
    machine.sh(
        "dmsetup remove linear && dmsetup remove dmp && truncate -s 4M /run/file && \
         losetup /dev/loop0 /run/file",
    );
    // A device with a size is checked as usual.
    assert_refused(
        &mut machine,
        "dmsetup create d --table '0 8192 dmp /dev/loop0 8'",
        "Invalid argument",
    );
    machine.sh("losetup -d /dev/loop0");
}

/// Device mapper asks the target for each range of each disk (`iterate_devices`), and refuses the
/// line.
#[test]
fn a_line_misaligned_to_the_disks_blocks_is_refused_as_linears() {
    let mut machine = machine();
    scsi_disk(&mut machine, "sector_size=4096");
    for (line, message) in [
        (
            "0 2049 TARGET /dev/sda 0",
            "len=2049 not aligned to h/w logical block size 4096 of sda",
        ),
        (
            "0 2048 TARGET /dev/sda 4",
            "start=4 not aligned to h/w logical block size 4096 of sda",
        ),
        // The second line of two.
        (
            "0 2048 TARGET /dev/sda 0\n2048 2052 TARGET /dev/sda 8",
            "len=2052 not aligned to h/w logical block size 4096 of sda",
        ),
    ] {
        for target in ["linear", "dmp"] {
            let line = line.replace("TARGET", target);
            machine.sh("dmesg -c >/dev/null");
            assert_refused(
                &mut machine,
                &format!("dmsetup create d <<'END'\n{line}\nEND"),
                "Invalid argument",
            );
            let log = machine.sh("dmesg");
            assert!(log.contains(message), "{line}: {log}");
        }
    }
    // The smallest line that fits.
    create(&mut machine, "d", "0 8 dmp /dev/sda 8");
    machine.sh(&direct_writes("d", 4096, 1));
}
