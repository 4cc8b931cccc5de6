// SPDX-License-Identifier: GPL-2.0

//! Counters of the requests of one mapped device.
//!
//! Each CPU counts its own reads and writes. All CPUs share the counters of rare operations, and of requests
//! that fail. `counters/period.rs` has the counters that a reset replaces, `counters/switch.rs` the resets
//! and switches, and `counters/read.rs` the sums.

mod pattern;
mod period;
mod read;
pub(crate) mod switch;

use crate::{
    histogram::Latencies,
    lines,
    measurement::Measurements,
    operation::Operation,
    req_op::Common,
    stamp::{
        Clock,
        Stamp,
        GENERATIONS,
        OPERATIONS, //
    },
    wrappers::{
        atomic::{
            Latch,
            Setting, //
        },
        bio::{
            Bio,
            EndedBio,
            Status, //
        },
        percpu::{
            Replaceable,
            Wait, //
        },
        preempt,
        rcu::Spare,
        time,
        timeline::Rate,
        tsc, //
    }, //
};
use kernel::prelude::*;
use period::{
    count,
    ArrivalRow,
    LatencyRow,
    Measured,
    Now,
    Period,
    ARRIVALS,
    ARRIVAL_ROW,
    COMPLETED,
    LATENCIES,
    LATENCY_MAX,
    LATENCY_SUM,
    STARTED,
    STRIDE, //
};

/// The counters of one mapped device.
#[pin_data]
#[repr(C, align(64))]
pub(crate) struct Counters {
    /// Exclusive bound on `size - 1` of reads and writes that are only counted; 0 while a measurement is on.
    /// Empty requests wrap round, so one comparison finds both.
    limit: Setting,
    /// All counters. A request during their replacement uses either the old or the new value.
    #[pin]
    now: Replaceable<Now, ARRIVALS>,
    /// Counts of the device's lines.
    lines: Latch<{ lines::COUNTS }>,
}

impl Counters {
    /// Returns the value of [`Counters::limit`]. No bio has the size of the maximum.
    fn limit(measurements: Measurements) -> u32 {
        if measurements == Measurements::NONE {
            u32::MAX
        } else {
            0
        }
    }

    /// Makes counters at zero, with all measurements off.
    pub(crate) fn new() -> Result<impl PinInit<Self, Error>> {
        let period = Period::new(Wait::Allowed)?;
        let value = Now::new(period, Measured::NONE, [const { None }; GENERATIONS]);
        let spare = Spare::new()?;
        Ok(try_pin_init!(Self {
            limit: Setting::new(Self::limit(Measurements::NONE)),
            now <- Replaceable::new(spare, value),
            lines: Latch::new(),
        }))
    }

    /// Publishes the counts of the device's lines. The caller holds a lock that excludes other callers.
    pub(crate) fn set_lines(&self, lines: lines::Shown) {
        self.lines.write(lines);
    }

    /// Returns the counts of the device's lines.
    pub(crate) fn lines(&self) -> lines::Shown {
        self.lines.read()
    }

    /// Tells if a read or write of this size is only counted: it has data, and no measurement is on.
    #[inline(always)]
    pub(crate) fn only_counts(&self, size: u32) -> bool {
        size.wrapping_sub(1) < self.limit.get()
    }

    /// Counts a read or write with data. On the I/O path of every CPU, so it takes no lock.
    #[inline(always)]
    pub(crate) fn count(&self, operation: Common, size: u32) {
        let section = preempt::disable();
        if let Some(row) = self
            .now
            .row::<STRIDE, ARRIVAL_ROW>(operation.row(), &section)
        {
            count(row, size);
        }
    }

    /// Counts a read or write with data, measures it by the TSC, and stores its stamp in the bio. Returns
    /// false, and does nothing, if that is not possible. On the I/O path of every CPU, so it takes no lock.
    #[inline(always)]
    pub(crate) fn count_and_stamp(&self, operation: Common, size: u32, bio: &mut Bio<'_>) -> bool {
        let section = preempt::disable();
        let Some(fast) = &self.now.get(&section).arrival else {
            return false;
        };
        let Some(row) = fast.arrivals(operation.row()) else {
            return false;
        };
        if !tsc::keeps_time_and_some(size) {
            return false;
        }
        let fields = Stamp::fields(fast.tag, operation.number());
        let (ticks, fields) = fast.tsc.read_after(fields);
        count(row, size);
        start(row, Stamp::with_fields(fields, ticks), ticks, bio, &section);
        true
    }

    /// Counts a read or write with data and its distance. Returns false, and does nothing, if the distance is
    /// not measured, or latencies are as well. On the I/O path of every CPU, so it takes no lock.
    #[inline(always)]
    pub(crate) fn count_pattern(&self, operation: Common, size: u32, bio: &Bio<'_>) -> bool {
        let section = preempt::disable();
        let Some(distance) = &self.now.get(&section).distance else {
            return false;
        };
        let Some(row) = distance.arrivals(operation.row()) else {
            return false;
        };
        if size == 0 {
            return false;
        }
        count(row, size);
        distance.pattern.count(operation.row(), bio, size, &section);
        true
    }

    /// Counts a read or write with data and its distance, measures it by the TSC, and stores its stamp in the
    /// bio. Returns false, and does nothing, if that is not possible. On the I/O path of every CPU, so it takes
    /// no lock.
    #[inline(always)]
    pub(crate) fn count_pattern_and_stamp(
        &self,
        operation: Common,
        size: u32,
        bio: &mut Bio<'_>,
    ) -> bool {
        let section = preempt::disable();
        let now = self.now.get(&section);
        let (Some(fast), Some(pattern)) = (&now.end, &now.measured.pattern) else {
            return false;
        };
        let Some(row) = fast.arrivals(operation.row()) else {
            return false;
        };
        if !tsc::keeps_time_and_some(size) {
            return false;
        }
        count(row, size);
        pattern.count(operation.row(), bio, size, &section);
        let fields = Stamp::fields(fast.tag, operation.number());
        let (ticks, fields) = fast.tsc.read_after(fields);
        start(row, Stamp::with_fields(fields, ticks), ticks, bio, &section);
        true
    }

    /// Counts a read or write with data, measures it by CLOCK_MONOTONIC, and stores its stamp in the bio.
    /// Returns false, and does nothing, if that is not possible or the TSC keeps the time.
    #[inline(always)]
    pub(crate) fn count_and_stamp_by_ktime(
        &self,
        operation: Common,
        size: u32,
        bio: &mut Bio<'_>,
    ) -> bool {
        let section = preempt::disable();
        let now = self.now.get(&section);
        let Some(row) = now.period.row(operation.row()) else {
            return false;
        };
        let tag = now.period.tag();
        let Measured { latency, pattern } = &now.measured;
        if size == 0
            || tsc::keeps_time()
            || tag.clock() != Clock::Monotonic
            || latency.is_none()
            || pattern.is_some()
        {
            return false;
        }
        count(row, size);
        let ns = time::now();
        let fields = Stamp::fields(tag, operation.number());
        start(row, Stamp::with_fields(fields, ns), ns, bio, &section);
        true
    }

    /// Counts any other request, and stores its stamp in the bio: a rare operation, an empty request, a zone
    /// append (which is a write), or a request measured by a clock other than its period's.
    #[cold]
    #[inline(never)]
    pub(crate) fn arrived(&self, bio: &mut Bio<'_>) {
        let size = bio.size();
        let operation = Operation::of(bio.op(), size);
        const { assert!(Operation::COUNT <= OPERATIONS) };
        let number = operation.number();
        let section = preempt::disable();
        let now = self.now.get(&section);
        now.period.count(operation, size);
        if let Some(pattern) = &now.measured.pattern {
            match (Common::of(bio.op()), operation) {
                (Some(common), Operation::Read | Operation::Write) => {
                    pattern.count(common.row(), bio, size, &section);
                }
                (None, Operation::Write) => pattern.append(Operation::Write as usize),
                _ => {}
            }
        }
        let stamp = if now.measured.latency.is_some() {
            let (clock, time) = match tsc::now() {
                Some(ticks) => (Clock::Tsc, ticks),
                None => (Clock::Monotonic, time::now()),
            };
            let tag = now.period.tag().with_clock(clock);
            now.period.start(operation, clock, time, &section);
            Stamp::measured(tag, number, time)
        } else {
            Stamp::unmeasured(number)
        };
        bio.set_private(stamp.word() as usize);
    }

    /// Counts the end of a successful read or write that the TSC measured. Returns false, and does nothing,
    /// for any other request. On the I/O path of every CPU, so it takes no lock.
    ///
    /// Removes the request from those in flight first, so no reader finds it both in flight and completed.
    /// Every other end keeps this order.
    #[inline(always)]
    pub(crate) fn common_completed(&self, bio: &EndedBio) -> bool {
        let stamp = Stamp::from_word(bio.private() as u64);
        let section = preempt::disable();
        let Some(fast) = &self.now.get(&section).end else {
            return false;
        };
        let Some(operation) = stamp.operation_below(Operation::COMMON_COUNT as u8, fast.tag) else {
            return false;
        };
        let ticks = fast.tsc.read();
        let below = stamp.age_less_one(ticks);
        // The time of arrival plus 1.
        let after = ticks.wrapping_sub(below);
        if below >= Rate::SHORT || !tsc::has_counted_since(after) {
            return false;
        }
        let operation = usize::from(operation);
        let (Some(arrivals), Some(latencies)) =
            (fast.arrivals(operation), fast.latencies(operation))
        else {
            return false;
        };
        arrivals.tally::<COMPLETED>(after, &section);
        let below = tsc::rate().ns_of_short(below);
        measure(latencies, below as u32, below + 1);
        true
    }

    /// Counts the end of a successful read or write that CLOCK_MONOTONIC measured. Returns false, and does
    /// nothing, for any other request.
    #[inline(always)]
    pub(crate) fn common_completed_by_ktime(&self, bio: &EndedBio) -> bool {
        let stamp = Stamp::from_word(bio.private() as u64);
        let section = preempt::disable();
        let now = self.now.get(&section);
        let tag = now.period.tag();
        let operation = stamp.operation_below(Operation::COMMON_COUNT as u8, tag);
        let (Some(operation), Some(latency)) = (operation, &now.measured.latency) else {
            return false;
        };
        if tag.clock() != Clock::Monotonic {
            return false;
        }
        let ns = time::now();
        let below = stamp.age_less_one(ns);
        let Ok(bucket) = u32::try_from(below) else {
            return false;
        };
        let operation = usize::from(operation);
        let (Some(arrivals), Some(latencies)) = (now.period.row(operation), latency.row(operation))
        else {
            return false;
        };
        arrivals.tally::<COMPLETED>(ns.wrapping_sub(below), &section);
        measure(latencies, bucket, below + 1);
        true
    }

    /// Counts the end of any other request: one that failed, or one with a stamp.
    pub(crate) fn completed(&self, bio: &EndedBio, status: Status) {
        let stamp = Stamp::from_word(bio.private() as u64);
        let number = match bio.private() {
            // A request without a stamp is a read or write with data.
            0 => Operation::of(bio.op(), 1).number(),
            _ => stamp.operation(),
        };
        let Some(operation) = Operation::from_number(number) else {
            return;
        };
        let section = preempt::disable();
        let now = self.now.get(&section);
        match stamp.tag() {
            Some(tag) => {
                let (arrival, ns) = age(stamp, tag.clock());
                let is_current = tag.generation() == now.period.tag().generation();
                if is_current {
                    now.period
                        .complete(operation, tag.clock(), arrival, &section);
                    now.period.failed(operation, status);
                } else if let Some(older) = &now.older[tag.generation()] {
                    older.complete(operation, tag.clock(), arrival, &section);
                }
                match &now.measured.latency {
                    Some(latency) if is_current && status.is_ok() => latency.measure(operation, ns),
                    Some(latency) => latency.measure_rest(operation, ns),
                    None => {}
                }
            }
            None => now.period.failed(operation, status),
        }
    }
}

/// Counts a measured read or write that arrives at `time` as in flight, and stores its stamp in the bio.
#[inline(always)]
fn start(
    row: ArrivalRow<'_>,
    stamp: Stamp,
    time: u64,
    bio: &mut Bio<'_>,
    section: &preempt::Guard,
) {
    row.tally::<STARTED>(time, section);
    bio.set_private(stamp.word() as usize);
}

/// Counts the latency of a read or write. `ns` is `below + 1`.
#[inline(always)]
fn measure(row: LatencyRow<'_>, below: u32, ns: u64) {
    row.increment_bucket::<LATENCIES, { Latencies::FIRST_BIT }>(below);
    row.add::<LATENCY_SUM>(ns);
    row.raise::<LATENCY_MAX>(ns);
}

/// Returns the full time of arrival by the stamp's clock, and the age in nanoseconds.
fn age(stamp: Stamp, clock: Clock) -> (u64, u64) {
    match clock {
        Clock::Tsc => {
            let arrival = stamp.arrival(tsc::nearby());
            (arrival, tsc::age(arrival))
        }
        Clock::Monotonic => {
            let now = time::now();
            (stamp.arrival(now), stamp.age(now))
        }
    }
}
