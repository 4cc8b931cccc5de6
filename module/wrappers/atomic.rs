// SPDX-License-Identifier: GPL-2.0

//! Counters that all CPUs share.
//!
//! C header: [`include/linux/atomic.h`](srctree/include/linux/atomic.h)

use core::{
    hint::spin_loop,
    sync::atomic::{fence, AtomicU32, AtomicU64, Ordering},
};

/// `N` 64-bit counters, zero at the start, in cache lines of their own. Any context may count.
#[repr(align(64))]
pub(crate) struct Counters<const N: usize>([AtomicU64; N]);

impl<const N: usize> Counters<N> {
    /// All of them at zero.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// Adds `n` to counter `index` (`atomic64_add`). Beyond `N` nothing is counted.
    pub(crate) fn add(&self, index: usize, n: u64) {
        if let Some(counter) = self.0.get(index) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// The same; gives what it was (`atomic64_fetch_add`), 0 beyond `N`.
    #[allow(dead_code)] // tests/modules has a target that needs it.
    pub(crate) fn fetch_add(&self, index: usize, n: u64) -> u64 {
        let counter = self.0.get(index);
        counter.map_or(0, |counter| counter.fetch_add(n, Ordering::Relaxed))
    }

    /// Raises counter `index` to `n` if it is less.
    pub(crate) fn raise(&self, index: usize, n: u64) {
        if let Some(counter) = self.0.get(index) {
            counter.fetch_max(n, Ordering::Relaxed);
        }
    }

    /// The counters from `first` on; 0 for those beyond `N`.
    pub(crate) fn copy(&self, first: usize, counters: &mut [u64]) {
        for (index, counter) in counters.iter_mut().enumerate() {
            *counter = self.read(first + index);
        }
    }

    /// Counter `index` (`atomic64_read`); 0 beyond `N`.
    pub(crate) fn read(&self, index: usize) -> u64 {
        let counter = self.0.get(index);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// A number of things and the sum of their values, read as they were at one time.
///
/// It is three counters, which change in their order: the things that are begun to be added, the sum, and the
/// things that are added. A reader who reads them backwards and finds the outer ones equal has the sum of
/// so many things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The number.
    pub(crate) count: u64,
    /// The sum, modulo 2^64.
    pub(crate) sum: u64,
}

impl Tally {
    /// Number of counters.
    pub(crate) const COUNTERS: usize = 3;
}

/// A [`Tally`] that all CPUs share.
pub(crate) struct SharedTally([AtomicU64; Tally::COUNTERS]);

impl SharedTally {
    /// Number of times that a reader tries.
    const TRIES: usize = 1000;

    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; Tally::COUNTERS])
    }

    /// Adds a thing of this value. Any context.
    pub(crate) fn add(&self, value: u64) {
        let [first, sum, last] = &self.0;
        first.fetch_add(1, Ordering::Relaxed);
        // A reader of either finds those before.
        sum.fetch_add(value, Ordering::Release);
        last.fetch_add(1, Ordering::Release);
    }

    /// Returns it, and whether it is of one time: a CPU can stay in the midst of a change for too long.
    pub(crate) fn read(&self) -> (Tally, bool) {
        let [first, sum, last] = &self.0;
        let mut tally = Tally::default();
        for _ in 0..Self::TRIES {
            tally.count = last.load(Ordering::Acquire);
            tally.sum = sum.load(Ordering::Acquire);
            if first.load(Ordering::Relaxed) == tally.count {
                return (tally, true);
            }
            spin_loop();
        }
        (tally, false)
    }
}

/// A number that is read far more often than written.
pub(crate) struct Setting(AtomicU32);

impl Setting {
    /// With a value.
    pub(crate) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// It (`READ_ONCE`).
    #[inline(always)]
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: it is a number of ours. This is C's READ_ONCE, which in the kernel's memory
        // model may race as a relaxed load may; that, LLVM would not make part of a comparison.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Changes it (`smp_store_release`).
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }
}

/// `N` numbers that are read together, as they were at one time (`seqcount_latch_t`).
///
/// A reader never waits for a writer: while one of two copies is written, the other one is read. So a
/// reader may interrupt a writer, or have a higher priority. It looks again only if a write ended meanwhile.
pub(crate) struct Latch<const N: usize> {
    /// Odd while the first copy is written. Its lowest bit is the copy to read.
    sequence: AtomicU64,
    copies: [[AtomicU64; N]; 2],
}

impl<const N: usize> Latch<N> {
    /// All of them at zero.
    pub(crate) const fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            copies: [const { [const { AtomicU64::new(0) }; N] }; 2],
        }
    }

    /// Changes all of them. The caller holds a lock that excludes other writers: two at once would leave a
    /// mixture of both.
    pub(crate) fn write(&self, numbers: [u64; N]) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        for (copy, step) in self.copies.iter().zip(1..) {
            // Readers go to the other copy before this one changes (`raw_write_seqcount_latch`).
            self.sequence
                .store(sequence.wrapping_add(step), Ordering::Release);
            fence(Ordering::Release);
            for (place, number) in copy.iter().zip(numbers) {
                place.store(number, Ordering::Relaxed);
            }
        }
    }

    /// Returns all of them, as one write left them.
    pub(crate) fn read(&self) -> [u64; N] {
        loop {
            let sequence = self.sequence.load(Ordering::Acquire);
            let [even, odd] = &self.copies;
            let copy = if sequence % 2 == 0 { even } else { odd };
            let numbers = copy.each_ref().map(|place| place.load(Ordering::Relaxed));
            read_barrier();
            if self.sequence.load(Ordering::Relaxed) == sequence {
                return numbers;
            }
        }
    }
}

/// What is read after it is not older than what was read before it (`smp_rmb`).
pub(crate) fn read_barrier() {
    fence(Ordering::Acquire);
}
