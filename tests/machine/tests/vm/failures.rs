// SPDX-License-Identifier: GPL-2.0

//! Failures. Each has its own status and a message about its cause.

use dmp_vm::patience;

use crate::common::*;

#[test]
fn a_timed_out_command_is_ended_with_124_and_the_console() {
    assert_output(&run(["--", "true"]), 0, "", "");
    // The next machine starts from this machine's state, so this limit applies to its command.
    let seconds = 5 * patience();
    let output = run([
        "--timeout",
        &seconds.to_string(),
        "--",
        "sh",
        "-c",
        "echo before; echo the guest was here >/dev/kmsg; sleep 10000",
    ]);
    let said = format!("dmp-vm: {seconds} s were not enough for the command\n");
    assert_failure(&output, 124, &said);
    assert_failure(&output, 124, "the guest was here");
    assert_eq!(output.stdout, b"before\n");
}

#[test]
fn a_panic_is_123_with_the_console() {
    let output = run_sh("echo before; echo c >/proc/sysrq-trigger");
    assert_failure(
        &output,
        123,
        "Kernel panic - not syncing: sysrq triggered crash",
    );
    assert_eq!(output.stdout, b"before\n");
}

#[test]
fn a_power_off_during_a_command_is_123() {
    let output = run_sh("echo off we go >/dev/kmsg; reboot -f; sleep 100");
    assert_failure(&output, 123, "the guest went down before the command");
    assert_failure(&output, 123, "off we go");
}

#[test]
fn a_missing_or_failing_qemu_is_125() {
    let with = |qemu: &str| {
        let mut vm = dmp_vm();
        vm.env("DMP_VM_QEMU", qemu).env("DMP_VM_ACCEL", "tcg");
        vm.args(["--", "true"]).output().unwrap()
    };
    assert_failure(
        &with("/nowhere/qemu"),
        125,
        "cannot run QEMU (/nowhere/qemu)",
    );
    // ls interprets QEMU's arguments as its own, and complains about them.
    assert_failure(&with("ls"), 125, "QEMU failed (exit status: 2)");
}

#[test]
fn a_missing_variable_is_125_and_named() {
    for name in ["DMP_VM_QEMU", "DMP_VM_KERNEL", "DMP_VM_INITRD"] {
        let output = dmp_vm().env_remove(name).args(["--", "true"]).output();
        assert_failure(&output.unwrap(), 125, &format!("{name} is not set"));
    }
}

#[test]
fn wrong_usage_is_125_and_help_is_0() {
    assert_failure(&run(["--no-such-option"]), 125, "--no-such-option");
    assert_failure(&run(["--memory", "lots", "--", "true"]), 125, "--memory");
    assert_failure(&run(["--cpus", "0", "--", "true"]), 125, "--cpus");
    assert_failure(&run(["--accel", "x", "--", "true"]), 125, "--accel");
    assert_failure(&run(["--read-only", "--", "true"]), 125, "--disk");
    let missing = run(["--disk", "/nowhere/disk", "--", "true"]);
    assert_failure(&missing, 125, "cannot read the disk /nowhere/disk");
    let help = run(["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: dmp-vm"));
}

#[test]
fn a_shell_without_a_terminal_is_refused() {
    assert_failure(&run([""; 0]), 125, "give a command after --");
}
