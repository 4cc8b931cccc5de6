// SPDX-License-Identifier: GPL-2.0

//! Counters that all CPUs share.
//!
//! C header: [`include/linux/atomic.h`](srctree/include/linux/atomic.h)

use core::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

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

    /// Takes `n` from counter `index` (`atomic64_sub`). Beyond `N` nothing is counted.
    pub(crate) fn sub(&self, index: usize, n: u64) {
        if let Some(counter) = self.0.get(index) {
            counter.fetch_sub(n, Ordering::Relaxed);
        }
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
    copies: [[AtomicU32; N]; 2],
}

impl<const N: usize> Latch<N> {
    /// All of them at zero.
    pub(crate) const fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            copies: [const { [const { AtomicU32::new(0) }; N] }; 2],
        }
    }

    /// Changes all of them. The caller holds a lock that excludes other writers: two at once would leave a
    /// mixture of both.
    pub(crate) fn write(&self, numbers: [u32; N]) {
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
    pub(crate) fn read(&self) -> [u32; N] {
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
