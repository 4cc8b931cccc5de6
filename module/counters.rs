// SPDX-License-Identifier: GPL-2.0

//! What is counted of the requests of one mapped device.

use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    summary::Sum,
    wrappers::{
        memalloc::NoIo,
        percpu::PerCpuCounters,
        rcu::{self, Rcu},
        time,
    },
};
use core::{fmt, iter};
use kernel::{new_mutex, prelude::*, sync::Mutex};

/// Where an operation's requests are among its counters: one counter for each size bucket, whose
/// sum is the number of requests.
const SIZES: usize = 0;
/// Where its bytes are.
const BYTES: usize = SIZES + Sizes::BUCKETS;
/// Where its errors are.
const ERRORS: usize = BYTES + 1;
/// How many counters an operation has.
const FIELDS: usize = ERRORS + 1;

/// Where an operation's latency buckets are among its latency counters.
const LATENCIES: usize = 0;
/// Where the sum of all its latencies is.
const LATENCY_SUM: usize = LATENCIES + Latencies::BUCKETS;
/// Where its highest latency is.
const LATENCY_MAX: usize = LATENCY_SUM + 1;
/// How many latency counters an operation has.
const LATENCY_FIELDS: usize = LATENCY_MAX + 1;

type Counts = PerCpuCounters<{ Operation::COUNT * FIELDS }>;
type Latency = PerCpuCounters<{ Operation::COUNT * LATENCY_FIELDS }>;

/// The counters of one mapped device.
///
/// A reset puts new counters in the place of the old ones, and a request finds either. So after a
/// reset no number is left over from before it, and no request belongs half to it.
#[pin_data]
pub(crate) struct Counters {
    /// What is counted when a request arrives, and when it fails.
    counts: Rcu<Counts>,
    /// What is counted when a request ends, if latencies are measured.
    latency: Rcu<Option<Latency>>,
    /// Whether they are; held while either is replaced. A resume takes it, so whoever holds it
    /// must not wait for I/O.
    #[pin]
    measures: Mutex<bool>,
}

/// What a request carries from when it arrives to when it ends, as one number: when it arrived, if
/// latencies are measured (else 0), and its operation.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// The bits that hold the operation. The others hold nanoseconds, up to 73 years of uptime.
    const OPERATION_BITS: u32 = 3;

    #[inline(always)]
    fn new(operation: Operation, started: u64) -> Self {
        Self((started << Self::OPERATION_BITS) | operation.number() as u64)
    }

    #[inline(always)]
    fn operation(self) -> Operation {
        Operation::from_number(self.0 & ((1 << Self::OPERATION_BITS) - 1))
    }

    #[inline(always)]
    fn started(self) -> u64 {
        self.0 >> Self::OPERATION_BITS
    }
}

impl Counters {
    /// Counters at zero, which do not measure latencies.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            counts: Rcu::new(KBox::new(Counts::new()?, GFP_KERNEL)?),
            latency: Rcu::new(KBox::new(None, GFP_KERNEL)?),
            measures <- new_mutex!(false),
        })
    }

    /// Counts a request that arrives. On the I/O path of every CPU: takes no lock.
    #[inline(always)]
    pub(crate) fn arrived(&self, operation: Operation, size: u32) -> Stamp {
        let section = rcu::read_lock();
        let counts = self.counts.get(&section);
        let first = operation.number() * FIELDS;
        counts.add(first + SIZES + Sizes::bucket(size.into()), 1);
        counts.add(first + BYTES, size.into());
        let started = match self.latency.get(&section) {
            Some(_) => time::now(),
            None => 0,
        };
        Stamp::new(operation, started)
    }

    /// Counts the end of a request that [`Counters::arrived`] counted. Takes no lock either.
    #[inline(always)]
    pub(crate) fn ended(&self, stamp: Stamp, failed: bool) {
        if failed {
            self.failed(stamp.operation());
        }
        // A request that arrived before latencies were measured has no latency.
        if stamp.started() > 0 {
            self.took(stamp);
        }
    }

    #[cold]
    fn failed(&self, operation: Operation) {
        let section = rcu::read_lock();
        let field = operation.number() * FIELDS + ERRORS;
        self.counts.get(&section).add(field, 1);
    }

    fn took(&self, stamp: Stamp) {
        let section = rcu::read_lock();
        // Latencies may have been switched off since it arrived.
        if let Some(latency) = self.latency.get(&section) {
            let ns = time::now().saturating_sub(stamp.started());
            let first = stamp.operation().number() * LATENCY_FIELDS;
            latency.add(first + LATENCIES + Latencies::bucket(ns), 1);
            latency.add(first + LATENCY_SUM, ns);
            latency.raise(first + LATENCY_MAX, ns);
        }
    }

    /// What was counted of one operation since the last reset.
    pub(crate) fn sum(&self, operation: Operation) -> Sum {
        let section = rcu::read_lock();
        let counts = self.counts.get(&section);
        let first = operation.number() * FIELDS;
        let sum = |at: usize, fields: usize| {
            let at = first + at;
            counts.sums(at..at + fields).fold(0, u64::wrapping_add)
        };
        Sum {
            requests: sum(SIZES, Sizes::BUCKETS),
            bytes: sum(BYTES, 1),
            errors: sum(ERRORS, 1),
        }
    }

    /// Writes the histogram of one operation's sizes.
    pub(crate) fn write_sizes(
        &self,
        operation: Operation,
        out: &mut impl fmt::Write,
    ) -> fmt::Result {
        let section = rcu::read_lock();
        let first = operation.number() * FIELDS + SIZES;
        let counts = self.counts.get(&section);
        Sizes::write(out, counts.sums(first..first + Sizes::BUCKETS))
    }

    /// Writes the histogram of one operation's latencies.
    pub(crate) fn write_latencies(
        &self,
        operation: Operation,
        out: &mut impl fmt::Write,
    ) -> fmt::Result {
        let section = rcu::read_lock();
        let first = operation.number() * LATENCY_FIELDS + LATENCIES;
        match self.latency.get(&section) {
            Some(latency) => Latencies::write(out, latency.sums(first..first + Latencies::BUCKETS)),
            None => Latencies::write(out, iter::repeat(0)),
        }
    }

    /// The sum of one operation's latencies in nanoseconds.
    pub(crate) fn latency_sum(&self, operation: Operation) -> u64 {
        let section = rcu::read_lock();
        let field = operation.number() * LATENCY_FIELDS + LATENCY_SUM;
        match self.latency.get(&section) {
            Some(latency) => latency.sums(field..field + 1).sum(),
            None => 0,
        }
    }

    /// The highest of one operation's latencies in nanoseconds.
    pub(crate) fn latency_max(&self, operation: Operation) -> u64 {
        let section = rcu::read_lock();
        let field = operation.number() * LATENCY_FIELDS + LATENCY_MAX;
        match self.latency.get(&section) {
            Some(latency) => latency.max(field),
            None => 0,
        }
    }

    /// Starts again at zero. Sleeps.
    pub(crate) fn reset(&self) -> Result {
        let _no_io = NoIo::new();
        let measures = self.measures.lock();
        let counts = KBox::new(Counts::new()?, GFP_KERNEL)?;
        let latency = LatencySetting::new(*measures)?;
        self.counts.replace(counts);
        self.latency.replace(latency.0);
        Ok(())
    }

    /// Whether latencies are measured.
    pub(crate) fn measures_latency(&self) -> bool {
        *self.measures.lock()
    }

    /// Starts or stops measuring latencies. What was measured goes when it stops. Sleeps.
    pub(crate) fn measure_latency(&self, on: bool) -> Result {
        self.measure_latency_with(LatencySetting::new(on)?);
        Ok(())
    }

    /// The same with memory that is there already, as a resume needs it: while the device is
    /// suspended, an allocation could wait for I/O that waits for the resume.
    pub(crate) fn measure_latency_with(&self, setting: LatencySetting) {
        let mut measures = self.measures.lock();
        let on = setting.is_on();
        if *measures != on {
            self.latency.replace(setting.0);
            *measures = on;
        }
    }
}

/// Whether to measure latencies, and the memory to do it in.
pub(crate) struct LatencySetting(KBox<Option<Latency>>);

impl LatencySetting {
    /// Whether it is to measure.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Allocates what the setting needs.
    pub(crate) fn new(on: bool) -> Result<Self> {
        let latency = if on { Some(Latency::new()?) } else { None };
        Ok(Self(KBox::new(latency, GFP_KERNEL)?))
    }
}
