// SPDX-License-Identifier: GPL-2.0

//! What is counted of the requests of one mapped device.

use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    summary::Sum,
    wrappers::{
        bio::ReqOp,
        memalloc::NoIo,
        percpu::PerCpuCounters,
        rcu::{self, Rcu},
        time,
    },
};
use core::{fmt, iter};
use kernel::{new_mutex, prelude::*, sync::Mutex};

/// Where an operation's bytes are among its counters.
const BYTES: usize = 0;
/// Where its errors are.
const ERRORS: usize = 1;
/// Where its requests are: one counter for each size bucket, whose sum is the number of requests.
/// They are where the number of a size's highest bit leads to without a subtraction.
const SIZES: usize = Sizes::FIRST_BIT;

/// Where the sum of all an operation's latencies is among its latency counters.
const LATENCY_SUM: usize = 0;
/// Where its highest latency is: behind the sum, as [`Rcu::measure`] has it.
const LATENCY_MAX: usize = LATENCY_SUM + 1;
/// Where its first latency bucket is: again where the number of the highest bit leads to.
const LATENCIES: usize = Latencies::FIRST_BIT;

/// Where a latency bucket is. The last few, of seconds, are before the first.
#[inline(always)]
const fn latency_bucket(bucket: usize) -> usize {
    let at = LATENCIES + bucket;
    let at = if at < Operation::STRIDE {
        at
    } else {
        at - Operation::STRIDE + LATENCY_MAX + 1
    };
    // It is below that anyway; so the compiler knows it, too, and that no addition overflows.
    at % Operation::STRIDE
}

const _: () = assert!(SIZES + Sizes::BUCKETS <= Operation::STRIDE);
const _: () = assert!(latency_bucket(Latencies::BUCKETS - 1) < LATENCIES);

type Counts = PerCpuCounters<{ Operation::COUNTERS }>;
/// With room for whatever [`Stamp::first`] gives.
type Latency = PerCpuCounters<{ u8::MAX as usize + Operation::STRIDE }>;

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

/// What a request carries from when it arrives to when it ends, as one number: when it arrived, in
/// nanoseconds, and in the lowest 8 bits where its operation's counters begin.
///
/// The time is 0 if latencies are not measured. It wraps after two years of uptime, as do differences
/// of it; for one nanosecond of these a request looks as if it were not measured.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Stamp(u64);

impl Stamp {
    const TIME: u32 = u8::BITS;

    #[inline(always)]
    fn untimed(first: usize) -> Self {
        Self(first as u64)
    }

    #[inline(always)]
    fn timed(first: usize, ns: u64) -> Self {
        Self((ns << Self::TIME) + first as u64)
    }

    /// Where the operation's counters begin.
    #[inline(always)]
    fn first(self) -> usize {
        (self.0 as u8).into()
    }

    #[inline(always)]
    fn has_time(self) -> bool {
        self.0 > u8::MAX.into()
    }

    /// One less than how long ago it is at `ns`, which is not before it: the highest there is for
    /// nothing.
    #[inline(always)]
    fn below_age(self, ns: u64) -> u64 {
        // What is below the time is 1 to 255, so rounding down takes 1 from the difference.
        (ns << Self::TIME).wrapping_sub(self.0) >> Self::TIME
    }
}

impl Counters {
    /// Counters at zero, which do not measure latencies.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            counts: Rcu::new(Counts::new()?),
            latency: Rcu::new(None),
            measures <- new_mutex!(false),
        })
    }

    /// Counts a request that arrives. On the I/O path of every CPU: takes no lock.
    #[inline(always)]
    pub(crate) fn arrived(&self, op: ReqOp, size: u32) -> Stamp {
        let first = if size > 0 {
            let first = Operation::of(op).first();
            let bucket = SIZES + Sizes::bucket(size.into());
            self.counts
                .count(first + BYTES, first + bucket, size.into());
            first
        } else {
            self.empty_arrived(op)
        };
        if self.latency.is_some() {
            Stamp::timed(first, time::now())
        } else {
            Stamp::untimed(first)
        }
    }

    /// Counts a request without data, of which there are few.
    #[cold]
    #[inline(never)]
    fn empty_arrived(&self, op: ReqOp) -> usize {
        let first = Operation::of_empty(op).first();
        let section = rcu::read_lock();
        self.counts
            .get(&section)
            .increment(first + SIZES + Sizes::bucket(0));
        first
    }

    /// Whether there is anything to measure the end of a request with.
    #[inline(always)]
    pub(crate) fn measures(&self) -> bool {
        self.latency.is_some()
    }

    /// Counts the failure of a request that [`Counters::arrived`] counted. Takes no lock either.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&self, stamp: Stamp) {
        let section = rcu::read_lock();
        self.counts.get(&section).increment(stamp.first() + ERRORS);
    }

    /// Measures a request that has ended, unless it arrived when there was nothing to measure it
    /// with, or there no longer is. Takes no lock either.
    #[inline(always)]
    pub(crate) fn took(&self, stamp: Stamp) {
        if stamp.has_time() {
            let below = stamp.below_age(time::now());
            let ns = below.wrapping_add(1);
            match Latencies::bucket_above(below) {
                Some(bucket) => self.measure(stamp, bucket, ns),
                None => self.took_nothing_or_long(stamp, ns),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn took_nothing_or_long(&self, stamp: Stamp, ns: u64) {
        let ns = ns & (u64::MAX >> Stamp::TIME);
        self.measure(stamp, Latencies::bucket(ns), ns);
    }

    #[inline(always)]
    fn measure(&self, stamp: Stamp, bucket: usize, ns: u64) {
        let first = stamp.first();
        let (sum, one) = (first + LATENCY_SUM, first + latency_bucket(bucket));
        self.latency.measure(sum, one, ns);
    }

    /// What was counted of one operation since the last reset.
    pub(crate) fn sum(&self, operation: Operation) -> Sum {
        let section = rcu::read_lock();
        let counts = self.counts.get(&section);
        let first = operation.first();
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
        let first = operation.first() + SIZES;
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
        let first = operation.first();
        let buckets = (0..Latencies::BUCKETS).map(|bucket| first + latency_bucket(bucket));
        match &*self.latency.get(&section) {
            Some(latency) => Latencies::write(out, latency.sums(buckets)),
            None => Latencies::write(out, iter::repeat(0)),
        }
    }

    /// The sum of one operation's latencies in nanoseconds.
    pub(crate) fn latency_sum(&self, operation: Operation) -> u64 {
        let section = rcu::read_lock();
        let field = operation.first() + LATENCY_SUM;
        match &*self.latency.get(&section) {
            Some(latency) => latency.sums(field..field + 1).sum(),
            None => 0,
        }
    }

    /// The highest of one operation's latencies in nanoseconds.
    pub(crate) fn latency_max(&self, operation: Operation) -> u64 {
        let section = rcu::read_lock();
        let field = operation.first() + LATENCY_MAX;
        match &*self.latency.get(&section) {
            Some(latency) => latency.max(field),
            None => 0,
        }
    }

    /// Starts again at zero. Sleeps.
    pub(crate) fn reset(&self) -> Result {
        let _no_io = NoIo::new();
        let measures = self.measures.lock();
        let counts = Counts::new()?;
        let latency = LatencySetting::new(*measures)?;
        self.counts.replace(counts);
        self.latency.replace(latency.0);
        Ok(())
    }

    /// Whether latencies are measured.
    pub(crate) fn measures_latency(&self) -> bool {
        *self.measures.lock()
    }

    /// Starts or stops measuring latencies. What was measured goes when it stops. Sleeps; a suspend
    /// waits for a message that asks for it.
    pub(crate) fn measure_latency(&self, on: bool) -> Result {
        let _no_io = NoIo::new();
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
pub(crate) struct LatencySetting(Option<Latency>);

impl LatencySetting {
    /// Whether it is to measure.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Allocates what the setting needs.
    pub(crate) fn new(on: bool) -> Result<Self> {
        Ok(Self(if on { Some(Latency::new()?) } else { None }))
    }
}
