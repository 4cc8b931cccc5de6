// SPDX-License-Identifier: GPL-2.0

//! QEMU and all files are removed at any end of dmp-vm.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use dmp_vm::patience;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::*;

/// A dmp-vm with a command that does not end, and its QEMU.
struct Running {
    vm: Child,
    stdout: Option<BufReader<ChildStdout>>,
    qemu: u32,
    directory: TempDir,
}

impl Running {
    fn start(script: &str) -> Self {
        Self::start_with(&[], script)
    }

    fn start_with(options: &[&str], script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut vm = dmp_vm()
            .args(options)
            .args(["--", "sh", "-c", script])
            .env("TMPDIR", directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(vm.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        let qemu = child_of(vm.id());
        Self {
            vm,
            stdout: Some(stdout),
            qemu,
            directory,
        }
    }

    fn kill(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.vm), signal).unwrap();
    }

    /// Waits until dmp-vm and QEMU exit. Returns dmp-vm's status.
    fn end(&mut self) -> Option<i32> {
        let status = self.vm.wait().unwrap();
        let proc = format!("/proc/{}", self.qemu);
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_running(Path::new(&proc)) {
            assert!(Instant::now() < deadline, "QEMU runs on");
            std::thread::sleep(Duration::from_millis(20));
        }
        status.code()
    }

    fn files_left(&self) -> usize {
        fs::read_dir(self.directory.path()).unwrap().count()
    }
}

/// Returns the only child process of `parent`.
fn child_of(parent: u32) -> u32 {
    let children = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state parent ..."
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
            (fields.next()?.parse() == Ok(parent)).then_some(pid)
        });
    let children: Vec<u32> = children.collect();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

/// Tells if the process exists, and is not a zombie.
fn is_running(proc: &Path) -> bool {
    fs::read_to_string(proc.join("stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z"))
    })
}

#[test]
fn a_signal_ends_everything_and_leaves_no_file() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut running = Running::start("echo started; sleep 1000");
        assert_eq!(running.files_left(), 1);
        running.kill(signal);
        assert_eq!(running.end(), Some(status));
        assert_eq!(running.files_left(), 0);
    }
}

#[test]
fn qemu_does_not_outlive_a_killed_dmp_vm() {
    let mut running = Running::start("echo started; sleep 1000");
    running.kill(Signal::KILL);
    assert_eq!(running.end(), None);
}

#[test]
fn output_is_streamed_and_a_closed_pipe_ends_the_command() {
    let mut running = Running::start("echo started; yes");
    let mut some = [0; 4096];
    let mut stdout = running.stdout.take().unwrap();
    stdout.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"y\ny\n"));
    drop(stdout);
    assert_eq!(running.end(), Some(141));
    assert_eq!(running.files_left(), 0);
}

#[test]
fn a_guest_with_a_silent_kernel_is_reported_and_ended() {
    // The next machine starts from this machine's state, so the limit applies to its command.
    assert_output(&run(["--", "true"]), 0, "", "");
    let seconds = (5 * patience()).to_string();
    let mut running = Running::start_with(&["--timeout", &seconds], "echo started; sleep 1000");
    let qemu = Pid::from_raw(running.qemu.try_into().unwrap()).unwrap();
    kill_process(qemu, Signal::STOP).unwrap();
    assert_eq!(running.end(), Some(124));
    let mut stderr = String::new();
    running
        .vm
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    let said = format!(
        "dmp-vm: {seconds} s were not enough for the command, \
         and its kernel does not answer any more\n"
    );
    assert!(stderr.contains(&said), "{stderr}");
    assert_eq!(running.files_left(), 0);
}
