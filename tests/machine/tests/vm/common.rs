// SPDX-License-Identifier: GPL-2.0

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Returns the program dmp-vm. nextest names its path if the tests come from an
/// archive.
pub fn dmp_vm() -> Command {
    let path = std::env::var_os("NEXTEST_BIN_EXE_dmp-vm")
        .map_or_else(|| env!("CARGO_BIN_EXE_dmp-vm").into(), PathBuf::from);
    Command::new(path)
}

/// Runs dmp-vm to its end.
pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    dmp_vm().args(args).output().unwrap()
}

/// Runs a sh script in a guest with the default disks.
pub fn run_sh(script: &str) -> Output {
    run(["--", "sh", "-c", script])
}

/// Asserts the status, standard output and standard error, to the byte.
#[track_caller]
pub fn assert_output(output: &Output, status: i32, stdout: &str, stderr: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        (
            output.status.code(),
            text(&output.stdout).as_str(),
            text(&output.stderr).as_str()
        ),
        (Some(status), stdout, stderr)
    );
}

/// Asserts the status, and that standard error contains `says`.
#[track_caller]
pub fn assert_failure(output: &Output, status: i32, says: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.contains(says), "{says:?} is not in: {stderr}");
}
