// SPDX-License-Identifier: GPL-2.0

//! Sums of the counters, and their text.
//!
//! Plain Rust without kernel types.

use core::fmt;

/// Sums of the requests of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Number of requests.
    pub(crate) requests: u64,
    /// Bytes of all requests.
    pub(crate) bytes: u64,
    /// Number of requests that failed.
    pub(crate) errors: u64,
    /// Number of requests that ended with "try again".
    pub(crate) again: u64,
}

impl Sum {
    /// Returns the average size of a request in bytes, rounded down; 0 without requests.
    pub(crate) fn avg_size(self) -> u64 {
        self.bytes.checked_div(self.requests).unwrap_or(0)
    }

    /// Returns both sums added.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.wrapping_add(other.requests),
            bytes: self.bytes.wrapping_add(other.bytes),
            errors: self.errors.wrapping_add(other.errors),
            again: self.again.wrapping_add(other.again),
        }
    }
}

/// Writes the file `volumes`: each operation's name and sum, and their total.
pub(crate) fn write_volumes(
    out: &mut impl fmt::Write,
    operations: impl Iterator<Item = (&'static str, Sum)>,
) -> fmt::Result {
    let mut total = Sum::default();
    for (name, sum) in operations {
        write_volume(out, name, sum)?;
        total = total.plus(sum);
    }
    write_volume(out, "total", total)
}

fn write_volume(out: &mut impl fmt::Write, name: &str, sum: Sum) -> fmt::Result {
    let (requests, avg_size) = (sum.requests, sum.avg_size());
    writeln!(out, "{name}:\n reqs: {requests}\n avg size: {avg_size}")
}

/// Writes the line of `dmsetup status`: for each operation its name, requests, bytes and errors; whether
/// latencies are measured; and for each operation the number of requests that ended with "try again". Dashes
/// stand for an operation that is not measured.
pub(crate) fn write_status(
    out: &mut impl fmt::Write,
    operations: impl Iterator<Item = (&'static str, Option<Sum>)> + Clone,
    latency: bool,
) -> fmt::Result {
    for (name, sum) in operations.clone() {
        match sum {
            Some(sum) => write!(out, "{name} {} {} {} ", sum.requests, sum.bytes, sum.errors)?,
            None => write!(out, "{name} - - - ")?,
        }
    }
    write!(out, "latency {} again", if latency { "on" } else { "off" })?;
    for (_, sum) in operations {
        match sum {
            Some(sum) => write!(out, " {}", sum.again)?,
            None => out.write_str(" -")?,
        }
    }
    Ok(())
}
