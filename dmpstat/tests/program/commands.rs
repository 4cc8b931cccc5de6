// SPDX-License-Identifier: GPL-2.0

//! Commands on a device: show, reset, and the switch of latencies.

use std::fs;

use crate::common::{Root, SNAPSHOT, named};

fn two() -> Root {
    let root = Root::with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "vg-home"));
    root
}

#[test]
fn show_prints_all_counters_in_words() {
    let root = Root::new();
    let flush = "flush requests 3 bytes 0 errors 1 again 0 inflight 2 latency_ns 0 latency_max_ns 0 \
        age_ns 3000000000 rest_ns 0\nflush sizes 512:3\nflush latencies\n";
    let reads = SNAPSHOT.replace("latency_max_ns 32000", "latency_max_ns 32000 age_ns 0");
    root.write("dm-3", format!("{reads}{flush}"));
    assert_eq!(
        root.run(&["show", "vg/data"]).output(),
        "vg-data
  device       dm-3
  uuid         LVM-0123
  diskseq      21
  counted for  4.0 s
  latencies    measured
  read         500 requests, 125.00 a second
               2048000 bytes (2.0MB), 4.0kB on average
               0 failed, 0 to retry, 0 in flight
               500 latencies, 20.0us on average, 32.0us at most
               half up to 16.4us, 99% up to 32.0us, 99.9% up to 32.0us
  write        none
  discard      not counted by this module
  flush        3 requests, 0.75 a second
               0 bytes (0.0B), 0.0B on average
               1 failed, 0 to retry, 2 in flight, mean age 1.50s
  write_zeroes not counted by this module
  other        not counted by this module

"
    );
}

#[test]
fn the_dmp_lines_of_a_device_are_shown() {
    for (lines, expected) in [
        // An older module does not report its lines.
        ("", &[][..]),
        (
            "lines 2 0 as_linear 2 0 flush_bypass 0 0\n",
            &["2 live, 0 loaded", "shows linear", "counted"],
        ),
        (
            "lines 1 3 as_linear 0 3 flush_bypass 1 0\n",
            &[
                "1 live, 3 loaded",
                "shows dmp",
                "not counted (flush_bypass)",
            ],
        ),
        (
            "lines 3 0 as_linear 1 0 flush_bypass 2 0\n",
            &[
                "3 live, 0 loaded",
                "shows linear for 1 of 3 live lines",
                "not counted (flush_bypass) for 2 of 3 live lines",
            ],
        ),
        (
            "lines 0 1 as_linear 0 1 flush_bypass 0 1\n",
            &["0 live, 1 loaded"],
        ),
    ] {
        let root = Root::new();
        root.write("dm-3", format!("{SNAPSHOT}{lines}"));
        let output = root.run(&["show", "vg/data"]).output();
        let names = ["  dmp lines    ", "  table        ", "  flushes      "];
        let shown: Vec<&str> = output.lines().skip(4).take(expected.len()).collect();
        let expected: Vec<String> = names
            .iter()
            .zip(expected)
            .map(|(name, value)| format!("{name}{value}"))
            .collect();
        assert_eq!(shown, expected);
        let next = output.lines().nth(4 + expected.len()).unwrap();
        assert_eq!(next, "  counted for  4.0 s");
    }
}

#[test]
fn show_tells_why_flushes_are_not_counted() {
    for (lines, expected) in [
        ("lines 1 0 as_linear 0 0 flush_bypass 0 0\n", "none"),
        (
            "lines 1 0 as_linear 0 0 flush_bypass 1 0\n",
            "not counted (flush_bypass)",
        ),
        ("", "not counted by this module"),
    ] {
        let root = Root::new();
        let flushes = match expected {
            "none" => "flush requests 0 bytes 0 errors 0 again 0\nflush sizes\n",
            _ => "",
        };
        root.write("dm-3", format!("{SNAPSHOT}{lines}{flushes}"));
        let output = root.run(&["show", "vg/data"]).output();
        let shown: Vec<&str> = output
            .lines()
            .filter_map(|line| line.strip_prefix("  flush        "))
            .collect();
        assert_eq!(shown, [expected]);
    }
}

#[test]
fn show_prints_the_time_with_measured_latencies() {
    let root = Root::new();
    let line = "latency on\nlatency_since 6500000000\n";
    root.write("dm-3", SNAPSHOT.replace("latency on\n", line));
    let output = root.run(&["show", "vg/data"]).output();
    let lines: Vec<&str> = output.lines().skip(4).take(2).collect();
    assert_eq!(
        lines,
        ["  counted for  4.0 s", "  latencies    measured for 2.5 s"]
    );
}

#[test]
fn reset_writes_to_the_named_devices_only() {
    let root = two();
    assert_eq!(root.run(&["reset", "vg-home"]).output(), "");
    assert_eq!(
        (root.written("dm-3", "reset"), root.written("dm-4", "reset")),
        ("".into(), "1".into())
    );
    assert_eq!(root.run(&["reset", "*"]).output(), "");
    assert_eq!(root.written("dm-3", "reset"), "1");
}

#[test]
fn latencies_are_switched() {
    let root = two();
    assert_eq!(root.run(&["latency", "on", "dm-3", "vg/home"]).output(), "");
    assert_eq!(
        (
            root.written("dm-3", "latency"),
            root.written("dm-4", "latency")
        ),
        ("1".into(), "1".into())
    );
    assert_eq!(root.run(&["latency", "off", "dm-3"]).output(), "");
    assert_eq!(
        (
            root.written("dm-3", "latency"),
            root.written("dm-4", "latency")
        ),
        ("0".into(), "1".into())
    );
}

#[test]
fn an_unknown_device_leaves_all_devices_unchanged() {
    let root = two();
    for command in [&["reset"][..], &["latency", "on"]] {
        let message = root
            .run(&[command, &["vg-data", "vg-hom"]].concat())
            .message();
        assert_eq!(
            message,
            "there is no dmp device \"vg-hom\"; similar names: vg-home"
        );
        assert_eq!(root.written("dm-3", command[0]), "");
    }
}

#[test]
fn an_error_names_the_file_that_cannot_be_written() {
    let root = two();
    fs::remove_file(root.stat().join("dm-3/reset")).unwrap();
    assert_eq!(
        root.run(&["reset", "dm-3"]).message(),
        format!(
            "cannot write {}/dm-3/reset: No such file or directory (os error 2)",
            root.stat().display()
        )
    );
}

#[test]
fn show_reset_and_latency_require_a_device() {
    for command in [&["show"][..], &["reset"], &["latency", "off"]] {
        let message = two().run(command).message();
        assert!(
            message.contains("required arguments were not provided:\n  <DEVICE>..."),
            "{message}"
        );
    }
    assert!(
        two()
            .run(&["latency", "maybe", "dm-3"])
            .message()
            .starts_with("error: invalid value 'maybe'")
    );
}

#[test]
fn devices_named_like_commands_or_floats_can_be_selected() {
    let root = Root::new();
    for name in ["inf", "nan", "infinity"] {
        root.write("dm-3", SNAPSHOT.replace("vg-data", name));
        let output = root.run(&["-o", "r/s", name]).output();
        assert!(output.lines().nth(1).unwrap().starts_with(name), "{output}");
    }
    root.write("dm-3", SNAPSHOT.replace("vg-data", "show"));
    let output = root.run(&["-o", "r/s", "/dev/mapper/show"]).output();
    assert!(
        output.lines().nth(1).unwrap().starts_with("show "),
        "{output}"
    );
}
