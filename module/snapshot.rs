// SPDX-License-Identifier: GPL-2.0

//! Everything that is counted of a device at one time, and how the file `snapshot` says it.
//!
//! Plain Rust without kernel types.

use crate::{
    histogram::{Latencies, Scale, Sizes},
    lines::{self, KINDS},
};
use core::fmt;

/// All of a device's counters at one time.
pub(crate) struct Counted<const OPERATIONS: usize> {
    /// CLOCK_BOOTTIME of the last reset in nanoseconds.
    pub(crate) since: u64,
    /// CLOCK_BOOTTIME of the counters.
    pub(crate) taken: u64,
    /// CLOCK_BOOTTIME of when latencies were last switched on, or of the reset if they were on then. `None`
    /// if they are not measured: then latencies and requests in flight mean nothing.
    pub(crate) latency_since: Option<u64>,
    /// The dmp lines of the device's tables.
    pub(crate) lines: lines::Shown,
    /// Those of each operation, `None` for one that is not measured.
    pub(crate) operations: [Option<OperationCounted>; OPERATIONS],
}

/// The counters of one operation.
#[derive(Clone, Copy)]
pub(crate) struct OperationCounted {
    /// Requests of each size.
    pub(crate) sizes: [u64; Sizes::BUCKETS],
    /// How many bytes they were about, together.
    pub(crate) bytes: u64,
    /// How many of them failed.
    pub(crate) errors: u64,
    /// How many were to be tried again.
    pub(crate) again: u64,
    /// How many measured ones have not ended.
    pub(crate) inflight: u64,
    /// The sum of the ages of those in nanoseconds, if it could be read.
    pub(crate) ages: Option<u64>,
    /// The sum of the latencies in nanoseconds.
    pub(crate) latency_sum: u64,
    /// The highest of them.
    pub(crate) latency_max: u64,
    /// Measured requests that have ended and are not among the latencies, if they could be read: they failed, or
    /// arrived before the last reset.
    pub(crate) rest: Option<Rest>,
    /// Requests of each latency.
    pub(crate) latencies: [u64; Latencies::BUCKETS],
}

/// Measured requests that are in no latency.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    /// Their number.
    pub(crate) count: u64,
    /// The sum of their durations in nanoseconds.
    pub(crate) sum: u64,
}

/// Which mapped device it is.
pub(crate) struct Device<'a> {
    /// Its name in the kernel.
    pub(crate) disk: &'a [u8],
    /// What dmsetup knows it by.
    pub(crate) name: &'a [u8],
    /// Empty if there is none.
    pub(crate) uuid: &'a [u8],
    /// What tells it from the next one of the same name in the kernel.
    pub(crate) diskseq: u64,
}

impl OperationCounted {
    /// Nothing counted.
    pub(crate) const NONE: Self = Self {
        sizes: [0; Sizes::BUCKETS],
        bytes: 0,
        errors: 0,
        again: 0,
        inflight: 0,
        ages: Some(0),
        latency_sum: 0,
        latency_max: 0,
        rest: Some(Rest { count: 0, sum: 0 }),
        latencies: [0; Latencies::BUCKETS],
    };

    /// How many requests there were.
    pub(crate) fn requests(&self) -> u64 {
        self.sizes.iter().copied().fold(0, u64::wrapping_add)
    }

    fn write(&self, out: &mut impl fmt::Write, name: &str, latency: bool) -> fmt::Result {
        let (requests, bytes) = (self.requests(), self.bytes);
        let (errors, again) = (self.errors, self.again);
        write!(
            out,
            "{name} requests {requests} bytes {bytes} errors {errors} again {again}"
        )?;
        if latency {
            let (inflight, sum, max) = (self.inflight, self.latency_sum, self.latency_max);
            write!(
                out,
                " inflight {inflight} latency_ns {sum} latency_max_ns {max}"
            )?;
            if let Some(ages) = self.ages {
                write!(out, " age_ns {ages}")?;
            }
            if let Some(Rest { count, sum }) = self.rest {
                write!(out, " rest_ns {sum} rest {count}")?;
            }
        }
        write!(out, "\n{name} sizes")?;
        write_buckets::<9, { Sizes::BUCKETS }>(out, &self.sizes)?;
        if latency {
            write!(out, "\n{name} latencies")?;
            write_buckets::<10, { Latencies::BUCKETS }>(out, &self.latencies)?;
        }
        out.write_char('\n')
    }
}

impl<const OPERATIONS: usize> Counted<OPERATIONS> {
    /// Nothing counted.
    pub(crate) const NONE: Self = Self {
        since: 0,
        taken: 0,
        latency_since: None,
        lines: [0; 2 * KINDS.len()],
        operations: [None; OPERATIONS],
    };

    /// Writes all of it, with the names of the operations.
    pub(crate) fn write(
        &self,
        out: &mut impl fmt::Write,
        device: &Device<'_>,
        names: [&str; OPERATIONS],
    ) -> fmt::Result {
        out.write_str("dmp 1\n")?;
        write_line(out, "device", device.disk)?;
        write_line(out, "name", device.name)?;
        if !device.uuid.is_empty() {
            write_line(out, "uuid", device.uuid)?;
        }
        let (since, taken) = (self.since, self.taken);
        write!(
            out,
            "diskseq {}\nsince {since}\ntaken {taken}\n",
            device.diskseq
        )?;
        match self.latency_since {
            Some(since) => write!(out, "latency on\nlatency_since {since}\n")?,
            None => out.write_str("latency off\n")?,
        }
        write_lines(out, &self.lines)?;
        for (name, operation) in names.iter().zip(&self.operations) {
            if let Some(operation) = operation {
                operation.write(out, name, self.latency_since.is_some())?;
            }
        }
        Ok(())
    }
}

/// Writes `kind live loaded` for each kind of lines, on one line.
fn write_lines(out: &mut impl fmt::Write, lines: &lines::Shown) -> fmt::Result {
    let mut before = "";
    for (kind, counts) in KINDS.iter().zip(lines.chunks_exact(2)) {
        write!(out, "{before}{kind}")?;
        for count in counts {
            write!(out, " {count}")?;
        }
        before = " ";
    }
    out.write_char('\n')
}

/// Writes ` bound:count` for each bucket with something in it.
fn write_buckets<const FIRST: u32, const N: usize>(
    out: &mut impl fmt::Write,
    counts: &[u64; N],
) -> fmt::Result {
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        match Scale::<FIRST, N>::bound(bucket) {
            Some(bound) => write!(out, " {bound}:{count}")?,
            None => write!(out, " inf:{count}")?,
        }
    }
    Ok(())
}

/// Writes a line of a keyword and of a text that may have anything in it: what is not printable ASCII,
/// the space and the backslash as `\xHH`.
fn write_line(out: &mut impl fmt::Write, keyword: &str, text: &[u8]) -> fmt::Result {
    write!(out, "{keyword} ")?;
    for byte in text {
        match byte {
            b'!'..=b'~' if *byte != b'\\' => out.write_char(char::from(*byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char('\n')
}
