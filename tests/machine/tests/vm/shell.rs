// SPDX-License-Identifier: GPL-2.0

//! The interactive shell, on a terminal of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::common::*;

const LIMIT: Duration = Duration::from_secs(120);

/// A dmp-vm on a terminal, and the terminal's other end.
struct Terminal {
    vm: Child,
    keyboard: File,
    /// The terminal's other end, which stays open until after dmp-vm's exit.
    far: File,
    screen: String,
}

impl Terminal {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&OsStr]) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let name = ptsname(&near, Vec::new()).unwrap();
        let far = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_row: 33,
            ws_col: 99,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&far, size).unwrap();
        let end = || Stdio::from(OwnedFd::from(far.try_clone().unwrap()));
        let vm = dmp_vm()
            .args(arguments)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self {
            vm,
            keyboard: near.into(),
            far,
            screen: String::new(),
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types the lines that the greeting suggests. Each must succeed.
    fn type_proposed(&mut self) {
        let greeting = self.wait_for("dmp:~# ");
        let lines = greeting.lines();
        let lines: Vec<&str> = lines
            .filter_map(|line| line.trim_end().strip_prefix("  "))
            .collect();
        assert_eq!(lines.len(), 3, "{greeting}");
        for line in lines {
            self.type_keys(&format!("{line}; echo status $?\n"));
            self.wait_for("status 0\n");
        }
    }

    /// Reads the screen until it shows `text`. Returns the screen up to there.
    fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.screen.find(text) {
                return self.screen.drain(..at + text.len()).collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut fds = [PollFd::new(&self.keyboard, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&left)).unwrap();
            assert!(ready > 0, "no {text:?} on the screen: {}", self.screen);
            let mut buffer = [0; 4096];
            let length = self.keyboard.read(&mut buffer).unwrap();
            // A line ends in one carriage return from the guest and one from the terminal.
            let text = String::from_utf8_lossy(&buffer[..length]).replace('\r', "");
            self.screen.push_str(&text);
        }
    }
}

#[test]
fn the_shell_suggests_commands_and_runs_typed_ones() {
    let mut terminal = Terminal::start();
    let before = format!("{:?}", tcgetattr(&terminal.far).unwrap());
    terminal.type_proposed();
    terminal.type_keys("stty size; cat /sys/module/dmp/stat/dm-0/write/requests\n");
    terminal.wait_for("33 99\n8\n");
    // Ctrl-C is for the guest. It is typed after the command's first output: while the shell starts
    // a command, it delays a key until the command's end.
    terminal.type_keys("sh -c 'echo asleep; exec sleep 1000'\n");
    terminal.wait_for("\nasleep\n");
    terminal.type_keys("\x03");
    terminal.wait_for("dmp:~# ");
    terminal.type_keys("\x01x");
    assert_eq!(terminal.vm.wait().unwrap().code(), Some(0));
    assert_eq!(format!("{:?}", tcgetattr(&terminal.far).unwrap()), before);
}

#[test]
fn the_shell_suggests_only_reads_of_the_users_disk() {
    let disk = tempfile::NamedTempFile::new().unwrap();
    let content = vec![0xa5; 1 << 20];
    fs::write(disk.path(), &content).unwrap();
    let mut terminal = Terminal::start_with(&["--disk".as_ref(), disk.path().as_os_str()]);
    terminal.type_proposed();
    terminal.type_keys("cat /sys/module/dmp/stat/dm-0/read/requests\n");
    terminal.wait_for("\n8\n");
    terminal.type_keys("exit\n");
    assert_eq!(terminal.vm.wait().unwrap().code(), Some(0));
    assert!(
        fs::read(disk.path()).unwrap() == content,
        "the disk was written to"
    );
}

#[test]
fn leaving_the_shell_powers_the_machine_off() {
    let mut terminal = Terminal::start();
    terminal.wait_for("dmp:~# ");
    terminal.type_keys("exit\n");
    assert_eq!(terminal.vm.wait().unwrap().code(), Some(0));
}
