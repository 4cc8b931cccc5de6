// SPDX-License-Identifier: GPL-2.0

//! Errors, and the commands that help.

use std::fs;
use std::io;

use dmpstat::error::Error;

use dmpstat::attach::former::{End, Former};
use dmpstat::attach::queue::{self, Queue};
use dmpstat::attach::state::{self, State};

use crate::common::{BOOTTIME, Root, SNAPSHOT, named};

#[test]
fn the_error_without_the_module_says_how_to_load_it() {
    for arguments in [&[][..], &["1"]] {
        assert_eq!(
            Root::without_module().run(arguments).message(),
            "the dmp module is not loaded: run \"modprobe dmp\""
        );
    }
}

#[test]
fn the_error_without_a_device_says_how_to_create_one() {
    assert_eq!(
        Root::new().run(&[]).message(),
        "there is no dmp device. Attach a running volume with\n  \
         dmpstat attach VOLUME\n\
         or create a device over a disk with\n  \
         dmsetup create NAME --table \"0 $(blockdev --getsz /dev/DISK) dmp /dev/DISK\""
    );
}

#[test]
fn the_error_about_an_old_module_names_the_missing_file() {
    let root = Root::with_device();
    fs::remove_file(root.stat().join("dm-3/snapshot")).unwrap();
    assert_eq!(
        root.run(&[]).message(),
        "the loaded dmp module is older than 1.0.0: dm-3 has no file \"snapshot\". \
         Load version 1.0.0 or later with \"modprobe -r dmp\" and \"modprobe dmp\""
    );
}

#[test]
fn an_error_about_an_unknown_device_names_similar_devices() {
    let root = Root::with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "backup"));
    let message = |device| root.run(&[device, "1"]).message();
    assert_eq!(
        message("vg-dats"),
        "there is no dmp device \"vg-dats\"; similar names: vg-data"
    );
    assert_eq!(message("xyz"), "there is no dmp device \"xyz\"");
    assert_eq!(
        message("dm-5"),
        "there is no dmp device \"dm-5\"; similar names: dm-3, dm-4"
    );
    assert_eq!(
        root.run(&["xyz*"]).message(),
        "there is no dmp device \"xyz*\""
    );
}

/// Returns the state of a volume vg/data that was attached a quarter of an hour ago, as dm-3 with diskseq 21.
fn attached() -> State {
    let facts = State {
        diskseq: 21,
        name: b"vg-data".to_vec(),
        ..State::default()
    };
    State::attached(None, facts, BOOTTIME.as_secs() - 900)
}

fn remember(root: &Root, state: &State) {
    let directory = root.machine().path(state::DIRECTORY);
    state.write(&directory, "dm-3").unwrap();
}

/// Writes sysfs' files of dm-3.
fn device(root: &Root, diskseq: u64, name: &str) {
    root.file("sys/block/dm-3/dm/name", &format!("{name}\n"));
    root.file("sys/block/dm-3/diskseq", &format!("{diskseq}\n"));
}

/// Returns the error about a volume that lost its dmp table.
fn lost(name: &str, why: &str) -> String {
    format!(
        "{name} was attached at 20:45:00, and counting has ended: {why} since. Attach the volume again \
         with \"dmpstat attach {name}\", or for good with \"dmpstat attach --keep {name}\""
    )
}

const WRITTEN: &str = "LVM or another program has replaced the table";
const GONE: &str = "the volume was deactivated or removed";

#[test]
fn an_error_says_why_an_attached_volume_lost_its_dmp_table() {
    let root = Root::new();
    remember(&root, &attached());
    device(&root, 21, "vg-data");
    for other in [false, true] {
        if other {
            root.write("dm-4", named(SNAPSHOT, "dm-4", "backup"));
        }
        for name in [
            "vg/data",
            "vg-data",
            "/dev/vg/data",
            "/dev/mapper/vg-data",
            "dm-3",
        ] {
            for command in [
                &[name][..],
                &["show", name],
                &["reset", name],
                &["hist", "size", name],
            ] {
                assert_eq!(root.run(command).message(), lost(name, WRITTEN));
            }
        }
        assert_eq!(root.run(&["vg/*"]).message(), lost("vg/data", WRITTEN));
        assert_eq!(
            root.run(&["dm-5"]).message().lines().next().unwrap(),
            match other {
                true => "there is no dmp device \"dm-5\"; similar names: dm-4",
                false => "there is no dmp device. Attach a running volume with",
            }
        );
    }
}

#[test]
fn an_error_names_a_formerly_attached_volume_without_any_device() {
    let root = Root::new();
    remember(&root, &attached());
    device(&root, 21, "vg-data");
    assert_eq!(root.run(&[]).message(), lost("vg/data", WRITTEN));
    // A run with an interval waits for devices in general, but not for a named one.
    let ran = root.run(&["1", "2"]);
    assert_eq!(
        ran.notes,
        format!("dmpstat: {}\n", lost("vg/data", WRITTEN))
    );
    ran.result.unwrap();
    let message = root.run(&["vg/data", "1", "2"]).message();
    assert_eq!(message, lost("vg/data", WRITTEN));
    root.write("dm-4", named(SNAPSHOT, "dm-4", "backup"));
    let file = root.path().join("metrics");
    let file = file.to_str().unwrap();
    let ran = root.run(&["export", "--textfile", file, "vg/data", "1", "1"]);
    assert_eq!(ran.message(), lost("vg/data", WRITTEN));
}

/// A volume that was activated again has another number, and the state of its former number still exists.
#[test]
fn an_error_prefers_an_existing_device_to_a_removed_one() {
    let root = Root::new();
    let directory = root.machine().path(state::DIRECTORY);
    for (number, minutes) in [(2, 30), (4, 45)] {
        let facts = State {
            diskseq: number,
            name: b"vg-data".to_vec(),
            ..State::default()
        };
        let gone = State::attached(None, facts, BOOTTIME.as_secs() - 60 * minutes);
        gone.write(&directory, &format!("dm-{number}")).unwrap();
    }
    let gone = lost("vg/data", GONE).replace("20:45", "20:30");
    assert_eq!(root.run(&["vg/data"]).message(), gone);
    remember(&root, &attached());
    device(&root, 21, "vg-data");
    assert_eq!(root.run(&["vg/data"]).message(), lost("vg/data", WRITTEN));
}

#[test]
fn a_removed_device_is_found_only_by_its_name() {
    let root = Root::with_device();
    root.write("dm-3", named(SNAPSHOT, "dm-3", "other"));
    remember(&root, &attached());
    // First no device has the number; the second time another device has it.
    for _ in 0..2 {
        assert_eq!(root.run(&["vg/data"]).message(), lost("vg/data", GONE));
        device(&root, 22, "other");
    }
    root.remove("dm-3");
    assert!(
        root.run(&["dm-3"])
            .message()
            .starts_with("there is no dmp device. ")
    );
    assert!(
        root.run(&["other"])
            .message()
            .starts_with("there is no dmp device. ")
    );
}

#[test]
fn a_renamed_volume_is_found_by_its_new_name() {
    let root = Root::new();
    remember(&root, &attached());
    device(&root, 21, "vg-db");
    assert_eq!(root.run(&["vg/db"]).message(), lost("vg/db", WRITTEN));
    assert!(
        root.run(&["vg/data"])
            .message()
            .starts_with("there is no dmp device. ")
    );
}

#[test]
fn errors_distinguish_detached_and_waiting_volumes() {
    let root = Root::new();
    device(&root, 21, "vg-data");
    // The detach was on another day.
    remember(&root, &State::detached(attached(), 1000));
    assert_eq!(
        root.run(&["vg/data"]).message(),
        "vg/data was detached at 2026-11-25 17:30:00. Attach the volume again with \"dmpstat attach vg/data\""
    );
    remember(&root, &attached());
    let queue = Queue::new(root.machine().path(queue::PATH));
    queue.add("dm-3").unwrap();
    let waits =
        "vg/data was attached at 20:45:00, lost its dmp table, and waits to be attached again";
    assert_eq!(root.run(&["vg/data"]).message(), waits);
    queue
        .set_reason("dm-3", "LVM is changing the volume group vg")
        .unwrap();
    let message = root.run(&["vg/data"]).message();
    assert_eq!(
        message,
        format!("{waits}: LVM is changing the volume group vg")
    );
    let unknown = Former {
        name: "vg/data".to_owned(),
        since: None,
        end: End::Detached,
    };
    assert_eq!(
        unknown.to_string(),
        "vg/data was detached. Attach the volume again with \"dmpstat attach vg/data\""
    );
}

#[test]
fn an_error_about_a_malformed_snapshot_names_its_file_and_line() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("taken 9000000000", "taken soon"));
    assert_eq!(
        root.run(&[]).message(),
        format!(
            "cannot parse {}/dm-3/snapshot: line 7: \"soon\" is not a number",
            root.stat().display()
        )
    );
}

#[test]
fn invalid_arguments_are_named() {
    let root = Root::with_device();
    let message = |arguments: &[&str]| {
        let message = root.run(arguments).message();
        message.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        message(&["0"]),
        "error: invalid INTERVAL 0: expected seconds, more than 0 and at most 1000000000"
    );
    assert_eq!(
        message(&["--", "-1"]),
        "error: invalid INTERVAL -1: expected seconds, more than 0 and at most 1000000000"
    );
    assert_eq!(
        message(&["1e19"]),
        "error: invalid INTERVAL 1e19: expected seconds, more than 0 and at most 1000000000"
    );
    assert_eq!(
        message(&["1e-12"]),
        "error: invalid INTERVAL 1e-12: expected seconds, more than 0 and at most 1000000000"
    );
    assert_eq!(
        message(&["1", "0"]),
        "error: invalid COUNT 0: expected 1 or more"
    );
    assert_eq!(
        message(&["1", "1.5"]),
        "error: invalid COUNT 1.5: expected 1 or more"
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
fn a_permission_error_says_to_run_as_root() {
    let error = Error::File {
        what: "write",
        path: "/sys/module/dmp/stat/dm-3/reset".into(),
        source: io::ErrorKind::PermissionDenied.into(),
    };
    assert_eq!(
        error.to_string(),
        "cannot write /sys/module/dmp/stat/dm-3/reset: permission denied. Run dmpstat as root"
    );
}
