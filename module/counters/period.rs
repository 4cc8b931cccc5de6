// SPDX-License-Identifier: GPL-2.0

//! Counters from one reset to the next.
//!
//! A measured request belongs to the period in which it arrived, with all its counts: its stamp has the
//! period's generation. A period stays until its last measured request has ended, and no other period gets
//! its generation before that. The failure of an unmeasured request counts in the period in which the request
//! ends.

use super::pattern::Pattern;
use crate::{
    histogram::{
        Latencies,
        Sizes, //
    },
    measurement::Measurements,
    operation::Operation,
    stamp::{
        Clock,
        Tag,
        GENERATIONS, //
    },
    wrappers::{
        atomic::{
            self,
            SharedTally,
            Tally, //
        },
        bio::Status,
        percpu::{
            self,
            HasCounters,
            Row,
            Wait, //
        },
        preempt,
        time,
        tsc::Tsc, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Distance from one operation's counters to the next one's: four cache lines.
pub(super) const STRIDE: usize = 32;

/// Number of counters in an operation's row of arrivals, and in its row of latencies.
pub(super) const ARRIVAL_ROW: usize = COMPLETED + Tally::COUNTERS;
const LATENCY_ROW: usize = LATENCIES + Latencies::BUCKETS;
/// A row of an operation's arrivals.
pub(super) type ArrivalRow<'a> = Row<'a, ARRIVAL_ROW>;
/// A row of an operation's latencies.
pub(super) type LatencyRow<'a> = Row<'a, LATENCY_ROW>;

/// Number of counters of the arrivals of reads and writes together, and of their latencies.
pub(super) const ARRIVALS: usize = STRIDE * (Operation::COMMON_COUNT - 1) + ARRIVAL_ROW;
const LATENCY_COUNTERS: usize = STRIDE * (Operation::COMMON_COUNT - 1) + LATENCY_ROW;

/// Place of an operation's bytes in its row of arrivals.
pub(super) const BYTES: usize = 0;
/// Place of the size buckets, whose sum is the number of requests. The bytes and the buckets of up to 32 KiB
/// share a cache line.
pub(super) const SIZES: usize = BYTES + 1;
/// Places of two tallies of measured requests by time of arrival: one of the arrived requests, and one of the
/// completed ones. The values of the second tally are the time of arrival plus 1.
pub(super) const STARTED: usize = SIZES + Sizes::BUCKETS;
pub(super) const COMPLETED: usize = STARTED + Tally::COUNTERS;

/// Places of the sum, the maximum and the buckets in an operation's row of latencies.
pub(super) const LATENCY_SUM: usize = 0;
pub(super) const LATENCY_MAX: usize = 1;
pub(super) const LATENCIES: usize = 2;

const _: () = assert!(ARRIVAL_ROW <= STRIDE && LATENCY_ROW <= STRIDE);

/// Counts a read or write with data.
#[inline(always)]
pub(super) fn count(row: ArrivalRow<'_>, size: u32) {
    row.add::<BYTES>(size.into());
    row.increment_bucket::<SIZES, { Sizes::FIRST_BIT }>(size.wrapping_sub(1));
}

/// Number of rare operations, whose counters all CPUs share.
const RARE: usize = Operation::COUNT - Operation::COMMON_COUNT;
/// Number of counters of the arrivals of all rare operations, and of their latencies.
const RARE_ARRIVALS: usize = (RARE - 1) * STRIDE + SIZES + Sizes::BUCKETS;
const RARE_LATENCIES: usize = (RARE - 1) * STRIDE + LATENCIES + Latencies::BUCKETS;

/// All counters of a device. Each reset and each switch of latencies replaces them.
pub(super) struct Now {
    /// Fast path of reads and writes that arrive, while the TSC measures their latencies and nothing else is
    /// measured.
    pub(super) arrival: Option<Fast>,
    /// Fast path of reads and writes that arrive, while distances are measured and latencies are not.
    pub(super) distance: Option<Distance>,
    /// Fast path of reads and writes that end, while the TSC measures their latencies.
    pub(super) end: Option<Fast>,
    /// The present period.
    pub(super) period: Period,
    /// The measurements of the present period.
    pub(super) measured: Measured,
    /// Former periods with requests in flight, by generation.
    pub(super) older: [Option<Period>; GENERATIONS],
}

/// The parts of the present period and of its latencies for reads and writes that the TSC measures.
#[derive(Clone)]
pub(super) struct Fast {
    arrivals: percpu::Shared<ARRIVALS>,
    latencies: percpu::Shared<LATENCY_COUNTERS>,
    pub(super) tag: Tag,
    pub(super) tsc: Tsc,
}

/// The parts of the present period and of its distances for reads and writes.
pub(super) struct Distance {
    pub(super) pattern: Pattern,
    arrivals: percpu::Shared<ARRIVALS>,
}

/// The counts of those measurements that are on.
#[derive(Clone)]
pub(super) struct Measured {
    pub(super) latency: Option<Latency>,
    pub(super) pattern: Option<Pattern>,
}

/// Counters of the requests that arrive between two resets.
#[derive(Clone)]
pub(super) struct Period {
    arrivals: percpu::Shared<ARRIVALS>,
    /// The tag of requests that the period's own clock measures. Each CPU counts its own reads and writes of
    /// these.
    tag: Tag,
    /// The period's own clock, if that is the TSC.
    tsc: Option<Tsc>,
    shared: Arc<Shared>,
}

/// A period's counters that all CPUs share.
#[pin_data]
struct Shared {
    /// CLOCK_BOOTTIME of the period's start, in nanoseconds.
    since: u64,
    /// Arrivals of the rare operations.
    rare: atomic::Counters<RARE_ARRIVALS>,
    errors: atomic::Counters<{ Operation::COUNT }>,
    again: atomic::Counters<{ Operation::COUNT }>,
    /// Tallies, by operation and clock, of the measured requests of rare operations and of those that the
    /// other clock measures.
    tallies: [[Tallies; Clock::ALL.len()]; Operation::COUNT],
}

/// Tallies of measured requests by time of arrival, in nanoseconds or ticks. The values of the completed
/// requests are the time of arrival plus 1.
struct Tallies {
    started: SharedTally,
    completed: SharedTally,
}

impl Tallies {
    /// Makes empty tallies.
    const fn new() -> Self {
        Self {
            started: SharedTally::new(),
            completed: SharedTally::new(),
        }
    }
}

/// Measured latencies.
#[derive(Clone)]
pub(super) struct Latency {
    common: percpu::Shared<LATENCY_COUNTERS>,
    rare: Arc<RareLatency>,
    /// CLOCK_BOOTTIME of the start, in nanoseconds.
    since: u64,
}

#[pin_data]
struct RareLatency {
    counters: atomic::Counters<RARE_LATENCIES>,
    /// Durations in nanoseconds of measured requests that are not among the latencies.
    rest: [SharedTally; Operation::COUNT],
}

impl HasCounters<ARRIVALS> for Now {
    #[inline(always)]
    fn counters(&self) -> &percpu::Shared<ARRIVALS> {
        &self.period.arrivals
    }
}

impl Period {
    /// Starts a period of generation 0. May sleep.
    pub(super) fn new(wait: Wait) -> Result<Self> {
        let tsc = Tsc::new();
        let clock = match tsc {
            Some(_) => Clock::Tsc,
            None => Clock::Monotonic,
        };
        // Initialised in place, because it is too large for the stack.
        let shared = pin_init!(Shared {
            since: time::since_boot(),
            rare: atomic::Counters::new(),
            errors: atomic::Counters::new(),
            again: atomic::Counters::new(),
            tallies: [const { [const { Tallies::new() }; Clock::ALL.len()] }; Operation::COUNT],
        });
        Ok(Self {
            arrivals: percpu::Shared::new(wait)?,
            tag: Tag::measured(0, clock),
            tsc,
            shared: Arc::pin_init(shared, GFP_KERNEL)?,
        })
    }

    /// Returns the period with another generation. Call this before the period counts anything.
    pub(super) fn with_generation(mut self, generation: usize) -> Self {
        self.tag = Tag::measured(generation, self.tag.clock());
        self
    }

    /// Returns the tag of requests that the period's own clock measures.
    pub(super) fn tag(&self) -> Tag {
        self.tag
    }

    /// Returns the CLOCK_BOOTTIME of the period's start, in nanoseconds.
    pub(super) fn since(&self) -> u64 {
        self.shared.since
    }

    /// Tells if both are the same period.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns an operation's row of arrivals; `None` for a rare operation.
    #[inline(always)]
    pub(super) fn row(&self, operation: usize) -> Option<ArrivalRow<'_>> {
        self.arrivals.row::<STRIDE, ARRIVAL_ROW>(operation)
    }

    /// Counts a request that arrives.
    pub(super) fn count(&self, operation: Operation, size: u32) {
        match operation.rare() {
            Some(rare) => {
                // The remainder changes nothing: it tells the compiler that the product cannot overflow.
                let at = rare % RARE * STRIDE;
                let bucket = Sizes::bucket_above(u64::from(size).saturating_sub(1));
                self.shared.rare.add(at + BYTES, size.into());
                self.shared.rare.add(at + SIZES + bucket, 1);
            }
            None => {
                if let Some(row) = self.row(operation.number().into()) {
                    count(row, size);
                }
            }
        }
    }

    /// Tells if each CPU has its own tallies of an operation's requests that `clock` measures.
    fn is_own(&self, operation: Operation, clock: Clock) -> bool {
        operation.rare().is_none() && clock == self.tag.clock()
    }

    /// Returns the operation's row of arrivals if each CPU has its own tallies there.
    fn own_row(&self, operation: Operation, clock: Clock) -> Option<ArrivalRow<'_>> {
        let row = self.row(operation.number().into());
        row.filter(|_| self.is_own(operation, clock))
    }

    /// Counts a measured request as in flight.
    pub(super) fn start(
        &self,
        operation: Operation,
        clock: Clock,
        time: u64,
        section: &preempt::Guard,
    ) {
        match self.own_row(operation, clock) {
            Some(row) => row.tally::<STARTED>(time, section),
            None => self.tallies(operation, clock).started.add(time),
        }
    }

    /// Counts a measured request that arrived at `time` as no longer in flight.
    pub(super) fn complete(
        &self,
        operation: Operation,
        clock: Clock,
        time: u64,
        section: &preempt::Guard,
    ) {
        let after = time.wrapping_add(1);
        match self.own_row(operation, clock) {
            Some(row) => row.tally::<COMPLETED>(after, section),
            None => self.tallies(operation, clock).completed.add(after),
        }
    }

    fn tallies(&self, operation: Operation, clock: Clock) -> &Tallies {
        &self.shared.tallies[usize::from(operation.number())][clock.number()]
    }

    /// Counts a request that did not succeed, as `again` or as an error. Ignores a success.
    pub(super) fn failed(&self, operation: Operation, status: Status) {
        let ends = match status {
            status if status.is_ok() => return,
            status if status.is_again() => &self.shared.again,
            _ => &self.shared.errors,
        };
        ends.add(operation.number().into(), 1);
    }

    /// Returns the number of errors, and the number of requests that ended with "try again".
    pub(super) fn failures(&self, operation: Operation) -> [u64; 2] {
        let number = operation.number().into();
        [&self.shared.errors, &self.shared.again].map(|ends| ends.read(number))
    }

    /// Sums an operation's arrivals into `counters`.
    pub(super) fn arrivals(&self, operation: Operation, counters: &mut [u64; STRIDE]) {
        match operation.rare() {
            Some(rare) => self.shared.rare.copy(rare * STRIDE, counters),
            None => self
                .arrivals
                .sums(usize::from(operation.number()) * STRIDE, counters),
        }
    }

    /// Returns an operation's requests in flight that `clock` measures.
    pub(super) fn in_flight(&self, operation: Operation, clock: Clock) -> InFlight {
        let ([started, completed], whole) = if self.is_own(operation, clock) {
            let at = usize::from(operation.number()) * STRIDE;
            self.arrivals.tallies(at + STARTED, at + COMPLETED)
        } else {
            let shared = self.tallies(operation, clock);
            // Completions are read first, so each request in them is also among the started ones.
            let (completed, completed_whole) = shared.completed.read();
            atomic::read_barrier();
            let (started, started_whole) = shared.started.read();
            ([started, completed], completed_whole && started_whole)
        };
        let times_of_completed = completed.sum.wrapping_sub(completed.count);
        InFlight {
            count: started.count.wrapping_sub(completed.count),
            times: started.sum.wrapping_sub(times_of_completed),
            completed: completed.count,
            whole,
        }
    }

    /// Tells if no measured request is in flight. For a former period this stays true after a grace period of
    /// RCU, because no more requests arrive in it.
    pub(super) fn is_drained(&self) -> bool {
        Operation::ALL.into_iter().all(|operation| {
            Clock::ALL.into_iter().all(|clock| {
                let InFlight { count, whole, .. } = self.in_flight(operation, clock);
                whole && count == 0
            })
        })
    }
}

/// Measured requests of an operation that have not completed.
#[derive(Clone, Copy, Default)]
pub(super) struct InFlight {
    /// Their number, modulo 2^64. CPUs are read one after the other, so a request that arrived on one CPU and
    /// ended on another can make the number 1 too small.
    pub(super) count: u64,
    /// The sum of their times of arrival, in units of the clock.
    pub(super) times: u64,
    /// The number of completed requests.
    pub(super) completed: u64,
    /// True if the number and the sum cover the same requests.
    pub(super) whole: bool,
}

impl Distance {
    /// Returns an operation's row of arrivals; `None` for a rare operation.
    #[inline(always)]
    pub(super) fn arrivals(&self, operation: usize) -> Option<ArrivalRow<'_>> {
        self.arrivals.row::<STRIDE, ARRIVAL_ROW>(operation)
    }
}

impl Fast {
    /// Returns an operation's row of arrivals; `None` for a rare operation.
    #[inline(always)]
    pub(super) fn arrivals(&self, operation: usize) -> Option<ArrivalRow<'_>> {
        self.arrivals.row::<STRIDE, ARRIVAL_ROW>(operation)
    }

    /// Returns an operation's row of latencies; `None` for a rare operation.
    #[inline(always)]
    pub(super) fn latencies(&self, operation: usize) -> Option<LatencyRow<'_>> {
        self.latencies.row::<STRIDE, LATENCY_ROW>(operation)
    }
}

impl Now {
    /// Combines the parts, and adds the fast paths where the TSC measures.
    pub(super) fn new(
        period: Period,
        measured: Measured,
        older: [Option<Period>; GENERATIONS],
    ) -> Self {
        let end = match (&measured.latency, period.tsc) {
            (Some(latency), Some(tsc)) => Some(Fast {
                arrivals: period.arrivals.clone(),
                latencies: latency.common.clone(),
                tag: period.tag,
                tsc,
            }),
            _ => None,
        };
        let (arrival, distance) = match (&measured.pattern, &measured.latency) {
            (None, _) => (end.clone(), None),
            (Some(_), Some(_)) => (None, None),
            (Some(pattern), None) => {
                let distance = Distance {
                    pattern: pattern.clone(),
                    arrivals: period.arrivals.clone(),
                };
                (None, Some(distance))
            }
        };
        Self {
            arrival,
            distance,
            end,
            period,
            measured,
            older,
        }
    }

    /// Returns a generation that neither the present nor a former period has.
    pub(super) fn free_generation(&self) -> Option<usize> {
        let present = self.period.tag().generation();
        (0..GENERATIONS)
            .find(|generation| *generation != present && self.older[*generation].is_none())
    }

    /// Returns the former periods with requests in flight, and the present period.
    pub(super) fn periods(&self) -> impl Iterator<Item = &Period> {
        // Called by its path, because the kernel's prelude has another `chain`.
        Iterator::chain(self.older.iter().flatten(), [&self.period])
    }
}

impl Measured {
    /// No measurement.
    pub(super) const NONE: Self = Self {
        latency: None,
        pattern: None,
    };

    /// Makes empty counts of these measurements. May sleep.
    pub(super) fn new(measurements: Measurements, wait: Wait) -> Result<Self> {
        let Measurements { latency, pattern } = measurements;
        Ok(Self {
            latency: latency.then(|| Latency::new(wait)).transpose()?,
            pattern: pattern.then(|| Pattern::new(wait)).transpose()?,
        })
    }

    /// Returns the measurements that are on.
    pub(super) fn measurements(&self) -> Measurements {
        Measurements {
            latency: self.latency.is_some(),
            pattern: self.pattern.is_some(),
        }
    }

    /// Returns the counts with the CLOCK_BOOTTIME of their start.
    pub(super) fn with_since(self, since: u64) -> Self {
        Self {
            latency: self.latency.map(|latency| latency.with_since(since)),
            pattern: self.pattern.map(|pattern| pattern.with_since(since)),
        }
    }

    /// Returns the counts of `wanted`: the present ones, or else fresh ones.
    pub(super) fn with(&self, wanted: Measurements, fresh: Self) -> Self {
        let Measurements { latency, pattern } = wanted;
        Self {
            latency: self.latency.clone().or(fresh.latency).filter(|_| latency),
            pattern: self.pattern.clone().or(fresh.pattern).filter(|_| pattern),
        }
    }
}

impl Latency {
    /// Makes empty latencies. May sleep.
    pub(super) fn new(wait: Wait) -> Result<Self> {
        // Initialised in place, because it is too large for the stack.
        let rare = pin_init!(RareLatency {
            counters: atomic::Counters::new(),
            rest: [const { SharedTally::new() }; Operation::COUNT],
        });
        Ok(Self {
            common: percpu::Shared::new(wait)?,
            rare: Arc::pin_init(rare, GFP_KERNEL)?,
            since: 0,
        })
    }

    /// Returns the latencies with the CLOCK_BOOTTIME of their start.
    pub(super) fn with_since(mut self, since: u64) -> Self {
        self.since = since;
        self
    }

    /// Returns the CLOCK_BOOTTIME of the start, in nanoseconds.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Returns an operation's row of latencies; `None` for a rare operation.
    #[inline(always)]
    pub(super) fn row(&self, operation: usize) -> Option<LatencyRow<'_>> {
        self.common.row::<STRIDE, LATENCY_ROW>(operation)
    }

    /// Counts the latency of a successful request.
    pub(super) fn measure(&self, operation: Operation, ns: u64) {
        let bucket = Latencies::bucket_above(ns.saturating_sub(1));
        match operation.rare() {
            Some(rare) => {
                let at = rare * STRIDE;
                self.rare.counters.add(at + LATENCIES + bucket, 1);
                self.rare.counters.add(at + LATENCY_SUM, ns);
                self.rare.counters.raise(at + LATENCY_MAX, ns);
            }
            None => {
                if let Some(row) = self.row(operation.number().into()) {
                    row.increment_indexed::<LATENCIES>(bucket);
                    row.add::<LATENCY_SUM>(ns);
                    row.raise::<LATENCY_MAX>(ns);
                }
            }
        }
    }

    /// Counts the duration of a request that failed, or that arrived before the last reset.
    pub(super) fn measure_rest(&self, operation: Operation, ns: u64) {
        self.rest_of(operation).add(ns);
    }

    /// Returns the number of such requests and the sum of their durations; `None` if a consistent pair could
    /// not be read.
    pub(super) fn rest(&self, operation: Operation) -> Option<Tally> {
        let (rest, whole) = self.rest_of(operation).read();
        whole.then_some(rest)
    }

    fn rest_of(&self, operation: Operation) -> &SharedTally {
        &self.rare.rest[usize::from(operation.number())]
    }

    /// Sums an operation's latencies into `counters`, and finds their maximum.
    pub(super) fn copy(&self, operation: Operation, counters: &mut [u64; STRIDE]) {
        match operation.rare() {
            Some(rare) => self.rare.counters.copy(rare * STRIDE, counters),
            None => {
                let at = usize::from(operation.number()) * STRIDE;
                self.common.sums(at, counters);
                counters[LATENCY_MAX] = self.common.max(at + LATENCY_MAX);
            }
        }
    }
}
