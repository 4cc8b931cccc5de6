// SPDX-License-Identifier: GPL-2.0

//! The counters of the last call, in a file.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::checks::{Checked, Counts, FIRST, is, output, program};
use crate::common::named;

#[test]
fn the_first_call_has_no_interval_and_is_ok() {
    let checked = Checked::new();
    assert_eq!(
        checked.call(&["vg/data", "-w", "r_p99=20ms", "-c", "errs=0"]),
        is(0, "DMP OK - 1 volume, no interval yet: first call")
    );
    assert_eq!(
        checked.call(&["vg/data", "-w", "r_p99=20ms", "-c", "errs=0"]),
        is(0, "DMP OK - 1 volume in 0.0 s | vg-data_errs=0;;0;0")
    );
}

/// Requests in flight need no interval.
#[test]
fn the_first_call_compares_ages_and_requests_in_flight() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.with_inflight(2).text());
    assert_eq!(
        checked.call(&["-w", "inflight=2,errs=0", "-c", "r_age=30s"]),
        is(
            2,
            "DMP CRITICAL - vg/data r_age 40.0s (limit 30s), 1 volume, no interval yet: first call \
             | vg-data_inflight=2;2;;0 vg-data_r_age=40000ms;;30000;0"
        )
    );
}

#[test]
fn each_call_begins_the_next_interval() {
    let checked = Checked::new();
    let options = ["-c", "errs=0"];
    let failed = FIRST.after(10).with_errors(1);
    assert_eq!(checked.second(&options, failed).0, 2);
    checked.root.write("dm-3", failed.after(60).text());
    assert_eq!(
        checked.call(&options),
        is(0, "DMP OK - 1 volume in 60.0 s | vg-data_errs=0;;0;0")
    );
}

/// The next interval of a volume that was unreadable begins at its last reading.
#[test]
fn an_unreadable_volume_is_unknown_and_keeps_its_interval() {
    let checked = Checked::new();
    let other = |counts: Counts| named(&counts.text(), "dm-4", "vg-home");
    checked.root.write("dm-4", other(FIRST));
    let options = ["-c", "errs=0"];
    checked.call(&options);
    checked.root.write("dm-4", "dmp 1\nnonsense");
    checked.root.write("dm-3", FIRST.after(10).text());
    let path = checked.root.stat().join("dm-4/snapshot");
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!(
                "DMP UNKNOWN - cannot parse {}: the line \"device\" is missing, 1 volume in 10.0 s \
                 | vg-data_errs=0;;0;0",
                path.display()
            )
        )
    );
    checked.root.write("dm-3", FIRST.after(20).text());
    checked
        .root
        .write("dm-4", other(FIRST.after(20).with_errors(2)));
    assert_eq!(
        checked.call(&options),
        is(
            2,
            "DMP CRITICAL - vg/home errs 2 (limit 0), 2 volumes in 20.0 s \
             | vg-data_errs=0;;0;0 vg-home_errs=2;;0;0"
        )
    );
}

#[test]
fn a_damaged_state_counts_as_none() {
    let checked = Checked::new();
    let options = ["-c", "errs=0"];
    checked.call(&options);
    let whole = fs::read(checked.state()).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [
        &[][..],
        b"text",
        &whole[..middle],
        &whole[..whole.len() - 1],
        &flipped,
    ] {
        fs::write(checked.state(), damaged).unwrap();
        assert_eq!(
            checked.call(&options),
            is(
                0,
                "DMP OK - 1 volume, no interval yet: the state of the last call was unreadable"
            )
        );
        // The call has replaced the state.
        assert_eq!(
            checked.call(&options).1,
            "DMP OK - 1 volume in 0.0 s | vg-data_errs=0;;0;0"
        );
    }
}

/// Counters and device numbers begin again at a boot.
#[test]
fn the_state_of_another_boot_counts_as_none() {
    let checked = Checked::new();
    let boot = |id: &str| checked.root.file("proc/sys/kernel/random/boot_id", id);
    let options = ["-c", "errs=0"];
    boot("one\n");
    checked.call(&options);
    boot("two\n");
    assert_eq!(
        checked.call(&options),
        is(
            0,
            "DMP OK - 1 volume, no interval yet: first call since the boot"
        )
    );
    assert_eq!(
        checked.call(&options).1,
        "DMP OK - 1 volume in 0.0 s | vg-data_errs=0;;0;0"
    );
}

#[test]
fn an_error_of_the_state_is_unknown_beside_the_values() {
    let checked = Checked::new();
    let call = |path: &str, why: &str, missing: &str| {
        let arguments = ["check", "-c", "inflight=0", "--state", path];
        let ran = checked.root.run(&arguments);
        assert_eq!(
            ran.out,
            format!(
                "DMP UNKNOWN - cannot write the state {path}: {why}, 1 volume, no interval yet: {missing} \
                 | vg-data_inflight=0;;0;0\n"
            )
        );
        assert_eq!(ran.status, Some(3));
    };
    call(
        "/no-such/state",
        "No such file or directory (os error 2)",
        "first call",
    );
    // A rename would replace devices and sockets, too.
    let _socket = UnixListener::bind(checked.state()).unwrap();
    call(
        checked.state().to_str().unwrap(),
        "not a plain file",
        "the state of the last call was unreadable",
    );
    let kind = fs::metadata(checked.state()).unwrap().file_type();
    assert!(kind.is_socket());
}

/// A check by hand with other options does not end the interval of the monitor's one.
#[test]
fn checks_with_other_options_have_other_states() {
    let checked = Checked::new();
    let states = || {
        let files = fs::read_dir(checked.root.path().join("run/dmpstat")).unwrap();
        files.count()
    };
    let checks: [&[&str]; 9] = [
        &[],
        &["vg/data"],
        &["vg/*"],
        &["vg/data", "vg/*"],
        &["--by", "vg"],
        &["--by", "v"],
        &["-w", "errs=0"],
        &["-c", "errs=0"],
        &["-c", "errs=1"],
    ];
    for (at, options) in checks.into_iter().enumerate() {
        let arguments = [&["check"], options].concat();
        let (status, line, _) = output(program(&checked.root, &arguments));
        assert_eq!(status, 0);
        assert!(line.contains(", no interval yet: first call"), "{line}");
        assert_eq!(states(), at + 1);
        let (_, line, _) = output(program(&checked.root, &arguments));
        assert!(line.contains("1 volume in 0.0 s"), "{line}");
        assert_eq!(states(), at + 1);
    }
}

#[test]
fn an_unwritable_directory_of_states_is_unknown() {
    let checked = Checked::new();
    checked
        .root
        .file("run/dmpstat", "a file in place of the directory");
    let (status, line, notes) = output(program(&checked.root, &["check", "-w", "errs=0"]));
    assert_eq!((status, notes.as_str()), (3, ""));
    let directory = checked.root.path().join("run/dmpstat/check-");
    let begin = format!(
        "DMP UNKNOWN - cannot write the state {}",
        directory.display()
    );
    assert!(line.starts_with(&begin), "{line}");
    assert!(
        line.ends_with(
            ": Not a directory (os error 20). Name a file with --state, \
             1 volume, no interval yet: first call\n"
        ),
        "{line}"
    );
}

#[test]
fn calls_at_the_same_time_read_whole_states() {
    let checked = Checked::new();
    let state = checked.state();
    let options = ["check", "-c", "errs=0", "--state", state.to_str().unwrap()];
    assert_eq!(checked.root.run(&options).status, Some(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(
                        checked.root.run(&options).out,
                        "DMP OK - 1 volume in 0.0 s | vg-data_errs=0;;0;0\n"
                    );
                }
            });
        }
    });
    let files = fs::read_dir(checked.directory.path()).unwrap();
    let names: Vec<_> = files.map(|of| of.unwrap().file_name()).collect();
    assert_eq!(names, ["state"]);
}
