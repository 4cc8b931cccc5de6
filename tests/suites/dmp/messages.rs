// SPDX-License-Identifier: GPL-2.0

//! `dmsetup message` with valid and invalid messages.

use crate::common::*;

#[test]
fn reset_zeroes_only_its_device() {
    let mut machine = machine();
    let one = create(
        &mut machine,
        "one",
        "0 2048 dmp /dev/vda 0\n2048 2048 dmp /dev/vda 4096",
    );
    let two = create(&mut machine, "two", "0 2048 dmp /dev/vdb 0");
    for name in ["one", "two"] {
        machine.sh(&direct_writes(name, 4096, 9));
        machine.sh(&format!("blkdiscard -o 0 -l 4096 /dev/mapper/{name}"));
    }
    // A message to either line reaches the device.
    machine.sh("dmsetup message one 3000 reset");
    assert_operations(&mut machine, &one, &[]);
    let kept = [("write", 9, 9 * 4096, 0), ("discard", 1, 4096, 0)];
    assert_operations(&mut machine, &two, &kept);
    machine.sh(&direct_reads("one", 4096, 2));
    assert_operations(&mut machine, &one, &[("read", 2, 8192, 0)]);
}

#[test]
fn a_wrong_message_is_refused_and_logged() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_writes("d", 4096, 9));
    for message in [
        "fast",
        "Reset",
        "reset 1",
        "reset now please",
        "latency",
        "latency 1",
        "latency ON",
        "latency on off",
        "latency off on off",
        "on",
        "latencyoff",
        "pattern",
        "pattern ON",
        "pattern on off",
        "patterns on",
        "as_linear on",
    ] {
        machine.sh("dmesg -c >/dev/null");
        assert_refused(
            &mut machine,
            &format!("dmsetup message d 0 {message}"),
            "Invalid argument",
        );
        let log = machine.sh("dmesg");
        assert!(
            log.contains(
                "dmp: message: expected \"reset\", \"latency on|off\" or \"pattern on|off\"\n"
            ),
            "{message}: {log}"
        );
        assert_eq!(
            machine.sh("dmsetup status d"),
            "0 2048 dmp read 0 0 0 write 9 36864 0 discard 0 0 0 flush 0 0 0 \
             write_zeroes 0 0 0 other 0 0 0 latency on again 0 0 0 0 0 0\n",
            "{message}"
        );
    }
    assert_operations(&mut machine, &device, &[("write", 9, 9 * 4096, 0)]);
}

/// Nothing waits for I/O, which would complete only after the resume.
#[test]
fn messages_and_files_work_while_the_device_is_suspended() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 9));
    machine.sh(&format!(
        "dmsetup suspend d && dmsetup message d 0 latency on && dmsetup message d 0 reset && \
         dmsetup message d 0 latency off && echo 1 >{STAT}/{device}/latency && \
         dmsetup message d 0 pattern on && echo 0 >{STAT}/{device}/pattern && \
         echo 1 >{STAT}/{device}/reset && cat {STAT}/{device}/name {STAT}/volumes && \
         dmsetup status d && dmsetup resume d"
    ));
    assert_operations(&mut machine, &device, &[]);
    assert_eq!(number(&mut machine, &format!("{device}/latency")), 1);
}
