// SPDX-License-Identifier: GPL-2.0

//! dmpstat's parser of `snapshot`: no file makes it panic, and the interval between two snapshots
//! is consistent.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

// These are dmpstat's files instead of its crate, because the fuzzer needs nothing else of the
// crate, and would have to build all of it.
#[allow(dead_code)]
#[path = "../../../dmpstat/src/model/mod.rs"]
mod model;

use model::histogram::Histogram;
use model::interval::Interval;
use model::snapshot::{Counters, Snapshot};
use model::statistic::Statistic;

/// Words that bytes from [`FIRST`] on stand for, followed by the names of the statistics: a fuzzer
/// hardly ever spells the parser's words.
const WORDS: [&str; 26] = [
    "device dm-3\nname a\ndiskseq 1\nsince 5\ntaken 9\n",
    "latency on\n",
    "latency off\n",
    "read ",
    "write ",
    "write_zeroes ",
    "sizes",
    "latencies",
    "\nread requests ",
    "\nread sizes ",
    "\nread latencies ",
    " 512:",
    " 4096:",
    " inf:",
    "\\x",
    "18446744073709551615",
    "18446744073709551616",
    "uuid ",
    "since ",
    "taken ",
    "diskseq ",
    "latency_since ",
    "pattern_since ",
    "\nread seeks ",
    " -9:",
    "lines 1 0 as_linear 0 0 flush_bypass 1 0\n",
];
const FIRST: u8 = 0x80;

static ALL_WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let statistics = Statistic::ALL.map(|statistic| format!(" {} ", statistic.name()));
    WORDS
        .map(str::to_owned)
        .into_iter()
        .chain(statistics)
        .collect()
});

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in bytes {
        let short = byte.checked_sub(FIRST).map(usize::from);
        match short.and_then(|short| ALL_WORDS.get(short)) {
            Some(word) => text.extend_from_slice(word.as_bytes()),
            None => text.push(*byte),
        }
    }
    text
}

/// Asserts that buckets rise, that none is empty, and that percentiles rise with them.
fn check_histogram(histogram: &Histogram) {
    let buckets = histogram.buckets();
    assert!(buckets.is_sorted_by(|one, next| one.0 < next.0));
    assert!(
        buckets
            .iter()
            .all(|(bound, count)| *count > 0 && histogram.of(*bound) == *count)
    );
    let percentiles = [500, 990, 999, 1000].map(|permille| histogram.percentile(permille));
    assert!(percentiles.is_sorted());
    assert_eq!(percentiles[3], buckets.last().map(|(bound, _)| *bound));
}

fn check_counters(counters: &Counters) {
    check_histogram(&counters.sizes);
    if let Some(timing) = &counters.timing {
        check_histogram(&timing.latencies);
    }
    if let Some(seeks) = &counters.seeks {
        check_histogram(seeks);
    }
}

fn check_interval(interval: &Interval) {
    for counters in interval.operations.iter().flatten() {
        check_counters(counters);
        let rate = interval.rate(counters.requests());
        assert!(rate.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
    }
    interval.is_idle();
}

fn check(snapshot: &Snapshot) {
    // The shown name can be converted back to the name.
    assert_eq!(
        model::escape::undo(snapshot.shown_name().as_bytes()),
        snapshot.plain_name()
    );
    check_interval(&Interval::since_reset(snapshot));
}

fuzz_target!(|data: &[u8]| {
    let _ = Snapshot::parse(data);
    // Two snapshots of one device, or of two.
    let (before, now) = data.split_at(data.len() / 2);
    let parsed =
        [before, now].map(|bytes| Snapshot::parse(&[b"dmp 1\n", &*text(bytes)].concat()).ok());
    parsed.iter().flatten().for_each(check);
    if let [Some(before), Some(now)] = &parsed {
        check_interval(&Interval::between(Some(before), now));
        // Nothing passed between a snapshot and itself.
        let nothing = Interval::between(Some(now), now);
        assert!(
            nothing.restart.is_none()
                && nothing
                    .operations
                    .iter()
                    .flatten()
                    .all(|of| of.requests() == 0)
        );
    }
});
