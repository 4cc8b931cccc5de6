// SPDX-License-Identifier: GPL-2.0

//! The table, and the effect of options on it.

use crate::common::{Root, SNAPSHOT, named};

/// Returns the snapshot of 4.5 s later, with 100 more reads of 8 KiB: 91 took 0.1 ms each, and 9 failed.
fn later() -> String {
    SNAPSHOT
        .replace("taken 9000000000", "taken 13500000000")
        .replace(
            "read requests 500 bytes 2048000 errors 0 again 0 inflight 0 latency_ns 10000000",
            "read requests 600 bytes 2867200 errors 9 again 0 inflight 2 latency_ns 19100000",
        )
        .replace("latency_max_ns 32000", "latency_max_ns 123000")
        .replace("4096:500", "4096:500 8192:100")
        .replace("32768:20", "32768:20 131072:91")
}

#[test]
fn a_single_report_covers_the_time_since_the_reset() {
    assert_eq!(
        Root::with_device().run(&[]).output(),
        "\
Device           r/s     rkB/s r_await r_p99     w/s     wkB/s w_await w_p99 aqu-sz inflight errs
vg-data       125.00    500.00    0.02 0.032    0.00      0.00    0.00     -   0.00        0    0

"
    );
}

#[test]
fn a_second_report_covers_the_interval_by_the_snapshots_clock() {
    let root = Root::with_device();
    let output = root
        .run_while(&["77", "2"], |_| root.write("dm-3", later()))
        .output();
    assert_eq!(
        output.lines().nth(4).unwrap(),
        "vg-data        22.22    177.78    0.10  0.13    0.00      0.00    0.00     -   0.00        2    9"
    );
    assert_eq!(output.lines().count(), 6);
}

/// Returns the lines of a report, split into words.
fn words(output: &str) -> Vec<Vec<&str>> {
    let lines = output.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn the_default_columns_fit_a_hundred_characters() {
    let output = Root::with_device().run(&[]).output();
    assert!(output.lines().all(|line| line.len() <= 100), "{output}");
}

#[test]
fn chosen_columns_keep_the_users_order() {
    let root = Root::with_device();
    let columns = [
        "-o",
        "w_p99.9,r_p50",
        "-o",
        "rareq-sz,again/s,z/s,o_await,d_await",
    ];
    assert_eq!(
        words(&root.run(&columns).output()),
        [
            vec![
                "Device", "w_p99.9", "r_p50", "rareq-sz", "again/s", "z/s", "o_await", "d_await"
            ],
            vec!["vg-data", "-", "0.017", "4.00", "0.00", "-", "-", "-"],
        ]
    );
}

#[test]
fn an_option_shows_all_columns() {
    let output = Root::with_device().run(&["-x"]).output();
    let lines = words(&output);
    assert_eq!(
        lines[0].join(" "),
        "Device r/s rkB/s r_await rareq-sz r_p50 r_p99 r_p99.9 r_max r_age r_err r_seq w/s wkB/s w_await \
         wareq-sz w_p50 w_p99 w_p99.9 w_max w_age w_err w_seq d/s dkB/s d_await dareq-sz d_p99 d_max d_age \
         d_err f/s f_await f_p99 f_max f_age f_err z/s zkB/s z_await z_p99 z_max z_age z_err o/s \
         o_await o_p99 o_max o_age o_err aqu-sz inflight age errs err/s again/s"
    );
    assert_eq!(lines[1].len(), 56);
}

#[test]
fn amounts_have_the_requested_unit() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("bytes 2048000", "bytes 20480000"));
    let amounts = |option| {
        let output = root.run(&["-o", "rkB/s,rareq-sz", option]).output();
        words(&output)
            .into_iter()
            .map(|line| line[1..].join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(amounts("-k"), ["rkB/s rareq-sz", "5000.00 40.00"]);
    assert_eq!(amounts("-m"), ["rMB/s rareq-sz", "4.88 40.00"]);
    assert_eq!(amounts("-h"), ["rkB/s rareq-sz", "4.9M 40.0k"]);
    let megabytes = root.run(&["-o", "rMB/s"]).output();
    assert_eq!(words(&megabytes)[0], ["Device", "rkB/s"]);
}

#[test]
fn devices_are_sorted_by_a_column_with_unknown_values_last() {
    let root = Root::with_device();
    root.write(
        "dm-4",
        named(SNAPSHOT, "dm-4", "busy").replace("requests 500", "requests 900"),
    );
    root.write(
        "dm-10",
        "dmp 1\ndevice dm-10\nname none\ndiskseq 1\nsince 1\ntaken 2\n",
    );
    let order = |options: &[&str]| {
        let output = root.run(options).output();
        words(&output)[1..]
            .iter()
            .map(|line| line[0].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&[]), ["vg-data", "busy", "none"]);
    assert_eq!(order(&["-S", "r/s"]), ["busy", "vg-data", "none"]);
    assert_eq!(order(&["-N", "-S", "r/s"]), ["dm-4", "dm-3", "dm-10"]);
}

#[test]
fn idle_devices_are_left_out_but_not_those_with_requests_in_flight() {
    let root = Root::with_device();
    let hung = named(SNAPSHOT, "dm-4", "hung").replace(
        "again 0 inflight 0 latency_ns 10",
        "again 0 inflight 7 latency_ns 10",
    );
    root.write("dm-4", &hung);
    let output = root
        .run_while(&["-yz", "-o", "inflight,r/s,r_p99", "1", "1"], |_| {
            root.write("dm-3", SNAPSHOT.replace("taken 9", "taken 10"));
            root.write("dm-4", hung.replace("taken 9", "taken 10"));
        })
        .output();
    assert_eq!(words(&output)[1..], [["hung", "7", "0.00", "-", "hung"]]);
}

#[test]
fn ages_and_aqu_sz_show_a_hung_disk() {
    let hung = |taken: &str, ages: u64| {
        SNAPSHOT
            .replace("latency on\n", "latency on\nlatency_since 5000000000\n")
            .replace(
                "latency_max_ns 0\n",
                "latency_max_ns 0 age_ns 0 rest_ns 0\n",
            )
            .replace("taken 9000000000", &format!("taken {taken}000000000"))
            .replace("requests 500", "requests 503")
            .replacen("inflight 0", "inflight 3", 1)
            .replace(
                "latency_max_ns 32000",
                &format!("latency_max_ns 32000 age_ns {ages} rest_ns 0"),
            )
    };
    let root = Root::new();
    root.write("dm-3", hung("9", 6_000_000_000));
    let columns = "r/s,r_await,aqu-sz,inflight,r_age,w_age,d_age";
    let output = root
        .run_while(&["-o", columns, "1", "2"], |_| {
            root.write("dm-3", hung("11", 12_000_000_000));
        })
        .output();
    let shown = |line: usize| words(&output)[line][1..].join(" ");
    // In the 4 s since the reset, 500 completed requests took 0.01 s, and 3 incomplete ones have taken 6 s.
    assert_eq!(shown(1), "125.75 0.02 1.50 3 2000.00 0.00 -");
    assert_eq!(shown(3), "0.00 0.00 3.00 3 4000.00 0.00 - hung");
}

/// The mean age of all operations is the mean over requests, not over operations.
#[test]
fn devices_are_sorted_by_the_mean_age_of_their_requests_in_flight() {
    let root = Root::new();
    let ages = |reads: &str, writes: &str| {
        SNAPSHOT
            .replace(
                "inflight 0 latency_ns 10",
                &format!("{reads} latency_ns 10"),
            )
            .replace("inflight 0 latency_ns 0", &format!("{writes} latency_ns 0"))
    };
    let young = ages("inflight 3 age_ns 3000000", "inflight 1 age_ns 5000000");
    root.write("dm-3", young);
    let old = ages("inflight 1 age_ns 9000000000", "inflight 0 age_ns 0");
    root.write("dm-4", named(&old, "dm-4", "old"));
    let unknown = ages("inflight 7", "inflight 0 age_ns 0");
    root.write("dm-5", named(&unknown, "dm-5", "unknown"));
    let output = root.run(&["-o", "r_age,w_age,age", "-S", "age"]).output();
    assert_eq!(
        words(&output)[1..],
        [
            ["old", "9000.00", "0.00", "9000.00"],
            ["vg-data", "1.00", "5.00", "2.00"],
            ["unknown", "-", "0.00", "-"]
        ]
    );
}

#[test]
fn each_operation_has_its_own_age() {
    let line = |(at, operation)| {
        format!("{operation} requests 1 bytes 0 inflight 2 age_ns {at}000000\n{operation} sizes\n")
    };
    let names = ["read", "write", "discard", "flush", "write_zeroes", "other"];
    let operations: String = (2..).step_by(2).zip(names).map(line).collect();
    let root = Root::new();
    let begin = SNAPSHOT.split("read").next().unwrap();
    root.write("dm-3", format!("{begin}{operations}"));
    let columns = "r_age,w_age,d_age,f_age,z_age,o_age,age,inflight";
    assert_eq!(
        words(&root.run(&["-o", columns]).output())[1][1..].join(" "),
        "1.00 2.00 3.00 4.00 5.00 6.00 3.50 12"
    );
}

#[test]
fn times_are_shown_and_the_first_report_left_out() {
    let root = Root::with_device();
    let output = root
        .run_while(&["-y", "-t", "-o", "r/s", "1", "1"], |_| {
            root.write("dm-3", later())
        })
        .output();
    assert_eq!(
        output,
        "2026-11-26T21:00:00+01:00\n\
         Device           r/s\n\
         vg-data        22.22\n\
         \n"
    );
    // Without an interval the first report is the only one, and -y does not leave it out.
    assert_eq!(words(&root.run(&["-y", "-o", "r/s"]).output()).len(), 2);
}

#[test]
fn names_are_aligned_by_their_width_on_the_screen() {
    let root = Root::new();
    root.write(
        "dm-3",
        named(
            SNAPSHOT,
            "dm-3",
            "\\xe6\\xbc\\xa2\\xe5\\xad\\x97\\x0a012345678",
        ),
    );
    root.write("dm-4", named(SNAPSHOT, "dm-4", "\\x5cx20"));
    assert_eq!(
        root.run(&["-o", "r/s"]).output(),
        "Device                r/s\n\
         漢字\\x0a012345678  125.00\n                   125.00\n\n"
    );
}

#[test]
fn unmeasured_latencies_are_not_shown_as_zero() {
    let root = Root::new();
    let off = "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 1000000000\nlatency off\n\
        read requests 2 bytes 1024 errors 0 again 0\nread sizes 512:2\n";
    root.write("dm-3", off);
    let output = root
        .run(&["-o", "r/s,r_await,r_p99,aqu-sz,inflight,r_age,age,err/s"])
        .output_without_latencies();
    assert_eq!(words(&output)[1].join(" "), "a 2.00 - - - - - - 0.00");
}

#[test]
fn a_percentile_above_the_last_bound_is_the_highest_latency() {
    let root = Root::new();
    let slow = SNAPSHOT
        .replace("32768:20", "inf:20")
        .replace("max_ns 32000", "max_ns 71234567890");
    root.write("dm-3", slow);
    let output = root.run(&["-o", "r_p50,r_p99"]).output();
    assert_eq!(words(&output)[1], ["vg-data", "0.017", "72000"]);
}

/// Latencies were switched on after the reset, so the earlier number of requests in flight is unknown.
#[test]
fn aqu_sz_is_unknown_with_an_unmeasured_request() {
    let root = Root::new();
    root.write("dm-3", SNAPSHOT.replace("16384:480", "16384:479"));
    assert_eq!(
        words(&root.run(&["-o", "aqu-sz"]).output())[1],
        ["vg-data", "-"]
    );
}

/// The snapshot has no flush line while flushes bypass the counters.
#[test]
fn unmeasured_flushes_are_in_no_column_and_no_total() {
    let root = Root::with_device();
    let columns = ["-o", "f/s,f_await,inflight,err/s,again/s"];
    let shown = |root: &Root| words(&root.run(&columns).output())[1][1..].join(" ");
    assert_eq!(shown(&root), "- - 0 0.00 0.00");
    let flushes = "flush requests 4 bytes 0 errors 8 again 12 inflight 2 latency_ns 0 latency_max_ns 0\n\
                   flush sizes 512:4\nflush latencies\n";
    root.write("dm-3", format!("{SNAPSHOT}{flushes}"));
    assert_eq!(shown(&root), "1.00 0.00 2 2.00 3.00");
}

/// The style of errors, and its end.
const RED: (&str, &str) = ("\x1b[1m\x1b[31m", "\x1b[0m");

#[test]
fn failed_requests_are_counted_and_red() {
    let root = Root::new();
    // In ten days a thousand failures are a rate of 0.00.
    let bad = SNAPSHOT
        .replace("taken 9000000000", "taken 864005000000000")
        .replacen("errors 0", "errors 1000", 1);
    root.write("dm-3", &bad);
    root.write("dm-4", named(SNAPSHOT, "dm-4", "good"));
    let ran = root.run(&["-o", "r_err,w_err,errs,err/s"]);
    assert_eq!(
        words(&ran.out)[1..],
        [
            ["vg-data", "1000", "0", "1000", "0.00"],
            ["good", "0", "0", "0", "0.00"]
        ]
    );
    let red = |number: &str| format!("{}{number}{}", RED.0, RED.1);
    let lines: Vec<&str> = ran.styled.lines().collect();
    // A rate that is rounded to 0 is red as well.
    assert_eq!(
        lines[1],
        format!(
            "vg-data       {}     0 {}  {}",
            red("1000"),
            red("1000"),
            red("0.00")
        )
    );
    assert_eq!(lines[2], "good             0     0    0  0.00");
    let default = root.run(&["vg-data"]).out;
    assert!(
        default.lines().nth(1).unwrap().ends_with(" 1000"),
        "{default}"
    );
}

#[test]
fn averages_cover_all_completed_requests() {
    let root = Root::with_device();
    // 500 reads took 10 ms together, and two that failed 2 s.
    let failed = SNAPSHOT.replace(
        "latency_max_ns 32000",
        "latency_max_ns 32000 rest_ns 2000000000 rest 2",
    );
    root.write("dm-3", &failed);
    let shown = || words(&root.run(&["-o", "r_await,r_p99.9"]).output())[1][1..].join(" ");
    // In milliseconds: (10 + 2000) / 502.
    assert_eq!(shown(), "4.00 0.032");
    // An older module does not count failed requests.
    root.write("dm-3", failed.replace(" rest 2", ""));
    assert_eq!(shown(), "0.02 0.032");
}

#[test]
fn no_percentile_is_above_the_slowest_request() {
    let root = Root::with_device();
    let columns = ["-o", "r_p50,r_p99,r_max,w_max"];
    let shown = |out: &str, line: usize| words(out)[line][1..].join(" ");
    assert_eq!(shown(&root.run(&columns).out, 1), "0.017 0.032 0.032 -");
    let second = |latencies: &str, max: &str| {
        let arguments = ["-y", "-o", "r_p50,r_p99,r_max,w_max", "1", "1"];
        root.write("dm-3", SNAPSHOT);
        let later = SNAPSHOT
            .replace("taken 9", "taken 11")
            .replace("latencies 16384:480 32768:20", latencies)
            .replace("max_ns 32000", max);
        shown(
            &root
                .run_while(&arguments, |_| root.write("dm-3", &later))
                .out,
            1,
        )
    };
    // The slowest request since the reset was not in the interval, so only a bucket's bound is known of the
    // interval's slowest one.
    assert_eq!(
        second("latencies 16384:490 32768:20", "max_ns 32000"),
        "0.017 0.017 0.017 -"
    );
    assert_eq!(
        second("latencies 16384:480 32768:21", "max_ns 32000"),
        "0.032 0.032 0.032 -"
    );
    assert_eq!(
        second("latencies 16384:480 32768:20 65536:3", "max_ns 40000"),
        "0.040 0.040 0.040 -"
    );
    // One more request is in the last bucket, and it is not slower than the earlier ones.
    root.write(
        "dm-3",
        SNAPSHOT
            .replace("32768:20", "inf:20")
            .replace("max_ns 32000", "max_ns 71234567890"),
    );
    let late = SNAPSHOT
        .replace("taken 9", "taken 11")
        .replace("32768:20", "inf:21")
        .replace("max_ns 32000", "max_ns 71234567890");
    let arguments = ["-y", "-o", "r_p99,r_max", "1", "1"];
    let ran = root.run_while(&arguments, |_| root.write("dm-3", &late));
    assert_eq!(shown(&ran.out, 1), "72000 72000");
}

#[test]
fn a_narrow_terminal_gets_fewer_columns() {
    let short = "Device           r/s r_await r_p99     w/s w_await w_p99 aqu-sz inflight errs";
    let header = |width: Option<usize>, arguments: &[&str]| {
        let root = Root::with_device();
        let root = match width {
            Some(width) => root.on_terminal(width),
            None => root,
        };
        root.run(arguments).out.lines().next().unwrap().to_owned()
    };
    assert_eq!(short.len(), 77);
    let default = header(None, &[]);
    assert_eq!(default.len(), 97);
    assert_eq!(header(Some(97), &[]), default);
    assert_eq!(header(Some(96), &[]), short);
    assert_eq!(header(Some(200), &["-s"]), short);
    // Named columns stay.
    assert_eq!(
        header(Some(20), &["-o", "rkB/s,w_p99.9"]),
        "Device           rkB/s w_p99.9"
    );
    assert_eq!(header(Some(80), &["-x"]).split_whitespace().count(), 56);
}

#[test]
fn a_wider_number_keeps_columns_aligned_from_then_on() {
    let root = Root::with_device();
    let many = SNAPSHOT.replace("requests 500", "requests 50000000000");
    root.write("dm-4", named(SNAPSHOT, "dm-4", "other"));
    root.write("dm-3", &many);
    let ran = root.run_while(&["-o", "r/s,w/s", "1", "2"], |_| {
        root.write("dm-3", SNAPSHOT)
    });
    let lines: Vec<&str> = ran.out.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines[..3],
        [
            "Device                  r/s     w/s",
            "vg-data      12500000000.00    0.00",
            "other                125.00    0.00"
        ]
    );
    let length = lines[1].len();
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("vg-data") || line.len() == length),
        "{lines:?}"
    );
}

/// Writes a device with a request in flight that the kernel counts and dmp does not measure.
fn hung_unmeasured(root: &Root, taken: u64, completed: u64) {
    let off = format!(
        "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken {taken}000000000\nlatency off\n\
         read requests 1 bytes 4096 errors 0 again 0\nread sizes 4096:1\n"
    );
    root.write("dm-3", off);
    root.file("sys/block/dm-3/inflight", "       2        1\n");
    // The fields are those of Documentation/block/stat.rst.
    let stat = format!("{completed} 0 8 1 0 0 0 0 3 9 9 0 0 0 0 0 0\n");
    root.file("sys/block/dm-3/stat", &stat);
    root.file("sys/block/dm-3/dm/suspended", "0\n");
}

#[test]
fn a_hung_device_is_not_idle_without_latencies() {
    let root = Root::new();
    hung_unmeasured(&root, 10, 7);
    let arguments = ["-z", "-o", "r/s,inflight,age", "1", "3"];
    let ran = root.run_while(&arguments, |step| match step {
        1 => hung_unmeasured(&root, 12, 7),
        _ => hung_unmeasured(&root, 14, 8),
    });
    let rows = words(&ran.out);
    let rows: Vec<String> = rows
        .iter()
        .filter(|row| row[0] == "a")
        .map(|row| row.join(" "))
        .collect();
    assert_eq!(rows, ["a 0.10 3 -", "a 0.00 3 - hung", "a 0.00 3 -"]);
    let red: Vec<&str> = ran
        .styled
        .lines()
        .filter(|line| line.starts_with(RED.0))
        .collect();
    assert_eq!(red.len(), 1);
    assert!(red[0].contains("hung"), "{red:?}");
    let json: serde_json::Value = serde_json::from_str(&root.run(&["-j"]).out).unwrap();
    assert_eq!(json["devices"][0]["inflight"], 3.0);
}

#[test]
fn inflight_is_never_less_than_the_kernels() {
    let root = Root::new();
    let shown = |inflight: u64| {
        root.write(
            "dm-3",
            SNAPSHOT.replacen("inflight 0", &format!("inflight {inflight}"), 1),
        );
        words(&root.run(&["-o", "inflight"]).out)[1][1].to_owned()
    };
    assert_eq!([0, 5].map(shown), ["0", "5"]);
    root.file("sys/block/dm-3/inflight", "1 2\n");
    assert_eq!([0, 5].map(shown), ["3", "5"]);
}

#[test]
fn a_suspended_device_says_so_and_is_not_idle() {
    let root = Root::with_device();
    root.file("sys/block/dm-3/dm/suspended", "1\n");
    root.file("sys/block/dm-3/inflight", "0 0\n");
    let ran = root.run_while(&["-yz", "-o", "inflight", "1", "1"], |_| {
        root.write("dm-3", SNAPSHOT.replace("taken 9", "taken 10"));
    });
    assert_eq!(words(&ran.out)[1], ["vg-data", "0", "suspended"]);
    assert!(ran.styled.lines().nth(1).unwrap().starts_with(RED.0));
    let json: serde_json::Value = serde_json::from_str(&root.run(&["-j"]).out).unwrap();
    assert_eq!(json["devices"][0]["state"], "suspended");
    let words = root.run(&["show", "vg-data"]).out;
    assert!(words.contains("\n  state        suspended\n"), "{words}");
}

/// A request in flight for less than a second may just be slow.
#[test]
fn a_device_is_hung_after_a_second_without_a_completion() {
    let state = |taken: u64, age: u64, errors: u64| {
        let root = Root::with_device();
        let later = |errors: u64| {
            SNAPSHOT
                .replace("taken 9000000000", &format!("taken {taken}"))
                .replacen("errors 0", &format!("errors {errors}"), 1)
                .replacen("inflight 0", &format!("inflight 1 age_ns {age}"), 1)
                .replacen("inflight 0", "inflight 0 age_ns 0", 1)
        };
        let ran = root.run_while(&["-jy", "1", "1"], |_| root.write("dm-3", later(errors)));
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        json["devices"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(9_999_999_999, 999_999_999, 0), "running");
    assert_eq!(state(9_999_999_999, 1_000_000_000, 0), "hung");
    assert_eq!(state(10_000_000_000, 0, 0), "hung");
    // A failure also completes a request.
    assert_eq!(state(10_000_000_000, 0, 1), "running");
}

#[test]
fn a_known_zero_comes_before_an_unknown_number() {
    let root = Root::new();
    // No time has passed, so the device's rates are unknown.
    root.write("dm-3", SNAPSHOT.replace("taken 9", "taken 5"));
    root.write(
        "dm-4",
        named(SNAPSHOT, "dm-4", "idle").replace("requests 500", "requests 0"),
    );
    let output = root.run(&["-o", "r/s", "-S", "r/s"]).output();
    assert_eq!(words(&output)[1..], [["idle", "0.00"], ["vg-data", "-"]]);
}

#[test]
fn aqu_sz_is_the_sum_of_latencies_over_the_time() {
    let root = Root::new();
    let seconds = SNAPSHOT.replace("latency_ns 10000000 ", "latency_ns 8000000000 ");
    root.write("dm-3", seconds);
    assert_eq!(
        words(&root.run(&["-o", "aqu-sz"]).output())[1],
        ["vg-data", "2.00"]
    );
    // Failed requests have completed as well.
    let failed = SNAPSHOT
        .replacen("errors 0", "errors 7", 1)
        .replace("16384:480", "16384:473");
    root.write("dm-3", failed);
    assert_eq!(
        words(&root.run(&["-o", "aqu-sz"]).output())[1],
        ["vg-data", "0.00"]
    );
}

/// A snapshot of more than a page is read in pieces.
#[test]
fn a_long_snapshot_is_read_to_its_end() {
    let root = Root::new();
    let long = |writes: u64| {
        let unknown = format!("later {}\n", "1 ".repeat(4096));
        SNAPSHOT
            .replace("read requests", &format!("{unknown}read requests"))
            .replace("write requests 0", &format!("write requests {writes}"))
    };
    root.write("dm-3", long(4));
    let output = root
        .run_while(&["-y", "-o", "w/s", "1", "1"], |_| {
            root.write("dm-3", long(24).replace("taken 9", "taken 11"));
        })
        .output();
    assert_eq!(words(&output)[1], ["vg-data", "10.00"]);
}
