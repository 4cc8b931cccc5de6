// SPDX-License-Identifier: GPL-2.0

//! The module's texts of arbitrary numbers: they can be parsed back, and fit into sysfs.

#![no_main]

use std::{array, iter};

use libfuzzer_sys::fuzz_target;

#[path = "../numbers.rs"]
mod numbers;
// The files are formatted with the module, which has another edition.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/histogram.rs"]
mod histogram;
// Parts that only the module needs are unused here.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/lines.rs"]
mod lines;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/measurement.rs"]
mod measurement;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/snapshot.rs"]
mod snapshot;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/statistic.rs"]
mod statistic;
#[rustfmt::skip]
#[path = "../../../module/summary.rs"]
mod summary;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/table_line.rs"]
mod table_line;

use histogram::{Latencies, Scale, Seeks, Sizes};
use snapshot::{Counted, Device, OperationCounted};
use statistic::Statistic;
use summary::{Sum, write_status, write_volumes};

/// sysfs gives a file one page, whose last byte is a zero.
const PAGE: usize = 4096;

/// The operations of `dmsetup status`, in its order.
const OPERATIONS: [&str; 6] = ["read", "write", "discard", "flush", "write_zeroes", "other"];

/// Returns the written text. Asserts that it fits a page.
fn written(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).unwrap();
    assert!(text.len() < PAGE, "{} bytes", text.len());
    text
}

/// Parses a number in its printed form: without a sign or leading zeros.
fn number(word: &str) -> u64 {
    let number: u64 = word.parse().unwrap();
    assert_eq!(number.to_string(), word);
    number
}

/// Asserts that a value is not above its bucket's bound, and is above that of the previous bucket.
fn check_bucket<const FIRST: u32, const N: usize>(value: u64) {
    let bound = |bucket| 1_u128 << (FIRST as usize + bucket);
    let bucket = Scale::<FIRST, N>::bucket_above(value.saturating_sub(1));
    assert!(bucket < N, "{value} is in bucket {bucket}");
    let value = u128::from(value);
    assert!(bucket == 0 || value > bound(bucket - 1), "{value}");
    assert!(bucket == N - 1 || value <= bound(bucket), "{value}");
}

fn check_histogram<const FIRST: u32, const N: usize>(numbers: &[u64]) {
    for value in numbers {
        // Buckets meet at a power of two and its neighbours.
        let power = 1 << (value % 64);
        for value in [*value, power - 1, power, power + 1] {
            check_bucket::<FIRST, N>(value);
        }
    }

    // A missing count is the largest number.
    let counts = array::from_fn(|bucket| numbers.get(bucket).copied().unwrap_or(u64::MAX));
    let text = written(|out| Scale::<FIRST, N>::write(out, &counts));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), N);
    assert!(text.ends_with('\n'));
    for (bucket, (line, count)) in lines.into_iter().zip(counts).enumerate() {
        let (bound, read) = line.split_once(' ').unwrap();
        assert_eq!(number(read), count);
        let expected = (bucket < N - 1).then(|| 1 << (FIRST as usize + bucket));
        assert_eq!(Scale::<FIRST, N>::bound(bucket), expected);
        match expected {
            Some(expected) => assert_eq!(number(bound), expected),
            None => assert_eq!(bound, "inf"),
        }
    }
}

/// Asserts that the average is the largest number whose product with `requests` does not exceed
/// `bytes`. No product overflows in 128 bits.
fn check_average(requests: u64, bytes: u64, average: u64) {
    if requests == 0 {
        assert_eq!(average, 0);
        return;
    }
    let of = |average: u64, more: u128| u128::from(requests) * (u128::from(average) + more);
    let bytes = u128::from(bytes);
    assert!(of(average, 0) <= bytes, "{bytes} / {requests}: {average}");
    assert!(of(average, 1) > bytes, "{bytes} / {requests}: {average}");
}

/// Returns a sum modulo 2^64.
fn both(one: u64, other: u64) -> u64 {
    (u128::from(one) + u128::from(other)) as u64
}

fn check_volumes(read: Sum, write: Sum) {
    let total = read.plus(write);
    assert_eq!(total.errors, both(read.errors, write.errors));
    assert_eq!(total.again, both(read.again, write.again));

    let operations = || OPERATIONS.into_iter().zip([read, write]);
    let text = written(|out| write_volumes(out, operations()));
    let mut lines = text.split('\n');
    for (name, requests, bytes) in [
        ("read:", read.requests, read.bytes),
        ("write:", write.requests, write.bytes),
        (
            "total:",
            both(read.requests, write.requests),
            both(read.bytes, write.bytes),
        ),
    ] {
        let mut next = || lines.next().unwrap();
        assert_eq!(next(), name);
        assert_eq!(number(next().strip_prefix(" reqs: ").unwrap()), requests);
        let average = number(next().strip_prefix(" avg size: ").unwrap());
        check_average(requests, bytes, average);
    }
    // The last line ends, too.
    assert_eq!(lines.collect::<Vec<_>>(), [""]);
}

fn check_status(sums: &[Sum], latency: bool) {
    let operations = || OPERATIONS.into_iter().zip(sums.iter().copied());
    let text = written(|out| {
        write_status(
            out,
            operations().map(|(name, sum)| (name, Some(sum))),
            latency,
        )
    });
    let mut words = text.split(' ');
    for operation in operations() {
        let name = words.next().unwrap();
        let mut next = || number(words.next().unwrap());
        let sum = Sum {
            requests: next(),
            bytes: next(),
            errors: next(),
            again: operation.1.again,
        };
        assert_eq!((name, sum), operation);
    }
    let word = if latency { "on" } else { "off" };
    assert_eq!([words.next(), words.next()], [Some("latency"), Some(word)]);
    assert_eq!(words.next(), Some("again"));
    assert!(words.map(number).eq(operations().map(|(_, sum)| sum.again)));
}

/// Returns the original bytes of a snapshot's word.
fn unescaped(mut word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(first) = word.chars().next() {
        assert!(matches!(first, '!'..='~'), "{word:?}");
        let length = if first == '\\' {
            bytes.push(u8::from_str_radix(word[1..4].strip_prefix('x').unwrap(), 16).unwrap());
            4
        } else {
            bytes.push(first as u8);
            1
        };
        word = &word[length..];
    }
    bytes
}

/// Checks a distance: it is not above its bucket's bound, and is above that of the previous bucket.
fn check_distance(distance: i64) {
    let Some(code) = Some(Seeks::code(distance as u64)).filter(|code| *code != 0) else {
        assert_eq!(distance, 0);
        return;
    };
    let bucket = Seeks::bucket(code);
    assert!(bucket < Seeks::BUCKETS && bucket != Seeks::SEQUENTIAL);
    let above = bucket.checked_sub(1).and_then(Seeks::bound);
    assert!(above.is_none_or(|bound| distance > bound), "{distance}");
    let bound = Seeks::bound(bucket);
    assert!(bound.is_none_or(|bound| distance <= bound), "{distance}");
}

/// Checks the counts of buckets, which are ` bound:count` each; the rest are 0.
fn check_buckets<Bound: ToString>(
    words: &str,
    bound: impl Fn(usize) -> Option<Bound>,
    counts: &[u64],
) {
    let bound = |bucket| match bound(bucket) {
        Some(bound) => bound.to_string(),
        None => "inf".to_owned(),
    };
    let mut words = words.split(' ').skip(1);
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (word, written) = words.next().unwrap().split_once(':').unwrap();
        assert_eq!((word, number(written)), (&*bound(bucket), *count));
    }
    assert_eq!(words.next(), None);
}

/// Returns an operation's counters of these numbers. Each statistic is sometimes missing.
fn operation(mut next: impl FnMut() -> u64) -> OperationCounted {
    let mut operation = OperationCounted::NONE;
    operation.sizes.fill_with(&mut next);
    operation.latencies.fill_with(&mut next);
    let mut seeks = [0; Seeks::BUCKETS];
    seeks.fill_with(&mut next);
    operation.seeks = Some(seeks).filter(|_| next() % 2 == 0);
    for statistic in Statistic::ALL {
        operation
            .values
            .set(statistic, Some(next()).filter(|value| value % 8 != 7));
    }
    operation
}

/// Checks the lines about the device and about all operations.
fn check_head<'a>(
    mut next: impl FnMut(&str) -> &'a str,
    device: &Device<'_>,
    counted: &Counted<2>,
) {
    assert_eq!((next("dmp "), next("device ")), ("1", "dm-0"));
    assert_eq!(unescaped(next("name ")), device.name);
    if !device.uuid.is_empty() {
        assert_eq!(unescaped(next("uuid ")), device.uuid);
    }
    assert_eq!(number(next("diskseq ")), device.diskseq);
    assert_eq!(number(next("since ")), counted.since);
    assert_eq!(number(next("taken ")), counted.taken);
    let latency = counted.latency_since.is_some();
    assert_eq!(next("latency "), if latency { "on" } else { "off" });
    if let Some(since) = counted.latency_since {
        assert_eq!(number(next("latency_since ")), since);
    }
    if let Some(since) = counted.pattern_since {
        assert_eq!(number(next("pattern_since ")), since);
    }
    let [
        all,
        loaded,
        as_linear,
        loaded_as_linear,
        bypass,
        loaded_bypass,
    ] = counted.lines;
    assert_eq!(
        next("lines "),
        format!(
            "{all} {loaded} as_linear {as_linear} {loaded_as_linear} \
             flush_bypass {bypass} {loaded_bypass}"
        )
    );
}

/// Checks the lines of the operation `read`.
fn check_operation<'a>(
    mut next: impl FnMut(&str) -> &'a str,
    operation: &OperationCounted,
    latency: bool,
) {
    let mut words = next("read").split(' ').skip(1);
    for statistic in Statistic::ALL {
        if let Some(value) = operation.values.get(statistic) {
            assert_eq!(words.next(), Some(statistic.name()));
            assert_eq!(words.next().map(number), Some(value));
        }
    }
    assert_eq!(words.next(), None);
    check_buckets(next("read sizes"), Sizes::bound, &operation.sizes);
    if latency {
        check_buckets(
            next("read latencies"),
            Latencies::bound,
            &operation.latencies,
        );
    }
    if let Some(seeks) = operation.seeks {
        check_buckets(next("read seeks"), Seeks::bound, &seeks);
    }
}

/// Checks a snapshot. The name is arbitrary, and the numbers are the counters of one operation.
fn check_snapshot(name: &[u8], numbers: &[u64], latency: bool) {
    let mut numbers = numbers.iter().copied().chain(iter::repeat(0));
    let mut next = || numbers.next().unwrap();
    let operation = operation(&mut next);
    let counted = Counted {
        since: next(),
        taken: next(),
        latency_since: latency.then(&mut next),
        pattern_since: operation.seeks.map(|_| next()),
        lines: array::from_fn(|_| next()),
        operations: [Some(operation), None],
    };
    let device = Device {
        disk: b"dm-0",
        name,
        uuid: name,
        diskseq: next(),
    };
    let mut text = String::new();
    counted
        .write(&mut text, &device, ["read", "write"])
        .unwrap();
    let mut lines = text.split('\n');
    let mut next = |begin: &str| lines.next().unwrap().strip_prefix(begin).unwrap();
    check_head(&mut next, &device, &counted);
    check_operation(&mut next, &operation, latency);
    // The last line ends, too.
    assert_eq!(lines.collect::<Vec<_>>(), [""]);
}

fuzz_target!(|data: &[u8]| {
    let numbers: Vec<u64> = numbers::numbers(data).collect();
    check_histogram::<9, { Sizes::BUCKETS }>(&numbers);
    check_histogram::<10, { Latencies::BUCKETS }>(&numbers);
    for number in &numbers {
        let power = 1_i64 << (number % 63);
        for distance in [*number as i64, power - 1, power, power + 1] {
            check_distance(distance);
            check_distance(distance.wrapping_neg());
        }
    }

    let sums: Vec<Sum> = numbers
        .chunks_exact(4)
        .map(|numbers| Sum {
            requests: numbers[0],
            bytes: numbers[1],
            errors: numbers[2],
            again: numbers[3],
        })
        .collect();
    for sum in &sums {
        check_average(sum.requests, sum.bytes, sum.avg_size());
    }
    let sum = |n| sums.get(n).copied().unwrap_or_default();
    check_volumes(sum(0), sum(1));
    for latency in [true, false] {
        check_status(&sums, latency);
        check_snapshot(data, &numbers, latency);
    }
});
