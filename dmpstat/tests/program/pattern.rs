// SPDX-License-Identifier: GPL-2.0

//! Distances between requests, in all commands.

use serde_json::{Value, json};

use crate::common::{Root, SNAPSHOT, named};
use crate::export::lines;

/// The device of [`SNAPSHOT`] with these counts of its reads' distances, since 2 s before the snapshot.
fn with_seeks(seeks: &str) -> String {
    SNAPSHOT
        .replace("latency on\n", "latency on\npattern_since 7000000000\n")
        .replace("32768:20\n", &format!("32768:20\nread seeks {seeks}\n"))
        + "write seeks\n"
}

/// A later snapshot, in which counting has gone on.
fn later(seeks: &str) -> String {
    with_seeks(seeks).replace("taken 9", "taken 11")
}

fn with_device() -> Root {
    let root = Root::new();
    root.write("dm-3", with_seeks("-16777217:1 -1:24 0:450 8:20 inf:5"));
    root
}

#[test]
fn a_column_is_the_percentage_of_sequential_requests() {
    let root = with_device();
    let columns = ["-o", "r_seq,w_seq,d_seq"];
    assert!(root.run(&columns).result.is_err());
    let columns = ["-o", "r_seq,w_seq", "1", "3"];
    let output = root.run_while(&columns, |step| match step {
        1 => root.write("dm-3", later("-16777217:1 -1:27 0:451 8:20 inf:5")),
        _ => root.write(
            "dm-3",
            later("-16777217:1 -1:27 0:451 8:20 inf:5").replace("taken 11", "taken 12"),
        ),
    });
    let output = output.output();
    let rows: Vec<Vec<&str>> = output
        .lines()
        .filter(|line| line.starts_with("vg-data"))
        .map(|line| line.split_whitespace().skip(1).collect())
        .collect();
    // Without a request there is no percentage.
    assert_eq!(rows, [["90.00", "-"], ["25.00", "-"], ["-", "-"]]);
    let off = Root::with_device();
    let output = off.run(&["-o", "r_seq,w_seq"]).output();
    assert!(output.ends_with("     -     -\n\n"), "{output}");
}

/// The counts are those since the switch.
#[test]
fn a_switch_within_the_interval_restarts_distances_only() {
    let root = Root::with_device();
    let on = later("0:3 8:1")
        .replace("pattern_since 7", "pattern_since 10")
        .replace("requests 500", "requests 510")
        .replace("4096:500", "4096:510");
    let arguments = ["-j", "-o", "r/s,r_seq,r_await", "1", "2"];
    let output = root
        .run_while(&arguments, |_| root.write("dm-3", &on))
        .output();
    let last: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    let device = &last["devices"][0];
    assert_eq!(
        (&device["r/s"], &device["r_seq"]),
        (&json!(5.0), &json!(75.0))
    );
    assert_eq!(
        (&device["r_await"], &device["anew"]),
        (&json!(0.0), &Value::Null)
    );
}

#[test]
fn a_histogram_has_all_buckets_from_the_farthest_behind_to_the_farthest_ahead() {
    let root = with_device();
    assert_eq!(
        root.run(&["hist", "seek"]).output(),
        "vg-data, seek, 2.0 s
   up to         read        write
   <-16M            1            0
    -16M            0            0
     -2M            0            0
   -256K            0            0
    -32K            0            0
     -4K            0            0
    -512            0            0
     -64            0            0
      -8           24            0
       0          450            0
       8           20            0
      64            0            0
     512            0            0
      4K            0            0
     32K            0            0
    256K            0            0
      2M            0            0
     16M            0            0
    more            5            0

"
    );
    root.write("dm-3", with_seeks("-1:24 0:450 8:20"));
    let output = root.run(&["hist", "seek"]).output();
    let rows: Vec<&str> = output.lines().skip(2).collect();
    assert_eq!(
        rows,
        [
            "      -8           24            0",
            "       0          450            0",
            "       8           20            0",
            ""
        ]
    );
    let output = root.run(&["hist", "-j", "seek"]).output();
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        report["devices"][0]["read_seek_sectors"],
        json!([
            { "up_to": -1, "count": 24 },
            { "up_to": 0, "count": 450 },
            { "up_to": 8, "count": 20 }
        ])
    );
    assert_eq!(report["devices"][0]["flush_seek_sectors"], Value::Null);
    let off = Root::with_device();
    assert_eq!(
        off.run(&["hist", "seek"]).output(),
        "vg-data, seek, 4.0 s\nnot measured\n\n"
    );
}

#[test]
fn show_tells_the_percentage_and_the_time() {
    let output = with_device().run(&["show", "vg-data"]).output();
    assert!(
        output.contains("\n  distances    measured for 2.0 s\n"),
        "{output}"
    );
    assert!(
        output.contains("\n               90.00% sequential\n"),
        "{output}"
    );
    let output = Root::with_device().run(&["show", "vg-data"]).output();
    assert!(
        !output.contains("sequential") && !output.contains("distances"),
        "{output}"
    );
}

#[test]
fn a_group_adds_distances_up_if_all_of_its_devices_count_them() {
    let root = with_device();
    root.write("dm-4", named(&with_seeks("0:10 8:90"), "dm-4", "vg-home"));
    let group = ["-o", "r_seq", "--by", "vg"];
    let output = root.run(&group).output();
    // 460 of 600.
    assert!(output.ends_with(" 76.67\n\n"), "{output}");
    root.write("dm-5", named(SNAPSHOT, "dm-5", "vg-log"));
    let output = root.run(&group).output();
    assert!(output.ends_with("     -\n\n"), "{output}");
}

#[test]
fn metrics_count_sequential_requests_among_the_located_ones() {
    let root = with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "vg-home"));
    let metrics = root.run(&["export"]).output();
    assert_eq!(
        lines(&metrics, "dmp_pattern_"),
        [
            "dmp_pattern_requests_total{name=\"vg-data\",operation=\"read\"} 500",
            "dmp_pattern_requests_total{name=\"vg-data\",operation=\"write\"} 0",
            "dmp_pattern_sequential_requests_total{name=\"vg-data\",operation=\"read\"} 450",
            "dmp_pattern_sequential_requests_total{name=\"vg-data\",operation=\"write\"} 0",
        ]
    );
}

#[test]
fn a_limit_of_a_check_is_in_percent() {
    let root = with_device();
    let state = root.path().join("state");
    let state = ["--state", state.to_str().unwrap()];
    let check = |limit: &str| {
        let arguments = [&["check", "vg-data", "-w", limit][..], &state].concat();
        let ran = root.run(&arguments);
        ran.result.unwrap();
        ran.out
    };
    check("r_seq=95:");
    root.write("dm-3", later("-16777217:1 -1:27 0:451 8:20 inf:5"));
    assert_eq!(
        check("r_seq=95:"),
        "DMP WARNING - vg/data r_seq 25% (limit 95%:), 1 volume in 2.0 s | vg-data_r_seq=25%;95:;;0\n"
    );
}

#[test]
fn measure_writes_the_file_of_each_measurement() {
    let root = with_device();
    root.write("dm-4", named(SNAPSHOT, "dm-4", "vg-home"));
    for device in ["dm-3", "dm-4"] {
        root.file(&format!("sys/module/dmp/stat/{device}/pattern"), "");
    }
    root.run(&["measure", "pattern,latency", "on", "vg-data"])
        .output();
    assert_eq!(root.written("dm-3", "pattern"), "1");
    assert_eq!(root.written("dm-3", "latency"), "1");
    assert_eq!(root.written("dm-4", "pattern"), "");
    root.run(&["measure", "pattern", "off", "vg-*"]).output();
    for device in ["dm-3", "dm-4"] {
        assert_eq!(root.written(device, "pattern"), "0");
    }
    assert_eq!(root.written("dm-3", "latency"), "1");
    for wrong in ["patterns", "", "pattern,"] {
        assert!(
            root.run(&["measure", wrong, "on", "vg-data"])
                .result
                .is_err(),
            "{wrong}"
        );
    }
}
