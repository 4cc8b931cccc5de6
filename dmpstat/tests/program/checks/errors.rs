// SPDX-License-Identifier: GPL-2.0

//! Errors of the machine and the command line, and the exit status of the process.

use std::fs;
use std::process::Stdio;

use crate::checks::{Checked, FIRST, is, output, program};
use crate::common::Root;

#[test]
fn errors_of_the_machine_are_unknown() {
    let line = |root: &Root, arguments: &[&str]| {
        let ran = root.run(&[&["check"], arguments].concat());
        ran.result.unwrap();
        (ran.status.unwrap(), ran.out)
    };
    assert_eq!(
        line(&Root::without_module(), &["vg/data"]),
        is(
            3,
            "DMP UNKNOWN - the dmp module is not loaded: run \"modprobe dmp\"\n"
        )
    );
    assert_eq!(
        line(&Root::new(), &[]),
        is(
            3,
            "DMP UNKNOWN - there is no dmp device. Attach a running volume with dmpstat attach VOLUME \
             or create a device over a disk with dmsetup create NAME --table \"0 $(blockdev --getsz \
             /dev/DISK) dmp /dev/DISK\"\n"
        )
    );
    let checked = Checked::new();
    for (device, shown) in [
        ("vg-date", "vg-date\"; similar names: vg-data"),
        ("x|*", "x\\x7c*\""),
    ] {
        assert_eq!(
            checked.call(&[device]),
            is(
                3,
                &format!("DMP UNKNOWN - there is no dmp device \"{shown}")
            )
        );
    }
    assert!(!checked.state().exists());
}

#[test]
fn a_wrong_command_line_is_unknown_on_standard_output() {
    let checked = Checked::new();
    let value = |option: &str, value: &str, why: &str| {
        let long = match option {
            "-w" => "--warning <COLUMN=LIMIT>",
            _ => "--critical <COLUMN=LIMIT>",
        };
        let line = format!("DMP UNKNOWN - invalid value '{value}' for '{long}': {why}\n");
        let command = program(&checked.root, &["check", "vg/data", option, value]);
        assert_eq!(output(command), (3, line, String::new()));
    };
    value("-w", "r_p99", "expected COLUMN=LIMIT, such as r_p99=20ms");
    value(
        "-w",
        "r_p98=1",
        "there is no column \"r_p98\". A similar name: r_p99",
    );
    value("-c", "=1", "there is no column \"\"");
    let number = |column: &str, limit: &str, units: &str| {
        let why =
            format!("\"{limit}\" is no value of {column}: write a number of 0 or more, {units}");
        (format!("{column}={limit}"), why)
    };
    for limit in [
        "", "ms", "-1ms", "20K", "20m", "inf", "nan", "1e999", "2e308s",
    ] {
        let (limit, why) = number("r_p99", limit, "in ns, us, ms or s");
        value("-c", &limit, &why);
    }
    for limit in ["5ms", "5B", "5P"] {
        let (limit, why) = number("rMB/s", limit, "in K, M, G or T");
        value("-w", &limit, &why);
    }
    for limit in ["5K", "5ms", "x"] {
        let (limit, why) = number("errs", limit, "without a unit");
        value("-w", &limit, &why);
    }
    for (arguments, line) in [
        (
            &["check", "-x"][..],
            "DMP UNKNOWN - unexpected argument '-x' found\n",
        ),
        (
            &["check", "--state"],
            "DMP UNKNOWN - a value is required for '--state <FILE>' but none was supplied\n",
        ),
        (
            &["check", "--by", ""],
            "DMP UNKNOWN - invalid value '' for '--by <vg\\x7cREGEX>': expected vg, or a regular expression\n",
        ),
    ] {
        let found = output(program(&checked.root, arguments));
        assert_eq!(found, (3, line.to_owned(), String::new()));
    }
    // Other commands keep their exit status and their stream.
    let (status, out, notes) = output(program(&checked.root, &["show", "-w"]));
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(
        notes.starts_with("dmpstat: unexpected argument '-w' found"),
        "{notes}"
    );
    let (status, out, notes) = output(program(&checked.root, &["check", "--help"]));
    assert_eq!((status, notes.as_str()), (0, ""));
    assert!(
        out.contains("Usage: dmpstat check [OPTIONS] [DEVICE]..."),
        "{out}"
    );
}

#[test]
fn the_process_exits_with_the_status() {
    let checked = Checked::new();
    let call = |options: &[&str]| {
        let arguments = [&["check", "vg/data"], options].concat();
        output(program(&checked.root, &arguments))
    };
    let both = ["-w", "errs=0", "-c", "errs=5"];
    let unmeasured = ["-w", "f/s=1"];
    assert_eq!((call(&both).0, call(&unmeasured).0), (0, 3));
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(1).text());
    assert_eq!(
        call(&both),
        (
            1,
            "DMP WARNING - vg/data errs 1 (limit 0), 1 volume in 10.0 s | vg-data_errs=1;0;5;0\n"
                .to_owned(),
            String::new()
        )
    );
    checked
        .root
        .write("dm-3", FIRST.after(20).with_errors(9).text());
    assert_eq!(call(&both).0, 2);
}

/// The exit status is that of the check even if nobody reads the line.
#[test]
fn a_line_that_cannot_be_written_keeps_an_alarm() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.with_inflight(2).text());
    let arguments = ["check", "-c", "inflight=0"];
    let mut command = program(&checked.root, &arguments);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    command.stdout(full);
    let (status, _, notes) = output(command);
    assert_eq!(
        (status, notes.as_str()),
        (
            3,
            "dmpstat: cannot write the output: No space left on device (os error 28)\n"
        )
    );
    let mut command = program(&checked.root, &arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap().code();
    assert_eq!(status, Some(2));
}
