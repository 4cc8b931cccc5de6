// SPDX-License-Identifier: GPL-2.0

use crate::histogram::Seeks;
use crate::snapshot::{Counted, Device, OperationCounted};
use crate::statistic::Statistic::{
    self, Again, AgeSum, Bytes, Errors, Inflight, LatencyMax, LatencySum, Requests, Rest, RestSum,
};

const DEVICE: Device<'_> = Device {
    disk: b"dm-3",
    name: b"vg-data",
    uuid: b"LVM-0123",
    diskseq: 21,
};

fn text<const N: usize>(counted: &Counted<N>, device: &Device<'_>, names: [&str; N]) -> String {
    let mut text = String::new();
    counted.write(&mut text, device, names).unwrap();
    text
}

/// Returns the counters of an operation without requests.
fn zeros() -> OperationCounted {
    let mut zeros = OperationCounted::NONE;
    for statistic in Statistic::ALL {
        zeros.values.set(statistic, Some(0));
    }
    zeros.seeks = Some([0; Seeks::BUCKETS]);
    zeros
}

fn reads() -> OperationCounted {
    let mut reads = OperationCounted::NONE;
    (reads.sizes[0], reads.sizes[3], reads.sizes[23]) = (2, 500, 1);
    (reads.latencies[0], reads.latencies[4], reads.latencies[27]) = (1, 480, 32);
    for (statistic, value) in [
        (Requests, reads.requests()),
        (Bytes, 2_048_000),
        (Errors, 3),
        (Again, 4),
        (Inflight, 5),
        (LatencySum, 1234),
        (LatencyMax, 99),
        (AgeSum, 4711),
        (RestSum, 815),
        (Rest, 7),
    ] {
        reads.values.set(statistic, Some(value));
    }
    let mut seeks = [0; Seeks::BUCKETS];
    (seeks[0], seeks[9], seeks[18]) = (3, 490, 10);
    reads.seeks = Some(seeks);
    reads
}

#[test]
fn a_snapshot_has_every_field_and_the_nonempty_buckets() {
    let counted = Counted {
        since: 5_123_456_789,
        taken: 9_123_456_789,
        latency_since: Some(6_123_456_789),
        pattern_since: Some(7_123_456_789),
        lines: [3, 1, 2, 0, 4_294_967_295, 10],
        operations: [Some(reads()), Some(zeros())],
    };
    assert_eq!(
        text(&counted, &DEVICE, ["read", "write"]),
        // dmpstat's tests read this file.
        include_str!("../../dmpstat/tests/snapshots/every-field")
    );
}

/// A 0 would look like a measured value.
#[test]
fn unmeasured_values_are_left_out() {
    let mut reads = reads();
    for statistic in Statistic::ALL {
        if statistic.description().needs_latency {
            reads.values.set(statistic, None);
        }
    }
    reads.seeks = None;
    let counted = Counted {
        latency_since: None,
        operations: [Some(reads)],
        ..Counted::NONE
    };
    let text = text(&counted, &DEVICE, ["read"]);
    assert!(
        text.ends_with(
            "latency off\nlines 0 0 as_linear 0 0 flush_bypass 0 0\n\
             read requests 503 bytes 2048000 errors 3 again 4\n\
             read sizes 512:2 4096:500 inf:1\n"
        ),
        "{text}"
    );
}

#[test]
fn unmeasured_operations_have_no_line_and_unreadable_sums_no_word() {
    let mut reads = reads();
    for statistic in [AgeSum, RestSum, Rest] {
        reads.values.set(statistic, None);
    }
    let counted = Counted {
        latency_since: Some(1),
        operations: [Some(reads), None],
        ..Counted::NONE
    };
    let text = text(&counted, &DEVICE, ["read", "flush"]);
    assert!(text.contains(" latency_max_ns 99\n"), "{text}");
    assert!(!text.contains("flush "), "{text}");
}

#[test]
fn a_name_of_any_bytes_is_one_word_and_an_empty_uuid_has_no_line() {
    let device = Device {
        name: b"a b\\c\n\xc3\xa9\x7f\0~!",
        uuid: b"",
        ..DEVICE
    };
    assert_eq!(
        text(&Counted::NONE, &device, []),
        "dmp 1\ndevice dm-3\nname a\\x20b\\x5cc\\x0a\\xc3\\xa9\\x7f\\x00~!\ndiskseq 21\n\
         since 0\ntaken 0\nlatency off\nlines 0 0 as_linear 0 0 flush_bypass 0 0\n"
    );
}

#[test]
fn sums_of_durations_begin_at_zero_with_latency() {
    let begin = Statistic::ALL
        .into_iter()
        .filter(|statistic| statistic.begins_with_latency());
    let begin: Vec<Statistic> = begin.collect();
    assert_eq!(begin, [LatencySum, LatencyMax, RestSum, Rest]);
}

#[test]
fn requests_are_the_sum_of_the_sizes_modulo_2_64() {
    let mut counted = OperationCounted::NONE;
    assert_eq!(counted.requests(), 0);
    (counted.sizes[1], counted.sizes[20]) = (u64::MAX, 3);
    assert_eq!(counted.requests(), 2);
}
