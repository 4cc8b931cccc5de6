// SPDX-License-Identifier: GPL-2.0

//! All counters of a device at one time, and the text of the file `snapshot`.
//!
//! Plain Rust without kernel types.

use crate::{
    histogram::{Latencies, Sizes},
    lines::{self, KINDS},
};
use core::fmt;

/// All of a device's counters at one time.
pub(crate) struct Counted<const OPERATIONS: usize> {
    /// CLOCK_BOOTTIME of the last reset, in nanoseconds.
    pub(crate) since: u64,
    /// CLOCK_BOOTTIME of the snapshot, in nanoseconds.
    pub(crate) taken: u64,
    /// CLOCK_BOOTTIME of the last switch to latencies on, or of the last reset if they were on then. `None`
    /// while latencies are off: then latencies and requests in flight mean nothing.
    pub(crate) latency_since: Option<u64>,
    /// Counts of the dmp lines in the device's tables.
    pub(crate) lines: lines::Shown,
    /// Counters of each operation; `None` for an operation that is not measured.
    pub(crate) operations: [Option<OperationCounted>; OPERATIONS],
}

/// The counters of one operation.
#[derive(Clone, Copy)]
pub(crate) struct OperationCounted {
    /// Requests in each size bucket.
    pub(crate) sizes: [u64; Sizes::BUCKETS],
    /// Bytes of all requests.
    pub(crate) bytes: u64,
    /// Number of requests that failed.
    pub(crate) errors: u64,
    /// Number of requests that ended with "try again".
    pub(crate) again: u64,
    /// Number of measured requests that have not ended.
    pub(crate) inflight: u64,
    /// Sum of the ages of the requests in flight, in nanoseconds; `None` if it could not be read.
    pub(crate) ages: Option<u64>,
    /// Sum of the latencies, in nanoseconds.
    pub(crate) latency_sum: u64,
    /// Highest latency, in nanoseconds.
    pub(crate) latency_max: u64,
    /// Measured requests that have ended without a latency, because they failed or arrived before the last
    /// reset; `None` if they could not be read.
    pub(crate) rest: Option<Rest>,
    /// Requests in each latency bucket.
    pub(crate) latencies: [u64; Latencies::BUCKETS],
}

/// Measured requests that have ended without a latency.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    /// Their number.
    pub(crate) count: u64,
    /// The sum of their durations, in nanoseconds.
    pub(crate) sum: u64,
}

/// The identity of a mapped device.
pub(crate) struct Device<'a> {
    /// Name in the kernel.
    pub(crate) disk: &'a [u8],
    /// Name in dmsetup.
    pub(crate) name: &'a [u8],
    /// UUID; empty if there is none.
    pub(crate) uuid: &'a [u8],
    /// Number that the next device with the same name in the kernel does not have.
    pub(crate) diskseq: u64,
}

impl OperationCounted {
    /// Counters at zero.
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

    /// Returns the number of requests.
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
        Sizes::write_nonempty(out, &self.sizes)?;
        if latency {
            write!(out, "\n{name} latencies")?;
            Latencies::write_nonempty(out, &self.latencies)?;
        }
        out.write_char('\n')
    }
}

impl<const OPERATIONS: usize> Counted<OPERATIONS> {
    /// Counters at zero.
    pub(crate) const NONE: Self = Self {
        since: 0,
        taken: 0,
        latency_since: None,
        lines: [0; lines::COUNTS],
        operations: [None; OPERATIONS],
    };

    /// Writes the whole text. `names` are the names of the operations.
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

/// Writes a keyword and a text of any bytes on one line. The space, the backslash and all but printable ASCII
/// become `\xHH`.
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
