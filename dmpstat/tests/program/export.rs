// SPDX-License-Identifier: GPL-2.0

//! The metrics of `dmpstat export`.

use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use dmpstat::commands::export::boot::Boot;
use dmpstat::commands::export::metrics;
use dmpstat::commands::export::series::Series;
use dmpstat::commands::export::text::Form;
use dmpstat::commands::export::volumes::Reading;
use dmpstat::model::operation::Operation;
use dmpstat::source::selection::Selection;
use rustix::fs::inotify;

use crate::common::{Root, SNAPSHOT, named};
use crate::labels::mount;

/// Makes the device of [`SNAPSHOT`] as dm-N, with another name and uuid.
pub fn device(root: &Root, device: &str, name: &str, uuid: &str) {
    let snapshot = named(SNAPSHOT, device, name).replace(
        "uuid LVM-0123\n",
        &match uuid {
            "" => String::new(),
            uuid => format!("uuid {uuid}\n"),
        },
    );
    root.write(device, snapshot);
}

/// Returns the lines that begin with this text.
pub fn lines(text: &str, begin: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with(begin));
    lines.map(str::to_owned).collect()
}

/// Puts a disk on others.
pub fn put_on(root: &Root, disk: &str, others: &[&str]) {
    let disks = root.path().join("sys/class/block");
    let slaves = disks.join(disk).join("slaves");
    fs::create_dir_all(&slaves).unwrap();
    for other in others {
        symlink(disks.join(other), slaves.join(other)).unwrap();
    }
}

/// Removes the duration of the reading, which varies.
fn without_seconds(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("dmp_exporter_scrape_duration_seconds "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Makes the device of [`SNAPSHOT`] on a disk, with three reads in flight.
fn with_requests_in_flight() -> Root {
    let root = Root::new();
    let reads = "inflight 3 age_ns 4500000000";
    root.write("dm-3", SNAPSHOT.replacen("inflight 0", reads, 1));
    put_on(&root, "dm-3", &["sda"]);
    root
}

const CLASSIC: &str = concat!(
    r#"# HELP dmp_request_duration_seconds Latencies of successful requests, where latency is measured.
# TYPE dmp_request_duration_seconds histogram
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="6.5536e-05"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="0.016777216"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="4.294967296"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="+Inf"} 500
dmp_request_duration_seconds_sum{name="vg-data",operation="read"} 0.01
dmp_request_duration_seconds_count{name="vg-data",operation="read"} 500
# HELP dmp_request_size_bytes Sizes of requests received.
# TYPE dmp_request_size_bytes histogram
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="65536"} 500
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="1.6777216e+07"} 500
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="+Inf"} 500
dmp_request_size_bytes_sum{name="vg-data",operation="read"} 2048000
dmp_request_size_bytes_count{name="vg-data",operation="read"} 500
# HELP dmp_requests_total Requests received.
# TYPE dmp_requests_total counter
dmp_requests_total{name="vg-data",operation="read"} 500
# HELP dmp_request_bytes_total Bytes of requests received.
# TYPE dmp_request_bytes_total counter
dmp_request_bytes_total{name="vg-data",operation="read"} 2048000
# HELP dmp_request_errors_total Requests failed.
# TYPE dmp_request_errors_total counter
dmp_request_errors_total{name="vg-data",operation="read"} 0
# HELP dmp_request_retries_total Requests returned to the sender to retry (BLK_STS_AGAIN), which are not errors.
# TYPE dmp_request_retries_total counter
dmp_request_retries_total{name="vg-data",operation="read"} 0
# HELP dmp_inflight_requests Requests in flight, where latency is measured.
# TYPE dmp_inflight_requests gauge
dmp_inflight_requests{name="vg-data",operation="read"} 3
# HELP dmp_inflight_age_seconds Sum of the ages of requests in flight, where latency is measured. Divide by dmp_inflight_requests for the mean age.
# TYPE dmp_inflight_age_seconds gauge
dmp_inflight_age_seconds{name="vg-data",operation="read"} 4.5
# HELP dmp_volume_info Device, LVM names and underlying volumes of a volume. Its requests count again in the volumes of stacked_on.
# TYPE dmp_volume_info gauge
dmp_volume_info{device="dm-3",name="vg-data",uuid="LVM-0123",diskseq="21",vg_name="vg",lv_name="data",stacked_on=""} 1
# HELP dmp_volume_underlying_info Underlying disk of a volume, named by the label device.
# TYPE dmp_volume_underlying_info gauge
dmp_volume_underlying_info{name="vg-data",device="sda"} 1
# HELP dmp_volume_latency_enabled 1 if the volume measures latency, 0 otherwise.
# TYPE dmp_volume_latency_enabled gauge
dmp_volume_latency_enabled{name="vg-data"} 1
# HELP dmp_exporter_module_loaded 1 if the dmp module is loaded, 0 otherwise.
# TYPE dmp_exporter_module_loaded gauge
dmp_exporter_module_loaded 1
# HELP dmp_exporter_read_errors Volumes that this scrape could not read, or 1 if their list was unreadable.
# TYPE dmp_exporter_read_errors gauge
dmp_exporter_read_errors 0
# HELP dmp_exporter_scrape_duration_seconds Time to read all volumes.
# TYPE dmp_exporter_scrape_duration_seconds gauge
# HELP dmp_exporter_build_info Version of dmpstat, the exporter.
# TYPE dmp_exporter_build_info gauge
dmp_exporter_build_info{version=""#,
    env!("CARGO_PKG_VERSION"),
    "\"} 1\n"
);

/// The page has a row for each metric, with its whole name.
#[test]
fn the_page_has_all_metrics() {
    let root = Root::new();
    root.write("dm-3", include_str!("../snapshots/every-field"));
    let page = include_str!("../../../docs/src/reference/prometheus.md");
    let text = root.run(&["export", "--full"]).output();
    let types = lines(&text, "# TYPE ");
    let lacking = types.iter().filter(|line| {
        let name = line.split(' ').nth(2).unwrap();
        !page.contains(&format!("| `{name}` |"))
    });
    assert_eq!(lacking.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(types.contains(&"# TYPE dmp_pattern_requests_total counter".to_owned()));
}

#[test]
fn metrics_have_their_names_types_labels_and_values_in_the_classic_form() {
    let output = with_requests_in_flight()
        .run(&["export", "--full", "--operations", "read", "--buckets", "8"])
        .output();
    assert_eq!(without_seconds(&output), CLASSIC);
    let seconds = lines(&output, "dmp_exporter_scrape_duration_seconds ");
    let (_, seconds) = seconds[0].split_once(' ').unwrap();
    assert!((0.0..10.0).contains(&seconds.parse::<f64>().unwrap()));
}

const OPEN: &str = concat!(
    r#"# HELP dmp_request_duration_seconds Latencies of successful requests, where latency is measured.
# TYPE dmp_request_duration_seconds histogram
# UNIT dmp_request_duration_seconds seconds
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="0.000065536"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="0.016777216"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="4.294967296"} 500
dmp_request_duration_seconds_bucket{name="vg-data",operation="read",le="+Inf"} 500
dmp_request_duration_seconds_sum{name="vg-data",operation="read"} 0.01
dmp_request_duration_seconds_count{name="vg-data",operation="read"} 500
dmp_request_duration_seconds_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_request_size_bytes Sizes of requests received.
# TYPE dmp_request_size_bytes histogram
# UNIT dmp_request_size_bytes bytes
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="65536.0"} 500
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="16777216.0"} 500
dmp_request_size_bytes_bucket{name="vg-data",operation="read",le="+Inf"} 500
dmp_request_size_bytes_sum{name="vg-data",operation="read"} 2048000
dmp_request_size_bytes_count{name="vg-data",operation="read"} 500
dmp_request_size_bytes_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_requests Requests received.
# TYPE dmp_requests counter
dmp_requests_total{name="vg-data",operation="read"} 500
dmp_requests_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_request_bytes Bytes of requests received.
# TYPE dmp_request_bytes counter
# UNIT dmp_request_bytes bytes
dmp_request_bytes_total{name="vg-data",operation="read"} 2048000
dmp_request_bytes_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_request_errors Requests failed.
# TYPE dmp_request_errors counter
dmp_request_errors_total{name="vg-data",operation="read"} 0
dmp_request_errors_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_request_retries Requests returned to the sender to retry (BLK_STS_AGAIN), which are not errors.
# TYPE dmp_request_retries counter
dmp_request_retries_total{name="vg-data",operation="read"} 0
dmp_request_retries_created{name="vg-data",operation="read"} 1700000005.250
# HELP dmp_inflight_requests Requests in flight, where latency is measured.
# TYPE dmp_inflight_requests gauge
dmp_inflight_requests{name="vg-data",operation="read"} 3
# HELP dmp_inflight_age_seconds Sum of the ages of requests in flight, where latency is measured. Divide by dmp_inflight_requests for the mean age.
# TYPE dmp_inflight_age_seconds gauge
# UNIT dmp_inflight_age_seconds seconds
dmp_inflight_age_seconds{name="vg-data",operation="read"} 4.5
# HELP dmp_volume Device, LVM names and underlying volumes of a volume. Its requests count again in the volumes of stacked_on.
# TYPE dmp_volume info
dmp_volume_info{device="dm-3",name="vg-data",uuid="LVM-0123",diskseq="21",vg_name="vg",lv_name="data",stacked_on=""} 1
# HELP dmp_volume_underlying Underlying disk of a volume, named by the label device.
# TYPE dmp_volume_underlying info
dmp_volume_underlying_info{name="vg-data",device="sda"} 1
# HELP dmp_volume_latency_enabled 1 if the volume measures latency, 0 otherwise.
# TYPE dmp_volume_latency_enabled gauge
dmp_volume_latency_enabled{name="vg-data"} 1
# HELP dmp_exporter_module_loaded 1 if the dmp module is loaded, 0 otherwise.
# TYPE dmp_exporter_module_loaded gauge
dmp_exporter_module_loaded 1
# HELP dmp_exporter_read_errors Volumes that this scrape could not read, or 1 if their list was unreadable.
# TYPE dmp_exporter_read_errors gauge
dmp_exporter_read_errors 0
# HELP dmp_exporter_scrape_duration_seconds Time to read all volumes.
# TYPE dmp_exporter_scrape_duration_seconds gauge
# UNIT dmp_exporter_scrape_duration_seconds seconds
# HELP dmp_exporter_build Version of dmpstat, the exporter.
# TYPE dmp_exporter_build info
dmp_exporter_build_info{version=""#,
    env!("CARGO_PKG_VERSION"),
    "\"} 1\n# EOF\n"
);

/// Returns all OpenMetrics of a machine that was booted a quarter of a second after 1700000000.
fn open_metrics(root: &Root, operations: &[Operation], thinning: u32) -> String {
    let series = Series {
        operations: operations.to_vec(),
        full: true,
        created: true,
        thinning,
        ..Series::default()
    };
    let reading = Reading::next(&root.machine(), &Selection::new(&[]), None);
    let mut text = Vec::new();
    let boot = 1_700_000_000.25;
    metrics::write(
        &reading.volumes,
        None,
        &series,
        Form::OpenMetrics,
        boot,
        &mut text,
    )
    .unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn open_metrics_has_units_counter_names_and_created_times() {
    let text = open_metrics(&with_requests_in_flight(), &[Operation::Read], 8);
    assert_eq!(without_seconds(&text), OPEN);
}

#[test]
fn each_counter_and_histogram_has_the_time_of_its_own_device() {
    let root = Root::new();
    for number in 0..50 {
        let snapshot = named(
            SNAPSHOT,
            &format!("dm-{number}"),
            &format!("le=\\x22+Inf\\x22,}}\\x20{number}\\x20{{"),
        )
        .replace("since 5000000000", &format!("since {number}000000000"));
        root.write(&format!("dm-{number}"), snapshot);
    }
    let text = open_metrics(&root, &Operation::ALL, 1);
    for number in 0..50_u64 {
        let times: Vec<String> = text
            .lines()
            .filter(|line| line.contains(&format!("}} {number} {{")))
            .filter_map(|line| Some(line.split_once("_created{")?.1.to_owned()))
            .collect();
        // There are four counters and two histograms, each of reads and of writes.
        assert_eq!(times.len(), 12, "{number}");
        let time = format!("\"}} {}.250", 1_700_000_000 + number);
        assert!(times.iter().all(|line| line.ends_with(&time)), "{times:?}");
    }
}

/// Only latencies begin at zero when they are switched on.
#[test]
fn durations_are_created_when_latencies_are_switched_on() {
    let root = Root::new();
    let line = "latency on\nlatency_since 7000000000\n";
    root.write("dm-3", SNAPSHOT.replace("latency on\n", line));
    let text = open_metrics(&root, &[Operation::Read], 0);
    let times: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once("_created{"))
        .map(|(family, rest)| (family, rest.rsplit_once(' ').unwrap().1))
        .collect();
    assert_eq!(
        times,
        [
            ("dmp_request_duration_seconds", "1700000007.250"),
            ("dmp_request_size_bytes", "1700000005.250"),
            ("dmp_requests", "1700000005.250"),
            ("dmp_request_bytes", "1700000005.250"),
            ("dmp_request_errors", "1700000005.250"),
            ("dmp_request_retries", "1700000005.250"),
        ]
    );
}

#[test]
fn a_histogram_adds_up_to_each_of_the_modules_bounds() {
    let root = Root::new();
    root.write(
        "dm-3",
        SNAPSHOT
            .replace(
                "read sizes 4096:500",
                "read sizes 512:1 1024:2 4096:30 2147483648:400 inf:5000",
            )
            .replace(
                "read latencies 16384:480 32768:20",
                "read latencies 1024:1 68719476736:20 inf:300",
            ),
    );
    let output = root.run(&["export", "--full"]).output();
    let of = |family: &str| {
        let begin = format!("{family}_bucket{{name=\"vg-data\",operation=\"read\",");
        let lines = lines(&output, &begin);
        let parts = lines.iter().map(|line| line[begin.len()..].to_owned());
        parts.collect::<Vec<String>>()
    };
    let sizes = of("dmp_request_size_bytes");
    assert_eq!(sizes.len(), 24);
    assert_eq!(
        sizes[..5],
        [
            "le=\"512\"} 1",
            "le=\"1024\"} 3",
            "le=\"2048\"} 3",
            "le=\"4096\"} 33",
            "le=\"8192\"} 33"
        ]
    );
    assert_eq!(
        sizes[21..],
        [
            "le=\"1.073741824e+09\"} 33",
            "le=\"2.147483648e+09\"} 433",
            "le=\"+Inf\"} 5433"
        ]
    );
    let latencies = of("dmp_request_duration_seconds");
    assert_eq!(latencies.len(), 28);
    assert_eq!(
        latencies[..2],
        ["le=\"1.024e-06\"} 1", "le=\"2.048e-06\"} 1"]
    );
    assert_eq!(
        latencies[25..],
        [
            "le=\"34.359738368\"} 1",
            "le=\"68.719476736\"} 21",
            "le=\"+Inf\"} 321"
        ]
    );
    assert_eq!(
        lines(&output, "dmp_request_duration_seconds_count")[0],
        "dmp_request_duration_seconds_count{name=\"vg-data\",operation=\"read\"} 321"
    );
}

#[test]
fn bucket_sums_that_overflow_saturate() {
    let root = Root::new();
    let most = u64::MAX;
    root.write(
        "dm-3",
        SNAPSHOT
            .replace("4096:500", &format!("4096:{most} 8192:7 inf:{most}"))
            .replace("16384:480", &format!("16384:{most}"))
            .replace("bytes 2048000", &format!("bytes {most}")),
    );
    let output = root.run(&["export", "--full", "--buckets", "0"]).output();
    assert_eq!(
        lines(&output, "dmp_request_size_bytes_bucket")[0],
        format!(
            "dmp_request_size_bytes_bucket{{name=\"vg-data\",operation=\"read\",le=\"+Inf\"}} {most}"
        )
    );
    assert_eq!(
        lines(&output, "dmp_request_bytes_total")[0],
        format!("dmp_request_bytes_total{{name=\"vg-data\",operation=\"read\"}} {most}")
    );
}

#[test]
fn unmeasured_values_have_no_series() {
    let root = Root::new();
    root.write(
        "dm-4",
        "dmp 1\ndevice dm-4\nname off\ndiskseq 9\nsince 0\ntaken 1\nlatency off\n\
         read requests 2 bytes 1024\nread sizes 512:2\n",
    );
    let families = |output: &str| {
        let lines = output.lines().filter_map(|line| line.split_once('{'));
        let lines = lines.filter(|(_, labels)| labels.contains("name=\"off\""));
        lines
            .map(|(name, _)| name.to_owned())
            .collect::<BTreeSet<String>>()
    };
    let all = [
        "dmp_request_bytes_total",
        "dmp_request_size_bytes_bucket",
        "dmp_request_size_bytes_count",
        "dmp_request_size_bytes_sum",
        "dmp_requests_total",
        "dmp_volume_info",
        "dmp_volume_latency_enabled",
    ];
    let output = root.run(&["export", "--full"]).output();
    assert_eq!(families(&output), all.map(str::to_owned).into());
    for family in [
        "request_duration",
        "inflight",
        "request_errors",
        "request_retries",
    ] {
        assert!(!output.contains(&format!("dmp_{family}")), "{family}");
    }
    // The latencies of another device add no series of this device.
    device(&root, "dm-3", "on", "");
    let output = root.run(&["export", "--full"]).output();
    assert_eq!(families(&output), all.map(str::to_owned).into());
    assert!(output.contains("dmp_request_duration_seconds_count{name=\"on\""));
}

#[test]
fn export_without_devices_has_exporter_metrics_and_without_module_fails() {
    let output = Root::new().run(&["export"]).output();
    let names: Vec<&str> = output
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split([' ', '{']).next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "dmp_exporter_module_loaded",
            "dmp_exporter_read_errors",
            "dmp_exporter_scrape_duration_seconds",
            "dmp_exporter_build_info"
        ]
    );
    let ran = Root::without_module().run(&["export"]);
    assert_eq!(
        lines(&ran.out, "dmp_exporter_module_loaded"),
        ["dmp_exporter_module_loaded 0"]
    );
    assert_eq!(
        ran.message(),
        "the dmp module is not loaded: run \"modprobe dmp\""
    );
    // A name or a pattern that matches no device is an error, with and without other devices.
    for root in [Root::new(), Root::with_device()] {
        for name in ["vg/x", "x*"] {
            let ran = root.run(&["export", name]);
            assert_eq!(ran.out, "");
            assert!(ran.result.is_err());
        }
    }
}

#[test]
fn readable_volumes_are_printed_and_unreadable_ones_are_errors() {
    let root = Root::with_device();
    root.write("dm-4", "no snapshot");
    root.write("dm-5", "");
    let ran = root.run(&["export"]);
    assert_eq!(lines(&ran.out, "dmp_request_errors_total").len(), 2);
    assert_eq!(
        lines(&ran.out, "dmp_exporter_read_errors"),
        ["dmp_exporter_read_errors 2"]
    );
    let message = |device: &str| {
        let path = root.stat().join(device).join("snapshot");
        let path = path.display();
        format!("cannot parse {path}: the first line is not \"dmp 1\"")
    };
    assert_eq!(ran.notes, format!("dmpstat: {}\n", message("dm-4")));
    assert_eq!(ran.message(), message("dm-5"));
}

/// The metric distinguishes a volume without latencies from one without slow requests.
#[test]
fn latency_enabled_is_1_while_latencies_are_measured() {
    let root = Root::with_device();
    root.write(
        "dm-4",
        named(
            &SNAPSHOT.replace("latency on", "latency off"),
            "dm-4",
            "off",
        ),
    );
    let output = root.run(&["export"]).output();
    assert_eq!(
        lines(&output, "dmp_volume_latency_enabled"),
        [
            "dmp_volume_latency_enabled{name=\"vg-data\"} 1",
            "dmp_volume_latency_enabled{name=\"off\"} 0",
        ]
    );
}

/// The clock is set an hour ahead between two scrapes.
#[test]
fn created_times_change_only_with_the_clock() {
    let mut boot = Boot::default();
    let first = boot.at(1_700_000_100.0, 100.0);
    assert_eq!(first, 1_700_000_000.0);
    // The two clocks are not read at the same instant, so their difference varies.
    assert_eq!(boot.at(1_700_000_200.4, 200.0), first);
    assert_eq!(boot.at(1_700_000_299.1, 300.0), first);
    assert_eq!(boot.at(1_700_003_900.0, 300.0), first + 3600.0);
    assert_eq!(boot.at(1_700_003_999.5, 400.0), first + 3600.0);
    assert_eq!(boot.at(1_700_000_398.0, 400.0), first - 2.0);
}

#[test]
fn a_device_removed_during_the_read_is_not_exported() {
    let root = Root::with_device();
    // The directory of a device is removed last.
    fs::create_dir(root.stat().join("dm-4")).unwrap();
    let output = root.run(&["export"]).output();
    assert_eq!(lines(&output, "dmp_volume_info").len(), 1);
}

/// Makes a device that measures latencies, on one disk, with a mounted file system. Its reads and writes, and
/// `others`, have had requests.
fn with_all_operations(others: &[&str]) -> Root {
    let root = Root::new();
    let rest = ["discard", "flush", "write_zeroes", "other"]
        .map(|operation| {
            let requests = u64::from(others.contains(&operation));
            format!(
                "{operation} requests {requests} bytes 0 errors 0 again 0 inflight 0 latency_ns 0 latency_max_ns 0\n\
                 {operation} sizes\n{operation} latencies\n"
            )
        })
        .concat();
    let all = format!("{SNAPSHOT}{rest}").replace("inflight 0", "inflight 0 age_ns 0");
    root.write("dm-3", all);
    device(&root, "dm-4", "vg-home", "");
    put_on(&root, "dm-3", &["sda"]);
    mount(
        &root,
        "98 1 253:3 / /srv rw - ext4 /dev/mapper/vg-data rw\n",
    );
    root
}

/// Returns the number of series of the device vg-data.
fn series(root: &Root, arguments: &[&str]) -> usize {
    let arguments = [&["export", "vg/data"], arguments].concat();
    let output = root.run(&arguments).output();
    assert!(!output.contains("vg-home"));
    let lines = output.lines();
    lines
        .filter(|line| line.contains("name=\"vg-data\""))
        .count()
}

#[test]
fn a_volume_has_the_documented_number_of_series() {
    let root = with_all_operations(&[]);
    // These numbers are those of docs/src/reference/prometheus.md.
    let common = |durations: usize, sizes: usize| durations + 2 + sizes + 2 + 3;
    let rare = |durations: usize| durations + 2 + 1 + 2 + 2;
    let volume = 4;
    assert_eq!(series(&root, &[]), 78);
    assert_eq!(series(&root, &[]), 2 * common(23, 7) + volume);
    for (thinning, durations, sizes) in [
        ("1", 23, 7),
        ("2", 12, 7),
        ("3", 8, 3),
        ("4", 6, 4),
        ("0", 1, 1),
    ] {
        let expected = 2 * common(durations, sizes) + volume;
        assert_eq!(
            series(&root, &["--buckets", thinning]),
            expected,
            "{thinning}"
        );
    }
    let own = [
        "--duration-buckets",
        "8.192us,1.048576ms,0.134217728",
        "--size-buckets",
        "512,1M",
    ];
    assert_eq!(series(&root, &own), 2 * common(4, 3) + volume);
    assert_eq!(
        series(&root, &["--operations", "read"]),
        common(23, 7) + volume
    );
    // A named operation has series before its first request.
    assert_eq!(series(&root, &["--operations", "flush"]), rare(23) + volume);
    assert_eq!(
        series(&root, &["--full"]),
        6 * (28 + 2 + 24 + 2 + 6) + volume
    );
    root.file("sys/block/dm-3/dm/name", "vg-data\n");
    root.file("etc/dmp/attach.conf", "vg/data\n");
    assert_eq!(series(&root, &[]), 79);
    let root = with_all_operations(&["flush", "discard"]);
    assert_eq!(
        series(&root, &[]),
        2 * common(23, 7) + 2 * rare(23) + volume
    );
    assert_eq!(rare(23), 30);
}

/// A request in flight may be the first of its operation since a reset.
#[test]
fn an_operation_has_series_once_a_request_is_in_flight() {
    let root = with_all_operations(&[]);
    let stat = root.stat().join("dm-3/snapshot");
    let text = fs::read_to_string(&stat).unwrap();
    let begin = "flush requests 0 bytes 0 errors 0 again 0 inflight 0";
    root.write(
        "dm-3",
        text.replace(begin, &begin.replace("inflight 0", "inflight 1")),
    );
    let output = root.run(&["export"]).output();
    assert_eq!(
        lines(
            &output,
            "dmp_inflight_requests{name=\"vg-data\",operation=\"flush\"}"
        ),
        ["dmp_inflight_requests{name=\"vg-data\",operation=\"flush\"} 1"]
    );
}

#[test]
fn bounds_that_the_module_lacks_are_refused_with_the_nearest_one() {
    let root = Root::with_device();
    let message = |arguments: &[&str]| {
        let message = root.run(&[&["export"], arguments].concat()).message();
        message.lines().next().unwrap().to_owned()
    };
    let powers = "the module counts up to powers of two only; the nearest is";
    let begin = "error: invalid value";
    assert_eq!(
        message(&["--duration-buckets", "0.008192,0.005"]),
        format!("{begin} '0.008192' for '--duration-buckets <BOUND>': {powers} 0.008388608")
    );
    assert_eq!(
        message(&["--duration-buckets", "1h"]),
        format!(
            "{begin} '1h' for '--duration-buckets <BOUND>': expected a number, without a unit or in ns, us, ms, s"
        )
    );
    assert_eq!(
        message(&["--size-buckets", "5000"]),
        format!("{begin} '5000' for '--size-buckets <BOUND>': {powers} 4096")
    );
    for size in ["-4K", "inf", "NaN", "K", "0", ""] {
        assert_eq!(
            message(&["--size-buckets", &format!("512,{size}")]),
            format!(
                "{begin} '{size}' for '--size-buckets <BOUND>': expected a number, without a unit or in K, KiB, \
                 M, MiB, G, GiB"
            )
        );
    }
}

/// Counts how often the watched file or directory was opened. The kernel merges consecutive equal events, so
/// the events between two opens have to be of another kind.
fn opens(inotify: &OwnedFd) -> usize {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(inotify, &mut buffer);
    std::iter::from_fn(|| Some(events.next().ok()?.events()))
        .filter(|events| events.contains(inotify::ReadFlags::OPEN))
        .count()
}

#[test]
fn each_report_or_page_opens_a_snapshot_once() {
    let root = Root::with_device();
    let watch = |path: PathBuf| {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        let events = inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE_NOWRITE;
        inotify::add_watch(&watch, path, events).unwrap();
        watch
    };
    let (devices, snapshot) = (watch(root.stat()), watch(root.stat().join("dm-3/snapshot")));
    let file = root.path().join("dmp.prom");
    let file = file.to_str().unwrap();
    for (arguments, reports) in [
        (&["export"][..], 1),
        (&["export", "vg/data"], 1),
        (&["export", "--textfile", file], 1),
        (&["export", "--textfile", file, "1", "3"], 3),
        (&["-j"], 1),
        (&["-j", "1", "3"], 3),
    ] {
        root.run(arguments).output();
        assert_eq!(opens(&devices), reports, "{arguments:?}");
        assert_eq!(opens(&snapshot), reports, "{arguments:?}");
    }
}

/// The snapshot has all values, while the file of an unmeasured value fails with ENODATA.
#[test]
fn only_the_snapshot_of_a_device_is_read() {
    let root = Root::with_device();
    for file in ["flush/requests", "read/latency_ns", "name", "latency"] {
        root.file(&format!("sys/module/dmp/stat/dm-3/{file}"), "0\n");
    }
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    for directory in ["", "flush", "read"] {
        let path = root.stat().join("dm-3").join(directory);
        inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).unwrap();
    }
    for arguments in [
        &["-x"][..],
        &["-J"],
        &["hist", "latency"],
        &["show", "dm-3"],
        &["export"],
    ] {
        root.run(arguments).output();
    }
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    let mut opened = BTreeSet::new();
    while let Ok(event) = events.next() {
        opened.insert(event.file_name().unwrap().to_owned());
    }
    assert_eq!(opened, BTreeSet::from([c"snapshot".to_owned()]));
}

#[test]
fn invalid_options_of_export_are_named() {
    let root = Root::with_device();
    let message = |arguments: &[&str]| {
        let message = root.run(&[&["export"], arguments].concat()).message();
        message.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        message(&["10"]),
        "error: INTERVAL needs a file: name one with --textfile"
    );
    assert_eq!(
        message(&["--listen", ":9100"]),
        "error: invalid value ':9100' for '--listen <ADDRESS>': the host is missing: write [::]:PORT for \
         all addresses, or PORT for this machine only"
    );
    for address in ["localhost", "localhost:x", "99999", "::1"] {
        assert!(
            message(&["--listen", address])
                .ends_with(": expected HOST:PORT, or PORT for this machine only"),
            "{address}"
        );
    }
    assert_eq!(
        message(&["--operations", "reed"]),
        "error: invalid value 'reed' for '--operations <OPERATION>'"
    );
    assert_eq!(
        message(&["--textfile", "a", "--listen", "1"]),
        "error: the argument '--textfile <FILE>' cannot be used with '--listen <ADDRESS>'"
    );
    assert_eq!(
        message(&["vg-dats"]),
        "there is no dmp device \"vg-dats\"; similar names: vg-data"
    );
}
