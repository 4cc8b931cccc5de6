// SPDX-License-Identifier: GPL-2.0

//! `dmpstat check`: the line and the exit status for monitors.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::common::{Root, SNAPSHOT, named};

/// The counters of a volume.
#[derive(Clone, Copy)]
struct Counts {
    /// The time of the snapshot, in seconds since boot. Counting began at 5 s.
    taken: u64,
    /// Reads of 4 KiB that took 1 ms.
    fast: u64,
    /// Reads of 4 KiB that took 61 ms.
    slow: u64,
    /// Failed reads, of 4 KiB.
    errors: u64,
    /// Reads in flight, for 40 s each.
    inflight: u64,
}

/// The counters at the first call: each number differs from 0, so a check of them raises alarms.
const FIRST: Counts = Counts {
    taken: 10,
    fast: 1000,
    slow: 1000,
    errors: 3,
    inflight: 0,
};

impl Counts {
    /// Returns the counters some seconds later.
    fn after(self, seconds: u64) -> Self {
        Self {
            taken: self.taken + seconds,
            ..self
        }
    }

    fn with_slow(self, reads: u64) -> Self {
        Self {
            slow: self.slow + reads,
            ..self
        }
    }

    fn with_fast(self, reads: u64) -> Self {
        Self {
            fast: self.fast + reads,
            ..self
        }
    }

    fn with_errors(self, errors: u64) -> Self {
        Self {
            errors: self.errors + errors,
            ..self
        }
    }

    fn with_inflight(self, inflight: u64) -> Self {
        Self { inflight, ..self }
    }

    /// Returns the file `snapshot` of vg-data.
    fn text(self) -> String {
        let Self {
            taken,
            fast,
            slow,
            errors,
            inflight,
        } = self;
        let requests = fast + slow + errors + inflight;
        let (bytes, time) = (requests * 4096, fast * 1_000_000 + slow * 61_000_000);
        let age = inflight * 40_000_000_000;
        format!(
            "dmp 1\ndevice dm-3\nname vg-data\nuuid LVM-0123\ndiskseq 21\nsince 5000000000\n\
             taken {taken}000000000\nlatency on\nlatency_since 5000000000\n\
             read requests {requests} bytes {bytes} errors {errors} again 0 inflight {inflight} \
             latency_ns {time} latency_max_ns 61000000 age_ns {age} rest_ns 0 rest {errors}\n\
             read sizes 4096:{requests}\n\
             read latencies 1048576:{fast} 67108864:{slow}\n\
             write requests 0 bytes 0 errors 0 again 0 inflight 0 latency_ns 0 latency_max_ns 0 \
             age_ns 0 rest_ns 0 rest 0\nwrite sizes\nwrite latencies\n"
        )
    }

    fn off(self) -> String {
        let text = self.text();
        let lines = text
            .lines()
            .filter(|line| !line.contains("latencies") && !line.starts_with("latency_since"));
        let lines = lines.map(|line| match line.find(" inflight") {
            Some(at) => &line[..at],
            None => line,
        });
        lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("latency on", "latency off")
            + "\n"
    }
}

/// A machine, and the state of a check.
struct Checked {
    root: Root,
    directory: TempDir,
}

impl Checked {
    fn new() -> Self {
        let root = Root::new();
        root.write("dm-3", FIRST.text());
        Self {
            root,
            directory: TempDir::new().unwrap(),
        }
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Runs the check, and returns the exit status and the line.
    fn call(&self, arguments: &[&str]) -> (u8, String) {
        let state = self.state();
        let named = ["--state", state.to_str().unwrap()];
        let ran = self.root.run(&[&["check"], arguments, &named].concat());
        assert_eq!(ran.notes, "");
        ran.result.unwrap();
        let line = ran.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{line}");
        (ran.status.unwrap(), line.to_owned())
    }

    /// Calls the check, changes the counters of vg-data, and calls the check again.
    fn second(&self, arguments: &[&str], counts: Counts) -> (u8, String) {
        self.call(arguments);
        self.root.write("dm-3", counts.text());
        self.call(arguments)
    }
}

/// Returns the result of a second call over 10 s with these counters.
fn second(arguments: &[&str], counts: Counts) -> (u8, String) {
    Checked::new().second(arguments, counts.after(10))
}

fn is(status: u8, line: &str) -> (u8, String) {
    (status, line.to_owned())
}

#[test]
fn the_first_call_has_no_interval_and_is_ok() {
    let checked = Checked::new();
    assert_eq!(
        checked.call(&["vg/data", "-w", "r_p99=20ms", "-c", "errs=0"]),
        is(0, "DMP OK - 1 volume, no interval yet: first call")
    );
    assert_eq!(
        checked.call(&["vg/data", "-w", "r_p99=20ms", "-c", "errs=0"]),
        is(0, "DMP OK - 1 volume in 0.0 s | 'vg-data errs'=0;;0;0")
    );
}

/// Requests in flight need no interval.
#[test]
fn the_first_call_compares_ages_and_requests_in_flight() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.with_inflight(2).text());
    assert_eq!(
        checked.call(&["-w", "inflight=2,errs=0", "-c", "r_age=30s"]),
        is(
            2,
            "DMP CRITICAL - vg/data r_age 40.0s (limit 30s), 1 volume, no interval yet: first call \
             | 'vg-data inflight'=2;2;;0 'vg-data r_age'=40000ms;;30000;0"
        )
    );
}

#[test]
fn a_value_above_the_limit_of_either_option_decides() {
    let options = ["-w", "r_p99=20ms,errs=0", "-c", "r_p99=50ms"];
    assert_eq!(
        second(&options, FIRST.with_fast(100)),
        is(
            0,
            "DMP OK - 1 volume in 10.0 s | 'vg-data r_p99'=1.048576ms;20;50;0 'vg-data errs'=0;0;;0"
        )
    );
    assert_eq!(
        second(&options, FIRST.with_fast(100).with_errors(3)),
        is(
            1,
            "DMP WARNING - vg/data errs 3 (limit 0), 1 volume in 10.0 s \
             | 'vg-data r_p99'=1.048576ms;20;50;0 'vg-data errs'=3;0;;0"
        )
    );
    assert_eq!(
        second(&options, FIRST.with_slow(10).with_errors(3)),
        is(
            2,
            "DMP CRITICAL - vg/data r_p99 61.0ms (limit 50ms), vg/data errs 3 (limit 0), \
             1 volume in 10.0 s | 'vg-data r_p99'=61ms;20;50;0 'vg-data errs'=3;0;;0"
        )
    );
    let warning = ["-w", "r_p99=20ms", "-c", "r_p99=0.1s"];
    assert_eq!(
        second(&warning, FIRST.with_slow(10)),
        is(
            1,
            "DMP WARNING - vg/data r_p99 61.0ms (limit 20ms), 1 volume in 10.0 s \
             | 'vg-data r_p99'=61ms;20;100;0"
        )
    );
}

#[test]
fn a_value_equal_to_its_limit_raises_no_alarm() {
    for (limit, status) in [
        ("r_p99=61ms", 0),
        ("r_p99=0.061s", 0),
        ("r_p99=61000us", 0),
        ("r_p99=61000000ns", 0),
        ("r_p99=61", 0),
        ("r_p99=60999999ns", 2),
        ("r/s=1", 0),
        ("r/s=0.99", 2),
        ("rkB/s=4", 0),
        ("rkB/s=3.99", 2),
        ("rkB/s=4K", 0),
        ("rkB/s=4k", 0),
        ("rMB/s=0.00390625", 0),
        ("rMB/s=0.0039", 2),
        ("rkB/s=0.00390625M", 0),
        ("rareq-sz=4", 0),
        ("rareq-sz=0.001M", 2),
        ("errs=0", 0),
        ("aqu-sz=1e3", 0),
    ] {
        let (found, line) = second(&["-c", limit], FIRST.with_slow(10));
        assert_eq!(found, status, "{limit}: {line}");
    }
}

#[test]
fn limits_are_shown_as_written_and_passed_on_in_one_unit() {
    for (limit, expected) in [
        (
            "r_p99=20",
            "r_p99 61.0ms (limit 20ms), 1 volume in 10.0 s | 'vg-data r_p99'=61ms;;20;0",
        ),
        (
            "r_max=0.5us",
            "r_max 61.0ms (limit 0.5us), 1 volume in 10.0 s | 'vg-data r_max'=61ms;;0.0005;0",
        ),
        (
            "rkB/s=2",
            "rkB/s 4.0k (limit 2k), 1 volume in 10.0 s | 'vg-data rkB/s'=4096B;;2048;0",
        ),
        (
            "rMB/s=0.002",
            "rkB/s 4.0k (limit 0.002M), 1 volume in 10.0 s | 'vg-data rkB/s'=4096B;;2097.152;0",
        ),
        (
            "rkB/s=0.000001G",
            "rkB/s 4.0k (limit 0.000001G), 1 volume in 10.0 s \
             | 'vg-data rkB/s'=4096B;;1073.741824;0",
        ),
        (
            "r/s=0.5",
            "r/s 1 (limit 0.5), 1 volume in 10.0 s | 'vg-data r/s'=1;;0.5;0",
        ),
    ] {
        assert_eq!(
            second(&["-c", limit], FIRST.with_slow(10)),
            is(2, &format!("DMP CRITICAL - vg/data {expected}")),
            "{limit}"
        );
    }
}

#[test]
fn a_rate_is_rounded_up_for_people_and_exact_for_programs() {
    let counts = FIRST.with_slow(1).after(2);
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.3"], FIRST.with_slow(1).after(3)),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.34 (limit 0.3), 1 volume in 3.0 s \
             | 'vg-data r/s'=0.333333;0.3;;0"
        )
    );
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.3"], counts),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.5 (limit 0.3), 1 volume in 2.0 s \
             | 'vg-data r/s'=0.5;0.3;;0"
        )
    );
}

#[test]
fn empty_limits_are_none() {
    assert_eq!(
        second(&["-w", "", "-c", "errs=0,"], FIRST),
        is(0, "DMP OK - 1 volume in 10.0 s | 'vg-data errs'=0;;0;0")
    );
}

#[test]
fn the_last_limit_of_a_column_counts() {
    assert_eq!(
        second(
            &["-w", "errs=0,r/s=0", "-w", "errs=5"],
            FIRST.with_errors(5)
        ),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.5 (limit 0), 1 volume in 10.0 s \
             | 'vg-data errs'=5;5;;0 'vg-data r/s'=0.5;0;;0"
        )
    );
}

#[test]
fn a_check_without_limits_has_the_columns_of_the_short_table() {
    assert_eq!(
        second(&[], FIRST.with_slow(10)),
        is(
            0,
            "DMP OK - 1 volume in 10.0 s | 'vg-data r/s'=1;;;0 'vg-data r_await'=61ms;;;0 \
             'vg-data r_p99'=61ms;;;0 'vg-data w/s'=0;;;0 'vg-data w_await'=0ms;;;0 \
             'vg-data aqu-sz'=0.061;;;0 'vg-data inflight'=0;;;0 'vg-data errs'=0;;;0"
        )
    );
}

#[test]
fn each_call_begins_the_next_interval() {
    let checked = Checked::new();
    let options = ["-c", "errs=0"];
    let failed = FIRST.after(10).with_errors(1);
    assert_eq!(checked.second(&options, failed).0, 2);
    checked.root.write("dm-3", failed.after(60).text());
    assert_eq!(
        checked.call(&options),
        is(0, "DMP OK - 1 volume in 60.0 s | 'vg-data errs'=0;;0;0")
    );
}

#[test]
fn the_worst_volume_comes_first() {
    let checked = Checked::new();
    let other = |device: &str, counts: Counts| {
        let number = device.strip_prefix("dm-").unwrap();
        named(&counts.text(), device, &format!("vg-v{number}"))
    };
    let devices = ["dm-4", "dm-5", "dm-6"];
    for device in devices {
        checked.root.write(device, other(device, FIRST));
    }
    let options = ["-w", "r_p99=20ms,errs=1", "-c", "errs=3"];
    checked.call(&options);
    let counts = [
        FIRST.with_errors(2),
        FIRST.with_errors(4),
        FIRST.with_errors(8),
        FIRST.with_slow(10),
    ];
    checked.root.write("dm-3", counts[0].after(10).text());
    for (device, counts) in devices.into_iter().zip(&counts[1..]) {
        checked.root.write(device, other(device, counts.after(10)));
    }
    assert_eq!(
        checked.call(&options),
        is(
            2,
            "DMP CRITICAL - vg/v5 errs 8 (limit 3), vg/v4 errs 4 (limit 3), \
             vg/v6 r_p99 61.0ms (limit 20ms), vg/data errs 2 (limit 1), 4 volumes in 10.0 s \
             | 'vg-data errs'=2;1;3;0 'vg-v4 errs'=4;1;3;0 'vg-v5 errs'=8;1;3;0 \
             'vg-v6 r_p99'=61ms;20;;0 'vg-v6 errs'=0;1;3;0"
        )
    );
}

#[test]
fn ten_problems_are_named_and_the_others_counted() {
    let checked = Checked::new();
    let write = |counts: Counts| {
        for number in 3..15 {
            let device = format!("dm-{number}");
            let text = named(&counts.text(), &device, &format!("v{number}"));
            checked.root.write(&device, text);
        }
    };
    write(FIRST);
    checked.call(&["-c", "errs=0"]);
    write(FIRST.after(10).with_errors(1));
    let (status, line) = checked.call(&["-c", "errs=0"]);
    assert_eq!(status, 2);
    let (text, values) = line.split_once(" | ").unwrap();
    let names = (3..13).map(|number| format!("v{number} errs 1 (limit 0), "));
    let names: String = names.collect();
    assert_eq!(
        text,
        format!("DMP CRITICAL - {names}2 more, 12 volumes in 10.0 s")
    );
    assert_eq!(values.split(' ').count(), 24);
}

#[test]
fn groups_are_compared_as_a_whole() {
    let checked = Checked::new();
    let other = |counts: Counts| named(&counts.text(), "dm-4", "vg-home");
    checked.root.write("dm-4", other(FIRST));
    let options = ["--by", "vg", "-w", "errs=3"];
    checked.call(&options);
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(2).text());
    checked
        .root
        .write("dm-4", other(FIRST.after(10).with_errors(2)));
    assert_eq!(
        checked.call(&options),
        is(
            1,
            "DMP WARNING - vg errs 4 (limit 3), 2 volumes in 10.0 s | 'vg errs'=4;3;;0"
        )
    );
    let (status, line) = checked.call(&["--by", "vg-(.)", "-w", "inflight=0"]);
    assert_eq!(
        (status, line.as_str()),
        (
            0,
            "DMP OK - 2 volumes in 0.0 s | 'd inflight'=0;0;;0 'h inflight'=0;0;;0"
        )
    );
}

#[test]
fn devices_are_chosen_by_name_and_pattern() {
    let checked = Checked::new();
    let other = named(&FIRST.text(), "dm-4", "db-1");
    checked.root.write("dm-4", other);
    for (device, line) in [
        ("vg/data", "DMP OK - 1 volume, no interval yet: first call"),
        ("*", "DMP OK - 2 volumes, no interval yet: first call"),
    ] {
        assert_eq!(checked.call(&[device]).1.split(" |").next(), Some(line));
        fs::remove_file(checked.state()).unwrap();
    }
}

/// A quote or "=" ends a label, and "|" the text.
#[test]
fn names_cannot_break_the_line() {
    let checked = Checked::new();
    let text = |counts: Counts| {
        let text = counts.text().replace("uuid LVM-0123\n", "");
        text.replace("vg-data", "a'b=c\\x7cd\\x0a\\x20e\"")
    };
    checked.root.write("dm-3", text(FIRST));
    checked.call(&["-c", "errs=0"]);
    let failed = FIRST.after(10).with_errors(1);
    checked.root.write("dm-3", text(failed));
    assert_eq!(
        checked.call(&["-c", "errs=0"]),
        is(
            2,
            "DMP CRITICAL - a'b=c\\x7cd\\x0a e\" errs 1 (limit 0), 1 volume in 10.0 s \
             | 'a\\x27b\\x3dc\\x7cd\\x0a e\" errs'=1;;0;0"
        )
    );
}

#[test]
fn a_hung_suspended_reset_or_new_volume_is_in_the_text() {
    let checked = Checked::new();
    let options = ["-c", "age=60s"];
    let hung = FIRST.after(10).with_inflight(2);
    assert_eq!(
        checked.second(&options, hung),
        is(
            0,
            "DMP OK - vg/data is hung, 1 volume in 10.0 s | 'vg-data age'=40000ms;;60000;0"
        )
    );
    checked.root.file("sys/block/dm-3/dm/suspended", "1\n");
    checked
        .root
        .write("dm-3", FIRST.after(20).with_fast(2).text());
    assert_eq!(
        checked.call(&options),
        is(
            0,
            "DMP OK - vg/data is suspended, 1 volume in 10.0 s | 'vg-data age'=0ms;;60000;0"
        )
    );
    checked.root.file("sys/block/dm-3/dm/suspended", "0\n");
    // The interval begins at the reset.
    let reset = |counts: Counts| {
        let text = counts.text();
        text.replace("since 5000000000", "since 24000000000")
    };
    let new = named(&FIRST.after(30).with_errors(1).text(), "dm-4", "vg-new");
    checked.root.write("dm-4", new);
    checked
        .root
        .write("dm-3", reset(FIRST.after(30).with_errors(1)));
    let errors = ["-c", "errs=3"];
    assert_eq!(
        checked.call(&errors),
        is(
            2,
            "DMP CRITICAL - vg/data errs 4 (limit 3), vg/new errs 4 (limit 3), vg/data was reset, \
             vg/new is new, 2 volumes in 10.0 s | 'vg-data errs'=4;;3;0 'vg-new errs'=4;;3;0"
        )
    );
    checked.root.remove("dm-4");
    let switched = reset(FIRST.after(40).with_errors(1));
    let switched = switched.replace("latency_since 24", "latency_since 35");
    checked.root.write("dm-3", switched);
    assert_eq!(
        checked.call(&["-c", "errs=3"]),
        is(
            0,
            "DMP OK - vg/data had latency switched, 1 volume in 10.0 s | 'vg-data errs'=0;;3;0"
        )
    );
}

#[test]
fn unmeasured_columns_with_limits_are_unknown() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.off());
    let line =
        "vg/data does not measure r_p99 and age: enable latency with \"dmpstat latency on dm-3\"";
    let options = ["-w", "r_p99=20ms,errs=5", "-c", "age=30s,errs=9"];
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!("DMP UNKNOWN - {line}, 1 volume, no interval yet: first call")
        )
    );
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(4).off());
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!("DMP UNKNOWN - {line}, 1 volume in 10.0 s | 'vg-data errs'=4;5;9;0")
        )
    );
    // An alarm is worse than an unknown value.
    checked
        .root
        .write("dm-3", FIRST.after(20).with_errors(14).off());
    assert_eq!(
        checked.call(&options),
        is(
            2,
            &format!(
                "DMP CRITICAL - vg/data errs 10 (limit 9), {line}, 1 volume in 10.0 s \
                 | 'vg-data errs'=10;5;9;0"
            )
        )
    );
    // An older module measures no ages.
    let checked = Checked::new();
    checked.root.write("dm-3", SNAPSHOT);
    assert_eq!(
        checked.call(&["-w", "age=1s,r_age=1s", "-c", "r_p99=1s"]),
        is(
            3,
            "DMP UNKNOWN - vg/data does not measure age and r_age, 1 volume, no interval yet: first call"
        )
    );
    // The snapshot has no line of flushes.
    let checked = Checked::new();
    assert_eq!(
        checked.call(&["-w", "f/s=1,f_p99=1"]),
        is(
            3,
            "DMP UNKNOWN - vg/data does not measure f/s and f_p99, 1 volume, no interval yet: first call"
        )
    );
    assert_eq!(
        checked.call(&["-w", "f/s=1,r/s=1", "--by", "vg"]),
        is(
            3,
            "DMP UNKNOWN - vg does not measure f/s, 1 volume in 0.0 s"
        )
    );
}

#[test]
fn a_percentile_without_a_request_is_ok() {
    assert_eq!(
        second(&["-c", "r_p99=0,w_p99=0,r_await=0"], FIRST),
        is(
            0,
            "DMP OK - 1 volume in 10.0 s | 'vg-data r_await'=0ms;;0;0"
        )
    );
}

/// The next interval of a volume that was unreadable begins at its last reading.
#[test]
fn an_unreadable_volume_is_unknown_and_keeps_its_interval() {
    let checked = Checked::new();
    let other = |counts: Counts| named(&counts.text(), "dm-4", "vg-home");
    checked.root.write("dm-4", other(FIRST));
    let options = ["-c", "errs=0"];
    checked.call(&options);
    checked.root.write("dm-4", "dmp 1\nnonsense");
    checked.root.write("dm-3", FIRST.after(10).text());
    let path = checked.root.stat().join("dm-4/snapshot");
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!(
                "DMP UNKNOWN - cannot parse {}: the line \"device\" is missing, 1 volume in 10.0 s \
                 | 'vg-data errs'=0;;0;0",
                path.display()
            )
        )
    );
    checked.root.write("dm-3", FIRST.after(20).text());
    checked
        .root
        .write("dm-4", other(FIRST.after(20).with_errors(2)));
    assert_eq!(
        checked.call(&options),
        is(
            2,
            "DMP CRITICAL - vg/home errs 2 (limit 0), 2 volumes in 20.0 s \
             | 'vg-data errs'=0;;0;0 'vg-home errs'=2;;0;0"
        )
    );
}

#[test]
fn a_damaged_state_counts_as_none() {
    let checked = Checked::new();
    let options = ["-c", "errs=0"];
    checked.call(&options);
    let whole = fs::read(checked.state()).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [
        &[][..],
        b"text",
        &whole[..middle],
        &whole[..whole.len() - 1],
        &flipped,
    ] {
        fs::write(checked.state(), damaged).unwrap();
        assert_eq!(
            checked.call(&options),
            is(
                0,
                "DMP OK - 1 volume, no interval yet: the state of the last call was unreadable"
            )
        );
        // The call has replaced the state.
        assert_eq!(
            checked.call(&options).1,
            "DMP OK - 1 volume in 0.0 s | 'vg-data errs'=0;;0;0"
        );
    }
}

/// Counters and device numbers begin again at a boot.
#[test]
fn the_state_of_another_boot_counts_as_none() {
    let checked = Checked::new();
    let boot = |id: &str| checked.root.file("proc/sys/kernel/random/boot_id", id);
    let options = ["-c", "errs=0"];
    boot("one\n");
    checked.call(&options);
    boot("two\n");
    assert_eq!(
        checked.call(&options),
        is(
            0,
            "DMP OK - 1 volume, no interval yet: first call since the boot"
        )
    );
    assert_eq!(
        checked.call(&options).1,
        "DMP OK - 1 volume in 0.0 s | 'vg-data errs'=0;;0;0"
    );
}

#[test]
fn an_error_of_the_state_is_unknown_beside_the_values() {
    let checked = Checked::new();
    let call = |path: &str, why: &str, missing: &str| {
        let arguments = ["check", "-c", "inflight=0", "--state", path];
        let ran = checked.root.run(&arguments);
        assert_eq!(
            ran.out,
            format!(
                "DMP UNKNOWN - cannot write the state {path}: {why}, 1 volume, no interval yet: {missing} \
                 | 'vg-data inflight'=0;;0;0\n"
            )
        );
        assert_eq!(ran.status, Some(3));
    };
    call(
        "/no-such/state",
        "No such file or directory (os error 2)",
        "first call",
    );
    // A rename would replace devices and sockets, too.
    let _socket = UnixListener::bind(checked.state()).unwrap();
    call(
        checked.state().to_str().unwrap(),
        "not a plain file",
        "the state of the last call was unreadable",
    );
    let kind = fs::metadata(checked.state()).unwrap().file_type();
    assert!(kind.is_socket());
}

#[test]
fn errors_of_the_machine_are_unknown() {
    let line = |root: &Root, arguments: &[&str]| {
        let ran = root.run(&[&["check"], arguments].concat());
        ran.result.unwrap();
        (ran.status.unwrap(), ran.out)
    };
    assert_eq!(
        line(&Root::without_module(), &["vg/data"]),
        is(
            3,
            "DMP UNKNOWN - the dmp module is not loaded: run \"modprobe dmp\"\n"
        )
    );
    assert_eq!(
        line(&Root::new(), &[]),
        is(
            3,
            "DMP UNKNOWN - there is no dmp device. Attach a running volume with dmpstat attach VOLUME \
             or create a device over a disk with dmsetup create NAME --table \"0 $(blockdev --getsz \
             /dev/DISK) dmp /dev/DISK\"\n"
        )
    );
    let checked = Checked::new();
    for (device, shown) in [
        ("vg-date", "vg-date\"; similar names: vg-data"),
        ("x|*", "x\\x7c*\""),
    ] {
        assert_eq!(
            checked.call(&[device]),
            is(
                3,
                &format!("DMP UNKNOWN - there is no dmp device \"{shown}")
            )
        );
    }
    assert!(!checked.state().exists());
}

/// Returns a process of the program whose own states are below the root directory.
fn program(root: &Root, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
    command
        .args(arguments)
        .env("DMPSTAT_ROOT", root.path())
        // A user other than root has the states here, and root has them in /run of DMPSTAT_ROOT.
        .env("XDG_RUNTIME_DIR", root.path().join("run"));
    command
}

/// Returns the exit status, standard output and standard error.
fn output(mut command: Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn a_wrong_command_line_is_unknown_on_standard_output() {
    let checked = Checked::new();
    let value = |option: &str, value: &str, why: &str| {
        let long = match option {
            "-w" => "--warning <COLUMN=LIMIT>",
            _ => "--critical <COLUMN=LIMIT>",
        };
        let line = format!("DMP UNKNOWN - invalid value '{value}' for '{long}': {why}\n");
        let command = program(&checked.root, &["check", "vg/data", option, value]);
        assert_eq!(output(command), (3, line, String::new()));
    };
    value("-w", "r_p99", "expected COLUMN=LIMIT, such as r_p99=20ms");
    value(
        "-w",
        "r_p98=1",
        "there is no column \"r_p98\". A similar name: r_p99",
    );
    value("-c", "=1", "there is no column \"\"");
    let time = "a limit of r_p99 is the highest value without an alarm: a number of 0 or more, \
                in ns, us, ms or s";
    for limit in [
        "", "ms", "-1ms", "20K", "20m", "10:20", "@5", "~:5", "inf", "nan", "1e999", "2e308s",
    ] {
        value("-c", &format!("r_p99={limit}"), time);
    }
    let amount = "a limit of rkB/s is the highest value without an alarm: a number of 0 or more, in K, M, G or T";
    for limit in ["5ms", "5B", "5P"] {
        value("-w", &format!("rMB/s={limit}"), amount);
    }
    let requests = "a limit of errs is the highest value without an alarm: a number of 0 or more, without a unit";
    for limit in ["5K", "5ms", "x"] {
        value("-w", &format!("errs={limit}"), requests);
    }
    for (arguments, line) in [
        (
            &["check", "-x"][..],
            "DMP UNKNOWN - unexpected argument '-x' found\n",
        ),
        (
            &["check", "--state"],
            "DMP UNKNOWN - a value is required for '--state <FILE>' but none was supplied\n",
        ),
        (
            &["check", "--by", ""],
            "DMP UNKNOWN - invalid value '' for '--by <vg\\x7cREGEX>': expected vg, or a regular expression\n",
        ),
    ] {
        let found = output(program(&checked.root, arguments));
        assert_eq!(found, (3, line.to_owned(), String::new()));
    }
    // Other commands keep their exit status and their stream.
    let (status, out, notes) = output(program(&checked.root, &["show", "-w"]));
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(
        notes.starts_with("dmpstat: unexpected argument '-w' found"),
        "{notes}"
    );
    let (status, out, notes) = output(program(&checked.root, &["check", "--help"]));
    assert_eq!((status, notes.as_str()), (0, ""));
    assert!(
        out.contains("Usage: dmpstat check [OPTIONS] [DEVICE]..."),
        "{out}"
    );
}

#[test]
fn the_process_exits_with_the_status() {
    let checked = Checked::new();
    let call = |options: &[&str]| {
        let arguments = [&["check", "vg/data"], options].concat();
        output(program(&checked.root, &arguments))
    };
    let both = ["-w", "errs=0", "-c", "errs=5"];
    let unmeasured = ["-w", "f/s=1"];
    assert_eq!((call(&both).0, call(&unmeasured).0), (0, 3));
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(1).text());
    assert_eq!(
        call(&both),
        (
            1,
            "DMP WARNING - vg/data errs 1 (limit 0), 1 volume in 10.0 s | 'vg-data errs'=1;0;5;0\n"
                .to_owned(),
            String::new()
        )
    );
    checked
        .root
        .write("dm-3", FIRST.after(20).with_errors(9).text());
    assert_eq!(call(&both).0, 2);
}

/// A check by hand with other options does not end the interval of the monitor's one.
#[test]
fn checks_with_other_options_have_other_states() {
    let checked = Checked::new();
    let states = || {
        let files = fs::read_dir(checked.root.path().join("run/dmpstat")).unwrap();
        files.count()
    };
    let checks: [&[&str]; 9] = [
        &[],
        &["vg/data"],
        &["vg/*"],
        &["vg/data", "vg/*"],
        &["--by", "vg"],
        &["--by", "v"],
        &["-w", "errs=0"],
        &["-c", "errs=0"],
        &["-c", "errs=1"],
    ];
    for (at, options) in checks.into_iter().enumerate() {
        let arguments = [&["check"], options].concat();
        let (status, line, _) = output(program(&checked.root, &arguments));
        assert_eq!(status, 0);
        assert!(line.contains(", no interval yet: first call"), "{line}");
        assert_eq!(states(), at + 1);
        let (_, line, _) = output(program(&checked.root, &arguments));
        assert!(line.contains("1 volume in 0.0 s"), "{line}");
        assert_eq!(states(), at + 1);
    }
}

#[test]
fn an_unwritable_directory_of_states_is_unknown() {
    let checked = Checked::new();
    checked
        .root
        .file("run/dmpstat", "a file in place of the directory");
    let (status, line, notes) = output(program(&checked.root, &["check", "-w", "errs=0"]));
    assert_eq!((status, notes.as_str()), (3, ""));
    let directory = checked.root.path().join("run/dmpstat/check-");
    let begin = format!(
        "DMP UNKNOWN - cannot write the state {}",
        directory.display()
    );
    assert!(line.starts_with(&begin), "{line}");
    assert!(
        line.ends_with(
            ": Not a directory (os error 20). Name a file with --state, \
             1 volume, no interval yet: first call\n"
        ),
        "{line}"
    );
}

#[test]
fn calls_at_the_same_time_read_whole_states() {
    let checked = Checked::new();
    let state = checked.state();
    let options = ["check", "-c", "errs=0", "--state", state.to_str().unwrap()];
    assert_eq!(checked.root.run(&options).status, Some(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(
                        checked.root.run(&options).out,
                        "DMP OK - 1 volume in 0.0 s | 'vg-data errs'=0;;0;0\n"
                    );
                }
            });
        }
    });
    let files = fs::read_dir(checked.directory.path()).unwrap();
    let names: Vec<_> = files.map(|of| of.unwrap().file_name()).collect();
    assert_eq!(names, ["state"]);
}

/// The exit status is that of the check even if nobody reads the line.
#[test]
fn a_line_that_cannot_be_written_keeps_an_alarm() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.with_inflight(2).text());
    let arguments = ["check", "-c", "inflight=0"];
    let mut command = program(&checked.root, &arguments);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    command.stdout(full);
    let (status, _, notes) = output(command);
    assert_eq!(
        (status, notes.as_str()),
        (
            3,
            "dmpstat: cannot write the output: No space left on device (os error 28)\n"
        )
    );
    let mut command = program(&checked.root, &arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap().code();
    assert_eq!(status, Some(2));
}
