// SPDX-License-Identifier: GPL-2.0

//! Table lines, good and bad.

use dmp_vm::Machine;

use crate::common::*;

const COUNT: &str = "argument count: expected <device> [<offset>]";
const NUMBER: &str = "<offset> is not a sector number";
const OPEN: &str = "<device>: cannot open it";
const END: &str = "<offset> + length reaches past the end of <device>";

/// The disks have 131072 sectors.
const BAD: &[(&str, &str, &str)] = &[
    ("0 8 dmp", COUNT, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 0", COUNT, "Invalid argument"),
    ("0 8 dmp /dev/vda 0 1 latency", COUNT, "Invalid argument"),
    ("0 8 dmp /dev/vda x", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 8x", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 0x8", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda -1", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda +1", NUMBER, "Invalid argument"),
    ("0 8 dmp /dev/vda 1.5", NUMBER, "Invalid argument"),
    // 2^64, one above what 64 bits hold.
    (
        "0 8 dmp /dev/vda 18446744073709551616",
        NUMBER,
        "Invalid argument",
    ),
    ("0 8 dmp /dev/nothing 0", OPEN, "No such file or directory"),
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
    // 2^64 - 1: its sum with the length does not fit 64 bits.
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
    // The disks are free, and the module is.
    let device = create(&mut machine, "d", "0 131072 dmp /dev/vda 0");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
    machine.sh("dmsetup remove d && rmmod dmp");
    finish(machine);
}

#[track_caller]
fn assert_nothing_left(machine: &mut Machine, line: &str) {
    let left = machine.sh(&format!("dmsetup ls; ls {STAT} /dev/mapper"));
    assert_eq!(
        left,
        format!("No devices found\n/dev/mapper:\ncontrol\n\n{STAT}:\nvolumes\n"),
        "{line}"
    );
}

#[test]
fn a_failed_reload_leaves_the_device_and_its_counters_as_they_were() {
    let mut machine = machine();
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 8");
    machine.sh(&direct_writes("d", 4096, 3));
    let before = machine.sh("dmsetup table d");
    for (line, _, _) in BAD {
        let script = format!("dmsetup reload d <<'END'\n{line}\nEND");
        assert_eq!(machine.run(&script).unwrap().status, 1, "{line}");
    }
    assert_eq!(machine.sh("dmsetup table d"), before);
    machine.sh(&direct_writes("d", 4096, 1));
    assert_counts(&mut machine, &device, Count::default(), Count::of(4, 4096));
    finish(machine);
}

#[test]
fn a_good_line_is_printed_as_one_that_makes_the_same_device() {
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
    finish(machine);
}
