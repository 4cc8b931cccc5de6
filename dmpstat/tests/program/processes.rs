// SPDX-License-Identifier: GPL-2.0

//! Tests that need a process of their own: signals, pipes, terminals, the environment.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Root, SNAPSHOT};

fn command(root: &Root, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
    command
        .args(arguments)
        .env("DMPSTAT_ROOT", root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn a_pipe_gets_each_report_at_once_and_an_interrupt_completes_the_last() {
    let root = Root::with_device();
    for (option, lines) in [("-j", 1), ("-J", 2)] {
        let mut child = command(&root, &[option, "3600"])
            .env("LC_ALL", "de_DE.UTF-8")
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..lines - 1 {
            output.read_line(&mut text).unwrap();
        }
        // The last line is complete only at the document's end, so this reads no more than its first byte.
        let mut first = [0];
        output.read_exact(&mut first).unwrap();
        interrupt(&child);
        output.read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success());
        let before = text.len() - text.lines().last().unwrap().len();
        let whole = match option {
            "-j" => format!("{}{text}", char::from(first[0])),
            _ => {
                let (head, tail) = text.split_at(text.find('\n').unwrap() + 1);
                assert!(before > 0);
                format!("{head}{}{tail}", char::from(first[0]))
            }
        };
        serde_json::from_str::<serde_json::Value>(&whole).unwrap();
        assert!(whole.contains("125.0"), "{whole}");
    }
}

/// The first signal takes effect after the report, and nobody reads the report here.
#[test]
fn a_second_signal_ends_the_program_with_the_signals_status() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let root = Root::with_device();
        for n in 4..2000 {
            root.write(
                &format!("dm-{n}"),
                SNAPSHOT.replace("dm-3", &format!("dm-{n}")),
            );
        }
        let mut child = command(&root, &["-j", "3600"]).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        // The pipe is full from here on.
        output.read_exact(&mut [0]).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(child.try_wait().unwrap().is_none());
        // The signal is sent until the process has received it twice: a signal that is already pending would
        // be lost.
        let status = loop {
            kill_process(Pid::from_child(&child), signal).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            if let Some(exit) = child.try_wait().unwrap() {
                break (exit.code(), Some(status));
            }
        };
        assert_eq!(status.0, status.1, "{signal:?}");
    }
}

/// Standard error behaves like this after a terminal has hung up.
#[test]
fn a_closed_standard_error_changes_no_exit_status() {
    for (root, arguments, status) in [
        (Root::without_module(), &[][..], 1),
        (Root::with_device(), &["-o", "no-such-column"], 2),
        (Root::with_device(), &["vg/data", "x*", "0.01", "2"], 0),
    ] {
        let mut child = command(&root, arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let root = Root::with_device();
    let mut child = command(&root, &["0.01"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_pipe_gets_the_same_text_without_colours() {
    let root = Root::with_device();
    // One line in the middle has a style, and the lines after it have none.
    root.write("dm-4", SNAPSHOT.replace("errors 0", "errors 7"));
    for device in ["dm-5", "dm-6"] {
        root.write(device, SNAPSHOT);
    }
    let output = command(&root, &[]).output().unwrap();
    assert!(!output.stdout.contains(&0x1b) && output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, root.run(&[]).output());
    assert_eq!(text.lines().count(), 6);
    let forced = command(&root, &[])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(forced.stdout.contains(&0x1b));
    let none = command(&root, &[])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!none.stdout.contains(&0x1b));
}

#[test]
fn errors_go_to_stderr_and_set_the_exit_status() {
    let output = command(&Root::without_module(), &[]).output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), &b""[..])
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "dmpstat: the dmp module is not loaded: run \"modprobe dmp\"\n"
    );
    let usage = command(&Root::new(), &["-o", "x"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    let text = String::from_utf8(usage.stderr).unwrap();
    assert!(
        text.starts_with("dmpstat: invalid value 'x' for '--columns <COLUMN>'\n"),
        "{text}"
    );
    let help = command(&Root::new(), &["--help"]).output().unwrap();
    assert_eq!((help.status.code(), help.stderr), (Some(0), Vec::new()));
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("\nUsage: dmpstat")
    );
}

#[test]
fn a_lack_of_file_descriptors_for_signals_is_reported() {
    let root = Root::with_device();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -n 4 && exec \"$0\"",
        env!("CARGO_BIN_EXE_dmpstat"),
    ]);
    let output = command.env("DMPSTAT_ROOT", root.path()).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "dmpstat: cannot wait for signals: Too many open files (os error 24)\n"
    );
}
