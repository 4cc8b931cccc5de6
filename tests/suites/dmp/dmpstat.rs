// SPDX-License-Identifier: GPL-2.0

//! dmpstat in the machine, with the machine's devices.

use dmp_vm::{Accel, Machine};
use serde_json::Value;

use crate::common::*;

/// Runs a script, and parses each line of its output as JSON.
#[track_caller]
fn lines(machine: &mut Machine, script: &str) -> Vec<Value> {
    let text = machine.sh(script);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// Returns the devices in dmpstat's single report.
#[track_caller]
fn report(machine: &mut Machine, options: &str) -> Vec<Value> {
    let lines = lines(machine, &format!("dmpstat -j {options}"));
    assert_eq!(lines.len(), 1);
    lines[0]["devices"].as_array().unwrap().clone()
}

/// Returns the count behind a rate: `column` times the seconds of its interval, in units of `unit`.
fn counted(device: &Value, column: &str, unit: f64) -> f64 {
    let number = |key: &str| device[key].as_f64().unwrap_or_else(|| panic!("{device}"));
    (number(column) * number("seconds") * unit).round()
}

#[test]
fn dmpstat_shows_the_requests_of_dd() {
    let (mut machine, _) = machine_with_device("0 131072 dmp /dev/vda 0 1 latency");
    machine.sh(&format!(
        "{} && {}",
        direct_writes("d", 4096, 100),
        direct_reads("d", 16384, 500)
    ));
    let device = &report(&mut machine, "d")[0];
    assert_eq!(counted(device, "r/s", 1.0), 500.0);
    assert_eq!(counted(device, "rkB/s", 1024.0), 500.0 * 16384.0);
    assert_eq!(counted(device, "w/s", 1.0), 100.0);
    assert_eq!(counted(device, "wkB/s", 1024.0), 100.0 * 4096.0);
    assert_eq!(
        (&device["rareq-sz"], &device["wareq-sz"]),
        (&16.0.into(), &4.0.into())
    );
    assert_eq!(
        (&device["inflight"], &device["err/s"]),
        (&0.0.into(), &0.0.into())
    );
    let histogram = lines(&mut machine, "dmpstat hist -j size d");
    let sizes = |key: &str| histogram[0]["devices"][0][key].to_string();
    assert_eq!(sizes("read_size_bytes"), r#"[{"count":500,"up_to":16384}]"#);
    assert_eq!(sizes("write_size_bytes"), r#"[{"count":100,"up_to":4096}]"#);
}

/// Each percentile is the upper bound of the bucket with the request of this rank in the module's
/// own histogram, or the slowest request's latency if that is smaller.
#[test]
fn percentiles_agree_with_the_modules_histogram() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 1000));
    let shown = &report(&mut machine, "d")[0];
    let buckets = histogram(&mut machine, &format!("{device}/read/latency_histogram"));
    let max = number(&mut machine, &format!("{device}/read/latency_max_ns"));
    assert_eq!(shown["r_max"].as_f64(), Some(max as f64 / 1e6));
    for (column, rank) in [("r_p50", 500), ("r_p99", 990), ("r_p99.9", 999)] {
        let mut below = 0;
        let bucket = buckets.iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        let bound: u64 = bucket.unwrap().0.parse().unwrap();
        let bound = bound.min(max) as f64;
        assert_eq!(shown[column].as_f64(), Some(bound / 1e6), "{column}");
    }
}

/// iostat reads the kernel's counters of each disk, and prints two digits after the point. It does
/// not print its interval's length. In a machine whose clock counts instructions, only the two
/// programs' own work makes the interval longer than requested. The disk completes requests at
/// once, because that clock does not stop while the host's disk works.
#[test]
fn iostat_agrees_over_the_same_interval() {
    let mut machine = boot(builder().tools(true).accel(Accel::Icount));
    machine.sh("modprobe null_blk queue_mode=2 irqmode=0 memory_backed=0");
    let device = create(&mut machine, "d", "0 131072 dmp /dev/nullb0 0 1 latency");
    let said = machine.sh(&format!(
        "iostat -x -d -k -y -o JSON {device} 4 1 >iostat & dmpstat -k -y -J d 4 1 >dmpstat & sleep 1; \
         {} && {} && wait && cat iostat && echo --- && cat dmpstat",
        direct_reads("d", 8192, 1000),
        direct_writes("d", 4096, 200)
    ));
    let (theirs, ours) = said.split_once("---\n").unwrap();
    let disk = |text: &str| -> Value {
        let document: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
        let statistics = &document["sysstat"]["hosts"][0]["statistics"];
        let disks = statistics[0]["disk"].as_array().unwrap();
        assert_eq!((statistics.as_array().unwrap().len(), disks.len()), (1, 1));
        disks[0].clone()
    };
    let (theirs, ours) = (disk(theirs), disk(ours));
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap_or_else(|| panic!("{key} {of}"));
    assert_eq!(counted(&ours, "r/s", 1.0), 1000.0);
    assert_eq!(counted(&ours, "w/s", 1.0), 200.0);
    for key in ["rareq-sz", "wareq-sz"] {
        assert_eq!(number(&theirs, key), number(&ours, key), "{key}");
    }
    // The counts are the same for any length of the interval. iostat rounds r/s and these by at most
    // half of a hundredth.
    for (key, count) in [("w/s", 200.0), ("rkB/s", 8000.0), ("wkB/s", 800.0)] {
        let times = count / 1000.0;
        let difference = number(&theirs, key) - times * number(&theirs, "r/s");
        assert!(
            difference.abs() < 0.005 * (1.0 + times) + 1e-9,
            "{key} {difference}"
        );
    }
    for key in ["r/s", "w/s", "rkB/s", "wkB/s"] {
        let (theirs, ours) = (number(&theirs, key), number(&ours, key));
        let difference = (theirs - ours).abs() / ours;
        assert!(difference < 0.005, "{key} {theirs} {ours}");
    }
}

/// The disk under the device is so slow that fio's own time is negligible: both medians are in one
/// bucket. A request takes no longer in the device than fio waits for it.
#[test]
fn counts_and_percentiles_agree_with_fio() {
    let mut machine = machine_with_tools();
    machine.sh("modprobe dm-delay");
    create(
        &mut machine,
        "slow",
        "0 131072 delay /dev/vda 0 20 /dev/vda 0 40",
    );
    create(
        &mut machine,
        "d",
        "0 131072 dmp /dev/mapper/slow 0 1 latency",
    );
    let text = machine.sh(
        "fio --name=load --filename=/dev/mapper/d --rw=randrw --bs=16k --size=4m --direct=1 \
         --output=/run/fio.json --output-format=json >&2 && cat /run/fio.json",
    );
    let fio: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let device = &report(&mut machine, "d")[0];
    for (operation, short) in [("read", "r"), ("write", "w")] {
        let theirs = &fio["jobs"][0][operation];
        let total = |key: &str| theirs[key].as_f64().unwrap();
        assert_eq!(
            counted(device, &format!("{short}/s"), 1.0),
            total("total_ios")
        );
        assert_eq!(
            counted(device, &format!("{short}kB/s"), 1024.0),
            total("io_bytes")
        );
        for (column, percentile) in [
            ("p50", "50.000000"),
            ("p99", "99.000000"),
            ("p99.9", "99.900000"),
        ] {
            let bound = device[format!("{short}_{column}")].as_f64().unwrap() * 1e6;
            let waited = theirs["clat_ns"]["percentile"][percentile]
                .as_f64()
                .unwrap();
            assert!(
                bound / 2.0 < waited,
                "{operation} {column} {bound} {waited}"
            );
            if column == "p50" {
                assert!(waited <= bound, "{operation} {bound} {waited}");
            }
        }
    }
}

#[test]
fn changes_between_two_reports_restart_the_interval() {
    let mut machine = machine();
    create(&mut machine, "a", "0 2048 dmp /dev/vda 0 1 latency");
    create(&mut machine, "b", "0 2048 dmp /dev/vda 2048 1 latency");
    create(&mut machine, "c", "0 2048 dmp /dev/vda 4096 1 latency");
    machine.sh(&["a", "b", "c"]
        .map(|name| direct_reads(name, 4096, 9))
        .join(" && "));
    // The first report is printed before the changes below, and dmpstat is stopped during them, so the
    // second report has them all, however long they take.
    let reports = lines(
        &mut machine,
        &format!(
            "dmpstat -j 3 2 >out & until [ -s out ] || ! kill -0 $!; do usleep 10000; done; \
             kill -STOP $!; {{ dmsetup message a 0 reset && dmpstat latency off b && dmsetup remove c && \
             dmsetup create other --table '0 2048 dmp /dev/vda 4096' && {}; }} >&2 && \
             kill -CONT $! && wait && cat out",
            ["a", "b", "other"]
                .map(|name| direct_reads(name, 4096, 5))
                .join(" && "),
        ),
    );
    assert_eq!(reports.len(), 2);
    let devices = reports[1]["devices"].as_array().unwrap();
    let said: Vec<String> = devices
        .iter()
        .map(|of| {
            format!(
                "{} {} {} {}",
                of["device"],
                of["name"],
                of["anew"],
                counted(of, "r/s", 1.0)
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            r#""dm-0" "a" "reset" 5"#,
            r#""dm-1" "b" "latency" 5"#,
            r#""dm-2" "other" "new" 5"#
        ]
    );
    assert_eq!(devices[1]["r_await"], Value::Null);
}

#[test]
fn requests_of_a_suspended_disk_are_in_flight() {
    let mut machine = machine();
    machine.sh("dmsetup create disk --table '0 2048 linear /dev/vda 0'");
    create(&mut machine, "d", "0 2048 dmp /dev/mapper/disk 0 1 latency");
    machine.sh(&format!(
        "dmsetup suspend disk && {{ {} & }} && \
         {}",
        direct_reads("d", 4096, 1),
        until("dm-1/read/inflight", 1)
    ));
    let device = &report(&mut machine, "-z d")[0];
    assert_eq!(device["inflight"].as_f64(), Some(1.0));
    machine.sh("dmsetup resume disk && wait");
}

/// dmp measures nothing here: only the kernel counts the hung request.
#[test]
fn a_hung_or_suspended_volume_is_shown_without_latencies() {
    let mut machine = machine();
    machine.sh("dmsetup create disk --table '0 2048 linear /dev/vda 0'");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/disk 0");
    machine.sh(&format!(
        "dmsetup suspend disk && {{ {} & }} && until grep -q ' 1 *0$' /sys/block/{device}/inflight; do \
         usleep 10000; done",
        direct_reads("d", 4096, 1),
    ));
    let shown = |machine: &mut Machine, options: &str| {
        let reports = lines(machine, &format!("dmpstat -j {options} -o inflight d 1 2"));
        let of = |report: &Value| {
            let device = &report["devices"][0];
            format!("{} {}", device["state"], device["inflight"])
        };
        reports.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&mut machine, "-z"),
        [r#""running" 1.0"#, r#""hung" 1.0"#]
    );
    machine.sh("dmsetup resume disk && wait && dmsetup suspend d");
    let suspended = r#""suspended" 0.0"#;
    assert_eq!(shown(&mut machine, "-z"), [suspended; 2]);
    machine.sh("dmsetup resume d");
    assert_eq!(shown(&mut machine, ""), [r#""running" 0.0"#; 2]);
}

#[test]
fn names_of_any_bytes_are_shown_and_accepted() {
    let mut machine = machine();
    let names = [r#"a"b\"#.to_owned(), "n".repeat(127), "é".to_owned()];
    for name in &names {
        machine.sh(&format!(
            "dmsetup create --manglename none '{name}' --table '0 2048 dmp /dev/vda 0'"
        ));
    }
    let shown: Vec<Value> = report(&mut machine, "")
        .iter()
        .map(|of| of["name"].clone())
        .collect();
    let shown_first = r#"a"b\x5c"#;
    assert_eq!(shown, [shown_first, &*names[1], &*names[2]]);
    for (device, name) in [
        ("dm-0", shown_first),
        ("dm-0", &names[0]),
        ("dm-1", &names[1]),
        ("dm-2", &names[2]),
    ] {
        let found = report(&mut machine, &format!("'{name}'"));
        assert_eq!(
            (found.len(), &found[0]["device"]),
            (1, &device.into()),
            "{name}"
        );
    }
}

#[test]
fn dmpstat_explains_how_to_create_a_device_and_lists_three_hundred() {
    let mut machine = machine();
    assert_refused(&mut machine, "dmpstat", "dmsetup create NAME --table");
    let all: Vec<String> = (0..300)
        .map(|n| format!("v{n},,,rw,0 8 dmp /dev/vda 0"))
        .collect();
    machine.sh(&format!("dmsetup create --concise '{}'", all.join(";")));
    let devices = report(&mut machine, "");
    let expected: Vec<Value> = (0..300).map(|n| format!("v{n}").into()).collect();
    let names: Vec<Value> = devices.iter().map(|of| of["name"].clone()).collect();
    assert_eq!(names, expected);
}

#[test]
fn everyone_may_read_and_only_root_may_reset() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(MAKE_USER);
    machine.sh(&direct_reads("d", 4096, 3));
    let text = machine.sh("su user -c 'dmpstat -j d'");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(counted(&report["devices"][0], "r/s", 1.0), 3.0);
    for command in ["reset d", "latency on d"] {
        assert_refused(
            &mut machine,
            &format!("su user -c 'dmpstat {command}'"),
            "Run dmpstat as root",
        );
    }
    assert_eq!(number(&mut machine, &format!("{device}/read/requests")), 3);
    machine.sh("dmpstat reset d");
    assert_eq!(number(&mut machine, &format!("{device}/read/requests")), 0);
}

#[test]
fn dmpstat_never_opens_the_device_and_ends_with_a_complete_line() {
    let (mut machine, _) = machine_with_device("0 2048 dmp /dev/vda 0");
    let reports = lines(
        &mut machine,
        "dmpstat -j 0.01 >out & pid=$!; until [ -s out ] || ! kill -0 $!; do usleep 10000; done; usleep 200000; \
         [ \"$(dmsetup info -c --noheadings -o open d)\" = 0 ] || exit; \
         kill -TERM $pid; wait $pid; cat out",
    );
    assert!(reports.len() > 1, "{}", reports.len());
}
