// SPDX-License-Identifier: GPL-2.0

use dmpstat::model::histogram::INFINITE;
use dmpstat::model::operation::Operation::{self, Flush, Read, Write};
use dmpstat::model::snapshot::{LineCount, Lines, Malformed, Snapshot};
use dmpstat::model::statistic::Statistic::{Again, AgeSum, Errors, Inflight, RestSum};
use proptest::prelude::*;

/// A snapshot in the module's form: a test of the module checks that it writes this very file.
const TEXT: &str = include_str!("../snapshots/every-field");

/// The line of the snapshot about dmp lines.
const LINES: &str = "lines 3 1 as_linear 2 0 flush_bypass 4294967295 10";

/// Returns recorded snapshots of real devices, each with its kernel (tests/snapshots/record.sh).
macro_rules! recorded {
    ($name:literal) => {
        [
            ("6.12", include_str!(concat!("../snapshots/6.12/", $name))),
            ("7.3", include_str!(concat!("../snapshots/7.3/", $name))),
        ]
    };
}

fn parse(text: &str) -> Result<Snapshot, Malformed> {
    Snapshot::parse(text.as_bytes())
}

/// Returns the number, from 1, of the text's line with this begin. The number is not a constant, because
/// modules add lines before it.
fn number_of(line: &str) -> usize {
    let at = TEXT.lines().position(|of| of.starts_with(line));
    at.unwrap() + 1
}

#[test]
fn lines_are_counted_by_table_and_kind() {
    let lines = |text: &str| parse(&TEXT.replace(LINES, text)).map(|read| read.lines);
    let count = |all, as_linear, flush_bypass| LineCount {
        all,
        as_linear,
        flush_bypass,
    };
    assert_eq!(
        lines("lines 5 4 as_linear 3 2 new 9 8 flush_bypass 1 0"),
        Ok(Some(Lines {
            live: count(5, 3, 1),
            loaded: count(4, 2, 0),
        }))
    );
    let none = count(0, 0, 0);
    assert_eq!(
        lines("lines 0 1"),
        Ok(Some(Lines {
            live: none,
            loaded: count(1, 0, 0),
        }))
    );
    assert_eq!(
        lines("lines 1 x"),
        Err(Malformed::Number {
            line: number_of("lines"),
            what: "\"x\"".to_owned(),
        })
    );
    assert_eq!(lines(""), Ok(None));
}

#[test]
fn every_field_of_a_snapshot_is_read() {
    let snapshot = parse(TEXT).unwrap();
    assert_eq!(snapshot.device, "dm-3");
    assert_eq!(
        (snapshot.name.as_slice(), snapshot.uuid.as_slice()),
        (&b"vg-data"[..], &b"LVM-0123"[..])
    );
    assert_eq!((snapshot.diskseq, snapshot.latency), (21, true));
    assert_eq!(
        (snapshot.since, snapshot.taken),
        (5_123_456_789, 9_123_456_789)
    );
    assert_eq!(
        snapshot.lines,
        Some(Lines {
            live: LineCount {
                all: 3,
                as_linear: 2,
                flush_bypass: 4_294_967_295,
            },
            loaded: LineCount {
                all: 1,
                as_linear: 0,
                flush_bypass: 10,
            },
        })
    );
    let reads = snapshot.of(Read).unwrap();
    assert_eq!((reads.requests(), reads.bytes()), (503, 2_048_000));
    assert_eq!(
        (reads.of(Errors), reads.of(Again), reads.of(Inflight)),
        (Some(3), Some(4), Some(5))
    );
    assert_eq!(
        reads.sizes.buckets(),
        [(512, 2), (4096, 500), (INFINITE, 1)]
    );
    let timing = reads.timing.as_ref().unwrap();
    assert_eq!((timing.sum(), timing.max()), (1234, 99));
    assert_eq!(
        timing.latencies.buckets(),
        [(1024, 1), (16384, 480), (INFINITE, 32)]
    );
    let writes = snapshot.of(Write).unwrap();
    assert_eq!(
        (writes.requests(), writes.of(Inflight), writes.sizes.count()),
        (0, Some(0), 0)
    );
}

/// Returns an operation's requests, bytes, errors, and requests in flight.
fn counted(snapshot: &Snapshot, operation: Operation) -> (u64, u64, Option<u64>, Option<u64>) {
    let counters = snapshot.of(operation).unwrap();
    (
        counters.requests(),
        counters.bytes(),
        counters.of(Errors),
        counters.of(Inflight),
    )
}

#[test]
fn recorded_snapshots_of_real_modules_are_read() {
    for (kernel, text) in recorded!("latency") {
        let snapshot = parse(text).unwrap();
        assert_eq!(
            (snapshot.device.as_str(), snapshot.shown_name().as_str()),
            ("dm-0", "vg-data"),
            "{kernel}"
        );
        assert_eq!(snapshot.uuid, b"LVM-0123");
        assert!(snapshot.latency && snapshot.since < snapshot.taken);
        assert_eq!(
            counted(&snapshot, Read),
            (520, 500 * 4096 + 20 * 65536, Some(0), Some(0))
        );
        assert_eq!(
            counted(&snapshot, Write),
            (101, 100 * 16384 + 4096, Some(0), Some(0))
        );
        assert_eq!(counted(&snapshot, Flush), (1, 0, Some(0), Some(0)));
        let of = |operation| snapshot.of(operation).unwrap();
        assert_eq!(of(Read).sizes.buckets(), [(4096, 500), (65536, 20)]);
        assert_eq!(of(Write).sizes.buckets(), [(4096, 1), (16384, 100)]);
        for operation in Operation::ALL {
            let counters = of(operation);
            let timing = counters.timing.as_ref().unwrap();
            assert_eq!(timing.latencies.count(), counters.requests(), "{kernel}");
            assert_eq!(
                timing.latencies.percentile(1000).unwrap_or(0),
                timing.max().next_power_of_two() * u64::from(timing.max() > 0)
            );
            assert!(timing.sum() >= timing.max());
        }
    }
}

#[test]
fn failed_requests_in_recorded_snapshots_are_errors_without_latency() {
    for (kernel, text) in recorded!("errors") {
        let snapshot = parse(text).unwrap();
        assert_eq!(
            counted(&snapshot, Read),
            (3, 3 * 4096, Some(3), Some(0)),
            "{kernel}"
        );
        let timing = snapshot.of(Read).unwrap().timing.as_ref().unwrap();
        assert_eq!((timing.sum(), timing.latencies.count()), (0, 0));
        assert_eq!(snapshot.uuid, b"");
    }
}

#[test]
fn recorded_snapshots_without_latencies_have_no_timing() {
    for (kernel, text) in recorded!("plain") {
        let snapshot = parse(text).unwrap();
        assert!(!snapshot.latency, "{kernel}");
        assert_eq!(counted(&snapshot, Read), (3, 3 * 8192, Some(0), None));
        for operation in Operation::ALL {
            assert_eq!(snapshot.of(operation).unwrap().timing, None);
        }
    }
}

#[test]
fn hostile_names_from_real_modules_are_restored() {
    for (kernel, text) in recorded!("hostile") {
        let snapshot = parse(text).unwrap();
        assert_eq!(snapshot.name, b"a\"b\\ \n\xff\xc3\xa9 c", "{kernel}");
        assert_eq!(snapshot.shown_name(), "a\"b\\x5c \\x0a\\xffé c");
    }
    for (kernel, text) in recorded!("longest") {
        assert_eq!(parse(text).unwrap().name, [b'n'; 127], "{kernel}");
    }
}

#[test]
fn words_of_later_modules_are_skipped() {
    let later = TEXT
        .replace("dmp 1", "dmp 1 more")
        .replace("diskseq 21", "diskseq 21 word 1\nunderlying 8:0 x")
        .replace("inf:1\n", "inf:1 mean 7\n")
        .replace("again 4", "again 4 merged 77 requests_seen x")
        + "copy requests x\n\nread extents 1:2:3 bytes x\nread\n";
    assert_eq!(parse(&later), parse(TEXT));
}

#[test]
fn unmeasured_values_are_none() {
    let off = "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 0\nlatency off\n\
        read requests 2 bytes 1024\nread sizes 512:2\n";
    let snapshot = parse(off).unwrap();
    let reads = snapshot.of(Read).unwrap();
    assert_eq!((snapshot.latency, snapshot.uuid.len()), (false, 0));
    assert_eq!(
        (
            &reads.timing,
            reads.of(Errors),
            reads.of(Again),
            reads.of(Inflight)
        ),
        (&None, None, None, None)
    );
    assert_eq!(snapshot.of(Write), None);
}

/// Reads the snapshot of a device with latencies on. Adds this line to it, and these words to the line of
/// reads.
fn timed(line: &str, words: &str) -> Result<Snapshot, Malformed> {
    parse(&format!(
        "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 0\nlatency on\n{line}\
         read requests 2 bytes 1024 errors 0 again 0 inflight 1 latency_ns 1234 latency_max_ns 99{words}\n"
    ))
}

#[test]
fn the_time_at_which_latencies_were_switched_on_is_read() {
    let since = |line| timed(line, "").map(|snapshot| snapshot.latency_since);
    assert_eq!(
        since("latency_since 5123456789 more\n"),
        Ok(Some(5_123_456_789))
    );
    assert_eq!(
        since("latency_since x\n"),
        Err(Malformed::Number {
            line: 8,
            what: "\"x\"".to_owned(),
        })
    );
    assert_eq!(since(""), Ok(None));
    // While latencies are off, the time is ignored.
    assert_eq!(since("latency off\nlatency_since 5\n"), Ok(None));
}

#[test]
fn ages_and_the_rest_of_the_durations_are_read() {
    let reads = |words| {
        let snapshot = timed("", words).unwrap();
        let reads = snapshot.of(Read).unwrap().clone();
        (reads.of(AgeSum), reads.of(RestSum))
    };
    assert_eq!(reads(" age_ns 4711 rest_ns 12"), (Some(4711), Some(12)));
    assert_eq!(reads(" rest_ns 12 later 5"), (None, Some(12)));
    assert_eq!(reads(""), (None, None));
}

/// Older modules wrote flush lines of zeros while flushes bypassed the counters.
#[test]
fn flushes_that_bypass_the_counters_are_not_measured() {
    let flushes = "flush requests 0 bytes 0 errors 0 again 0\nflush sizes\n";
    let is_measured = |lines: &str| {
        let text = format!("{}{flushes}", TEXT.replace(LINES, lines));
        parse(&text).unwrap().of(Flush).is_some()
    };
    assert!(!is_measured("lines 2 1 as_linear 0 0 flush_bypass 2 0"));
    assert!(is_measured("lines 2 1 as_linear 0 0 flush_bypass 1 1"));
    assert!(is_measured("lines 0 1 as_linear 0 0 flush_bypass 0 1"));
    assert!(is_measured(""));
}

#[test]
fn an_operation_without_its_counters_is_not_measured() {
    let text = TEXT.to_owned() + "flush sizes 512:2\nother latencies 1024:1\ndiscard extents 1\n";
    assert_eq!(parse(&text), parse(TEXT));
}

/// The module escapes a name for the file, after libdevmapper has escaped it for udev.
#[test]
fn a_name_is_unescaped_twice_and_shown_with_escapes() {
    let named = |name: &str| parse(&TEXT.replace("vg-data", name)).unwrap();
    let snapshot = named("a\\x5cx20b");
    assert_eq!(
        (snapshot.name.as_slice(), snapshot.shown_name().as_str()),
        (&b"a\\x20b"[..], "a b")
    );
    assert_eq!(
        named("\\xc3\\xa9\\xff\\x0a\\x22").shown_name(),
        "é\\xff\\x0a\""
    );
    let longest = "x".repeat(127);
    assert_eq!(named(&longest).shown_name(), longest);
}

#[test]
fn errors_name_the_line_of_a_malformed_snapshot() {
    assert_eq!(parse(""), Err(Malformed::NotASnapshot));
    assert_eq!(parse("read:\n reqs: 0\n"), Err(Malformed::NotASnapshot));
    assert_eq!(parse("dmp one\n"), Err(Malformed::NotASnapshot));
    assert_eq!(
        parse(&TEXT.replace("dmp 1", "dmp 2")),
        Err(Malformed::Newer(2))
    );
    assert_eq!(
        parse(&TEXT.replace("taken 9123456789\n", "")),
        Err(Malformed::Missing("taken"))
    );
    for (line, from, to, shown) in [
        ("read requests", "bytes 2048000", "bytes -1", "-1"),
        (
            "read requests",
            "503",
            "18446744073709551616",
            "18446744073709551616",
        ),
        // In this number the product with ten overflows as well.
        (
            "read requests",
            "503",
            "99999999999999999999999",
            "99999999999999999999999",
        ),
        ("read sizes", "4096:500", "4096:\u{1b}", "4096:\\x1b"),
    ] {
        let message = parse(&TEXT.replace(from, to)).unwrap_err().to_string();
        let number = number_of(line);
        assert_eq!(
            message,
            format!("line {number}: \"{shown}\" is not a number")
        );
    }
}

/// Returns texts that look like snapshots, with arbitrary text instead of some of their words.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&str> = TEXT.split_inclusive([' ', '\n', ':']).collect();
    let at = prop::collection::vec((0..words.len(), any::<Vec<u8>>()), 0..4);
    at.prop_map(move |changes| {
        let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        for (at, bytes) in changes {
            words[at] = bytes;
        }
        words.concat()
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_cause_no_panic(text in any::<Vec<u8>>()) {
        let _ = Snapshot::parse(&text);
        let _ = Snapshot::parse(&[b"dmp 1\n", text.as_slice()].concat());
    }

    #[test]
    fn a_nearly_valid_snapshot_causes_no_panic(text in nearly()) {
        let _ = Snapshot::parse(&text).map(|snapshot| snapshot.shown_name());
    }

    #[test]
    fn any_escaped_name_is_restored(name in prop::collection::vec(1_u8.., 1..127)) {
        let mut escaped = String::new();
        for byte in &name {
            escaped.push_str(&format!("\\x{byte:02x}"));
        }
        let text = TEXT.replace("vg-data", &escaped);
        prop_assert_eq!(parse(&text).unwrap().name, name);
    }
}
