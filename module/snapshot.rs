// SPDX-License-Identifier: GPL-2.0

//! All counters of a device at one time, and the text of the file `snapshot`.
//!
//! Plain Rust without kernel types.

use crate::{
    histogram::{
        Latencies,
        Seeks,
        Sizes, //
    },
    lines::{
        self,
        KINDS, //
    },
    statistic::{
        Statistic,
        Values, //
    }, //
};
use core::fmt;

/// All of a device's counters at one time.
pub(crate) struct Counted<const OPERATIONS: usize> {
    /// CLOCK_BOOTTIME of the last reset, in nanoseconds.
    pub(crate) since: u64,
    /// CLOCK_BOOTTIME of the snapshot, in nanoseconds.
    pub(crate) taken: u64,
    /// CLOCK_BOOTTIME at which latencies were last switched on, or of the last reset if they were on then.
    /// `None` while latencies are off: then latencies and requests in flight are invalid.
    pub(crate) latency_since: Option<u64>,
    /// CLOCK_BOOTTIME at which `pattern` was last switched on, or of the last reset if it was on then. `None`
    /// while it is off.
    pub(crate) pattern_since: Option<u64>,
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
    /// The statistics; `None` for one that is not measured or could not be read.
    pub(crate) values: Values,
    /// Requests in each latency bucket.
    pub(crate) latencies: [u64; Latencies::BUCKETS],
    /// Requests by their distance from earlier ones; `None` if it is not measured.
    pub(crate) seeks: Option<[u64; Seeks::BUCKETS]>,
}

/// The identity of a mapped device.
pub(crate) struct Device<'a> {
    /// Name in the kernel.
    pub(crate) disk: &'a [u8],
    /// Name in dmsetup.
    pub(crate) name: &'a [u8],
    /// UUID; empty if there is none.
    pub(crate) uuid: &'a [u8],
    /// The device's diskseq: a later device with the same kernel name has another one.
    pub(crate) diskseq: u64,
}

impl OperationCounted {
    /// Counters before they are read.
    pub(crate) const NONE: Self = Self {
        sizes: [0; Sizes::BUCKETS],
        values: Values::NONE,
        latencies: [0; Latencies::BUCKETS],
        seeks: None,
    };

    /// Returns the number of requests in the size buckets.
    pub(crate) fn requests(&self) -> u64 {
        self.sizes.iter().copied().fold(0, u64::wrapping_add)
    }

    fn write(&self, out: &mut impl fmt::Write, name: &str, latency: bool) -> fmt::Result {
        out.write_str(name)?;
        for statistic in Statistic::ALL {
            if let Some(value) = self.values.get(statistic) {
                write!(out, " {} {value}", statistic.name())?;
            }
        }
        write!(out, "\n{name} sizes")?;
        Sizes::write_nonempty(out, &self.sizes)?;
        if latency {
            write!(out, "\n{name} latencies")?;
            Latencies::write_nonempty(out, &self.latencies)?;
        }
        if let Some(seeks) = &self.seeks {
            write!(out, "\n{name} seeks")?;
            Seeks::write_nonempty(out, seeks)?;
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
        pattern_since: None,
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
        if let Some(since) = self.pattern_since {
            writeln!(out, "pattern_since {since}")?;
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
