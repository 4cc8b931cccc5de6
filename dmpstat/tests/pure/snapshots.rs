// SPDX-License-Identifier: GPL-2.0

use dmpstat::histogram::INFINITE;
use dmpstat::operation::Operation::{Read, Write};
use dmpstat::snapshot::{Malformed, Snapshot};
use proptest::prelude::*;

/// As the module writes it.
const TEXT: &str = "dmp 1\n\
    device dm-3\n\
    name vg-data\n\
    uuid LVM-0123\n\
    diskseq 21\n\
    since 5123456789\n\
    taken 9123456789\n\
    latency on\n\
    read requests 503 bytes 2048000 errors 3 again 4 inflight 5 latency_ns 1234 latency_max_ns 99\n\
    read sizes 512:2 4096:500 inf:1\n\
    read latencies 1024:1 16384:480 inf:32\n\
    write requests 0 bytes 0 errors 0 again 0 inflight 0 latency_ns 0 latency_max_ns 0\n\
    write sizes\n\
    write latencies\n";

fn parse(text: &str) -> Result<Snapshot, Malformed> {
    Snapshot::parse(text.as_bytes())
}

#[test]
fn all_that_the_module_writes_is_read() {
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
    let reads = snapshot.of(Read).unwrap();
    assert_eq!((reads.requests, reads.bytes), (503, 2_048_000));
    assert_eq!(
        (reads.errors, reads.again, reads.inflight),
        (Some(3), Some(4), Some(5))
    );
    assert_eq!(
        reads.sizes.buckets(),
        [(512, 2), (4096, 500), (INFINITE, 1)]
    );
    let timing = reads.timing.as_ref().unwrap();
    assert_eq!((timing.sum, timing.max), (1234, 99));
    assert_eq!(
        timing.latencies.buckets(),
        [(1024, 1), (16384, 480), (INFINITE, 32)]
    );
    let writes = snapshot.of(Write).unwrap();
    assert_eq!(
        (writes.requests, writes.inflight, writes.sizes.count()),
        (0, Some(0), 0)
    );
}

#[test]
fn what_later_modules_add_is_skipped() {
    let later = TEXT
        .replace("dmp 1", "dmp 1 more")
        .replace("diskseq 21", "diskseq 21 word 1\nunderlying 8:0 x")
        .replace("inf:1", "inf:1 mean 7")
        .replace("again 4", "again 4 merged 77 requests_seen x")
        + "copy requests x\n\nread extents 1:2:3 bytes x\nread\n";
    assert_eq!(parse(&later), parse(TEXT));
}

#[test]
fn what_is_not_measured_is_not_there() {
    let off = "dmp 1\ndevice dm-3\nname a\ndiskseq 1\nsince 0\ntaken 0\nlatency off\n\
        read requests 2 bytes 1024\nread sizes 512:2\n";
    let snapshot = parse(off).unwrap();
    let reads = snapshot.of(Read).unwrap();
    assert_eq!((snapshot.latency, snapshot.uuid.len()), (false, 0));
    assert_eq!(
        (&reads.timing, reads.errors, reads.again, reads.inflight),
        (&None, None, None, None)
    );
    assert_eq!(snapshot.of(Write), None);
}

/// The module escapes for the file's sake, and libdevmapper did for udev's.
#[test]
fn a_name_has_both_escapes_undone_and_those_that_print_nothing_shown() {
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
fn what_is_wrong_is_said_with_its_line() {
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
    let message = |from, to| parse(&TEXT.replace(from, to)).unwrap_err().to_string();
    assert_eq!(
        message("bytes 2048000", "bytes -1"),
        "in its line 9, \"-1\" is no number"
    );
    assert_eq!(
        message("503", "18446744073709551616"),
        "in its line 9, \"18446744073709551616\" is no number"
    );
    assert_eq!(
        message("4096:500", "4096:\u{1b}"),
        "in its line 10, \"4096:\\x1b\" is no number"
    );
}

/// Texts that look like snapshots, with anything in the place of some of their words.
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
    fn nothing_panics(text in any::<Vec<u8>>()) {
        let _ = Snapshot::parse(&text);
        let _ = Snapshot::parse(&[b"dmp 1\n", text.as_slice()].concat());
    }

    #[test]
    fn nothing_that_is_nearly_one_panics(text in nearly()) {
        let _ = Snapshot::parse(&text).map(|snapshot| snapshot.shown_name());
    }

    #[test]
    fn any_name_comes_back(name in prop::collection::vec(1_u8.., 1..127)) {
        let mut escaped = String::new();
        for byte in &name {
            escaped.push_str(&format!("\\x{byte:02x}"));
        }
        let text = TEXT.replace("vg-data", &escaped);
        prop_assert_eq!(parse(&text).unwrap().name, name);
    }
}
