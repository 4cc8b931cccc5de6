// SPDX-License-Identifier: GPL-2.0

//! Sums of the counters.

use super::{
    pattern::Pattern,
    period::{
        InFlight,
        Latency,
        Measured,
        Now,
        BYTES,
        LATENCIES,
        LATENCY_MAX,
        LATENCY_SUM,
        SIZES,
        STRIDE, //
    },
    Counters, //
};
use crate::{
    histogram::{
        Latencies,
        Sizes, //
    },
    lines,
    measurement::Measurements,
    operation::Operation,
    snapshot::{
        Counted,
        OperationCounted, //
    },
    stamp::Clock,
    statistic::Statistic,
    summary::Sum,
    wrappers::{
        atomic,
        rcu,
        time,
        tsc, //
    }, //
};

impl OperationCounted {
    /// Sums up the requests.
    pub(crate) fn sum(&self) -> Sum {
        let value = |statistic| self.values.get(statistic).unwrap_or(0);
        Sum {
            requests: value(Statistic::Requests),
            bytes: value(Statistic::Bytes),
            errors: value(Statistic::Errors),
            again: value(Statistic::Again),
        }
    }
}

/// The present time by both clocks.
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

    /// Returns the sum of the ages of the requests in flight, in nanoseconds.
    fn ages(&self, clock: Clock, requests: InFlight) -> u64 {
        let ages = |now: u64| {
            let ages = requests
                .count
                .wrapping_mul(now)
                .wrapping_sub(requests.times);
            // Negative if the clock was set back.
            u64::try_from(ages as i64).unwrap_or(0)
        };
        match clock {
            Clock::Monotonic => ages(self.monotonic),
            Clock::Tsc => tsc::rate().ns(ages(self.tsc)),
        }
    }
}

impl Counters {
    /// Maximum number of attempts to read the requests in flight.
    const LOOKS: usize = 4;

    /// Returns the sums of reads and of writes since the last reset. A concurrent reset takes effect before
    /// or after both.
    pub(crate) fn volumes(&self) -> [Sum; Operation::COMMON_COUNT] {
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let mut sums = [Sum::default(); Operation::COMMON_COUNT];
        for (sum, operation) in sums.iter_mut().zip(Operation::ALL) {
            let mut counted = OperationCounted::NONE;
            arrivals(now, operation, &mut counted);
            *sum = counted.sum();
        }
        sums
    }

    /// Returns the sums of each operation since the last reset, and the measurements that are on. A
    /// concurrent reset or switch takes effect before or after all of them. `None` stands for an unmeasured
    /// operation.
    pub(crate) fn sums(&self) -> ([Option<Sum>; Operation::COUNT], Measurements) {
        let lines = self.lines();
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let sums = Operation::ALL.map(|operation| {
            let counted = read(now, operation, &lines, &Measured::NONE)?;
            Some(counted.sum())
        });
        (sums, now.measured.measurements())
    }

    /// Returns all counters of one operation, and the measurements that are on. A concurrent reset or switch
    /// takes effect before or after all of them. `None` stands for an unmeasured operation.
    pub(crate) fn counted(&self, operation: Operation) -> Option<(OperationCounted, Measurements)> {
        let lines = self.lines();
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        let counted = read(now, operation, &lines, &now.measured)?;
        Some((counted, now.measured.measurements()))
    }

    /// Reads all counters. A concurrent reset or switch takes effect before or after all of them.
    pub(crate) fn all_counted(&self, counted: &mut Counted<{ Operation::COUNT }>) {
        let section = rcu::read_lock();
        let now = self.now.get(&section);
        counted.since = now.period.since();
        counted.taken = time::since_boot();
        counted.latency_since = now.measured.latency.as_ref().map(Latency::since);
        counted.pattern_since = now.measured.pattern.as_ref().map(Pattern::since);
        counted.lines = self.lines();
        for (operation, place) in Operation::ALL.into_iter().zip(&mut counted.operations) {
            *place = read(now, operation, &counted.lines, &now.measured);
        }
    }
}

/// Reads the counters of an operation, and those of the measurements, with the requests in flight. Returns
/// `None` for flushes while all live lines of the device let them bypass the counters.
///
/// Reads the ends before the requests in flight, and these before the arrivals. A request stops being in
/// flight before its end is counted. So ends and requests in flight together never exceed the arrivals.
fn read(
    now: &Now,
    operation: Operation,
    lines: &lines::Shown,
    measured: &Measured,
) -> Option<OperationCounted> {
    if operation == Operation::Flush && lines::bypass_flushes(lines) {
        return None;
    }
    let mut counted = OperationCounted::NONE;
    let values = &mut counted.values;
    let [errors, again] = now.period.failures(operation);
    values.set(Statistic::Errors, Some(errors));
    values.set(Statistic::Again, Some(again));
    if let Some(latency) = &measured.latency {
        let mut buffer = [0; STRIDE];
        latency.copy(operation, &mut buffer);
        values.set(Statistic::LatencySum, Some(buffer[LATENCY_SUM]));
        values.set(Statistic::LatencyMax, Some(buffer[LATENCY_MAX]));
        counted
            .latencies
            .copy_from_slice(&buffer[LATENCIES..][..Latencies::BUCKETS]);
        let rest = latency.rest(operation);
        values.set(Statistic::RestSum, rest.map(|rest| rest.sum));
        values.set(Statistic::Rest, rest.map(|rest| rest.count));
        atomic::read_barrier();
        let (inflight, ages) = in_flight(now, operation);
        values.set(Statistic::Inflight, Some(inflight));
        values.set(Statistic::AgeSum, ages);
    }
    if let Some(pattern) = &measured.pattern {
        counted.seeks = pattern.seeks(operation);
    }
    atomic::read_barrier();
    arrivals(now, operation, &mut counted);
    Some(counted)
}

/// Reads the arrivals of an operation.
fn arrivals(now: &Now, operation: Operation, counted: &mut OperationCounted) {
    let mut buffer = [0; STRIDE];
    now.period.arrivals(operation, &mut buffer);
    counted
        .sizes
        .copy_from_slice(&buffer[SIZES..][..Sizes::BUCKETS]);
    counted
        .values
        .set(Statistic::Requests, Some(counted.requests()));
    counted.values.set(Statistic::Bytes, Some(buffer[BYTES]));
}

/// Returns the number of measured requests of all periods that have not completed, and the sum of their ages
/// in nanoseconds, if it could be read.
///
/// CPUs are read one after the other, so one look can be wrong. If the next look finds that no request has
/// completed since, all requests of the former look were still in flight at its end. Otherwise the look with
/// the fewest requests counts.
fn in_flight(now: &Now, operation: Operation) -> (u64, Option<u64>) {
    let (mut last, mut completed) = look(now, operation);
    let mut least = last;
    for _ in 1..Counters::LOOKS {
        if last.0 == 0 {
            return last;
        }
        let completed_before = completed;
        let before = last;
        (last, completed) = look(now, operation);
        if completed == completed_before {
            return before;
        }
        if last.0 < least.0 {
            least = last;
        }
    }
    least
}

/// Looks at all CPUs once. Returns the requests in flight with their ages, and the number of completed ones.
fn look(now: &Now, operation: Operation) -> ((u64, Option<u64>), u64) {
    let (mut count, mut completed) = (0_u64, 0_u64);
    let mut found = [InFlight::default(); Clock::ALL.len()];
    let mut whole = true;
    for (found, clock) in found.iter_mut().zip(Clock::ALL) {
        for period in now.periods() {
            let more = period.in_flight(operation, clock);
            found.count = found.count.wrapping_add(more.count);
            found.times = found.times.wrapping_add(more.times);
            completed = completed.wrapping_add(more.completed);
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
    // Negative if requests arrived on one CPU and completed on another CPU that was read later.
    let count = u64::try_from(count as i64).unwrap_or(0);
    (
        (count, whole.then_some(if count == 0 { 0 } else { ages })),
        completed,
    )
}
