// SPDX-License-Identifier: GPL-2.0

//! Intervals that do not cover the whole time since the last report, and devices that come and go.

use std::fs;

use crate::common::{Root, SNAPSHOT, named};

const COLUMNS: &str = "r/s,r_await";

/// Returns the reports after the first, each as its lines without the header.
fn reports(root: &Root, steps: u32, step: impl FnMut(u32)) -> Vec<Vec<String>> {
    let count = steps.to_string();
    let ran = root.run_while(&["-y", "-o", COLUMNS, "1", &count], step);
    ran.result.unwrap();
    let output = ran.out;
    let reports = output.trim_end().split("\n\n");
    reports
        .map(|report| {
            let lines = report.lines().skip(1);
            lines
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        })
        .collect()
}

/// Returns the snapshot of 5 s after `since`, with this number of reads of 1 ms.
fn reads(since: u64, latency: bool, requests: u64) -> String {
    let (switch, timing, latencies) = match latency {
        true => (
            "on",
            format!(
                " inflight 0 latency_ns {} latency_max_ns 1000000",
                requests * 1_000_000
            ),
            format!("read latencies 1048576:{requests}\n"),
        ),
        false => ("off", String::new(), String::new()),
    };
    let taken = since + 5_000_000_000;
    format!(
        "dmp 1\ndevice dm-3\nname vg-data\ndiskseq 21\nsince {since}\ntaken {taken}\nlatency {switch}\n\
         read requests {requests} bytes 0 errors 0 again 0{timing}\nread sizes 512:{requests}\n{latencies}"
    )
}

#[test]
fn a_reset_restarts_the_interval_and_is_marked() {
    let root = Root::new();
    root.write("dm-3", reads(1, true, 1000));
    let reports = reports(&root, 2, |step| match step {
        1 => root.write("dm-3", reads(2, true, 10)),
        _ => root.write("dm-3", reads(2, true, 10).replace("taken 5", "taken 6")),
    });
    assert_eq!(
        reports,
        [["vg-data 2.00 1.00 reset"], ["vg-data 0.00 0.00"]]
    );
}

#[test]
fn a_latency_switch_leaves_request_counts_unchanged() {
    let root = Root::new();
    root.write("dm-3", reads(1, false, 1000));
    let reports = reports(&root, 3, |step| match step {
        1 => root.write("dm-3", reads(1, true, 1010).replace("taken 5", "taken 7")),
        2 => root.write("dm-3", reads(1, true, 1020).replace("taken 5", "taken 9")),
        _ => root.write("dm-3", reads(1, false, 1040).replace("taken 5", "taken 13")),
    });
    assert_eq!(
        reports,
        [
            ["vg-data 5.00 - latency"],
            ["vg-data 5.00 1.00"],
            ["vg-data 5.00 - latency"]
        ]
    );
}

/// Latencies were switched off and on between two reports. More were measured after that than before.
#[test]
fn latencies_switched_on_within_the_interval_cover_the_time_since() {
    let root = Root::new();
    let since = |at: &str| format!("latency on\nlatency_since {at}\n");
    let early = reads(1, true, 1000)
        .replace("latency on\n", &since("1"))
        .replace("latency_ns 1000000000", "latency_ns 1100000000")
        .replace("1048576:1000", "2097152:1000");
    root.write("dm-3", &early);
    // In the last second 1100 reads were measured, of 1.5 ms each.
    let late = reads(1, true, 1101)
        .replace("taken 5", "taken 7")
        .replace("latency on\n", &since("6000000001"))
        .replace("latency_ns 1101000000", "latency_ns 1650000000")
        .replace("latency_max_ns 1000000", "latency_max_ns 2000000")
        .replace("1048576:1101", "2097152:1100");
    let columns = ["-y", "-o", "r/s,r_await,r_p99", "1", "1"];
    let ran = root.run_while(&columns, |_| root.write("dm-3", &late));
    let line = ran.out.lines().nth(1).unwrap().split_whitespace();
    assert_eq!(
        line.collect::<Vec<_>>(),
        ["vg-data", "50.50", "1.50", "2.0", "latency"]
    );
    for (arguments, columns) in [
        (&["-yj", "1", "1"][..], &["r/s", "r_await"][..]),
        (&["hist", "-yj", "latency", "1", "1"], &[]),
    ] {
        root.write("dm-3", &early);
        let ran = root.run_while(arguments, |_| root.write("dm-3", &late));
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let device = &report["devices"][0];
        assert_eq!(
            (
                &device["anew"],
                &device["seconds"],
                &device["latency_seconds"]
            ),
            (&"latency".into(), &2.0.into(), &1.0.into())
        );
        let numbers: Vec<_> = columns
            .iter()
            .map(|column| device[column].as_f64())
            .collect();
        assert_eq!(numbers, [Some(50.5), Some(1.5)][..columns.len()]);
    }
    root.write("dm-3", &early);
    let arguments = ["hist", "-y", "latency", "1", "1"];
    let ran = root.run_while(&arguments, |_| root.write("dm-3", &late));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "vg-data, latency, 1.0 s  latency");
    assert_eq!(lines[2], "  2.10ms         1100");
    // Sizes cover the whole interval.
    root.write("dm-3", &early);
    let arguments = ["hist", "-y", "size", "1", "1"];
    let ran = root.run_while(&arguments, |_| root.write("dm-3", &late));
    assert_eq!(
        ran.out.lines().next(),
        Some("vg-data, size, 2.0 s  latency")
    );
}

#[test]
fn another_device_with_the_same_number_restarts_the_interval() {
    let root = Root::new();
    root.write("dm-3", reads(1, true, 1000));
    let reports = reports(&root, 1, |_| {
        root.write(
            "dm-3",
            reads(1, true, 1005).replace("diskseq 21", "diskseq 22"),
        );
    });
    assert_eq!(reports, [["vg-data 201.00 1.00 new"]]);
}

#[test]
fn devices_come_and_go() {
    let root = Root::new();
    root.write("dm-3", reads(1, true, 1000));
    let other = named(&reads(1, true, 15), "dm-4", "other");
    let reports = reports(&root, 4, |step| match step {
        1 => root.write("dm-4", &other),
        2 => root.remove("dm-3"),
        3 => root.remove("dm-4"),
        _ => root.write("dm-3", reads(1, true, 10)),
    });
    // The third report has no device, and therefore no header.
    let expected: [&[&str]; 3] = [
        &["vg-data - 0.00", "other 3.00 1.00 new"],
        &["other - 0.00"],
        &["vg-data 2.00 1.00 new"],
    ];
    assert_eq!(reports, expected);
}

#[test]
fn dmpstat_reports_its_wait_for_devices_and_continues() {
    let root = Root::new();
    let ran = root.run_while(&["-o", "r/s", "1", "2"], |_| root.write("dm-3", SNAPSHOT));
    assert!(
        ran.notes
            .starts_with("dmpstat: there is no dmp device. Attach a"),
        "{}",
        ran.notes
    );
    ran.result.unwrap();
    assert_eq!(
        ran.out,
        "Device           r/s\nvg-data       125.00  new\n\n"
    );
}

/// The device may be removed between the listing of the directory and the read of the file, or during the
/// read.
#[test]
fn a_device_removed_during_its_read_is_left_out() {
    let root = Root::with_device();
    std::fs::create_dir(root.stat().join("dm-4")).unwrap();
    assert_eq!(root.run(&["-o", "r/s"]).output().lines().count(), 3);
}

/// The module creates a directory, and then its files one by one.
#[test]
fn dmpstat_waits_for_a_device_whose_files_are_being_created() {
    let root = Root::with_device();
    let half = root.stat().join("dm-4");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("volumes"), "").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| root.write("dm-4", SNAPSHOT.replace("dm-3", "dm-4")));
        assert_eq!(root.run(&["-o", "r/s"]).output().lines().count(), 4);
    });
}

#[test]
fn reports_continue_without_a_count() {
    let root = Root::with_device();
    // The clock of these tests ends the run after 100 intervals.
    let output = root.run(&["-o", "r/s", "0.5"]).output();
    assert_eq!(
        output
            .lines()
            .filter(|line| line.starts_with("Device"))
            .count(),
        100
    );
}

/// Returns the device names in each report, and the notes of the whole run.
fn watched(
    root: &Root,
    arguments: &[&str],
    step: impl FnMut(u32),
) -> (Vec<Vec<String>>, Vec<String>) {
    let ran = root.run_while(&[&["-j"], arguments].concat(), step);
    ran.result.unwrap();
    let names = |line: &str| -> Vec<String> {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        let devices = report["devices"].as_array().unwrap().iter();
        devices
            .map(|device| device["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let notes = ran.notes.lines().map(str::to_owned).collect();
    (ran.out.lines().map(names).collect(), notes)
}

const NOT_LOADED: &str = "dmpstat: the dmp module is not loaded: run \"modprobe dmp\"";

#[test]
fn a_module_reload_is_reported_once_and_ends_nothing() {
    let root = Root::with_device();
    for arguments in [&["1", "6"][..], &["vg/data", "1", "6"]] {
        let (reports, notes) = watched(&root, arguments, |step| match step {
            1 => fs::remove_dir_all(root.stat()).unwrap(),
            3 => root.write("dm-3", SNAPSHOT),
            4 => fs::remove_dir_all(root.stat()).unwrap(),
            5 => root.write("dm-3", SNAPSHOT),
            _ => {}
        });
        let rows: Vec<usize> = reports.iter().map(Vec::len).collect();
        assert_eq!(rows, [1, 0, 0, 1, 0, 1], "{arguments:?}");
        assert_eq!(notes, [NOT_LOADED, NOT_LOADED], "{arguments:?}");
    }
}

#[test]
fn an_unreadable_device_is_reported_once_and_has_no_row() {
    let root = Root::with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
    let (reports, notes) = watched(&root, &["1", "5"], |step| match step {
        1 => root.write("dm-4", "dmp 2\n"),
        3 => root.write("dm-4", named(SNAPSHOT, "dm-4", "other")),
        _ => {}
    });
    let rows: Vec<usize> = reports.iter().map(Vec::len).collect();
    assert_eq!(rows, [2, 1, 1, 2, 2]);
    let message = "snapshot: the form \"dmp 2\" needs a newer dmpstat";
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(message), "{notes:?}");
}

/// The device's next interval begins at the last readable snapshot.
#[test]
fn a_device_continues_its_interval_once_readable_again() {
    let root = Root::with_device();
    let ran = root.run_while(&["-j", "1", "3"], |step| match step {
        1 => root.write("dm-3", "dmp 2\n"),
        _ => root.write("dm-3", SNAPSHOT.replace("taken 9", "taken 11")),
    });
    let last: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let device = &last["devices"][0];
    assert_eq!(
        (&device["seconds"], &device["anew"]),
        (&2.0.into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_single_report_shows_the_readable_devices_and_fails() {
    let root = Root::with_device();
    for device in ["dm-4", "dm-5"] {
        root.write(device, "dmp 2\n");
        root.file(
            &format!("sys/block/{device}/dm/name"),
            &format!("bad-{device}\n"),
        );
    }
    let ran = root.run(&["-o", "r/s"]);
    assert_eq!(ran.out.lines().nth(1), Some("vg-data       125.00"));
    let paths = |text: &str| ["dm-4", "dm-5"].map(|device| text.contains(device));
    assert_eq!(paths(&ran.notes), [true, false]);
    assert_eq!(paths(&ran.result.unwrap_err().to_string()), [false, true]);
    // Unselected devices cause no note and no error.
    for arguments in [
        &["vg-data"][..],
        &["show", "vg-data"],
        &["reset", "vg-data"],
    ] {
        let ran = root.run(arguments);
        assert_eq!(ran.notes, "", "{arguments:?}");
        ran.result.unwrap();
    }
    // An unreadable device is known by its device-mapper name.
    let message = root.run(&["bad-dm-5"]).message();
    assert!(message.contains("dm-5/snapshot: the form"), "{message}");
}

#[test]
fn a_removed_device_is_reported_once_and_awaited() {
    let root = Root::with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
    for arguments in [&["vg/data", "1", "5"][..], &["vg/data", "oth*", "1", "5"]] {
        let others = arguments.len() - 3;
        let (reports, notes) = watched(&root, arguments, |step| match step {
            1 => root.remove("dm-3"),
            3 => root.write("dm-3", SNAPSHOT),
            _ => {}
        });
        let rows: Vec<usize> = reports.iter().map(|rows| rows.len() - others).collect();
        assert_eq!(rows, [1, 0, 0, 1, 1]);
        assert_eq!(
            notes,
            ["dmpstat: the dmp device \"vg/data\" is gone; dmpstat waits for its return"]
        );
    }
}

/// The result is the same with and without other devices.
#[test]
fn a_named_device_must_exist_at_the_start_but_a_pattern_need_not_match() {
    let root = Root::new();
    for others in 0..2 {
        if others > 0 {
            root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
        }
        for arguments in [&["vg/data", "1", "2"][..], &["vg/data", "oth*", "1", "2"]] {
            assert!(
                root.run(arguments).result.is_err(),
                "{arguments:?} {others}"
            );
        }
        let mut rows = Vec::new();
        let (reports, _) = watched(&root, &["vg/*", "1", "2"], |_| root.write("dm-3", SNAPSHOT));
        rows.extend(reports.iter().map(Vec::len));
        assert_eq!(rows, [0, 1], "{others}");
        root.remove("dm-3");
    }
}

#[test]
fn a_reset_continues_with_other_devices_after_a_failed_write() {
    let root = Root::with_device();
    for device in ["dm-2", "dm-4", "dm-5"] {
        root.write(device, named(SNAPSHOT, device, device));
    }
    for device in ["dm-2", "dm-4"] {
        fs::remove_file(root.stat().join(device).join("reset")).unwrap();
        fs::create_dir(root.stat().join(device).join("reset")).unwrap();
    }
    let ran = root.run(&["reset", "*"]);
    assert!(ran.notes.contains("dm-4/reset"), "{}", ran.notes);
    assert!(ran.result.unwrap_err().to_string().contains("dm-2/reset"));
    assert_eq!(root.written("dm-3", "reset"), "1");
    assert_eq!(root.written("dm-5", "reset"), "1");
}
