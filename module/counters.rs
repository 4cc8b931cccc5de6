// SPDX-License-Identifier: GPL-2.0

//! What is counted of the requests of one mapped device.
//!
//! Reads and writes are counted by each CPU for itself; the rare operations, and how a request ended
//! if it did not succeed, in counters that all CPUs share. `counters/read.rs` adds them up.

mod read;

use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    stamp::Stamp,
    wrappers::{
        atomic::{self, Setting},
        bio::{Bio, EndedBio, ReqOp, Status},
        memalloc::NoIo,
        percpu::{PerCpu, Replaceable, Replacement},
        preempt,
        rcu::{self, Spare},
        time,
    },
};
use kernel::{prelude::*, sync::Arc};

/// How many counters an operation has room for, of arrivals and of latencies each.
const STRIDE: usize = 32;

/// Where an operation's bytes are among its counters of arrivals.
const BYTES: usize = 0;
/// Where its requests are: one counter for each size bucket, whose sum is the number of requests. So
/// with the bytes those of up to 32 KiB are in one cache line.
const SIZES: usize = BYTES + 1;

/// Where the sum of an operation's latencies is among its counters of latencies, then the highest, and
/// then the buckets, as [`PerCpu::measure`] has them.
const LATENCY_SUM: usize = 0;
const LATENCY_MAX: usize = 1;
const LATENCIES: usize = 2;

/// How many counters the arrivals of so many operations take, or the latencies.
const fn arrivals(operations: usize) -> usize {
    (operations - 1) * STRIDE + SIZES + Sizes::BUCKETS
}

const fn latencies(operations: usize) -> usize {
    (operations - 1) * STRIDE + LATENCIES + Latencies::BUCKETS
}

/// Where the counters of an operation begin.
const fn first(operation: usize) -> usize {
    operation * STRIDE
}

/// How many operations are rare.
const RARE: usize = Operation::COUNT - Operation::USUAL;

const ARRIVALS: usize = arrivals(Operation::USUAL);
type Arrivals = PerCpu<ARRIVALS>;

const _: () = assert!(SIZES + Sizes::BUCKETS <= STRIDE && LATENCIES + Latencies::BUCKETS <= STRIDE);

/// Reads and writes that are or were measured: where the begun ones are counted, and the ended ones.
const BEGUN: usize = 0;
const ENDED: usize = BEGUN + Operation::USUAL;

/// The counters of one mapped device.
///
/// A reset puts new counters in the place of the old ones, and a request finds either. So after a
/// reset no number is left over from before it, and no request belongs half to it.
#[pin_data]
#[repr(C, align(64))]
pub(crate) struct Counters {
    /// What is taken for the most that a request of data is, less one, so that it is told apart from
    /// one without by one comparison; 0 if latencies are measured, so that each is told apart.
    limit: Setting,
    /// What is counted from one reset to the next: the reads and writes that arrive, and the rest.
    #[pin]
    since_reset: Replaceable<SinceReset, ARRIVALS>,
    /// The measured reads and writes, whose difference is what is under way. No reset touches it.
    under_way: PerCpu<{ ENDED + Operation::USUAL }>,
    /// How many of the rare operations are.
    rare_under_way: atomic::Counters<RARE>,
}

/// What is counted from one reset to the next, but the reads and writes that arrive.
struct SinceReset {
    shared: Arc<Shared>,
    /// Of the requests that end, if latencies are measured.
    latency: Option<LatencyCounters>,
}

/// What all CPUs count in.
struct Shared {
    /// CLOCK_BOOTTIME of the reset, in nanoseconds.
    since: u64,
    /// The rare operations that arrive.
    rare: atomic::Counters<{ arrivals(RARE) }>,
    errors: atomic::Counters<{ Operation::COUNT }>,
    again: atomic::Counters<{ Operation::COUNT }>,
}

struct LatencyCounters {
    usual: PerCpu<{ latencies(Operation::USUAL) }>,
    rare: KBox<atomic::Counters<{ latencies(RARE) }>>,
}

impl Counters {
    /// [`Counters::limit`] while latencies are not measured: no bio is as large.
    const UNMEASURED: u32 = u32::MAX;
    /// And while they are.
    const MEASURED: u32 = 0;
    /// Counters at zero, which do not measure latencies.
    pub(crate) fn new() -> Result<impl PinInit<Self, Error>> {
        let (spare, arrivals) = (Spare::new()?, Arc::new(PerCpu::new()?, GFP_KERNEL)?);
        let value = SinceReset {
            shared: Shared::new()?,
            latency: None,
        };
        Ok(try_pin_init!(Self {
            limit: Setting::new(Self::UNMEASURED),
            since_reset <- Replaceable::new(spare, arrivals, value),
            under_way: PerCpu::new()?,
            rare_under_way: atomic::Counters::new(),
        }))
    }

    /// Counts a request that arrives if it is of the usual kind, which carries nothing: a read or write
    /// of data that is not measured. Whether it is. On the I/O path of every CPU: takes no lock.
    #[inline(always)]
    pub(crate) fn usual_arrived(&self, op: ReqOp, size: u32) -> bool {
        match Operation::usual(op) {
            Some(operation) if size.wrapping_sub(1) < self.limit.get() => {
                self.count(operation, size);
                true
            }
            _ => false,
        }
    }

    /// Counts a read or write of data.
    #[inline(always)]
    fn count(&self, operation: usize, size: u32) {
        self.since_reset
            .count::<{ Sizes::FIRST_BIT }, STRIDE>(operation, size);
    }

    /// Counts any other, and leaves it what it is to carry until it ends.
    #[inline(always)]
    pub(crate) fn arrived(&self, bio: &mut Bio<'_>) {
        let size = bio.size();
        match Operation::usual(bio.op()) {
            Some(operation) if size > 0 => {
                self.count(operation, size);
                self.under_way.increment::<BEGUN>(operation);
                let now = time::now();
                // Read again, the operation need not be kept in a register over the call.
                let stamp = Stamp::measured(bio.op().number(), now);
                bio.set_private(stamp.word() as usize);
            }
            _ => self.rare_arrived(bio),
        }
    }

    /// Counts a request of a rare operation, or a zone append, which is a write.
    #[cold]
    #[inline(never)]
    fn rare_arrived(&self, bio: &mut Bio<'_>) {
        let size = bio.size();
        let operation = Operation::of(bio.op(), size);
        let number = operation.number();
        match Self::rare(number) {
            Some(rare) => {
                let section = preempt::disable();
                let (_, since_reset) = self.since_reset.get(&section);
                let at = first(rare);
                let bucket = Sizes::bucket_above(u64::from(size).saturating_sub(1));
                since_reset.shared.rare.add(at + BYTES, size.into());
                since_reset.shared.rare.add(at + SIZES + bucket, 1);
            }
            None => self.count(number.into(), size),
        }
        let stamp = if self.limit.get() == Self::MEASURED {
            match Self::rare(number) {
                Some(rare) => self.rare_under_way.add(rare, 1),
                None => self.under_way.increment::<BEGUN>(number.into()),
            }
            Stamp::measured(number, time::now())
        } else {
            Stamp::unmeasured(number)
        };
        bio.set_private(stamp.word() as usize);
    }

    /// Where an operation's counters are among those of the rare ones, if it is one of them.
    fn rare(number: u8) -> Option<usize> {
        let rare = usize::from(number).checked_sub(Operation::USUAL)?;
        // It is below that anyway; so the compiler knows it, too, and that nothing overflows.
        Some(rare % RARE)
    }

    /// Counts the end of a measured read or write that succeeded. Whether it is one. Takes no lock either.
    #[inline(always)]
    pub(crate) fn measured_ended(&self, bio: &EndedBio, status: &Status) -> bool {
        let word = bio.private() as u64;
        match Stamp::measured_below(word, Operation::USUAL as u8) {
            Some((stamp, operation)) if status.is_ok() => {
                self.succeeded(stamp, operation.into());
                true
            }
            _ => false,
        }
    }

    /// Measures a read or write. First of all it is no longer under way: so it is never counted as that and
    /// as ended. And so it is everywhere below.
    #[inline(always)]
    fn succeeded(&self, stamp: Stamp, operation: usize) {
        self.under_way.increment::<ENDED>(operation);
        let now = time::now();
        match stamp.below_age(now) {
            Some(below) => {
                let section = preempt::disable();
                let (_, since_reset) = self.since_reset.get(&section);
                if let Some(latency) = &since_reset.latency {
                    latency
                        .usual
                        .measure::<{ Latencies::FIRST_BIT }, STRIDE>(operation, below);
                }
            }
            None => self.took_nothing_or_long(operation, stamp.age(now)),
        }
    }

    /// Counts the end of any other request that failed or carries something from its arrival.
    pub(crate) fn ended_otherwise(&self, bio: &EndedBio, status: &Status) {
        match Stamp::from_word(bio.private() as u64) {
            Some(stamp) if status.is_ok() => self.rare_succeeded(stamp),
            stamp => self.failed(stamp, bio.op(), status),
        }
    }

    #[cold]
    #[inline(never)]
    fn took_nothing_or_long(&self, operation: usize, ns: u64) {
        let section = preempt::disable();
        let (_, since_reset) = self.since_reset.get(&section);
        if let Some(latency) = &since_reset.latency {
            let bucket = Latencies::bucket_above(ns.saturating_sub(1));
            // It is a read or a write.
            latency
                .usual
                .measure_in(first(operation % Operation::USUAL), bucket, ns);
        }
    }

    /// Counts the end of a request of a rare operation, or of one that is not measured.
    fn rare_succeeded(&self, stamp: Stamp) {
        let (true, Some(rare)) = (stamp.is_measured(), Self::rare(stamp.operation())) else {
            return;
        };
        self.rare_under_way.sub(rare, 1);
        let ns = stamp.age(time::now());
        let section = preempt::disable();
        let (_, since_reset) = self.since_reset.get(&section);
        if let Some(latency) = &since_reset.latency {
            let at = first(rare);
            let bucket = Latencies::bucket_above(ns.saturating_sub(1));
            latency.rare.add(at + LATENCIES + bucket, 1);
            latency.rare.add(at + LATENCY_SUM, ns);
            latency.rare.raise(at + LATENCY_MAX, ns);
        }
    }

    /// Counts the end of a request that failed. `op` is for those that carry nothing.
    fn failed(&self, stamp: Option<Stamp>, op: ReqOp, status: &Status) {
        let number = match stamp {
            Some(stamp) => stamp.operation(),
            // What carries nothing is a read or write of data.
            None => Operation::of(op, 1).number(),
        };
        if stamp.is_some_and(Stamp::is_measured) {
            match Self::rare(number) {
                Some(rare) => self.rare_under_way.sub(rare, 1),
                None => self.under_way.increment::<ENDED>(number.into()),
            }
        }
        let section = preempt::disable();
        let (_, since_reset) = self.since_reset.get(&section);
        let ends = if status.is_again() {
            &since_reset.shared.again
        } else {
            &since_reset.shared.errors
        };
        ends.add(number.into(), 1);
    }

    /// Starts again at zero. Sleeps.
    pub(crate) fn reset(&self) -> Result {
        let _no_io = NoIo::new();
        loop {
            let setting = LatencySetting::new(self.measures_latency())?;
            let (on, arrivals) = (setting.is_on(), Arc::new(PerCpu::new()?, GFP_KERNEL)?);
            let (shared, latency) = (Shared::new()?, setting.latency);
            let done = self.since_reset.replace(setting.spare, |_, now| {
                let value = SinceReset { shared, latency };
                (now.latency.is_some() == on).then_some((arrivals, value))
            });
            // If not, somebody has switched latencies on or off meanwhile.
            if done {
                break;
            }
        }
        rcu::synchronize();
        Ok(())
    }

    /// Whether latencies are measured.
    pub(crate) fn measures_latency(&self) -> bool {
        let section = rcu::read_lock();
        let (_, now) = self.since_reset.get(&section);
        now.latency.is_some()
    }

    /// Starts or stops measuring latencies. What was measured goes when it stops. Sleeps; a suspend
    /// waits for a message that asks for it.
    pub(crate) fn measure_latency(&self, on: bool) -> Result {
        if self.measures_latency() != on {
            let _no_io = NoIo::new();
            self.measure_latency_with(LatencySetting::new(on)?);
            rcu::synchronize();
        }
        Ok(())
    }

    /// The same with memory that is there already, and without sleeping, as a resume needs it: while the
    /// device is suspended, an allocation could wait for I/O that waits for the resume.
    pub(crate) fn measure_latency_with(&self, setting: LatencySetting) {
        let LatencySetting { spare, latency } = setting;
        let on = latency.is_some();
        self.since_reset.replace(spare, |arrivals, now| {
            if now.latency.is_some() == on {
                return None;
            }
            // Whoever carries a time finds where to count it, or that it no longer is.
            self.limit
                .set(if on { Self::MEASURED } else { Self::UNMEASURED });
            let shared = now.shared.clone();
            Some((arrivals.clone(), SinceReset { shared, latency }))
        });
    }
}

impl Shared {
    fn new() -> Result<Arc<Self>> {
        let shared = Self {
            since: time::since_boot(),
            rare: atomic::Counters::new(),
            errors: atomic::Counters::new(),
            again: atomic::Counters::new(),
        };
        Ok(Arc::new(shared, GFP_KERNEL)?)
    }
}

impl LatencyCounters {
    fn new() -> Result<Self> {
        Ok(Self {
            usual: PerCpu::new()?,
            rare: KBox::new(atomic::Counters::new(), GFP_KERNEL)?,
        })
    }
}

/// Whether to measure latencies, and the memory to do it in.
pub(crate) struct LatencySetting {
    spare: Replacement<SinceReset, ARRIVALS>,
    latency: Option<LatencyCounters>,
}

impl LatencySetting {
    /// Whether it is to measure.
    pub(crate) fn is_on(&self) -> bool {
        self.latency.is_some()
    }

    /// Allocates what the setting needs.
    pub(crate) fn new(on: bool) -> Result<Self> {
        let latency = if on {
            Some(LatencyCounters::new()?)
        } else {
            None
        };
        let spare = Spare::new()?;
        Ok(Self { spare, latency })
    }
}
