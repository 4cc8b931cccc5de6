// SPDX-License-Identifier: GPL-2.0

//! The histograms of `dmpstat hist`.

use serde_json::{Value, json};

use crate::common::{Root, SNAPSHOT};

#[test]
fn sizes_have_a_line_for_each_power_of_two_between_the_smallest_and_the_largest() {
    let root = Root::new();
    root.write(
        "dm-3",
        SNAPSHOT
            .replace("read sizes 4096:500", "read sizes 4096:2 1048576:498")
            .replace("write requests 0 bytes 0", "write requests 4 bytes 9999999")
            .replace("write sizes", "write sizes 512:1 inf:3"),
    );
    assert_eq!(
        root.run(&["hist", "size"]).output(),
        "vg-data, size, 4.0 s
   up to         read        write
     512            0            1
      1k            0            0
      2k            0            0
      4k            2            0
      8k            0            0
     16k            0            0
     32k            0            0
     64k            0            0
    128k            0            0
    256k            0            0
    512k            0            0
      1M          498            0
    more            0            3

"
    );
}

#[test]
fn latencies_cover_the_interval() {
    let root = Root::with_device();
    let later = SNAPSHOT
        .replace("taken 9", "taken 11")
        .replace("16384:480", "16384:483 131072:1");
    let output = root
        .run_while(&["hist", "latency", "-ytN", "vg-*", "1", "1"], |_| {
            root.write("dm-3", &later)
        })
        .output();
    assert_eq!(
        output,
        "2026-11-26T21:00:00+01:00
dm-3, latency, 2.0 s
   up to         read        write
  16.4us            3            0
  32.8us            0            0
  65.5us            0            0
   131us            1            0

"
    );
}

#[test]
fn bars_fill_the_width_of_the_terminal() {
    let root = Root::with_device().on_terminal(52);
    assert_eq!(
        root.run(&["hist", "latency"]).output(),
        "vg-data, latency, 4.0 s
   up to         read                 write
  16.4us          480 ########            0
  32.8us           20 #                   0

"
    );
    let narrow = Root::with_device()
        .on_terminal(10)
        .run(&["hist", "latency"])
        .output();
    assert!(!narrow.contains('#'));
}

#[test]
fn only_operations_with_requests_are_shown() {
    let root = Root::new();
    root.write(
        "dm-3",
        format!("{SNAPSHOT}flush requests 7 bytes 0\nflush sizes 512:7\ndiscard requests 0\n"),
    );
    let output = root.run(&["hist", "size"]).output();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[1], "   up to         read        write        flush");
    // Flushes carry no data.
    assert_eq!(lines[2], "       0            0            0            7");
    assert_eq!(lines[3], "      4k          500            0            0");
}

#[test]
fn a_note_says_how_to_switch_latencies_on() {
    let root = Root::new();
    let off = "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 1000000000\nlatency off\n\
        read requests 2 bytes 1024\nread sizes 512:2\n";
    root.write("dm-3", off);
    let note = "dmpstat: a does not measure latency; enable it with \"dmpstat latency on dm-3\"\n";
    let ran = root.run(&["hist", "latency"]);
    assert_eq!(
        (ran.notes.as_str(), ran.out.as_str()),
        (note, "a, latency, 1.0 s\nnot measured\n\n")
    );
    assert_eq!(root.run(&["-o", "r_p99"]).notes, note);
    for column in ["aqu-sz", "age", "f_age"] {
        assert_eq!(root.run(&["-S", column]).notes, note);
    }
    assert_eq!(root.run(&["-x"]).notes, "");
    root.write("dm-4", off.replace("dm-3", "dm-4"));
    assert_eq!(
        root.run(&["-o", "r_p99"]).notes,
        "dmpstat: 2 devices do not measure latency; enable it with \
         \"dmpstat latency on DEVICE...\"\n"
    );
}

#[test]
fn json_has_only_nonempty_buckets() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("32768:20", "inf:20"));
    let latencies: Value =
        serde_json::from_str(&root.run(&["hist", "-j", "latency"]).output()).unwrap();
    assert_eq!(
        latencies["devices"][0]["read_latency_ns"],
        json!([{"up_to": 16384, "count": 480}, {"up_to": null, "count": 20}])
    );
    assert_eq!(latencies["devices"][0]["write_latency_ns"], json!([]));
    let sizes: Value = serde_json::from_str(&root.run(&["hist", "-j", "size"]).output()).unwrap();
    assert_eq!(
        sizes["devices"][0]["read_size_bytes"],
        json!([{"up_to": 4096, "count": 500}])
    );
}

#[test]
fn an_unmeasured_operation_is_null_in_json_and_absent_in_text() {
    let root = Root::with_device();
    let json: Value = serde_json::from_str(&root.run(&["hist", "-j", "size"]).output()).unwrap();
    let device = json["devices"][0].as_object().unwrap();
    assert_eq!(device["flush_size_bytes"], Value::Null);
    assert!(device.contains_key("other_size_bytes"));
    let text = root.run(&["hist", "size"]).output();
    assert_eq!(
        text.lines().nth(1),
        Some("   up to         read        write")
    );
}

/// With one scale for each operation, a few writes would look as many as all reads.
#[test]
fn all_bars_have_one_scale() {
    let root = Root::new();
    let writes = SNAPSHOT
        .replace("write requests 0 bytes 0", "write requests 48 bytes 196608")
        .replace("write latencies", "write latencies 16384:48");
    root.write("dm-3", &writes);
    let output = root.on_terminal(92).run(&["hist", "latency"]).output();
    let bars: Vec<usize> = output
        .lines()
        .map(|line| line.matches('#').count())
        .collect();
    let line = output.lines().nth(2).unwrap();
    let of = |part: &str| part.matches('#').count();
    let (reads, writes) = line.split_at(line.rfind("48 ").unwrap());
    assert_eq!((of(reads), of(writes)), (28, 3), "{output} {bars:?}");
}

#[test]
fn a_reset_within_the_interval_is_in_the_title() {
    let root = Root::with_device();
    let arguments = ["hist", "-y", "latency", "1", "1"];
    let ran = root.run_while(&arguments, |_| {
        root.write("dm-3", SNAPSHOT.replace("since 5", "since 6"));
    });
    assert_eq!(
        ran.out.lines().next(),
        Some("vg-data, latency, 3.0 s  reset")
    );
}

#[test]
fn the_note_about_unmeasured_latencies_is_printed_once() {
    let root = Root::new();
    root.write(
        "dm-3",
        "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 1000000000\nlatency off\n",
    );
    let ran = root.run(&["-o", "r_p99", "1", "3"]);
    assert_eq!(ran.notes.lines().count(), 1, "{}", ran.notes);
}

/// JSON, which programs read, has a report for each interval; the text has only devices.
#[test]
fn an_interval_without_devices_is_a_report_in_json_only() {
    let goes = |arguments: &[&str]| {
        let root = Root::with_device();
        let ran = root.run_while(arguments, |_| root.remove("dm-3"));
        ran.result.unwrap();
        ran.out
    };
    let json = goes(&["hist", "-j", "size", "1", "2"]);
    let reports: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let devices: Vec<usize> = reports
        .iter()
        .map(|report| report["devices"].as_array().unwrap().len())
        .collect();
    assert_eq!(devices, [1, 0]);
    let text = goes(&["hist", "-t", "size", "1", "2"]);
    assert_eq!(text.matches("2026-11-26").count(), 1, "{text}");
}
