// SPDX-License-Identifier: GPL-2.0

//! `dmpstat record`, and commands that read a recording with `-f`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dmpstat::cli;
use dmpstat::commands::top::app::App;
use dmpstat::commands::top::keys::{self, Next};
use dmpstat::commands::top::{self, view};
use dmpstat::record::header::FORMAT;
use dmpstat::record::player::{Player, Request};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::{Ran, Root, SNAPSHOT, named};

/// The directory with a recording of each format.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");

/// The number of samples of a run.
const SAMPLES: u32 = 8;

/// Returns the snapshot of dm-3 with this number of reads, at a second after boot.
fn reads(second: u64, requests: u64) -> String {
    let (bytes, latency) = (requests * 4096 + 512, requests * 17_123);
    SNAPSHOT
        .replace(
            "taken 9000000000",
            &format!("taken {}000000123", second + 9),
        )
        .replace(
            "requests 500 bytes 2048000",
            &format!("requests {requests} bytes {bytes}"),
        )
        .replace("latency_ns 10000000", &format!("latency_ns {latency}"))
        .replace("4096:500", &format!("4096:{requests}"))
        .replace(
            "16384:480 32768:20",
            &format!("16384:{} 32768:20", requests - 20),
        )
}

/// A device comes, fails to read, and returns; another one goes, and returns as another device.
fn step(root: &Root, step: u32) {
    let second = u64::from(step);
    let other = |requests: u64| named(&reads(second, requests), "dm-4", "db-1");
    root.write("dm-3", reads(second, 500 + second * 33));
    match step {
        1 => root.write("dm-4", other(40)),
        2 => root.write("dm-4", "dmp 1\nnonsense"),
        3 => root.write("dm-4", other(90)),
        4 => root.remove("dm-3"),
        5 => {
            let reset = reads(second, 25).replace("since 5000000000", "since 11000000000");
            root.write("dm-3", reset.replace("diskseq 21", "diskseq 22"));
        }
        6 => root.file("sys/block/dm-4/dm/suspended", "1\n"),
        _ => root.file("sys/block/dm-4/inflight", "3 4\n"),
    }
}

fn start() -> Root {
    let root = Root::new();
    root.write("dm-3", reads(0, 500));
    root
}

/// Runs the program while devices change.
fn run(root: &Root, arguments: &[&str]) -> Ran {
    root.run_in_time(arguments, SAMPLES, |number| {
        if number < SAMPLES {
            step(root, number);
        }
    })
}

/// A recording of all steps, and its directory.
pub struct Recording {
    pub path: String,
    /// Deletes the file at the end.
    _directory: TempDir,
}

impl Recording {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file").to_str().unwrap().to_owned();
        let root = start();
        let ran = run(&root, &["record", "-o", &path]);
        assert_eq!(ran.out, "");
        ran.result.unwrap();
        Self {
            path,
            _directory: directory,
        }
    }

    /// Runs a command over the recording, on a machine without the module.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Root::without_module().run(&[arguments, &["-f", &self.path]].concat())
    }
}

/// Removes the machine's own path from messages.
fn without_path(text: &str) -> String {
    let words = text.split(' ');
    let words = words.map(|word| {
        if word.contains("/sys/module/") {
            "PATH"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn reports_of_a_recording_equal_those_of_the_machine() {
    let recording = Recording::new();
    for arguments in [
        &["-t"][..],
        &["-x", "-y"],
        &["-j"],
        &["-j", "--counts"],
        &["-c", "--counts"],
        &["-J"],
        &["-z", "-N", "-m", "-S", "r/s"],
        &["--by", "vg"],
        &["hist", "latency", "-t"],
        &["hist", "size", "-j"],
    ] {
        let root = start();
        let live = run(&root, &[arguments, &["1"]].concat());
        live.result.unwrap();
        assert!(live.out.lines().count() > 1, "{arguments:?}");
        for interval in [&[][..], &["1"]] {
            let recorded = recording.run(&[arguments, interval].concat());
            recorded.result.unwrap();
            assert_eq!(recorded.out, live.out, "{arguments:?}");
            assert_eq!(without_path(&recorded.notes), without_path(&live.notes));
        }
    }
}

#[test]
fn show_and_export_take_the_last_sample() {
    let recording = Recording::new();
    let root = start();
    for number in 1..SAMPLES {
        step(&root, number);
    }
    let live = root.run(&["show", "*"]).output();
    assert_eq!(recording.run(&["show", "*"]).output(), live);
    let without_time = |text: String| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| !line.contains("scrape_duration"));
        lines.map(str::to_owned).collect()
    };
    let live = without_time(root.run(&["export"]).output());
    assert!(live.iter().any(|line| line.contains("name=\"db-1\"")));
    assert_eq!(without_time(recording.run(&["export"]).output()), live);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("dmp.prom");
    let arguments = ["export", "--textfile", file.to_str().unwrap()];
    assert_eq!(recording.run(&arguments).output(), "");
    assert_eq!(without_time(fs::read_to_string(file).unwrap()), live);
    let message = recording.run(&["export", "--listen", "0"]).message();
    assert!(
        message.contains("a recording is exported once, without INTERVAL and --listen"),
        "{message}"
    );
}

/// `cargo test --test program -- --ignored` writes the file of a new format, for the version after it.
#[test]
#[ignore = "writes a file that is kept"]
fn a_file_of_each_format_is_kept() {
    let path = format!("{KEPT}/{FORMAT}.dmpstat");
    assert!(!Path::new(&path).exists());
    run(&start(), &["record", "-o", &path]).result.unwrap();
}

#[test]
fn files_of_all_formats_are_read() {
    let live = run(&start(), &["-j", "--counts", "1"]).out;
    for format in 1..=FORMAT {
        let path = format!("{KEPT}/{format}.dmpstat");
        let ran = Root::without_module().run(&["-j", "--counts", "-f", &path]);
        ran.result.unwrap();
        assert_eq!(ran.out, live, "{path}");
    }
}

/// Returns the times of reports.
fn times(ran: Ran) -> Vec<String> {
    ran.result.unwrap();
    let reports = ran.out.lines().map(|line| {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        report["time"].as_str().unwrap()[11..19].to_owned()
    });
    reports.collect()
}

#[test]
fn an_interval_and_times_choose_samples() {
    let recording = Recording::new();
    let times = |arguments: &[&str]| times(recording.run(&[&["-j"], arguments].concat()));
    assert_eq!(times(&[]).len(), 8);
    assert_eq!(times(&["3"]), ["21:00:00", "21:00:03", "21:00:06"]);
    assert_eq!(times(&["2", "2"]), ["21:00:00", "21:00:02"]);
    assert_eq!(
        times(&["--from", "21:00:05"]),
        ["21:00:05", "21:00:06", "21:00:07"]
    );
    assert_eq!(
        times(&[
            "--from",
            "2026-11-26T20:00:01Z",
            "--to",
            "2026-11-26 21:00:02"
        ]),
        ["21:00:01", "21:00:02"]
    );
    // The device comes a second after the start.
    assert_eq!(times(&["dm-4"])[0], "21:00:01");
    let message = recording.run(&["--from", "21:01"]).message();
    assert!(
        message.ends_with("has no sample between --from and --to"),
        "{message}"
    );
    let message = recording.run(&["db-3"]).message();
    assert!(
        message.starts_with("there is no dmp device \"db-3\""),
        "{message}"
    );
}

#[test]
fn a_torn_recording_is_read_to_its_last_whole_block() {
    let recording = Recording::new();
    let bytes = fs::read(&recording.path).unwrap();
    let torn = [&bytes[..], &bytes[..20]].concat();
    fs::write(&recording.path, torn).unwrap();
    let ran = recording.run(&["-j", "vg-data"]);
    ran.result.unwrap();
    assert_eq!(ran.out.lines().count(), 8);
    let note = format!(
        "dmpstat: {} ends within a block; the last whole one ends at byte {}\n",
        recording.path,
        bytes.len()
    );
    assert!(ran.notes.starts_with(&note), "{}", ran.notes);
}

#[test]
fn day_files_change_at_midnight_and_a_note_names_deleted_ones() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("days/");
    let path = path.to_str().unwrap();
    let root = start();
    // Six hours a sample, from 21:00 on.
    let arguments = ["record", "-i", "21600", "--keep", "2", "-o", path];
    let ran = root.run_in_time(&arguments, 9, |_| {});
    assert_eq!(ran.output(), "");
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["2026-11-27.dmpstat", "2026-11-28.dmpstat"]);
    let ran = Root::without_module().run(&["-f", path, "-j", "-N"]);
    assert_eq!(times(ran).len(), 8);
    // An old file leaves no room.
    let old = directory.path().join("days/2026-01-01.dmpstat");
    fs::write(&old, vec![0; 2 << 20]).unwrap();
    let arguments = ["record", "--max-size", "1M", "-o", path];
    let ran = root.run_in_time(&arguments, 1, |_| {});
    ran.result.unwrap();
    assert_eq!(
        ran.notes,
        "dmpstat: --max-size cuts the recording to 3 days: deleted 2026-01-01.dmpstat\n"
    );
}

#[test]
fn record_refuses_a_full_disk_and_limits_of_a_file() {
    let root = start();
    let message = root.run(&["record", "-o", "/dev/full"]).message();
    assert_eq!(
        message,
        "cannot write /dev/full: No space left on device (os error 28)"
    );
    let message = root
        .run(&["record", "-o", "/tmp/no-such-file", "--keep", "3"])
        .message();
    assert!(
        message.starts_with("--keep and --max-size need a directory of day files"),
        "{message}"
    );
    let message = root.run(&["record", "-o", "/dev/null", "db-9"]).message();
    assert!(
        message.starts_with("there is no dmp device \"db-9\""),
        "{message}"
    );
}

#[test]
fn a_signal_writes_the_block_that_has_begun() {
    let root = start();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    for (times, signal) in [(1, Signal::TERM), (2, Signal::INT)] {
        let length = || fs::metadata(&path).map_or(0, |of| of.len());
        let before = length();
        let mut child = Command::new(env!("CARGO_BIN_EXE_dmpstat"))
            .args(["record", "-i", "50", "-o"])
            .arg(&path)
            .env("DMPSTAT_ROOT", root.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The header is written once signals are handled.
        while length() == before {
            thread::sleep(Duration::from_millis(10));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(child.wait().unwrap().success());
        let ran = Root::without_module().run(&["-f", path.to_str().unwrap(), "-j"]);
        assert_eq!(ran.output().lines().count(), times);
    }
}

#[test]
fn top_travels_through_a_recording() {
    let recording = Recording::new();
    let request = Request {
        path: recording.path.clone().into(),
        from: None,
        to: None,
        last: false,
    };
    let player = Player::open(&request, TimeZone::UTC).unwrap();
    let Some(cli::invocation::Command::Top(options)) = cli::parse(["dmpstat", "top", "-f", "file"])
        .unwrap()
        .command
    else {
        unreachable!()
    };
    let mut app = App::new(&options, false);
    app.sample(&player, &player.now()).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(90, 20)).unwrap();
    for (key, at, title) in [
        (
            '.',
            1,
            "dmpstat  20:00:01  2 devices  1.0 s  by number  PAUSED",
        ),
        (
            '.',
            2,
            "dmpstat  20:00:02  1 device  1.0 s  by number  PAUSED",
        ),
        (
            '+',
            7,
            "dmpstat  20:00:07  2 devices  1.0 s  by number  PAUSED",
        ),
        (
            ',',
            6,
            "dmpstat  20:00:06  2 devices  0.0 s  by number  PAUSED",
        ),
        (
            '-',
            1,
            "dmpstat  20:00:01  2 devices  1.0 s  by number  PAUSED",
        ),
        (
            ',',
            1,
            "dmpstat  20:00:01  2 devices  1.0 s  by number  PAUSED",
        ),
    ] {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
        let Next::Travel(by) = keys::press(&mut app, key) else {
            panic!("{key:?}")
        };
        top::travel(&mut app, &player, by).unwrap();
        assert_eq!(player.position(), (at, 8));
        terminal.draw(|frame| view::draw(&mut app, frame)).unwrap();
        let cells = terminal.backend().buffer().content();
        let line: String = cells[..90].iter().map(|cell| cell.symbol()).collect();
        assert_eq!(line.trim_end(), title);
    }
}
