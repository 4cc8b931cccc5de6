// SPDX-License-Identifier: GPL-2.0

//! JSON and CSV.

use serde_json::{Value, json};

use dmpstat::model::column::COLUMNS;

use crate::common::{Root, SNAPSHOT};

/// Makes two devices: one with latencies, and one with a strange name and without latencies.
fn root() -> Root {
    let root = Root::with_device();
    root.write(
        "dm-4",
        "dmp 1\ndevice dm-4\nname a\\x22\\xff\\x5c\\x0a,\ndiskseq 9\nsince 0\ntaken 2000000000\nlatency off\n\
         write requests 3 bytes 3072 errors 0 again 1\nwrite sizes 1024:3\n",
    );
    root
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn json_has_a_line_per_report_and_null_for_unmeasured_values() {
    let output = root()
        .run(&["-j", "-o", "r/s,rkB/s,r_p99,w/s,w_await", "1", "2"])
        .output_without_latencies();
    let lines: Vec<Value> = output.lines().map(parse).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        json!({"time": "2026-11-26T21:00:00.000+01:00", "devices": [
            {"device": "dm-3", "name": "vg-data", "uuid": "LVM-0123", "diskseq": 21,
             "since": 5_000_000_000_u64, "taken": 9_000_000_000_u64, "seconds": 4.0, "latency_seconds": 4.0,
             "anew": null, "state": "running", "r/s": 125.0, "rkB/s": 500.0, "r_p99": 0.032, "w/s": 0.0, "w_await": 0.0},
            {"device": "dm-4", "name": "a\"\\xff\\x5c\\x0a,", "uuid": null, "diskseq": 9,
             "since": 0, "taken": 2_000_000_000_u64, "seconds": 2.0, "latency_seconds": null, "anew": null,
             "state": "running", "r/s": null, "rkB/s": null, "r_p99": null, "w/s": 1.5, "w_await": null},
        ]})
    );
    // No time has passed between the two snapshots.
    assert_eq!(lines[1]["devices"][0]["r/s"], Value::Null);
}

#[test]
fn json_has_all_columns_by_default_and_names_the_unit() {
    let line = parse(&root().run(&["-jm"]).output());
    let device = line["devices"][0].as_object().unwrap();
    assert_eq!(device.len(), 10 + COLUMNS.len());
    assert_eq!(
        (device["rMB/s"].as_f64(), device.get("rkB/s")),
        (Some(500.0 / 1024.0), None)
    );
}

#[test]
fn the_sysstat_document_has_sysstats_keys_and_is_complete() {
    let root = root();
    let cpus = root.path().join("sys/devices/system/cpu");
    std::fs::create_dir_all(&cpus).unwrap();
    std::fs::write(cpus.join("online"), "0-2,5\n").unwrap();
    let document = parse(&root.run(&["-J", "1", "2"]).output());
    let host = &document["sysstat"]["hosts"][0];
    assert_eq!(
        (&host["sysname"], &host["number-of-cpus"]),
        (&json!("Linux"), &json!(4))
    );
    assert_eq!(host["date"], "2026-11-26");
    let statistics = host["statistics"].as_array().unwrap();
    assert_eq!(statistics.len(), 2);
    let disk = statistics[0]["disk"][0].as_object().unwrap();
    assert_eq!(disk["disk_device"], "vg-data");
    // These are the keys of sysstat 12.6.1.
    for key in [
        "r/s", "w/s", "d/s", "f/s", "rkB/s", "wkB/s", "dkB/s", "rrqm/s", "wrqm/s", "drqm/s",
        "rrqm", "wrqm", "drqm", "r_await", "w_await", "d_await", "f_await", "rareq-sz", "wareq-sz",
        "dareq-sz", "aqu-sz", "util",
    ] {
        assert!(disk.contains_key(key), "{key}");
    }
    assert_eq!(
        (&disk["r/s"], &disk["util"], &disk["r_p50"]),
        (&json!(125.0), &Value::Null, &json!(0.016384))
    );
    assert_eq!(disk["device"], "dm-3");
    let numbered = parse(&root.run(&["-JN"]).output());
    assert_eq!(
        numbered["sysstat"]["hosts"][0]["statistics"][0]["disk"][0]["disk_device"],
        "dm-3"
    );
}

#[test]
fn the_sysstat_document_is_complete_after_an_unload() {
    let root = root();
    let ran = root.run_while(&["-J", "1", "3"], |step| {
        if step == 1 {
            std::fs::remove_dir_all(root.stat()).unwrap();
        }
    });
    ran.result.unwrap();
    assert_eq!(
        ran.notes,
        "dmpstat: the dmp module is not loaded: run \"modprobe dmp\"\n"
    );
    let document = parse(&ran.out);
    let reports = document["sysstat"]["hosts"][0]["statistics"].as_array();
    let disks = reports.unwrap().iter();
    let disks: Vec<usize> = disks
        .map(|report| report["disk"].as_array().unwrap().len())
        .collect();
    assert_eq!(disks, [2, 0, 0]);
}

#[test]
fn the_sysstat_document_is_complete_without_a_report() {
    let ran = Root::without_module().run(&["-J"]);
    assert!(ran.result.is_err());
    let document = parse(&ran.out);
    assert_eq!(document["sysstat"]["hosts"][0]["statistics"], json!([]));
}

#[test]
fn csv_has_a_header_and_a_line_for_each_device_and_report() {
    let output = root()
        .run(&["-c", "-o", "r/s,w/s,r_p99", "1", "2"])
        .output_without_latencies();
    assert_eq!(
        output,
        "time,device,name,uuid,diskseq,since,taken,seconds,latency_seconds,anew,state,r/s,w/s,r_p99\n\
         2026-11-26T21:00:00.000+01:00,dm-3,vg-data,LVM-0123,21,5000000000,9000000000,4,4,,running,125,0,0.032\n\
         2026-11-26T21:00:00.000+01:00,dm-4,\"a\"\"\\xff\\x5c\\x0a,\",,9,0,2000000000,2,,,running,,1.5,\n\
         2026-11-26T21:00:00.000+01:00,dm-3,vg-data,LVM-0123,21,5000000000,9000000000,0,0,,running,,,\n\
         2026-11-26T21:00:00.000+01:00,dm-4,\"a\"\"\\xff\\x5c\\x0a,\",,9,0,2000000000,0,,,running,,,\n"
    );
}

#[test]
fn ages_are_milliseconds_or_null_if_unmeasured() {
    let root = Root::new();
    let ages = SNAPSHOT.replacen("inflight 0", "inflight 4 age_ns 6000000", 1);
    root.write("dm-3", &ages);
    let shown = |columns: &str| {
        let line = parse(&root.run(&["-j", "-o", columns]).output());
        let device = &line["devices"][0];
        let columns = columns.split(',');
        columns
            .map(|column| device[column].clone())
            .collect::<Vec<_>>()
    };
    // Writes have no age here, so the age of all operations is unknown as well.
    assert_eq!(
        shown("r_age,w_age,age"),
        [json!(1.5), Value::Null, Value::Null]
    );
    let csv = root.run(&["-c", "-o", "r_age,age"]).output();
    assert!(csv.ends_with(",1.5,\n"), "{csv}");
}

#[test]
fn json_marks_a_device_that_was_reset() {
    let root = Root::with_device();
    let reset = SNAPSHOT.replace("since 5", "since 6");
    let output = root
        .run_while(&["-jy", "1", "1"], |_| root.write("dm-3", &reset))
        .output();
    assert_eq!(parse(&output)["devices"][0]["anew"], "reset");
}

#[test]
fn counts_cover_the_interval_and_include_histograms() {
    let root = Root::new();
    let every_field = include_str!("../snapshots/every-field");
    root.write("dm-3", every_field);
    let device = &parse(&root.run(&["-j", "-o", "r/s", "--counts"]).output())["devices"][0];
    let null = Value::Null;
    assert_eq!(
        device["counts"]["read"],
        json!({
            "requests": 503, "bytes": 2048000, "errors": 3, "again": 4, "inflight": 5, "age_ns": 4711,
            "latency_ns": 1234, "latencies_count": 513, "latency_max_ns": 99, "rest_ns": 815, "rest": 7,
            "sizes": [{"up_to": 512, "count": 2}, {"up_to": 4096, "count": 500}, {"up_to": null, "count": 1}],
            "latencies": [{"up_to": 1024, "count": 1}, {"up_to": 16384, "count": 480}, {"up_to": null, "count": 32}],
            "seeks": [{"up_to": -16777217, "count": 3}, {"up_to": 0, "count": 490}, {"up_to": null, "count": 10}]
        })
    );
    // An unmeasured operation has all keys.
    let keys = |operation: &str| -> Vec<&String> {
        device["counts"][operation]
            .as_object()
            .unwrap()
            .keys()
            .collect()
    };
    assert_eq!(keys("other"), keys("read"));
    let other = device["counts"]["other"].as_object().unwrap();
    assert!(other.values().all(|value| *value == null), "{other:?}");
    // The next interval has no counts.
    let next = root
        .run(&["-jy", "-o", "r/s", "--counts", "1", "1"])
        .output();
    let next = &parse(&next)["devices"][0]["counts"]["read"];
    assert_eq!(
        (&next["requests"], &next["inflight"], &next["sizes"]),
        (&json!(0), &json!(5), &json!([]))
    );
}

#[test]
fn csv_has_counts_after_the_columns() {
    let root = Root::with_device();
    let output = root.run(&["-c", "-m", "-o", "rMB/s", "--counts"]).output();
    let lines: Vec<Vec<&str>> = output
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    let value = |name: &str| lines[1][lines[0].iter().position(|of| *of == name).unwrap()];
    assert_eq!(lines[0].len(), 11 + 1 + 6 * 11);
    assert_eq!(
        [
            "rMB/s",
            "read_requests",
            "read_latencies_count",
            "write_bytes",
            "read_rest",
            "other_requests"
        ]
        .map(value),
        ["0.48828125", "500", "500", "0", "", ""]
    );
    for arguments in [&["--counts"][..], &["-J", "--counts"]] {
        assert!(root.run(arguments).result.is_err(), "{arguments:?}");
    }
}

#[test]
fn the_sysstat_document_names_the_machine_and_escapes_a_uuid() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("LVM-0123", "u\\x22\\xfe"));
    let document = parse(&root.run(&["-J"]).output());
    let machine = std::process::Command::new("uname")
        .arg("-m")
        .output()
        .unwrap();
    let machine = String::from_utf8(machine.stdout).unwrap();
    assert_eq!(document["sysstat"]["hosts"][0]["machine"], machine.trim());
    let device = &parse(&root.run(&["-j"]).output())["devices"][0];
    assert_eq!(device["uuid"], "u\"\\xfe");
}
