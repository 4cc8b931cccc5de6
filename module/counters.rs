// SPDX-License-Identifier: GPL-2.0

//! What is counted of the requests of one mapped device.

use crate::wrappers::{bio::ReqOp, percpu::PerCpuCounters};
use core::fmt;
use kernel::{new_mutex, prelude::*, sync::Mutex};

/// The operations that are counted, each apart.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    /// Data is read.
    Read,
    /// Data is written.
    Write,
}

/// How many operations there are.
const OPERATIONS: usize = 2;
/// Where an operation's requests are among its counters.
const REQUESTS: usize = 0;
/// Where an operation's bytes are among its counters.
const BYTES: usize = 1;
/// How many counters an operation has.
const FIELDS: usize = 2;
/// How many counters a mapped device has.
const COUNTERS: usize = OPERATIONS * FIELDS;

impl Operation {
    /// The operation of a bio of `size` bytes. A write of nothing is a flush, which is none of
    /// these; what carries data with a flush is a write.
    #[inline(always)]
    pub(crate) fn of(op: ReqOp, size: u32) -> Option<Self> {
        match op {
            ReqOp::READ => Some(Self::Read),
            ReqOp::WRITE if size > 0 => Some(Self::Write),
            _ => None,
        }
    }
}

/// What one operation's requests add up to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    /// How many requests.
    pub(crate) requests: u64,
    /// How many bytes they were about, together.
    pub(crate) bytes: u64,
}

impl Sum {
    /// The average size of a request in bytes, rounded down; 0 without requests.
    pub(crate) fn avg_size(self) -> u64 {
        self.bytes.checked_div(self.requests).unwrap_or(0)
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.wrapping_add(other.requests),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }
}

/// What all operations' requests add up to; as text it is the file `volumes`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    /// The reads.
    pub(crate) read: Sum,
    /// The writes.
    pub(crate) write: Sum,
}

impl Sums {
    /// The sum of one operation.
    pub(crate) fn of(self, operation: Operation) -> Sum {
        match operation {
            Operation::Read => self.read,
            Operation::Write => self.write,
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            read: self.read.plus(other.read),
            write: self.write.plus(other.write),
        }
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.read.plus(self.write);
        for (name, sum) in [("read", self.read), ("write", self.write), ("total", total)] {
            writeln!(
                out,
                "{name}:\n reqs: {}\n avg size: {}",
                sum.requests,
                sum.avg_size()
            )?;
        }
        Ok(())
    }
}

/// The counters of one mapped device.
#[pin_data]
pub(crate) struct Counters {
    /// All requests since the device is there. They only ever grow.
    counted: PerCpuCounters<COUNTERS>,
    /// What `counted` was at the last reset. Subtracting it is what makes a reset exact: nobody
    /// could zero another CPU's counter without losing what that CPU counts meanwhile.
    #[pin]
    baseline: Mutex<[u64; COUNTERS]>,
}

impl Counters {
    /// Counters at zero.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            counted: PerCpuCounters::new()?,
            baseline <- new_mutex!([0; COUNTERS]),
        })
    }

    /// Counts one request. On the I/O path of every CPU: takes no lock.
    #[inline(always)]
    pub(crate) fn count(&self, operation: Operation, size: u32) {
        let first = operation as usize * FIELDS;
        self.counted.add(first + REQUESTS, 1);
        self.counted.add(first + BYTES, size.into());
    }

    /// What was counted since the last reset.
    pub(crate) fn sums(&self) -> Sums {
        // The lock keeps the baseline from overtaking the counters read here.
        let baseline = self.baseline.lock();
        let mut counts = self.counted.sums();
        for (count, before) in counts.iter_mut().zip(baseline.iter()) {
            *count = count.wrapping_sub(*before);
        }
        let [read_requests, read_bytes, write_requests, write_bytes] = counts;
        Sums {
            read: Sum {
                requests: read_requests,
                bytes: read_bytes,
            },
            write: Sum {
                requests: write_requests,
                bytes: write_bytes,
            },
        }
    }

    /// Starts again at zero.
    pub(crate) fn reset(&self) {
        let mut baseline = self.baseline.lock();
        *baseline = self.counted.sums();
    }
}
