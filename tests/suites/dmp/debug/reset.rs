// SPDX-License-Identifier: GPL-2.0

//! Resets of the counters on request.

use crate::common::*;

#[test]
fn reset_zeroes_only_its_devices_counters() {
    let mut machine = machine();
    let one = create(&mut machine, "one", "0 2048 dmp /dev/vda 0");
    let two = create(&mut machine, "two", "0 2048 dmp /dev/vdb 0");
    for name in ["one", "two"] {
        machine.sh(&direct_writes(name, 4096, 9));
        machine.sh(&direct_reads(name, 4096, 8));
    }
    let (none, reads, writes) = (Count::default(), Count::of(8, 4096), Count::of(9, 4096));

    machine.sh(&format!("echo 1 >{STAT}/{one}/reset"));
    assert_counts(&mut machine, &one, none, none);
    assert_counts(&mut machine, &two, reads, writes);
    assert_all(&mut machine, reads, writes);

    // Counting continues from zero; a 1 without a newline is accepted.
    machine.sh(&direct_writes("one", 512, 2));
    assert_counts(&mut machine, &one, none, Count::of(2, 512));
    machine.sh(&format!("printf 1 >{STAT}/{one}/reset"));
    assert_counts(&mut machine, &one, none, none);
}

#[test]
fn anything_but_1_is_refused_and_changes_nothing() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 5));
    for value in [
        "0", "2", "11", "-1", "1 1", "01", "0x1", "yes", "1x", "\\n", "\\377",
    ] {
        let output = machine
            .run(&format!(
                "printf '{value}' >/run/value; cat /run/value >{STAT}/{device}/reset"
            ))
            .unwrap();
        assert_eq!(output.status, 1, "{value:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("Invalid argument"), "{value:?}: {stderr}");
        assert_counts(&mut machine, &device, Count::default(), Count::of(5, 4096));
    }
}
