// SPDX-License-Identifier: GPL-2.0

//! Columns: the numbers of an interval, with iostat's names and units where iostat has them.

use std::cmp::Ordering;

use crate::model::histogram::from_signed;
use crate::model::interval::{Interval, average};
use crate::model::operation::Operation::{self, Discard, Flush, Other, Read, Write, WriteZeroes};
use crate::model::snapshot::{Counters, Snapshot};
use crate::model::statistic::Statistic;
use crate::model::units::NS_PER_MS;

/// A column: one number of each interval.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name with amounts in kilobytes: iostat's, if iostat has the column.
    pub name: &'static str,
    /// Its meaning, for the help.
    pub help: &'static str,
    /// The quantity that it shows.
    pub quantity: Quantity,
    /// The smallest table with the column.
    pub level: Level,
    /// The usual width of its numbers, in characters.
    pub width: usize,
}

/// Tables, the narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The table that fits 80 characters.
    Short,
    /// The table without options.
    Default,
    /// All columns.
    Extended,
}

/// A quantity that a column can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Requests a second.
    Rate(Operation),
    /// Bytes a second.
    Throughput(Operation),
    /// The average duration, in milliseconds, of completed requests, failed ones included.
    Await(Operation),
    /// The mean age, in milliseconds, of the requests in flight at the interval's end: of an operation, or of
    /// all.
    Age(Option<Operation>),
    /// The average size.
    Size(Operation),
    /// Upper bound, in milliseconds, of the latency at this permille.
    Percentile(Operation, u32),
    /// Upper bound of all latencies, in milliseconds.
    Max(Operation),
    /// The percentage of requests that continue a stream.
    Sequential(Operation),
    /// The mean number of requests in flight.
    Queue,
    /// Failed requests: of an operation, or of all.
    Errors(Option<Operation>),
    /// Failed requests a second.
    ErrorRate,
    /// Requests a second that were returned to their sender to retry.
    Again,
    /// Requests in flight at the interval's end.
    Inflight,
}

/// The dimension of a quantity's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Milliseconds.
    Time,
    /// Bytes, or bytes a second.
    Bytes,
    /// Requests, or requests a second.
    Requests,
    /// Percent.
    Percentage,
}

/// The unit of amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// 1024 bytes.
    #[default]
    Kilobytes,
    /// 1024 kilobytes.
    Megabytes,
}

const fn column(name: &'static str, quantity: Quantity, help: &'static str) -> Column {
    let width = match quantity {
        Quantity::Rate(_) => 7,
        Quantity::Throughput(_) => 9,
        Quantity::Await(_) | Quantity::Age(_) => 7,
        Quantity::Size(_) => 8,
        Quantity::Percentile(..) | Quantity::Max(_) | Quantity::Sequential(_) => 5,
        Quantity::Queue => 6,
        Quantity::ErrorRate | Quantity::Again => 5,
        Quantity::Errors(_) => 4,
        Quantity::Inflight => 8,
    };
    Column {
        name,
        help,
        quantity,
        level: Level::Extended,
        width,
    }
}

const fn default(name: &'static str, quantity: Quantity, help: &'static str) -> Column {
    Column {
        level: Level::Default,
        ..column(name, quantity, help)
    }
}

const fn short(name: &'static str, quantity: Quantity, help: &'static str) -> Column {
    Column {
        level: Level::Short,
        ..column(name, quantity, help)
    }
}

/// All columns, in the order of the table.
pub static COLUMNS: [Column; 55] = [
    short("r/s", Quantity::Rate(Read), "reads a second"),
    default(
        "rkB/s",
        Quantity::Throughput(Read),
        "kilobytes read a second",
    ),
    short(
        "r_await",
        Quantity::Await(Read),
        "average duration of completed reads, in milliseconds",
    ),
    column(
        "rareq-sz",
        Quantity::Size(Read),
        "average size of reads, in kilobytes",
    ),
    column(
        "r_p50",
        Quantity::Percentile(Read, 500),
        "upper bound of the median latency of reads, in milliseconds",
    ),
    short(
        "r_p99",
        Quantity::Percentile(Read, 990),
        "upper bound of the 99th percentile of the latencies of reads",
    ),
    column(
        "r_p99.9",
        Quantity::Percentile(Read, 999),
        "upper bound of the 99.9th percentile of the latencies of reads",
    ),
    column(
        "r_max",
        Quantity::Max(Read),
        "upper bound of the longest latency of reads",
    ),
    column(
        "r_age",
        Quantity::Age(Some(Read)),
        "mean age of the reads in flight at the interval's end, in milliseconds",
    ),
    column("r_err", Quantity::Errors(Some(Read)), "failed reads"),
    column(
        "r_seq",
        Quantity::Sequential(Read),
        "sequential reads, in percent",
    ),
    short("w/s", Quantity::Rate(Write), "writes a second"),
    default(
        "wkB/s",
        Quantity::Throughput(Write),
        "kilobytes written a second",
    ),
    short(
        "w_await",
        Quantity::Await(Write),
        "average duration of completed writes, in milliseconds",
    ),
    column(
        "wareq-sz",
        Quantity::Size(Write),
        "average size of writes, in kilobytes",
    ),
    column(
        "w_p50",
        Quantity::Percentile(Write, 500),
        "upper bound of the median latency of writes, in milliseconds",
    ),
    short(
        "w_p99",
        Quantity::Percentile(Write, 990),
        "upper bound of the 99th percentile of the latencies of writes",
    ),
    column(
        "w_p99.9",
        Quantity::Percentile(Write, 999),
        "upper bound of the 99.9th percentile of the latencies of writes",
    ),
    column(
        "w_max",
        Quantity::Max(Write),
        "upper bound of the longest latency of writes",
    ),
    column(
        "w_age",
        Quantity::Age(Some(Write)),
        "mean age of the writes in flight at the interval's end, in milliseconds",
    ),
    column("w_err", Quantity::Errors(Some(Write)), "failed writes"),
    column(
        "w_seq",
        Quantity::Sequential(Write),
        "sequential writes, in percent",
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
        "average duration of completed discards, in milliseconds",
    ),
    column(
        "dareq-sz",
        Quantity::Size(Discard),
        "average size of discards, in kilobytes",
    ),
    column(
        "d_p99",
        Quantity::Percentile(Discard, 990),
        "upper bound of the 99th percentile of the latencies of discards",
    ),
    column(
        "d_max",
        Quantity::Max(Discard),
        "upper bound of the longest latency of discards",
    ),
    column(
        "d_age",
        Quantity::Age(Some(Discard)),
        "mean age of the discards in flight at the interval's end, in milliseconds",
    ),
    column("d_err", Quantity::Errors(Some(Discard)), "failed discards"),
    column("f/s", Quantity::Rate(Flush), "flushes a second"),
    column(
        "f_await",
        Quantity::Await(Flush),
        "average duration of completed flushes, in milliseconds",
    ),
    column(
        "f_p99",
        Quantity::Percentile(Flush, 990),
        "upper bound of the 99th percentile of the latencies of flushes",
    ),
    column(
        "f_max",
        Quantity::Max(Flush),
        "upper bound of the longest latency of flushes",
    ),
    column(
        "f_age",
        Quantity::Age(Some(Flush)),
        "mean age of the flushes in flight at the interval's end, in milliseconds",
    ),
    column("f_err", Quantity::Errors(Some(Flush)), "failed flushes"),
    column(
        "z/s",
        Quantity::Rate(WriteZeroes),
        "write-zeroes requests a second",
    ),
    column(
        "zkB/s",
        Quantity::Throughput(WriteZeroes),
        "kilobytes of zeroes a second",
    ),
    column(
        "z_await",
        Quantity::Await(WriteZeroes),
        "average duration of completed write-zeroes requests, in milliseconds",
    ),
    column(
        "z_p99",
        Quantity::Percentile(WriteZeroes, 990),
        "upper bound of the 99th percentile of the latencies of write-zeroes requests",
    ),
    column(
        "z_max",
        Quantity::Max(WriteZeroes),
        "upper bound of the longest latency of write-zeroes requests",
    ),
    column(
        "z_age",
        Quantity::Age(Some(WriteZeroes)),
        "mean age of the write-zeroes requests in flight at the interval's end, in milliseconds",
    ),
    column(
        "z_err",
        Quantity::Errors(Some(WriteZeroes)),
        "failed write-zeroes requests",
    ),
    column(
        "o/s",
        Quantity::Rate(Other),
        "other requests a second: secure erase, zone operations",
    ),
    column(
        "o_await",
        Quantity::Await(Other),
        "average duration of completed other requests, in milliseconds",
    ),
    column(
        "o_p99",
        Quantity::Percentile(Other, 990),
        "upper bound of the 99th percentile of the latencies of other requests",
    ),
    column(
        "o_max",
        Quantity::Max(Other),
        "upper bound of the longest latency of other requests",
    ),
    column(
        "o_age",
        Quantity::Age(Some(Other)),
        "mean age of the other requests in flight at the interval's end, in milliseconds",
    ),
    column(
        "o_err",
        Quantity::Errors(Some(Other)),
        "failed other requests",
    ),
    short(
        "aqu-sz",
        Quantity::Queue,
        "mean number of requests in flight",
    ),
    short(
        "inflight",
        Quantity::Inflight,
        "requests in flight at the interval's end",
    ),
    column(
        "age",
        Quantity::Age(None),
        "mean age of the requests in flight at the interval's end, in milliseconds",
    ),
    short("errs", Quantity::Errors(None), "failed requests"),
    column("err/s", Quantity::ErrorRate, "failed requests a second"),
    column(
        "again/s",
        Quantity::Again,
        "requests a second returned to the sender to retry: not errors",
    ),
];

impl Column {
    /// Returns the column with this name, in either unit.
    pub fn named(name: &str) -> Option<&'static Self> {
        let units = [Unit::Kilobytes, Unit::Megabytes];
        COLUMNS
            .iter()
            .find(|column| units.iter().any(|unit| column.name_in(*unit) == name))
    }

    /// Returns the column's name with amounts in this unit. Average sizes are always in kilobytes, as in
    /// iostat.
    pub fn name_in(&self, unit: Unit) -> &'static str {
        match (unit, self.name) {
            (Unit::Megabytes, "rkB/s") => "rMB/s",
            (Unit::Megabytes, "wkB/s") => "wMB/s",
            (Unit::Megabytes, "dkB/s") => "dMB/s",
            (Unit::Megabytes, "zkB/s") => "zMB/s",
            (_, name) => name,
        }
    }

    /// Returns the number, with amounts in this unit; `None` if it was not measured.
    pub fn value(&self, interval: &Interval, unit: Unit) -> Option<f64> {
        let value = self.quantity.value(interval)?;
        Some(match (self.quantity, unit) {
            (Quantity::Throughput(_), Unit::Kilobytes) | (Quantity::Size(_), _) => value / 1024.0,
            (Quantity::Throughput(_), Unit::Megabytes) => value / 1024.0 / 1024.0,
            _ => value,
        })
    }

    /// Orders intervals by the number: the largest first, unmeasured ones last.
    pub fn most_first(&self, one: &Interval, other: &Interval) -> Ordering {
        let value = |of| self.quantity.value(of).unwrap_or(-1.0);
        value(other).total_cmp(&value(one))
    }
}

impl Quantity {
    /// Returns whether the quantity is known only while latencies are measured.
    pub fn is_of_latencies(self) -> bool {
        matches!(
            self,
            Self::Await(_) | Self::Age(_) | Self::Percentile(..) | Self::Max(_) | Self::Queue
        )
    }

    /// Returns whether the quantity is of the interval's end alone.
    pub fn is_instant(self) -> bool {
        matches!(self, Self::Age(_) | Self::Inflight)
    }

    /// Returns the dimension of [`Self::value`].
    pub fn dimension(self) -> Dimension {
        match self {
            Self::Await(_) | Self::Age(_) | Self::Percentile(..) | Self::Max(_) => Dimension::Time,
            Self::Throughput(_) | Self::Size(_) => Dimension::Bytes,
            Self::Rate(_)
            | Self::Queue
            | Self::Errors(_)
            | Self::ErrorRate
            | Self::Again
            | Self::Inflight => Dimension::Requests,
            Self::Sequential(_) => Dimension::Percentage,
        }
    }

    /// Returns whether the device has the counters of the quantity.
    pub fn is_measured(self, device: &Snapshot) -> bool {
        let has = |operation, statistic| {
            let counters: Option<&Counters> = device.of(operation);
            counters.is_some_and(|of| of.of(statistic).is_some())
        };
        let all_have = |statistic| {
            let mut counted = Operation::ALL
                .into_iter()
                .filter(|of| device.of(*of).is_some());
            counted.all(|operation| has(operation, statistic))
        };
        match self {
            Self::Rate(operation) | Self::Throughput(operation) | Self::Size(operation) => {
                device.of(operation).is_some()
            }
            Self::Await(operation) | Self::Percentile(operation, _) | Self::Max(operation) => {
                device.of(operation).is_some_and(|of| of.timing.is_some())
            }
            Self::Age(Some(operation)) => has(operation, Statistic::AgeSum),
            Self::Errors(Some(operation)) => has(operation, Statistic::Errors),
            Self::Age(None) => all_have(Statistic::AgeSum),
            Self::Sequential(operation) => {
                device.of(operation).is_some_and(|of| of.seeks.is_some())
            }
            Self::Queue => device.latency,
            Self::Errors(None) | Self::ErrorRate => all_have(Statistic::Errors),
            Self::Again => all_have(Statistic::Again),
            Self::Inflight => all_have(Statistic::Inflight) || device.disk.inflight.is_some(),
        }
    }

    /// Returns whether the quantity counts failures, and the interval has some.
    pub fn has_failures(self, interval: &Interval) -> bool {
        let is_of_failures = matches!(self, Self::Errors(_) | Self::ErrorRate);
        is_of_failures && self.value(interval).is_some_and(|value| value > 0.0)
    }

    /// Returns the number, in bytes, milliseconds or requests; `None` if it was not measured.
    pub fn value(self, interval: &Interval) -> Option<f64> {
        match self {
            Self::Rate(operation) => interval.rate(interval.of(operation)?.requests()),
            Self::Throughput(operation) => interval.rate(interval.of(operation)?.bytes()),
            Self::Size(operation) => {
                let counters = interval.of(operation)?;
                Some(average(counters.bytes(), counters.requests()))
            }
            Self::Await(operation) => {
                let timing = interval.of(operation)?.timing.as_ref()?;
                let (count, sum) = timing.completed();
                Some(average(sum, count) / NS_PER_MS)
            }
            Self::Age(Some(operation)) => {
                let counters = interval.of(operation)?;
                let ages = counters.of(Statistic::AgeSum)?;
                Some(average(ages, counters.of(Statistic::Inflight)?) / NS_PER_MS)
            }
            Self::Age(None) => Some(interval.mean_age()? / NS_PER_MS),
            Self::Percentile(operation, permille) => {
                let timing = interval.of(operation)?.timing.as_ref()?;
                let bound = timing.latencies.percentile(permille)?.min(timing.max());
                Some(bound as f64 / NS_PER_MS)
            }
            Self::Max(operation) => {
                let timing = interval.of(operation)?.timing.as_ref()?;
                let max = Some(timing.max()).filter(|_| timing.latencies.count() > 0);
                Some(max? as f64 / NS_PER_MS)
            }
            Self::Sequential(operation) => {
                let seeks = interval.of(operation)?.seeks.as_ref()?;
                let count = Some(seeks.count()).filter(|count| *count > 0)?;
                Some(100.0 * seeks.of(from_signed(0)) as f64 / count as f64)
            }
            Self::Queue => interval.mean_inflight(),
            Self::Errors(Some(operation)) => {
                Some(interval.of(operation)?.of(Statistic::Errors)? as f64)
            }
            Self::Errors(None) => Some(interval.total(Statistic::Errors)? as f64),
            Self::ErrorRate => interval.rate(interval.total(Statistic::Errors)?),
            Self::Again => interval.rate(interval.total(Statistic::Again)?),
            Self::Inflight => Some(interval.inflight()? as f64),
        }
    }
}
