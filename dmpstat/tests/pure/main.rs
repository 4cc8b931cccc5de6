// SPDX-License-Identifier: GPL-2.0

//! The parts of the program, called one by one.

mod attach;
mod clock;
mod conf;
mod escapes;
mod failures;
mod fake;
mod histograms;
mod intervals;
mod layers;
mod limits;
mod locks;
mod messages;
mod names;
mod packaging;
mod pages;
mod queries;
mod queue;
mod records;
mod runs;
mod settings;
mod signals;
mod snapshots;
mod state;
mod statistics;
mod timelines;
mod units;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs a test in processes of its own, each with another umask.
fn under_umasks(test: &str) {
    for mask in ["000", "077"] {
        let mut command = Command::new("sh");
        command.args(["-c", "umask $0 && exec \"$@\"", mask]);
        alone(&mut command, test);
    }
}

/// Runs a test in a process of its own, by a command that runs its arguments.
fn alone(command: &mut Command, test: &str) {
    command.arg(std::env::current_exe().unwrap());
    let output = command
        .args(["--ignored", "--exact", test])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(" 1 passed"), "{command:?}: {text}");
}

/// Returns the permissions of a file or directory.
fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}
