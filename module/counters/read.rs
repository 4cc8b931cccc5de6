// SPDX-License-Identifier: GPL-2.0

//! What the counters add up to.

use super::{
    first, Arrivals, Counters, LatencyCounters, SinceReset, ARRIVALS, BEGUN, BYTES, ENDED,
    LATENCIES, LATENCY_MAX, LATENCY_SUM, SIZES, STRIDE,
};
use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    snapshot::{Counted, OperationCounted},
    summary::Sum,
    wrappers::{atomic, rcu, time},
};

impl OperationCounted {
    /// What they add up to.
    pub(crate) fn sum(&self) -> Sum {
        Sum {
            requests: self.requests(),
            bytes: self.bytes,
            errors: self.errors,
            again: self.again,
        }
    }
}

impl Counters {
    /// How often is looked for a time at which no request ends.
    const LOOKS: usize = 16;

    /// What was counted of reads and of writes since the last reset, at one time.
    pub(crate) fn volumes(&self) -> [Sum; Operation::USUAL] {
        let mut arrivals = [0; ARRIVALS];
        {
            let section = rcu::read_lock();
            let (counters, _) = self.since_reset.get(&section);
            counters.sums(0, &mut arrivals);
        }
        let mut sums = [Sum::default(); Operation::USUAL];
        for (sum, arrivals) in sums.iter_mut().zip(arrivals.chunks(STRIDE)) {
            sum.bytes = arrivals[BYTES];
            sum.requests = arrivals[SIZES..][..Sizes::BUCKETS]
                .iter()
                .copied()
                .fold(0, u64::wrapping_add);
        }
        sums
    }

    /// What was counted of each operation since the last reset, and whether latencies are measured, at
    /// one time.
    pub(crate) fn sums(&self) -> ([Sum; Operation::COUNT], bool) {
        let section = rcu::read_lock();
        let now = self.since_reset.get(&section);
        let sums = Operation::ALL.map(|operation| {
            let mut counted = OperationCounted::NONE;
            self.read(operation, now, &mut counted);
            counted.sum()
        });
        (sums, now.1.latency.is_some())
    }

    /// Everything that was counted of one operation, at one time.
    pub(crate) fn counted(&self, operation: Operation) -> OperationCounted {
        let mut counted = OperationCounted::NONE;
        let section = rcu::read_lock();
        self.read(operation, self.since_reset.get(&section), &mut counted);
        counted
    }

    /// Everything that was counted, at one time.
    pub(crate) fn all_counted(&self, counted: &mut Counted<{ Operation::COUNT }>) {
        let section = rcu::read_lock();
        let now = self.since_reset.get(&section);
        counted.since = now.1.shared.since;
        counted.taken = time::since_boot();
        counted.latency = now.1.latency.is_some();
        for (operation, counted) in Operation::ALL.into_iter().zip(&mut counted.operations) {
            self.read(operation, now, counted);
        }
    }

    /// Ends are read before what is under way, and that before arrivals; and what ends is no longer under
    /// way before it is counted. So there are never more of the former two, together, than of the latter.
    fn read(
        &self,
        operation: Operation,
        (arrivals, now): (&Arrivals, &SinceReset),
        counted: &mut OperationCounted,
    ) {
        let number = usize::from(operation.number());
        counted.errors = now.shared.errors.read(number);
        counted.again = now.shared.again.read(number);
        let mut buffer = [0; STRIDE];
        if let Some(latency) = &now.latency {
            latency.read(number, &mut buffer);
            counted.latency_sum = buffer[LATENCY_SUM];
            counted.latency_max = buffer[LATENCY_MAX];
            counted
                .latencies
                .copy_from_slice(&buffer[LATENCIES..][..Latencies::BUCKETS]);
            counted.inflight = self.inflight(number);
        }
        atomic::read_barrier();
        match number.checked_sub(Operation::USUAL) {
            Some(rare) => now.shared.rare.copy(first(rare), &mut buffer),
            None => arrivals.sums(first(number), &mut buffer),
        }
        counted.bytes = buffer[BYTES];
        counted
            .sizes
            .copy_from_slice(&buffer[SIZES..][..Sizes::BUCKETS]);
    }

    /// How many measured requests have not ended. A request's begin is seen wherever its end is, so that
    /// it is never negative.
    ///
    /// Where none ended while the begun ones were read, no more are seen than were under way. So if any
    /// did, it is looked at again; not without end, for there may always be some.
    fn inflight(&self, number: usize) -> u64 {
        if let Some(rare) = number.checked_sub(Operation::USUAL) {
            return self.rare_under_way.read(rare);
        }
        let (mut begun, mut ended, mut ended_since) = ([0], [0], [0]);
        self.under_way.sums(ENDED + number, &mut ended_since);
        for _ in 0..Self::LOOKS {
            ended = ended_since;
            atomic::read_barrier();
            self.under_way.sums(BEGUN + number, &mut begun);
            atomic::read_barrier();
            self.under_way.sums(ENDED + number, &mut ended_since);
            if ended_since == ended {
                break;
            }
        }
        begun[0].wrapping_sub(ended[0])
    }
}

impl LatencyCounters {
    /// What was measured of one operation.
    fn read(&self, number: usize, counters: &mut [u64; STRIDE]) {
        match number.checked_sub(Operation::USUAL) {
            Some(rare) => self.rare.copy(first(rare), counters),
            None => {
                self.usual.sums(first(number), counters);
                counters[LATENCY_MAX] = self.usual.max(first(number) + LATENCY_MAX);
            }
        }
    }
}
