// SPDX-License-Identifier: GPL-2.0

//! Devices that are added up by `--by`.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Root, SNAPSHOT, named};

/// Makes two volumes of the group vg, one of another group, and a device that is not LVM's.
fn root() -> Root {
    let root = Root::with_device();
    root.write("dm-4", more(&named(SNAPSHOT, "dm-4", "vg-home")));
    root.write("dm-5", named(SNAPSHOT, "dm-5", "ssd-web"));
    let plain = named(SNAPSHOT, "dm-6", "crypt");
    root.write("dm-6", plain.replace("uuid LVM-0123", "uuid CRYPT-0123"));
    root
}

/// Returns the snapshot with ten more reads of 8 KiB, two of them in flight and one failed.
fn more(snapshot: &str) -> String {
    snapshot
        .replace(
            "read requests 500 bytes 2048000",
            "read requests 510 bytes 2129920",
        )
        .replacen("errors 0", "errors 1", 1)
        .replacen("inflight 0", "inflight 2", 1)
        .replacen("latency_ns 10000000", "latency_ns 10700000", 1)
        .replacen("latency_max_ns 32000", "latency_max_ns 130000", 1)
        .replacen("4096:500", "4096:500 8192:10", 1)
        .replacen("16384:480 32768:20", "16384:480 32768:20 131072:7", 1)
}

fn devices(output: &str) -> Vec<Value> {
    let line: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    line["devices"].as_array().unwrap().clone()
}

#[test]
fn volumes_of_a_group_are_one_row_and_others_are_alone() {
    let output = root()
        .run(&[
            "-j",
            "--by",
            "vg",
            "-o",
            "r/s,rkB/s,r_p99,r_max,errs,inflight",
            "--counts",
        ])
        .output();
    let devices = devices(&output);
    let names: Vec<_> = devices
        .iter()
        .map(|of| (&of["name"], &of["device"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("vg"), &Value::Null),
            (&json!("ssd"), &Value::Null),
            (&json!("crypt"), &json!("dm-6")),
        ]
    );
    let vg = &devices[0];
    assert_eq!((&vg["uuid"], &vg["diskseq"]), (&Value::Null, &Value::Null));
    assert_eq!(vg["r/s"], json!(1010.0 / 4.0));
    assert_eq!(
        vg["rkB/s"],
        json!((2_048_000.0 + 2_129_920.0) / 4.0 / 1024.0)
    );
    // The 1000th of 1007 latencies is the last one of up to 32.768 us.
    assert_eq!(vg["r_p99"], json!(0.032768));
    assert_eq!((&vg["errs"], &vg["inflight"]), (&json!(1.0), &json!(2.0)));
    let read = &vg["counts"]["read"];
    assert_eq!(read["latencies_count"], json!(1007));
    assert_eq!(
        (&read["sizes"], &read["latencies"]),
        (
            &json!([{"up_to": 4096, "count": 1000}, {"up_to": 8192, "count": 10}]),
            &json!([
                {"up_to": 16384, "count": 960}, {"up_to": 32768, "count": 40}, {"up_to": 131072, "count": 7}
            ])
        )
    );
}

#[test]
fn an_expression_groups_by_its_first_capture_or_its_match() {
    let names = |by: &str| -> Vec<Value> {
        let output = root().run(&["-j", "--by", by]).output();
        devices(&output)
            .iter()
            .map(|of| of["name"].clone())
            .collect()
    };
    assert_eq!(names("^(vg|ssd)-"), ["vg", "ssd", "crypt"]);
    assert_eq!(names("(e)[^r]?"), ["vg-data", "e", "crypt"]);
    assert_eq!(names("[-].a"), ["-da", "vg-home", "ssd-web", "crypt"]);
    assert_eq!(names("."), ["v", "s", "c"]);
    assert_eq!(names("x*"), ["vg-data", "vg-home", "ssd-web", "crypt"]);
    let message = root().run(&["--by", "("]).message();
    assert!(
        message.starts_with("error: invalid value '(' for '--by <vg|REGEX>': "),
        "{message}"
    );
    assert!(
        root()
            .run(&["--by", ""])
            .message()
            .contains("expected vg, or a regular expression")
    );
}

#[test]
fn a_group_has_the_difference_of_each_device_since_the_last_report() {
    let root = root();
    let ran = root.run_while(&["-jy", "--by", "vg", "--counts", "1", "2"], |step| {
        let text = match step {
            1 => more(SNAPSHOT),
            // The reset of one volume restarts the counts of that one only.
            _ => SNAPSHOT
                .replace("since 5000000000", "since 8000000000")
                .replace("read requests 500", "read requests 20"),
        };
        root.write(
            "dm-3",
            text.replace("taken 9000000000", &format!("taken {}000000000", 9 + step)),
        );
    });
    let output = ran.output();
    let reads = |line: usize| {
        let line: Value = serde_json::from_str(output.lines().nth(line).unwrap()).unwrap();
        let group = &line["devices"][0];
        (
            group["counts"]["read"]["requests"].clone(),
            group["anew"].clone(),
        )
    };
    assert_eq!(reads(0), (json!(10), Value::Null));
    assert_eq!(reads(1), (json!(20), json!("reset")));
}

/// Percentiles of a part of the requests would look like those of all.
#[test]
fn a_group_with_an_unmeasured_volume_has_no_latencies() {
    let root = root();
    let off = more(&named(SNAPSHOT, "dm-4", "vg-home")).replace("latency on", "latency off");
    let lines: Vec<&str> = off
        .lines()
        .filter(|line| !line.contains(" latencies"))
        .collect();
    let text = lines.join("\n") + "\n";
    let words = [
        " inflight 2",
        " inflight 0",
        " latency_ns 10700000",
        " latency_ns 0 latency_max_ns 0",
        " latency_max_ns 130000",
    ];
    let text = words.iter().fold(text, |text, word| text.replace(word, ""));
    root.write("dm-4", text);
    let output = root
        .run(&["-j", "--by", "vg", "-o", "r/s,r_p99,r_await,aqu-sz"])
        .out;
    let vg = &devices(&output)[0];
    assert_eq!(vg["r/s"], json!(1010.0 / 4.0));
    assert_eq!(
        (&vg["r_p99"], &vg["r_await"], &vg["aqu-sz"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[test]
fn tables_and_histograms_show_groups_by_name() {
    let output = root().run(&["-N", "--by", "vg", "-o", "r/s"]).output();
    let rows: Vec<&str> = output.split_whitespace().skip(2).collect();
    assert_eq!(rows, ["vg", "252.50", "ssd", "125.00", "dm-6", "125.00"]);
    let output = root().run(&["hist", "size", "--by", "vg"]).output();
    assert!(output.starts_with("vg"), "{output}");
    let csv = root().run(&["-c", "--by", "vg", "-o", "r/s"]).output();
    let group = csv.lines().nth(1).unwrap().split(',').skip(1).take(4);
    assert_eq!(group.collect::<Vec<_>>(), ["", "vg", "", ""]);
}

/// Returns the values of the series of a group.
fn values(text: &str, metric: &str) -> Vec<String> {
    let begin = format!("{metric}{{group=\"vg\",operation=\"read\"}} ");
    let lines = text.lines().filter_map(|line| line.strip_prefix(&begin));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_single_export_adds_up_all_counts_of_a_group() {
    let output = root().run(&["export", "--by", "vg"]).output();
    for (metric, value) in [
        ("dmp_request_size_bytes_count", "1010"),
        ("dmp_request_size_bytes_sum", "4177920"),
        ("dmp_request_duration_seconds_count", "1007"),
        ("dmp_request_errors_total", "1"),
        ("dmp_inflight_requests", "2"),
    ] {
        assert_eq!(values(&output, metric), [value], "{metric}");
    }
    assert!(output.contains("dmp_volume_latency_enabled{group=\"vg\"} 1\n"));
    // Only the volume that belongs to no group has information about itself.
    assert_eq!(output.matches("dmp_volume_info{").count(), 1);
    assert!(output.contains("dmp_request_errors_total{name=\"crypt\",operation=\"read\"} 0\n"));
}

/// A sum over the volumes would fall when one is removed or reset.
#[test]
fn counters_of_a_group_never_fall() {
    let root = root();
    let file = root.path().join("dmp.prom");
    let path = file.to_str().unwrap();
    let mut seen = Vec::new();
    let mut see = || {
        let text = fs::read_to_string(&file).unwrap();
        let of = |metric| values(&text, metric).concat();
        seen.push((
            of("dmp_request_size_bytes_count"),
            of("dmp_inflight_requests"),
        ));
    };
    let ran = root.run_while(
        &["export", "--textfile", path, "--by", "vg", "15", "7"],
        |step| {
            see();
            match step {
                1 => root.write("dm-3", more(SNAPSHOT)),
                // A reset, and five reads since.
                2 => {
                    let reset = SNAPSHOT
                        .replace("since 5000000000", "since 8000000000")
                        .replace("4096:500", "4096:5");
                    root.write("dm-3", reset);
                }
                3 => root.remove("dm-4"),
                // A new volume, and one that cannot be read for some time.
                4 => {
                    let new = named(SNAPSHOT, "dm-4", "vg-new");
                    root.write(
                        "dm-4",
                        new.replace("since 5000000000", "since 9000000000000000000"),
                    );
                    root.write("dm-3", "no snapshot");
                }
                5 => {
                    let reset = SNAPSHOT
                        .replace("since 5000000000", "since 8000000000")
                        .replace("4096:500", "4096:6");
                    root.write("dm-3", reset);
                }
                _ => {}
            }
        },
    );
    see();
    ran.result.unwrap();
    // Counting begins when the exporter starts. Requests in flight are those of the moment.
    let expected = [
        ("0", "2"),
        ("10", "4"),
        ("15", "2"),
        ("15", "0"),
        ("515", "0"),
        ("516", "0"),
        ("516", "0"),
    ];
    assert_eq!(
        seen,
        expected.map(|(count, inflight)| (count.to_owned(), inflight.to_owned()))
    );
}
