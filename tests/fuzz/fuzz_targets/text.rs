// SPDX-License-Identifier: GPL-2.0

//! What the module writes, of any numbers: it reads back, and sysfs has room for it.

#![no_main]

use std::iter;

use libfuzzer_sys::fuzz_target;

#[path = "../numbers.rs"]
mod numbers;
// They are formatted with the module, whose edition is another.
#[rustfmt::skip]
#[path = "../../../module/histogram.rs"]
mod histogram;
#[rustfmt::skip]
#[path = "../../../module/summary.rs"]
mod summary;

use histogram::{Latencies, Scale, Sizes};
use summary::{Sum, write_status, write_volumes};

/// sysfs gives a file one page, and its last byte is a zero.
const PAGE: usize = 4096;

/// What `dmsetup status` names, in its order.
const OPERATIONS: [&str; 6] = ["read", "write", "discard", "flush", "write_zeroes", "other"];

/// What was written, if it fits a page.
fn written(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).unwrap();
    assert!(text.len() < PAGE, "{} bytes", text.len());
    text
}

/// A number as it is written: without a sign or zeros before it.
fn number(word: &str) -> u64 {
    let number: u64 = word.parse().unwrap();
    assert_eq!(number.to_string(), word);
    number
}

/// A value is not above its bucket's bound, and above that of the bucket before.
fn check_bucket<const FIRST: u32, const N: usize>(value: u64) {
    let bound = |bucket| 1_u128 << (FIRST as usize + bucket);
    let bucket = Scale::<FIRST, N>::bucket(value);
    assert!(bucket < N, "{value} is in bucket {bucket}");
    let below = value.wrapping_sub(1);
    let above = u32::try_from(below).is_ok().then_some(bucket);
    assert_eq!(Scale::<FIRST, N>::bucket_above(below), above, "{value}");
    let value = u128::from(value);
    assert!(bucket == 0 || value > bound(bucket - 1), "{value}");
    assert!(bucket == N - 1 || value <= bound(bucket), "{value}");
}

fn check_histogram<const FIRST: u32, const N: usize>(numbers: &[u64]) {
    for value in numbers {
        // A power of two and its neighbours are where buckets meet.
        let power = 1 << (value % 64);
        for value in [*value, power - 1, power, power + 1] {
            check_bucket::<FIRST, N>(value);
        }
    }

    // As many lines as there are buckets, however many counts, and the largest where none is given.
    let counts = || numbers.iter().copied().chain(iter::repeat(u64::MAX));
    let text = written(|out| Scale::<FIRST, N>::write(out, counts()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), N);
    assert!(text.ends_with('\n'));
    for (bucket, (line, count)) in lines.into_iter().zip(counts()).enumerate() {
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

/// The average is the largest number that so many requests can have without more bytes than these.
/// In 128 bits no product overflows.
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

/// A sum, round 2^64.
fn both(one: u64, other: u64) -> u64 {
    (u128::from(one) + u128::from(other)) as u64
}

fn check_volumes(read: Sum, write: Sum) {
    let total = read.plus(write);
    assert_eq!(total.errors, both(read.errors, write.errors));

    let text = written(|out| write_volumes(out, read, write));
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
    let text = written(|out| write_status(out, operations(), latency));
    let mut words = text.split(' ');
    for operation in operations() {
        let name = words.next().unwrap();
        let mut next = || number(words.next().unwrap());
        let sum = Sum {
            requests: next(),
            bytes: next(),
            errors: next(),
        };
        assert_eq!((name, sum), operation);
    }
    let word = if latency { "on" } else { "off" };
    assert_eq!(words.collect::<Vec<_>>(), ["latency", word]);
}

fuzz_target!(|data: &[u8]| {
    let numbers: Vec<u64> = numbers::numbers(data).collect();
    check_histogram::<9, { Sizes::BUCKETS }>(&numbers);
    check_histogram::<10, { Latencies::BUCKETS }>(&numbers);

    let sums: Vec<Sum> = numbers
        .chunks_exact(3)
        .map(|numbers| Sum {
            requests: numbers[0],
            bytes: numbers[1],
            errors: numbers[2],
        })
        .collect();
    for sum in &sums {
        check_average(sum.requests, sum.bytes, sum.avg_size());
    }
    let sum = |n| sums.get(n).copied().unwrap_or_default();
    check_volumes(sum(0), sum(1));
    for latency in [true, false] {
        check_status(&sums, latency);
    }
});
