// SPDX-License-Identifier: GPL-2.0

//! The targets of module/samples. Each test runs the example at the beginning of the target's file.

use crate::common::*;

/// Returns a script that loads a sample.
fn load(name: &str) -> String {
    format!("insmod /lib/dmp-samples/dm_sample_{name}.ko")
}

#[test]
fn pass_maps_a_line_to_its_device() {
    let mut machine = machine_with_tools();
    machine.sh(&load("pass"));
    create(&mut machine, "data", "0 2048 sample-pass /dev/vda");
    assert_eq!(machine.sh("dmsetup table data"), "0 2048 sample-pass \n");
    let before = disk_stat(&mut machine, "vda");
    machine.sh("head -c 8192 /dev/urandom >/tmp/x && \
         dd if=/tmp/x of=/dev/mapper/data bs=4k seek=3 oflag=direct conv=fsync status=none && \
         dd if=/dev/vda bs=4k skip=3 count=2 iflag=direct status=none | cmp - /tmp/x");
    let passed = disk_stat(&mut machine, "vda") - before;
    assert_eq!((passed.writes.bytes, passed.flushes), (8192, 1));
    assert_refused(&mut machine, "rmmod dm_sample_pass", "unavailable");
    machine.sh("dmsetup remove data && rmmod dm_sample_pass");
}

#[test]
fn pass_refuses_a_line_that_does_not_fit_its_device() {
    let mut machine = machine_with_tools();
    machine.sh(&load("pass"));
    for (line, message) in [
        ("0 8 sample-pass", "expected one argument, <device>"),
        (
            "0 8 sample-pass /dev/vda 0",
            "expected one argument, <device>",
        ),
        ("0 8 sample-pass /dev/vdz", "<device> cannot be opened"),
        // iterate_devices refuses it.
        ("0 131073 sample-pass /dev/vda", "too small for target"),
    ] {
        machine.sh("dmesg -c >/dev/null");
        let create = format!("dmsetup create data --table '{line}'");
        assert_refused(&mut machine, &create, "failed");
        let log = machine.sh("dmesg");
        assert!(log.contains(message), "{line}: {log}");
    }
    machine.sh("rmmod dm_sample_pass");
}

#[test]
fn errors_counts_failed_requests() {
    let mut machine = machine_with_tools();
    machine.sh(&load("errors"));
    create(&mut machine, "bad", "0 8 linear /dev/vda 0\n8 2040 error");
    create(&mut machine, "data", "0 2048 sample-errors /dev/mapper/bad");
    let read = "dd if=/dev/mapper/data of=/dev/null bs=4k count=1 iflag=direct";
    let write = "dd if=/dev/zero of=/dev/mapper/data bs=4k count=1 oflag=direct";
    machine.sh(&format!("{read} && {write}"));
    assert_eq!(
        machine.sh("dmsetup status data"),
        "0 2048 sample-errors 0 0\n"
    );
    for _ in 0..3 {
        assert_refused(
            &mut machine,
            &format!("{read} skip=1"),
            "Input/output error",
        );
    }
    assert_refused(
        &mut machine,
        &format!("{write} seek=1"),
        "Input/output error",
    );
    let bad = machine.sh("dmsetup info -c --noheadings -o major,minor --separator : bad");
    assert_eq!(
        machine.sh("dmsetup status data && dmsetup table data"),
        format!("0 2048 sample-errors 3 1\n0 2048 sample-errors {bad}")
    );
    machine.sh("dmsetup remove data && rmmod dm_sample_errors");
}

#[test]
fn gate_refuses_changes_while_it_is_closed() {
    let mut machine = machine_with_tools();
    machine.sh(&load("gate"));
    create(&mut machine, "data", "0 2048 sample-gate /dev/vda");
    create(&mut machine, "other", "0 2048 sample-gate /dev/vdb");
    let write = "dd if=/dev/zero of=/dev/mapper/data bs=4k count=1 oflag=direct";
    let show = "dmsetup status; cat /sys/module/dm_sample_gate/gate/refused";
    machine.sh(&format!("{write} && dmsetup message data 0 close"));
    for changes in [write, "blkdiscard /dev/mapper/data"] {
        assert_refused(&mut machine, changes, "Input/output error");
    }
    machine.sh(
        "dd if=/dev/mapper/data of=/dev/null bs=4k count=1 iflag=direct && \
         dd if=/dev/null of=/dev/mapper/data conv=fsync,notrunc",
    );
    machine.sh(&write.replace("data", "other"));
    assert_eq!(
        machine.sh(show),
        "data: 0 2048 sample-gate closed\nother: 0 2048 sample-gate open\n2\n"
    );
    for message in ["shut", "close now"] {
        let message = format!("dmsetup message data 0 {message}");
        assert_refused(&mut machine, &message, "Invalid argument");
    }
    machine.sh(&format!("dmsetup message data 0 open && {write}"));
    assert_eq!(
        machine.sh(show),
        "data: 0 2048 sample-gate open\nother: 0 2048 sample-gate open\n2\n"
    );
    machine.sh("dmsetup remove data other && rmmod dm_sample_gate");
    assert_eq!(machine.sh("ls /sys/module | grep -c sample || true"), "0\n");
}
