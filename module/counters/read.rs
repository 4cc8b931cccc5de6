// SPDX-License-Identifier: GPL-2.0

//! Sums of the counters.

use super::{
    period::{InFlight, Latency, Now, BYTES, LATENCIES, LATENCY_MAX, LATENCY_SUM, SIZES, STRIDE},
    Counters,
};
use crate::{
    histogram::{Latencies, Sizes},
    lines,
    operation::Operation,
    snapshot::{Counted, OperationCounted, Rest},
    stamp::Clock,
    summary::Sum,
    wrappers::{
        atomic::{self, Tally},
        rcu, time, tsc,
    },
};

impl OperationCounted {
    /// Sums up the requests.
    pub(crate) fn sum(&self) -> Sum {
        Sum {
            requests: self.requests(),
            bytes: self.bytes,
            errors: self.errors,
            again: self.again,
        }
    }
}

/// The time by both clocks.
struct Clocks {
    monotonic: u64,
    tsc: u64,
}

impl Clocks {
    fn now() -> Self {
        Self {
            monotonic: time::now(),
            tsc: tsc::nearby(),
        }
    }

    /// Returns the sum of the ages of requests, in nanoseconds.
    fn ages(&self, clock: Clock, requests: InFlight) -> u64 {
        let ages = |now: u64| {
            let ages = requests
                .count
                .wrapping_mul(now)
                .wrapping_sub(requests.times);
            // Less than nothing if the clock was set back.
            u64::try_from(ages as i64).unwrap_or(0)
        };
        match clock {
            Clock::Monotonic => ages(self.monotonic),
            Clock::Tsc => tsc::rate().ns(ages(self.tsc)),
        }
    }
}

impl Counters {
    /// Number of looks for a time at which no request ends.
    const LOOKS: usize = 4;

    /// Returns what was counted of reads and of writes since the last reset, at one time.
    pub(crate) fn volumes(&self) -> [Sum; Operation::USUAL] {
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let mut sums = [Sum::default(); Operation::USUAL];
        for (sum, operation) in sums.iter_mut().zip(Operation::ALL) {
            let mut counted = OperationCounted::NONE;
            arrivals(now, operation, &mut counted);
            *sum = counted.sum();
        }
        sums
    }

    /// Returns what was counted of each operation since the last reset, and whether latencies are measured,
    /// at one time. `None` for an operation that is not measured.
    pub(crate) fn sums(&self) -> ([Option<Sum>; Operation::COUNT], bool) {
        let lines = self.lines();
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let sums = Operation::ALL.map(|operation| {
            let counted = read(now, operation, &lines, None)?;
            Some(counted.sum())
        });
        (sums, now.latency.is_some())
    }

    /// Returns everything that was counted of one operation, at one time, and whether latencies are measured.
    /// `None` for an operation that is not measured.
    pub(crate) fn counted(&self, operation: Operation) -> Option<(OperationCounted, bool)> {
        let lines = self.lines();
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let counted = read(now, operation, &lines, now.latency.as_ref())?;
        Some((counted, now.latency.is_some()))
    }

    /// Returns everything that was counted, at one time.
    pub(crate) fn all_counted(&self, counted: &mut Counted<{ Operation::COUNT }>) {
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        counted.since = now.period.since();
        counted.taken = time::since_boot();
        counted.latency_since = now.latency.as_ref().map(Latency::since);
        counted.lines = self.lines();
        for (operation, place) in Operation::ALL.into_iter().zip(&mut counted.operations) {
            *place = read(now, operation, &counted.lines, now.latency.as_ref());
        }
    }
}

/// Reads the counters of an operation, and with `latency` its latencies and requests in flight. `None` where the
/// device's lines keep its requests from the counters.
///
/// Reads ends before the requests in flight, and those before arrivals; and a request that ends is no longer
/// in flight before it is counted. So there are never more of the former two, together, than of the latter.
fn read(
    now: &Now,
    operation: Operation,
    lines: &lines::Shown,
    latency: Option<&Latency>,
) -> Option<OperationCounted> {
    if operation == Operation::Flush && lines::bypass_flushes(lines) {
        return None;
    }
    let mut counted = OperationCounted::NONE;
    [counted.errors, counted.again] = now.period.failures(operation);
    if let Some(latency) = latency {
        let mut buffer = [0; STRIDE];
        latency.copy(operation, &mut buffer);
        counted.latency_sum = buffer[LATENCY_SUM];
        counted.latency_max = buffer[LATENCY_MAX];
        counted
            .latencies
            .copy_from_slice(&buffer[LATENCIES..][..Latencies::BUCKETS]);
        let rest = latency.rest(operation);
        counted.rest = rest.map(|Tally { count, sum }| Rest { count, sum });
        atomic::read_barrier();
        (counted.inflight, counted.ages) = in_flight(now, operation);
    }
    atomic::read_barrier();
    arrivals(now, operation, &mut counted);
    Some(counted)
}

/// Reads the arrivals.
fn arrivals(now: &Now, operation: Operation, counted: &mut OperationCounted) {
    let mut buffer = [0; STRIDE];
    now.period.arrivals(operation, &mut buffer);
    counted.bytes = buffer[BYTES];
    counted
        .sizes
        .copy_from_slice(&buffer[SIZES..][..Sizes::BUCKETS]);
}

/// Returns the number of measured requests that have not ended, of all periods, and the sum of their ages in
/// nanoseconds, if it could be read.
///
/// CPUs are read one after the other. If the next look finds that none has ended a request since, all that a
/// look found were in flight at its end; else the fewest of several looks are taken.
fn in_flight(now: &Now, operation: Operation) -> (u64, Option<u64>) {
    let (mut last, mut ended) = look(now, operation);
    let mut least = last;
    for _ in 1..Counters::LOOKS {
        if last.0 == 0 {
            return last;
        }
        let ended_before = ended;
        let before = last;
        (last, ended) = look(now, operation);
        if ended == ended_before {
            return before;
        }
        if last.0 < least.0 {
            least = last;
        }
    }
    least
}

/// Looks at all CPUs once. Returns the requests in flight with their ages, and the number of ended ones.
fn look(now: &Now, operation: Operation) -> ((u64, Option<u64>), u64) {
    let (mut count, mut ended) = (0_u64, 0_u64);
    let mut found = [InFlight::default(); Clock::ALL.len()];
    let mut whole = true;
    for (found, clock) in found.iter_mut().zip(Clock::ALL) {
        for period in now.periods() {
            let more = period.in_flight(operation, clock);
            found.count = found.count.wrapping_add(more.count);
            found.times = found.times.wrapping_add(more.times);
            ended = ended.wrapping_add(more.ended);
            whole &= more.whole;
        }
        count = count.wrapping_add(found.count);
    }
    let clocks = Clocks::now();
    let ages = Clock::ALL
        .into_iter()
        .zip(found)
        .fold(0_u64, |sum, (clock, found)| {
            sum.wrapping_add(clocks.ages(clock, found))
        });
    // Less than nothing if requests ended on CPUs that are read later than those on which they arrived.
    let count = u64::try_from(count as i64).unwrap_or(0);
    (
        (count, whole.then_some(if count == 0 { 0 } else { ages })),
        ended,
    )
}
