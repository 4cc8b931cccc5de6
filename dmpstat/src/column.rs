// SPDX-License-Identifier: GPL-2.0

//! What can be shown of an interval, with iostat's names and units for what iostat has.

use std::cmp::Ordering;

use crate::histogram::INFINITE;
use crate::interval::Interval;
use crate::operation::Operation::{self, Discard, Flush, Other, Read, Write, WriteZeroes};

/// One number of each interval.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// As iostat calls it where amounts are in kilobytes.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Where it comes from.
    pub quantity: Quantity,
    /// Whether it is shown if nothing else is asked for.
    pub usual: bool,
    /// How many characters its numbers take mostly.
    pub width: usize,
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Requests a second.
    Rate(Operation),
    /// Bytes a second.
    Throughput(Operation),
    /// The average duration, in milliseconds, of requests that ended, however they ended.
    Await(Operation),
    /// The mean age, in milliseconds, of the requests in flight at the interval's end: of an operation,
    /// or of all.
    Age(Option<Operation>),
    /// The average size.
    Size(Operation),
    /// What so many of 1000 latencies do not exceed, in milliseconds.
    Percentile(Operation, u32),
    /// The mean number of requests in flight.
    Queue,
    /// Failed requests a second.
    Errors,
    /// Requests a second that were to be tried again.
    Again,
    /// How many requests are under way at the interval's end.
    Inflight,
}

/// In what amounts are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// 1024 bytes.
    #[default]
    Kilobytes,
    /// 1024 of those.
    Megabytes,
}

const fn column(name: &'static str, quantity: Quantity, help: &'static str) -> Column {
    let width = match quantity {
        Quantity::Rate(_) => 7,
        Quantity::Throughput(_) => 9,
        Quantity::Await(_) | Quantity::Age(_) => 7,
        Quantity::Size(_) => 8,
        Quantity::Percentile(..) => 5,
        Quantity::Queue => 6,
        Quantity::Errors | Quantity::Again => 5,
        Quantity::Inflight => 8,
    };
    Column {
        name,
        help,
        quantity,
        usual: false,
        width,
    }
}

const fn usual(name: &'static str, quantity: Quantity, help: &'static str) -> Column {
    Column {
        usual: true,
        ..column(name, quantity, help)
    }
}

/// All of them, in the order in which they are shown.
pub static COLUMNS: [Column; 36] = [
    usual("r/s", Quantity::Rate(Read), "reads a second"),
    usual(
        "rkB/s",
        Quantity::Throughput(Read),
        "kilobytes read a second",
    ),
    usual(
        "r_await",
        Quantity::Await(Read),
        "how long a read took, on average, in milliseconds",
    ),
    column(
        "rareq-sz",
        Quantity::Size(Read),
        "how large a read was, on average, in kilobytes",
    ),
    column(
        "r_p50",
        Quantity::Percentile(Read, 500),
        "what half of the reads took at most, in milliseconds",
    ),
    usual(
        "r_p99",
        Quantity::Percentile(Read, 990),
        "what 99 of 100 reads took at most",
    ),
    column(
        "r_p99.9",
        Quantity::Percentile(Read, 999),
        "what 999 of 1000 reads took at most",
    ),
    column(
        "r_age",
        Quantity::Age(Some(Read)),
        "mean age of the reads in flight at the interval's end, in milliseconds",
    ),
    usual("w/s", Quantity::Rate(Write), "writes a second"),
    usual(
        "wkB/s",
        Quantity::Throughput(Write),
        "kilobytes written a second",
    ),
    usual(
        "w_await",
        Quantity::Await(Write),
        "how long a write took, on average, in milliseconds",
    ),
    column(
        "wareq-sz",
        Quantity::Size(Write),
        "how large a write was, on average, in kilobytes",
    ),
    column(
        "w_p50",
        Quantity::Percentile(Write, 500),
        "what half of the writes took at most, in milliseconds",
    ),
    usual(
        "w_p99",
        Quantity::Percentile(Write, 990),
        "what 99 of 100 writes took at most",
    ),
    column(
        "w_p99.9",
        Quantity::Percentile(Write, 999),
        "what 999 of 1000 writes took at most",
    ),
    column(
        "w_age",
        Quantity::Age(Some(Write)),
        "mean age of the writes in flight at the interval's end, in milliseconds",
    ),
    column("d/s", Quantity::Rate(Discard), "discards a second"),
    column(
        "dkB/s",
        Quantity::Throughput(Discard),
        "kilobytes discarded a second",
    ),
    column(
        "d_await",
        Quantity::Await(Discard),
        "how long a discard took, on average, in milliseconds",
    ),
    column(
        "dareq-sz",
        Quantity::Size(Discard),
        "how large a discard was, on average, in kilobytes",
    ),
    column(
        "d_age",
        Quantity::Age(Some(Discard)),
        "mean age of the discards in flight at the interval's end, in milliseconds",
    ),
    column("f/s", Quantity::Rate(Flush), "flushes a second"),
    column(
        "f_await",
        Quantity::Await(Flush),
        "how long a flush took, on average, in milliseconds",
    ),
    column(
        "f_age",
        Quantity::Age(Some(Flush)),
        "mean age of the flushes in flight at the interval's end, in milliseconds",
    ),
    column(
        "z/s",
        Quantity::Rate(WriteZeroes),
        "requests a second that write zeroes",
    ),
    column(
        "zkB/s",
        Quantity::Throughput(WriteZeroes),
        "kilobytes of zeroes a second",
    ),
    column(
        "z_await",
        Quantity::Await(WriteZeroes),
        "how long those took, on average, in milliseconds",
    ),
    column(
        "z_age",
        Quantity::Age(Some(WriteZeroes)),
        "mean age of the requests that write zeroes in flight at the interval's end, in milliseconds",
    ),
    column(
        "o/s",
        Quantity::Rate(Other),
        "other requests a second: secure erase, zone operations",
    ),
    column(
        "o_await",
        Quantity::Await(Other),
        "how long those took, on average, in milliseconds",
    ),
    column(
        "o_age",
        Quantity::Age(Some(Other)),
        "mean age of the other requests in flight at the interval's end, in milliseconds",
    ),
    usual(
        "aqu-sz",
        Quantity::Queue,
        "mean number of requests in flight, with those that have not ended",
    ),
    usual(
        "inflight",
        Quantity::Inflight,
        "how many requests are under way at the interval's end",
    ),
    column(
        "age",
        Quantity::Age(None),
        "mean age of the requests in flight at the interval's end, in milliseconds",
    ),
    usual("err/s", Quantity::Errors, "failed requests a second"),
    column(
        "again/s",
        Quantity::Again,
        "requests a second that were to be tried again: these are no errors",
    ),
];

impl Column {
    /// The one of this name, in either unit.
    pub fn named(name: &str) -> Option<&'static Self> {
        let units = [Unit::Kilobytes, Unit::Megabytes];
        COLUMNS
            .iter()
            .find(|column| units.iter().any(|unit| column.name_in(*unit) == name))
    }

    /// Its name where amounts are in this unit. Average sizes are always in kilobytes, as iostat's.
    pub fn name_in(&self, unit: Unit) -> &'static str {
        match (unit, self.name) {
            (Unit::Megabytes, "rkB/s") => "rMB/s",
            (Unit::Megabytes, "wkB/s") => "wMB/s",
            (Unit::Megabytes, "dkB/s") => "dMB/s",
            (Unit::Megabytes, "zkB/s") => "zMB/s",
            (_, name) => name,
        }
    }

    /// The number, of an amount in this unit. `None` if it was not measured.
    pub fn value(&self, interval: &Interval, unit: Unit) -> Option<f64> {
        let value = self.quantity.value(interval)?;
        Some(match (self.quantity, unit) {
            (Quantity::Throughput(_), Unit::Kilobytes) | (Quantity::Size(_), _) => value / 1024.0,
            (Quantity::Throughput(_), Unit::Megabytes) => value / 1024.0 / 1024.0,
            _ => value,
        })
    }

    /// The order in which those with more come first, and those of which it is not known last.
    pub fn most_first(&self, one: &Interval, other: &Interval) -> Ordering {
        let value = |of| self.quantity.value(of).unwrap_or(-1.0);
        value(other).total_cmp(&value(one))
    }
}

const NANOSECONDS: f64 = 1e6;

impl Quantity {
    /// Whether it is known only where latencies are measured.
    pub fn is_of_latencies(self) -> bool {
        matches!(
            self,
            Self::Await(_) | Self::Age(_) | Self::Percentile(..) | Self::Queue | Self::Inflight
        )
    }

    /// The number in bytes, milliseconds or requests.
    pub fn value(self, interval: &Interval) -> Option<f64> {
        match self {
            Self::Rate(operation) => interval.rate(interval.of(operation)?.requests),
            Self::Throughput(operation) => interval.rate(interval.of(operation)?.bytes),
            Self::Size(operation) => {
                let counters = interval.of(operation)?;
                Some(average(counters.bytes, counters.requests))
            }
            Self::Await(operation) => {
                let timing = interval.of(operation)?.timing.as_ref()?;
                let (count, sum) = timing.ended();
                Some(average(sum, count) / NANOSECONDS)
            }
            Self::Age(Some(operation)) => {
                let counters = interval.of(operation)?;
                Some(average(counters.age?, counters.inflight?) / NANOSECONDS)
            }
            Self::Age(None) => {
                let age = sum(interval, |counters| counters.age)?;
                let inflight = sum(interval, |counters| counters.inflight)?;
                Some(average(age, inflight) / NANOSECONDS)
            }
            Self::Percentile(operation, permille) => {
                let timing = interval.of(operation)?.timing.as_ref()?;
                let bound = match timing.latencies.percentile(permille)? {
                    INFINITE => timing.max,
                    bound => bound,
                };
                Some(bound as f64 / NANOSECONDS)
            }
            Self::Queue => interval.mean_inflight(),
            Self::Errors => interval.rate(sum(interval, |counters| counters.errors)?),
            Self::Again => interval.rate(sum(interval, |counters| counters.again)?),
            Self::Inflight => {
                let inflight = sum(interval, |counters| counters.inflight)?;
                Some(inflight as f64)
            }
        }
    }
}

/// 0 of nothing, as iostat has it.
fn average(sum: u64, count: u64) -> f64 {
    if count == 0 {
        0.0
    } else {
        sum as f64 / count as f64
    }
}

/// Sums a counter over the measured operations; `None` if one of them lacks it, or there is none.
fn sum(interval: &Interval, of: impl Fn(&crate::snapshot::Counters) -> Option<u64>) -> Option<u64> {
    let counted: Vec<u64> = interval
        .operations
        .iter()
        .flatten()
        .map(of)
        .collect::<Option<_>>()?;
    (!counted.is_empty()).then(|| counted.iter().copied().fold(0, u64::saturating_add))
}
