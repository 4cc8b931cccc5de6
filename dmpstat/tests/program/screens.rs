// SPDX-License-Identifier: GPL-2.0

//! The screen of `dmpstat top`, cell by cell.

use dmpstat::cli;
use dmpstat::cli::invocation::Command;
use dmpstat::commands::top::app::App;
use dmpstat::commands::top::keys::{self, Next};
use dmpstat::commands::top::view;
use dmpstat::error::Error;
use dmpstat::model::column::COLUMNS;
use dmpstat::source::sysfs::Machine;
use jiff::Zoned;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use crate::common::{Root, SNAPSHOT, named};

/// The program and its terminal, a buffer of cells.
struct Top {
    app: App,
    machine: Machine,
    terminal: Terminal<TestBackend>,
}

fn now() -> Zoned {
    "2026-11-26T21:00:00[+01:00]".parse().unwrap()
}

impl Top {
    fn try_new(root: &Root, arguments: &[&str], size: (u16, u16)) -> Result<Self, Error> {
        let arguments = [&["dmpstat", "top"], arguments].concat();
        let Some(Command::Top(options)) = cli::parse(arguments).unwrap().command else {
            unreachable!()
        };
        let mut app = App::new(&options, true);
        let machine = root.machine();
        app.sample(&machine, &now())?;
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        Ok(Self {
            app,
            machine,
            terminal,
        })
    }

    fn new(root: &Root, arguments: &[&str], size: (u16, u16)) -> Self {
        Self::try_new(root, arguments, size).unwrap()
    }

    fn sample(&mut self) {
        self.app.sample(&self.machine, &now()).unwrap();
    }

    /// Presses these keys. Returns the result of the last one.
    fn press(&mut self, keys: &[KeyCode]) -> Next {
        let press = |next, key: &KeyCode| {
            assert_eq!(next, Next::Wait);
            keys::press(&mut self.app, KeyEvent::new(*key, KeyModifiers::NONE))
        };
        keys.iter().fold(Next::Wait, press)
    }

    fn type_text(&mut self, text: &str) {
        let keys: Vec<KeyCode> = text.chars().map(KeyCode::Char).collect();
        assert_eq!(self.press(&keys), Next::Wait);
    }

    /// Returns the lines, without trailing spaces.
    fn screen(&mut self) -> Vec<String> {
        self.terminal
            .draw(|frame| view::draw(&mut self.app, frame))
            .unwrap();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width).max(1);
        let lines = buffer.content().chunks(width);
        lines
            .map(|cells| {
                let line: String = cells.iter().map(|cell| cell.symbol()).collect();
                line.trim_end().to_owned()
            })
            .collect()
    }

    /// Returns the names of the shown devices, from top to bottom.
    fn names(&mut self) -> Vec<String> {
        let lines = self.screen().into_iter().skip(2);
        lines
            .take_while(|line| !line.is_empty() && !line.starts_with(['─', ' ']))
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .take_while(|name| name != "q" && name != "filter:")
            .collect()
    }

    /// Returns the name of the chosen device.
    fn chosen(&mut self) -> String {
        let names = self.names();
        let buffer = self.terminal.backend().buffer();
        let reversed = |row: &usize| {
            let cell = &buffer[(0, *row as u16 + 2)];
            cell.modifier.contains(Modifier::REVERSED)
        };
        let row = (0..names.len()).find(reversed).unwrap();
        names[row].clone()
    }
}

fn snapshot(device: u32, name: &str, reads: u64, taken: u64) -> String {
    let sum = reads * 20_000;
    named(SNAPSHOT, &format!("dm-{device}"), name)
        .replace(
            "requests 500 bytes 2048000",
            &format!("requests {reads} bytes {}", reads * 4096),
        )
        .replace("latency_ns 10000000", &format!("latency_ns {sum}"))
        .replace("4096:500", &format!("4096:{reads}"))
        .replace("16384:480 32768:20", &format!("16384:{reads}"))
        .replace("taken 9000000000", &format!("taken {taken}"))
}

const SECOND: u64 = 1_000_000_000;

/// Makes three devices, `a` with the fewest reads and `c` with the most, at their second sample.
fn three(arguments: &[&str], size: (u16, u16)) -> (Root, Top) {
    let root = Root::new();
    let write = |at: u64| {
        for (device, name) in [(1, "b"), (2, "c"), (10, "a")] {
            let reads = 1000 + at * u64::from(device % 10) * 10;
            root.write(
                &format!("dm-{device}"),
                snapshot(device, name, reads, (9 + at) * SECOND),
            );
        }
    };
    write(0);
    let mut top = Top::new(&root, arguments, size);
    write(1);
    top.sample();
    (root, top)
}

#[test]
fn the_first_screen_covers_the_time_since_the_reset() {
    let mut top = Top::new(&Root::with_device(), &[], (100, 16));
    assert_eq!(
        top.screen(),
        [
            "dmpstat  21:00:00  1 device  since the reset  by number",
            "Device           r/s     rkB/s r_await r_p99     w/s     wkB/s w_await w_p99 aqu-sz inflight errs",
            "vg-data       125.00    500.00    0.02 0.032    0.00      0.00    0.00     -   0.00        0    0",
            " vg-data  dm-3  latencies since the reset, 4.0 s ───────────────────────────────────────────────────",
            "   up to         read                                         write",
            "  16.4us          480 ████████████████████████████████            0",
            "  32.8us           20 ██                                          0",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "q quit  ? keys  ← → sort  / filter  space pause  tab sizes  a all  z idle",
        ]
    );
}

#[test]
fn later_screens_cover_intervals_and_the_chosen_device_has_a_history() {
    let (root, mut top) = three(&[], (100, 16));
    for (device, name) in [(1, "b"), (2, "c"), (10, "a")] {
        let reads = 1000 + u64::from(device % 10) * 30;
        root.write(
            &format!("dm-{device}"),
            snapshot(device, name, reads, 11 * SECOND),
        );
    }
    top.sample();
    let screen = top.screen();
    assert_eq!(
        screen[..9],
        [
            "dmpstat  21:00:00  3 devices  1.0 s  by number",
            "Device           r/s     rkB/s r_await r_p99     w/s     wkB/s w_await w_p99 aqu-sz inflight errs",
            "b              20.00     80.00    0.02 0.017    0.00      0.00    0.00     -   0.00        0    0",
            "c              40.00    160.00    0.02 0.017    0.00      0.00    0.00     -   0.00        0    0",
            "a               0.00      0.00    0.00     -    0.00      0.00    0.00     -   0.00        0    0",
            " b  dm-1  latencies in the interval, 1.0 s ─────────────────────────────────────────────────────────",
            "r/s                                                            ▄█      20.00, 20.00 at most",
            "w/s                                                                     0.00, 0.00 at most",
            "r_p99                                                          ██       0.02, 0.02 at most",
        ]
    );
    assert_eq!(
        screen[9..12],
        [
            "   up to         read                                         write",
            "  16.4us           20 ████████████████████████████████            0",
            ""
        ]
    );
}

#[test]
fn a_sort_by_any_column_chooses_the_first_device() {
    let (_root, mut top) = three(&[], (100, 16));
    assert_eq!(
        (top.names(), top.chosen()),
        (vec!["b".into(), "c".into(), "a".into()], "b".into())
    );
    top.press(&[KeyCode::Right]);
    assert_eq!(
        (top.names(), top.chosen()),
        (vec!["c".into(), "b".into(), "a".into()], "c".into())
    );
    assert!(top.screen()[0].ends_with("by r/s"));
    top.press(&[KeyCode::Char('r')]);
    assert_eq!(top.names(), ["a", "b", "c"]);
    assert!(top.screen()[0].ends_with("by r/s, reversed"));
    top.press(&[KeyCode::Left, KeyCode::Char('r'), KeyCode::Down]);
    assert_eq!(
        (top.names(), top.chosen()),
        (vec!["b".into(), "c".into(), "a".into()], "c".into())
    );
    top.press(&[KeyCode::End]);
    assert_eq!(top.chosen(), "a");
    top.press(&[KeyCode::Up]);
    assert_eq!(top.chosen(), "c");
    top.press(&[KeyCode::End, KeyCode::PageUp]);
    assert_eq!(top.chosen(), "b");
    let (_root, mut sorted) = three(&["-S", "rareq-sz"], (100, 16));
    assert!(sorted.screen()[0].ends_with("by rareq-sz"));
}

#[test]
fn a_narrow_terminal_shows_the_sort_column() {
    let (_root, mut top) = three(&["-x"], (60, 10));
    assert!(top.screen()[1].starts_with("Device           r/s     rkB/s"));
    for _ in COLUMNS.iter() {
        top.press(&[KeyCode::Right]);
    }
    let last = " inflight     age errs err/s again/s";
    assert!(top.screen()[1].ends_with(last), "{:?}", top.screen());
    // There is no column after the last one.
    top.press(&[KeyCode::Right]);
    assert!(top.screen()[1].ends_with(last), "{:?}", top.screen());
    for _ in COLUMNS.iter().skip(1) {
        top.press(&[KeyCode::Left]);
    }
    assert!(top.screen()[1].starts_with("Device           r/s     rkB/s"));
}

#[test]
fn a_wider_terminal_shows_the_columns_to_the_left() {
    let (_root, mut top) = three(&["-x"], (60, 10));
    for _ in COLUMNS.iter() {
        top.press(&[KeyCode::Right]);
        top.screen();
    }
    let header = |top: &mut Top| top.screen()[1].clone();
    for (width, expected) in [
        (60, "Device       aqu-sz inflight     age "),
        (61, "Device       o_err aqu-sz inflight     age "),
        (1000, "Device           r/s     rkB/s"),
    ] {
        top.terminal = Terminal::new(TestBackend::new(width, 10)).unwrap();
        let header = header(&mut top);
        assert!(header.starts_with(expected), "{width}: {header}");
    }
}

/// The first row adds up two devices, and has a history and details of its own.
#[test]
fn groups_are_rows_with_a_history() {
    let root = Root::new();
    let write = |at: u64| {
        for (device, name) in [(1, "vg-a"), (2, "vg-b"), (3, "ssd-a")] {
            let reads = 1000 + at * device * 10;
            let device = device as u32;
            let text = snapshot(device, name, reads, (9 + at) * SECOND);
            root.write(&format!("dm-{device}"), text);
        }
    };
    write(0);
    let mut top = Top::new(&root, &["--by", "vg", "-o", "r/s"], (60, 14));
    assert_eq!(top.names(), ["vg", "ssd"]);
    for at in 1..4 {
        write(at);
        top.sample();
    }
    let screen = top.screen();
    let row = |at: usize| screen[at].split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        (row(2), row(3)),
        (vec!["vg", "30.00"], vec!["ssd", "30.00"])
    );
    assert!(screen[4].starts_with(" vg    latencies"), "{screen:?}");
    // There are three intervals.
    assert_eq!(
        screen[5],
        "r/s                   ███      30.00, 30.00 at most"
    );
}

#[test]
fn a_filter_is_typed_kept_and_dropped() {
    let (_root, mut top) = three(&[], (100, 12));
    top.type_text("/dm-1");
    assert_eq!(top.names(), ["b", "a"]);
    assert_eq!(top.screen()[11], "filter: dm-1   enter: keep, esc: drop");
    top.press(&[KeyCode::Char('0'), KeyCode::Enter]);
    assert_eq!(
        top.screen()[0],
        "dmpstat  21:00:00  1 of 3 devices  1.0 s  by number  filter dm-10"
    );
    assert_eq!(top.names(), ["a"]);
    top.type_text("/q");
    assert_eq!(top.screen()[1], "No device name contains dm-10q");
    top.press(&[KeyCode::Esc]);
    assert_eq!(top.names(), ["b", "c", "a"]);
    // A logical volume also has its LVM name.
    let mut top = Top::new(&Root::with_device(), &[], (100, 12));
    top.type_text("/VG/da");
    assert_eq!(top.names(), ["vg-data"]);
}

#[test]
fn keys_switch_idle_devices_numbers_and_columns() {
    let (_root, mut top) = three(&[], (100, 12));
    top.type_text("z");
    assert_eq!(top.names(), ["b", "c"]);
    top.type_text("zn");
    assert_eq!(top.names(), ["dm-1", "dm-2", "dm-10"]);
    top.type_text("x");
    assert!(top.screen()[1].contains(" rareq-sz r_p50 r_p99 r_p99.9 "));
    top.type_text("x");
    assert!(top.screen()[1].ends_with(" inflight errs"));
}

#[test]
fn keys_switch_sizes_totals_and_details() {
    let (_root, mut top) = three(&[], (100, 16));
    top.press(&[KeyCode::Tab]);
    let screen = top.screen();
    assert!(screen[5].starts_with(" b  dm-1  sizes in the interval, 1.0 s ─"));
    assert!(
        screen[10].starts_with("      4k           10 ██"),
        "{screen:?}"
    );
    top.type_text("a");
    let screen = top.screen();
    assert!(
        screen[5].starts_with(" b  dm-1  sizes since the reset, 5.0 s ─"),
        "{screen:?}"
    );
    assert!(
        screen[10].starts_with("      4k         1010 ██"),
        "{screen:?}"
    );
    top.press(&[KeyCode::Enter]);
    assert_eq!(top.screen()[5], "");
}

#[test]
fn the_details_show_only_operations_with_requests() {
    let root = Root::new();
    let flush = |requests: u64| {
        format!(
            "flush requests {requests} bytes 0 errors 0 again 0\nflush sizes{}\n",
            match requests {
                0 => String::new(),
                _ => format!(" 512:{requests}"),
            }
        )
    };
    for (requests, header) in [
        (0, ["up", "to", "read", "write"].as_slice()),
        (7, &["up", "to", "read", "write", "flush"]),
    ] {
        root.write("dm-3", format!("{SNAPSHOT}{}", flush(requests)));
        let mut top = Top::new(&root, &[], (100, 12));
        top.press(&[KeyCode::Tab]);
        let words: Vec<String> = top.screen()[4]
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert_eq!(words, header);
    }
}

#[test]
fn the_details_say_how_to_switch_latencies_on() {
    let root = Root::new();
    root.write(
        "dm-3",
        SNAPSHOT
            .replace("latency on", "latency off")
            .lines()
            .filter(|line| !line.contains("latencies"))
            .map(|line| line.split(" inflight").next().unwrap().to_owned() + "\n")
            .collect::<String>(),
    );
    let mut top = Top::new(&root, &[], (100, 12));
    assert_eq!(
        top.screen()[4],
        "latency is not measured; enable it with \"dmpstat latency on dm-3\""
    );
}

#[test]
fn the_details_show_the_time_with_measured_latencies() {
    let root = Root::new();
    let line = "latency on\nlatency_since 7500000000\n";
    root.write("dm-3", SNAPSHOT.replace("latency on\n", line));
    let mut top = Top::new(&root, &[], (100, 12));
    let begins = |screen: &[String], title: &str| screen[3].starts_with(title);
    assert!(begins(
        &top.screen(),
        " vg-data  dm-3  latencies since the reset, 1.5 s ─"
    ));
    top.press(&[KeyCode::Tab]);
    assert!(begins(
        &top.screen(),
        " vg-data  dm-3  sizes since the reset, 4.0 s ─"
    ));
}

#[test]
fn a_pause_and_the_keys_are_shown() {
    let (_root, mut top) = three(&[], (100, 24));
    top.type_text(" ");
    assert!(top.app.is_paused() && top.screen()[0].ends_with("  PAUSED"));
    assert_eq!(top.press(&[KeyCode::Char('p')]), Next::GoOn);
    top.type_text("?");
    assert!(!top.app.is_paused());
    let screen = top.screen();
    assert!(screen[3].contains("┌ Keys (press any to go back) ─"));
    assert!(
        screen[7].contains("│/         filter by name; enter: keep the filter, escape: drop it"),
        "{screen:?}"
    );
    assert!(screen[18].contains("│q ^C      quit  "), "{screen:?}");
    // A key that closes the help has no other effect.
    top.type_text("q");
    assert!(top.screen()[4].starts_with("a "));
}

#[test]
fn keys_end_suspend_and_clear_the_screen() {
    let (_root, mut top) = three(&[], (100, 24));
    for key in [KeyCode::Char('q'), KeyCode::F(10)] {
        assert_eq!(top.press(&[key]), Next::End);
    }
    // A slow terminal can split a key into escape and two characters.
    let pieces = [KeyCode::Esc, KeyCode::Char('['), KeyCode::Char('B')];
    assert_eq!(top.press(&pieces), Next::Wait);
    let mut control = |key| {
        keys::press(
            &mut top.app,
            KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL),
        )
    };
    assert_eq!(control('c'), Next::End);
    assert_eq!(control('z'), Next::Suspend);
    assert_eq!(control('l'), Next::Clear);
}

#[test]
fn top_accepts_changing_devices_and_no_device() {
    let root = Root::new();
    let mut top = Top::new(&root, &[], (80, 12));
    assert!(top.screen()[1].starts_with("there is no dmp device. Attach a running volume with"));
    root.write("dm-3", SNAPSHOT);
    top.sample();
    assert_eq!(top.names(), ["vg-data"]);
    let (root, mut top) = three(&["-o", "r/s"], (80, 12));
    top.press(&[KeyCode::Down]);
    root.remove("dm-2");
    root.write("dm-4", snapshot(4, "new", 8, 10 * SECOND));
    top.sample();
    // The device that takes the chosen one's place becomes the chosen one, and the new device is marked.
    assert_eq!(
        (top.names(), top.chosen()),
        (vec!["b".into(), "new".into(), "a".into()], "new".into())
    );
    assert_eq!(top.screen()[3], "new             1.60  new");
    for device in ["dm-1", "dm-4", "dm-10"] {
        root.remove(device);
    }
    top.sample();
    assert!(top.screen()[1].starts_with("there is no dmp device."));
    std::fs::remove_dir_all(root.stat()).unwrap();
    top.sample();
    assert_eq!(
        top.screen()[1],
        "the dmp module is not loaded: run \"modprobe dmp\""
    );
}

#[test]
fn top_fails_at_the_start_without_the_module_or_a_named_device() {
    let error = Top::try_new(&Root::without_module(), &[], (80, 24))
        .err()
        .unwrap();
    assert!(matches!(error, Error::NotLoaded));
    let error = Top::try_new(&Root::with_device(), &["vg-dat"], (80, 24))
        .err()
        .unwrap();
    assert!(matches!(error, Error::NoSuchDevice { .. }));
}

#[test]
fn the_chosen_device_is_in_view_among_more_devices_than_lines() {
    let root = Root::new();
    for device in 0..300 {
        root.write(
            &format!("dm-{device}"),
            snapshot(device, &format!("v{device}"), 1, 9 * SECOND),
        );
    }
    let mut top = Top::new(&root, &[], (80, 24));
    assert_eq!((top.names().len(), top.chosen()), (10, "v0".into()));
    top.press(&[KeyCode::End]);
    assert_eq!(
        (top.names()[0].clone(), top.chosen()),
        ("v290".into(), "v299".into())
    );
    top.press(&[KeyCode::PageUp]);
    assert_eq!(top.chosen(), "v289");
    top.press(&[KeyCode::Enter]);
    assert_eq!((top.names().len(), top.chosen()), (21, "v289".into()));
}

#[test]
fn a_long_name_is_cut_and_its_bytes_are_shown() {
    let root = Root::new();
    root.write(
        "dm-3",
        SNAPSHOT.replace("vg-data", &format!("\\x22\\x0a\\xff{}", "n".repeat(124))),
    );
    let mut top = Top::new(&root, &[], (80, 12));
    let screen = top.screen();
    assert!(
        screen[2].starts_with("\"\\x0a\\xffnnnnnnnnnnnnnnnn…  125.00"),
        "{screen:?}"
    );
    // The title of the details leaves half of the width to it.
    let title = format!(" \"\\x0a\\xff{}…  dm-3  latencies", "n".repeat(30));
    assert!(screen[3].starts_with(&title), "{screen:?}");
}

/// The program panics at no size. On a terminal that is too small it shows the required size.
#[test]
fn top_works_on_terminals_of_any_size() {
    let (_root, mut top) = three(&["-x"], (80, 24));
    for width in [0, 1, 2, 13, 39, 40, 41, 79, 300] {
        for height in [0, 1, 2, 5, 6, 7, 8, 12, 60] {
            top.terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            for key in "  ??xxaa"
                .chars()
                .map(KeyCode::Char)
                .chain([KeyCode::Tab, KeyCode::Enter])
            {
                top.press(&[key]);
                top.screen();
            }
        }
    }
    top.terminal = Terminal::new(TestBackend::new(30, 5)).unwrap();
    assert_eq!(
        top.screen(),
        [
            "The terminal is 30 by 5;",
            "dmpstat top needs 40 by 6",
            "",
            "",
            ""
        ]
    );
}

#[test]
fn a_screen_has_colours_only_if_they_are_on() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replacen("errors 0", "errors 9", 1));
    for coloured in [true, false] {
        let mut top = Top::new(&root, &[], (100, 12));
        let Some(Command::Top(options)) = cli::parse(["dmpstat", "top"]).unwrap().command else {
            unreachable!()
        };
        top.app = App::new(&options, coloured);
        top.app.sample(&top.machine, &now()).unwrap();
        top.screen();
        let cells = top.terminal.backend().buffer().content();
        assert_eq!(cells.iter().any(|cell| cell.fg != Color::Reset), coloured);
        assert_eq!(cells.iter().any(|cell| cell.fg == Color::Red), coloured);
    }
}

#[test]
fn the_title_shows_the_longest_interval() {
    let root = Root::new();
    for (device, name) in [(1, "one"), (2, "two")] {
        root.write(
            &format!("dm-{device}"),
            snapshot(device, name, 8, 10 * SECOND),
        );
    }
    let mut top = Top::new(&root, &[], (80, 12));
    for device in [1, 2] {
        let taken = (10 + u64::from(device)) * SECOND;
        root.write(&format!("dm-{device}"), snapshot(device, "a", 8, taken));
    }
    top.sample();
    assert!(top.screen()[0].contains("  2.0 s  "), "{:?}", top.screen());
}

/// Requests during the pause are in no interval.
#[test]
fn an_interval_begins_after_a_pause() {
    let (root, mut top) = three(&["-o", "r/s"], (80, 12));
    let write = |reads: u64, taken: u64| {
        root.write("dm-1", snapshot(1, "b", reads, taken * SECOND));
    };
    write(5000, 100);
    top.app.rebase(&root.machine()).unwrap();
    write(5030, 102);
    top.sample();
    assert_eq!(top.screen()[2], "b              15.00");
    write(5130, 112);
    top.sample();
    assert_eq!(top.screen()[2], "b              10.00");
}

#[test]
fn the_worst_devices_are_in_view_after_a_sort() {
    let root = Root::new();
    for device in 1..30 {
        let reads = u64::from(device) * 100;
        root.write(
            &format!("dm-{device}"),
            snapshot(device, &format!("d{device}"), reads, 10 * SECOND),
        );
    }
    let mut top = Top::new(&root, &["-o", "r/s"], (80, 12));
    top.press(&[KeyCode::End, KeyCode::Right]);
    assert_eq!(
        (top.names()[0].as_str(), top.chosen().as_str()),
        ("d29", "d29")
    );
    top.press(&[KeyCode::End, KeyCode::Char('r')]);
    assert_eq!(
        (top.names()[0].as_str(), top.chosen().as_str()),
        ("d1", "d1")
    );
}

#[test]
fn a_narrow_screen_has_fewer_columns_and_shows_how_many_are_cut_off() {
    let mut top = Top::new(&Root::with_device(), &[], (80, 12));
    assert_eq!(
        top.screen()[1],
        "Device           r/s r_await r_p99     w/s w_await w_p99 aqu-sz inflight errs"
    );
    let mut narrow = Top::new(&Root::with_device(), &[], (60, 12));
    assert!(
        narrow.screen()[0].contains("  1 device  +3 columns  "),
        "{:?}",
        narrow.screen()
    );
}

#[test]
fn an_empty_table_shows_the_reason() {
    let (_root, mut top) = three(&[], (100, 12));
    top.type_text("/a");
    top.press(&[KeyCode::Enter, KeyCode::Char('z')]);
    assert_eq!(
        top.screen()[1],
        "All devices whose names contain a are idle; press z to show them"
    );
    top.type_text("z/x");
    assert_eq!(top.screen()[1], "No device name contains ax");
}

#[test]
fn an_unreadable_device_is_reported_below_the_table() {
    let (root, mut top) = three(&["-o", "r/s"], (100, 12));
    root.write("dm-2", "dmp 2\n");
    top.sample();
    assert_eq!(top.names(), ["b", "a"]);
    let last = top.screen().pop().unwrap();
    assert!(last.starts_with("cannot parse "), "{last}");
    assert!(last.contains("dm-2/snapshot: the form"), "{last}");
    root.write("dm-2", snapshot(2, "c", 1010, 12 * SECOND));
    top.sample();
    assert!(top.screen().pop().unwrap().starts_with("q quit"));
}

#[test]
fn a_hung_device_is_marked() {
    let root = Root::with_device();
    let mut top = Top::new(&root, &["-o", "inflight"], (80, 12));
    root.file("sys/block/dm-3/inflight", "0 1\n");
    root.file("sys/block/dm-3/dm/suspended", "1\n");
    top.sample();
    assert_eq!(top.screen()[2], "vg-data             1  suspended");
}
