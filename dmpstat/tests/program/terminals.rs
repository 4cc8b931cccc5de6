// SPDX-License-Identifier: GPL-2.0

//! `dmpstat top` on a terminal of its own.

use std::env;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{self, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dmpstat::commands::top::screen::Screen;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use vt100::Parser;

use crate::common::{Root, SNAPSHOT, named};

/// The longest wait, which no test needs.
const PATIENCE: Duration = Duration::from_secs(30);

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        ..PtySize::default()
    }
}

/// A program and its terminal.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<Parser>>,
    /// The terminal's modes before the program started.
    modes: String,
}

impl Session {
    fn begin(command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(size(100, 24)).unwrap();
        let modes = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(24, 100, 0)));
        let (seen, mut output) = (screen.clone(), pair.master.try_clone_reader().unwrap());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                seen.lock().unwrap().process(&bytes[..length]);
            }
        });
        Self {
            child,
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            screen,
            modes,
        }
    }

    fn top(root: &Root, arguments: &[&str]) -> Self {
        Self::begin(top(root, arguments))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits until the screen meets a condition.
    fn wait_for(&self, what: &str, is: impl Fn(&Parser) -> bool) {
        let began = Instant::now();
        while !is(&self.screen.lock().unwrap()) {
            let contents = || self.screen.lock().unwrap().screen().contents();
            assert!(began.elapsed() < PATIENCE, "{what}:\n{}", contents());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |screen| screen.screen().contents().contains(text));
    }

    /// Waits for the exit. Asserts that the terminal is then in its former state. Returns the exit status.
    fn end(mut self) -> u32 {
        let status = status(self.child.as_mut());
        self.wait_for("the main screen and a cursor", |screen| {
            !screen.screen().alternate_screen() && !screen.screen().hide_cursor()
        });
        assert_eq!(modes(self.master.as_ref()), self.modes);
        status
    }
}

/// Makes the command of a program. Its directory is not the home directory, because a build has none.
fn command(program: impl AsRef<OsStr>) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.cwd("/");
    command
}

fn top(root: &Root, arguments: &[&str]) -> CommandBuilder {
    let mut command = command(env!("CARGO_BIN_EXE_dmpstat"));
    command.arg("top");
    command.args(arguments);
    command.env("DMPSTAT_ROOT", root.path());
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    command
}

/// Waits for the exit of a program. Returns the exit status.
fn status(child: &mut (dyn Child + Send + Sync)) -> u32 {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.exit_code();
        }
        if began.elapsed() > PATIENCE {
            // This first sends SIGHUP, at which dmpstat exits with success.
            child.kill().unwrap();
            panic!("the program did not end by itself");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the terminal's modes, as `stty` would show them.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

#[test]
fn top_fills_the_screen_until_a_key_or_a_signal() {
    let root = Root::with_device();
    for key in ["q", "\x03"] {
        let mut session = Session::top(&root, &[]);
        session.wait_for_text("vg-data       125.00");
        session.wait_for("another screen", |screen| {
            screen.screen().alternate_screen()
        });
        assert_ne!(modes(session.master.as_ref()), session.modes);
        session.press(key);
        assert_eq!(session.end(), 0);
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let session = Session::top(&root, &[]);
        session.wait_for_text("vg-data       125.00");
        session.signal(signal);
        assert_eq!(session.end(), 0);
    }
}

#[test]
fn top_handles_intervals_keys_and_a_resize() {
    let root = Root::with_device();
    let mut session = Session::top(&root, &["0.02"]);
    session.wait_for_text("vg-data");
    root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
    session.wait_for_text("2 devices");
    session.press("/oth\r");
    session.wait_for_text("1 of 2 devices");
    session.press(" ");
    session.wait_for_text("PAUSED");
    session.screen.lock().unwrap().set_size(5, 30);
    session.master.resize(size(30, 5)).unwrap();
    session.wait_for_text("dmpstat top needs 40 by 6");
    session.screen.lock().unwrap().set_size(24, 100);
    session.master.resize(size(100, 24)).unwrap();
    session.wait_for_text("1 of 2 devices");
    session.press("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn an_interval_after_a_pause_has_its_full_length() {
    let root = Root::with_device();
    let mut session = Session::top(&root, &["1000"]);
    session.wait_for_text("1 device ");
    session.press(" ");
    session.wait_for_text("PAUSED");
    root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
    session.press(" ");
    session.wait_for("no pause", |screen| {
        !screen.screen().contents().contains("PAUSED")
    });
    session.press("/");
    session.wait_for_text("filter: ");
    let contents = session.screen.lock().unwrap().screen().contents();
    assert!(contents.contains("1 device "), "{contents}");
    session.press("\rq");
    assert_eq!(session.end(), 0);
}

#[test]
fn top_ends_after_the_requested_number_of_reports() {
    let root = Root::with_device();
    let began = Instant::now();
    let session = Session::top(&root, &["0.3", "2"]);
    assert_eq!(session.end(), 0);
    // Each report stays for its interval, and so does the first.
    assert!(began.elapsed() >= Duration::from_millis(600));
}

#[test]
fn top_ends_quietly_when_the_terminal_hangs_up() {
    let root = Root::with_device();
    let pair = native_pty_system().openpty(size(100, 24)).unwrap();
    let mut child = pair.slave.spawn_command(top(&root, &["0.02"])).unwrap();
    let mut output = pair.master.try_clone_reader().unwrap();
    // The screen is not empty from here on.
    output.read_exact(&mut [0; 100]).unwrap();
    drop((output, pair));
    assert_eq!(status(child.as_mut()), 0);
}

#[test]
fn the_shell_stops_and_continues_top() {
    let root = Root::with_device();
    let mut command = command("sh");
    command.args([
        "-mc",
        "\"$0\" top 0.02; echo stopped; read key; fg; echo status $?",
    ]);
    command.arg(env!("CARGO_BIN_EXE_dmpstat"));
    command.env("DMPSTAT_ROOT", root.path());
    command.env("TERM", "xterm-256color");
    let mut session = Session::begin(command);
    session.wait_for_text("vg-data");
    session.press("\x1a");
    session.wait_for_text("stopped");
    session.press("\r");
    session.wait_for("its screen", |screen| screen.screen().alternate_screen());
    session.wait_for_text("vg-data");
    session.press("q");
    session.wait_for_text("status 0");
    assert_eq!(session.end(), 0);
}

/// The program of the next test. By itself it tests nothing.
#[test]
fn panics_in_the_requested_place() {
    if env::var_os("DMPSTAT_TEST_PANICS").is_some() {
        let mut screen = Screen::open().unwrap();
        screen.draw(|_| {}).unwrap();
        panic!("as it is told to");
    }
}

#[test]
fn a_panic_restores_the_terminal_and_prints_its_message() {
    let mut command = command(env::current_exe().unwrap());
    command.args([
        "--exact",
        "terminals::panics_in_the_requested_place",
        "--nocapture",
    ]);
    command.env("DMPSTAT_TEST_PANICS", "1");
    let session = Session::begin(command);
    session.wait_for_text("as it is told to");
    assert_eq!(session.end(), 101);
}

#[test]
fn no_color_switches_tops_colours_off() {
    let root = Root::with_device();
    for (colours, expected) in [(true, true), (false, false)] {
        let mut command = top(&root, &[]);
        if !colours {
            command.env("NO_COLOR", "1");
        }
        let mut session = Session::begin(command);
        session.wait_for_text("q quit");
        let coloured = {
            let screen = session.screen.lock().unwrap();
            let cells = (0..24).flat_map(|row| (0..100).map(move |column| (row, column)));
            let mut cells = cells.filter_map(|(row, column)| screen.screen().cell(row, column));
            cells.any(|cell| cell.fgcolor() != vt100::Color::Default)
        };
        assert_eq!(coloured, expected);
        session.press("q");
        assert_eq!(session.end(), 0);
    }
}

#[test]
fn top_without_a_terminal_names_the_commands_for_pipes() {
    let output = process::Command::new(env!("CARGO_BIN_EXE_dmpstat"))
        .arg("top")
        .env("DMPSTAT_ROOT", Root::with_device().path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), &b""[..])
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "dmpstat: \"dmpstat top\" needs a terminal. Use \"dmpstat 1\" for a file or a pipe, and \
         \"dmpstat -j 1\" for a program\n"
    );
}
