// SPDX-License-Identifier: GPL-2.0

//! The library under the tests: above all, it must fail when a test should.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use dmp_vm::{Disk, Error, Machine};

fn boot() -> Machine {
    Machine::builder()
        .boot()
        .unwrap_or_else(|error| panic!("{error}"))
}

const COMPLAIN: &str = "echo 'WARNING: CPU: 0 PID: 1 at nowhere.c:1' >/dev/kmsg";

#[test]
fn a_complaint_in_the_log_is_an_error_at_the_end() {
    let mut machine = boot();
    machine.sh(COMPLAIN);
    match machine.finish() {
        Err(Error::Complaints { complaints, .. }) => {
            assert_eq!(complaints.len(), 1);
            assert!(complaints[0].contains("at nowhere.c:1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_complaint_is_a_panic_when_the_machine_is_dropped() {
    let mut machine = boot();
    machine.sh(COMPLAIN);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(machine)));
    let message = dropped.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(
        message.contains("the guest's kernel complained"),
        "{message}"
    );
}

#[test]
fn one_machine_runs_many_separate_commands() {
    let mut machine = boot();
    for n in 0..20 {
        let output = machine
            .run(&format!("echo out {n}; echo err {n} >&2; exit {n}"))
            .unwrap();
        assert_eq!(output.status, n);
        assert_eq!(output.stdout, format!("out {n}\n").into_bytes());
        assert_eq!(output.stderr, format!("err {n}\n").into_bytes());
    }
    // A script longer than any buffer in between.
    let long = "x".repeat(300_000);
    assert_eq!(machine.sh(&format!("echo {long}")).len(), 300_001);
    machine.finish().unwrap();
}

#[test]
fn a_failed_command_is_reported_with_its_errors_and_the_console() {
    let mut machine = boot();
    // The kernel may print a moment later.
    machine.sh("echo on the console >/dev/kmsg; sleep 1");
    let failed = catch_unwind(AssertUnwindSafe(|| {
        machine.sh("echo said; echo complained >&2; exit 3")
    }));
    let message = failed.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    for part in ["status 3", "said", "complained", "] on the console"] {
        assert!(message.contains(part), "{message}");
    }
    machine.finish().unwrap();
}

#[test]
fn a_command_has_a_time_limit() {
    let mut machine = boot();
    machine.set_limit(Duration::from_secs(1));
    match machine.run("sleep 1000") {
        Err(Error::Timeout { what, .. }) => assert_eq!(what, "the command"),
        other => panic!("{other:?}"),
    }
}

/// The kernel reports whether the command is running or waiting.
#[test]
fn a_timed_out_command_is_reported_with_the_guests_tasks() {
    let builder = Machine::builder().cpus(2).disk(Disk::Scratch(1 << 20));
    let mut machine = builder.boot().unwrap_or_else(|error| panic!("{error}"));
    machine.set_limit(Duration::from_secs(3));
    let command = "dmsetup create d --table '0 8 dmp /dev/vda 0' && dmsetup suspend d; \
                   yes >/dev/null & dd if=/dev/mapper/d of=/dev/null";
    let message = machine.run(command).unwrap_err().to_string();
    let parts = [
        "s were not enough for the command\n",
        "Run /init as init process",
        "Show backtrace of all active CPUs",
        "Comm: yes",
        "Show clockevent devices",
        "Show Blocked State",
        "task:dd ",
        "HELP",
    ];
    let mut rest = message.as_str();
    for part in parts {
        rest = match rest.split_once(part) {
            Some((_, rest)) => rest,
            None => panic!("{part:?} is not there, or not in its place, in: {message}"),
        };
    }
}
