// SPDX-License-Identifier: GPL-2.0

//! What is said when something is wrong, and what to do about it.

use std::fs;
use std::io;

use dmpstat::error::Error;

use crate::common::{Root, SNAPSHOT, named};

#[test]
fn without_the_module_it_says_how_to_load_it() {
    for arguments in [&[][..], &["1"]] {
        assert_eq!(
            Root::without_module().run(arguments).message(),
            "the dmp module is not loaded: load it with \"modprobe dmp\""
        );
    }
}

#[test]
fn without_a_device_it_says_how_to_make_one() {
    assert_eq!(
        Root::new().run(&[]).message(),
        "there is no dmp device yet. Make one over a disk with\n  \
         dmsetup create NAME --table \"0 $(blockdev --getsz /dev/DISK) dmp /dev/DISK\"\n\
         or have a linear volume counted as it runs: dmpstat attach VOLUME"
    );
}

#[test]
fn with_an_old_module_it_says_what_is_missing() {
    let root = Root::with_device();
    fs::remove_file(root.stat().join("dm-3/snapshot")).unwrap();
    assert_eq!(
        root.run(&[]).message(),
        "the loaded dmp module is from before version 1.0.0: dm-3 has no file \"snapshot\". \
         Load the dmp.ko of 1.0.0 or later"
    );
}

#[test]
fn of_no_such_device_the_near_names_are_told() {
    let root = Root::with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "backup"));
    let message = |device| root.run(&[device, "1"]).message();
    assert_eq!(
        message("vg-dats"),
        "there is no dmp device \"vg-dats\"; there is vg-data"
    );
    assert_eq!(message("xyz"), "there is no dmp device \"xyz\"");
    assert_eq!(
        message("dm-5"),
        "there is no dmp device \"dm-5\"; there is dm-3, dm-4"
    );
    assert_eq!(
        root.run(&["xyz*"]).message(),
        "there is no dmp device \"xyz*\""
    );
}

#[test]
fn what_is_no_snapshot_is_said_with_its_file() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("taken 9000000000", "taken soon"));
    assert_eq!(
        root.run(&[]).message(),
        format!(
            "{}/dm-3/snapshot is not what dmpstat understands: in its line 7, \"soon\" is no number",
            root.stat().display()
        )
    );
}

#[test]
fn wrong_arguments_are_named() {
    let root = Root::with_device();
    let message = |arguments: &[&str]| {
        let message = root.run(arguments).message();
        message.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        message(&["0"]),
        "error: the interval is 0: it must be some seconds"
    );
    assert_eq!(
        message(&["--", "-1"]),
        "error: the interval is -1: it must be some seconds"
    );
    assert_eq!(
        message(&["1e19"]),
        "error: the interval is 1e19: it must be some seconds"
    );
    assert_eq!(
        message(&["1e-12"]),
        "error: the interval is 1e-12: it must be some seconds"
    );
    assert_eq!(
        message(&["1", "0"]),
        "error: the count of reports is 0: it must be 1 or more"
    );
    assert_eq!(
        message(&["1", "1.5"]),
        "error: the count of reports is 1.5: it must be 1 or more"
    );
    assert_eq!(
        message(&["-o", "r/t"]),
        "error: invalid value 'r/t' for '--columns <COLUMN>'"
    );
    assert_eq!(
        message(&["-j", "-c"]),
        "error: the argument '--json' cannot be used with '--csv'"
    );
}

#[test]
fn what_only_root_may_do_is_said() {
    let error = Error::File {
        what: "write",
        path: "/sys/module/dmp/stat/dm-3/reset".into(),
        source: io::ErrorKind::PermissionDenied.into(),
    };
    assert_eq!(
        error.to_string(),
        "cannot write /sys/module/dmp/stat/dm-3/reset: permission denied. Run it as root"
    );
}
