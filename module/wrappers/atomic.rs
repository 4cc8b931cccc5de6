// SPDX-License-Identifier: GPL-2.0

//! Counters that all CPUs share.
//!
//! The kernel's own `Atomic` ([`rust/kernel/sync/atomic.rs`](srctree/rust/kernel/sync/atomic.rs),
//! from 6.18 on) is not used: each of its operations calls a C function (`rust/helpers/atomic.c`)
//! unless the kernel has the experimental `CONFIG_RUST_INLINE_HELPERS`. Requests read and change
//! these values without calls.
//!
//! C header: [`include/linux/atomic.h`](srctree/include/linux/atomic.h)

use core::{
    hint::spin_loop,
    sync::atomic::{
        fence,
        AtomicU32,
        AtomicU64,
        Ordering, //
    }, //
};

/// `N` 64-bit counters, zero at the start, in cache lines of their own. Any context may count.
#[repr(align(64))]
pub(crate) struct Counters<const N: usize>([AtomicU64; N]);

impl<const N: usize> Counters<N> {
    /// Makes counters at zero.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// Adds `n` to counter `index` (`atomic64_fetch_add_release`). Beyond `N` nothing is counted.
    ///
    /// A reader that finds `n` and then calls [`read_barrier`] also finds all earlier counts of the
    /// caller, such as the [`Tally`] of a request whose failure is counted here.
    pub(crate) fn add(&self, index: usize, n: u64) {
        if let Some(counter) = self.0.get(index) {
            counter.fetch_add(n, Ordering::Release);
        }
    }

    /// Adds `n` to counter `index`, and returns its former value (`atomic64_fetch_add`); 0 beyond
    /// `N`.
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

    /// Reads the counters from `first` on; 0 for those beyond `N`.
    pub(crate) fn copy(&self, first: usize, counters: &mut [u64]) {
        for (index, counter) in counters.iter_mut().enumerate() {
            *counter = self.read(first + index);
        }
    }

    /// Returns counter `index` (`atomic64_read`); 0 beyond `N`.
    pub(crate) fn read(&self, index: usize) -> u64 {
        let counter = self.0.get(index);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// The number of some events and the sum of their values, in a consistent pair.
///
/// A tally has three counters, which change in this order: the number of started additions, the
/// sum, and the number of completed additions. Each change becomes visible after the earlier ones.
///
/// A reader reads the counters backwards. So the sum covers all additions that were read as
/// completed, and the number of started additions covers all additions in the sum. If both numbers
/// are equal, the sum covers exactly that many events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The number.
    pub(crate) count: u64,
    /// The sum, modulo 2^64.
    pub(crate) sum: u64,
}

impl Tally {
    /// Number of counters of a tally.
    pub(crate) const COUNTERS: usize = 3;
}

/// A [`Tally`] that all CPUs share.
pub(crate) struct SharedTally([AtomicU64; Tally::COUNTERS]);

impl SharedTally {
    /// Number of attempts of a reader.
    const TRIES: usize = 1000;

    /// Makes an empty tally.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; Tally::COUNTERS])
    }

    /// Adds an event with this value. Any context.
    pub(crate) fn add(&self, value: u64) {
        let [first, sum, last] = &self.0;
        first.fetch_add(1, Ordering::Relaxed);
        // Both release additions pair with the acquire loads in `read`: a reader that finds a
        // change also finds the changes before it, and those of all earlier calls, because an
        // atomic addition continues the release sequence of the previous one.
        sum.fetch_add(value, Ordering::Release);
        last.fetch_add(1, Ordering::Release);
    }

    /// Returns the tally, and whether it is consistent. It is inconsistent if a change takes a CPU
    /// too long.
    pub(crate) fn read(&self) -> (Tally, bool) {
        let [first, sum, last] = &self.0;
        let mut tally = Tally::default();
        for _ in 0..Self::TRIES {
            // Both acquire loads pair with the additions in `add`, which have the opposite order.
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
    /// Makes a setting with a value.
    pub(crate) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// Returns the number (`READ_ONCE`).
    #[inline(always)]
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: The pointer is valid for reads. A volatile load is C's READ_ONCE, which in the
        // kernel's memory model may race as a relaxed load may. LLVM makes a volatile load part of
        // a comparison, and a relaxed one not.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Changes the number (`smp_store_release`).
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }
}

/// `N` numbers that are read together, in a consistent state (`seqcount_latch_t`).
///
/// A reader never waits for a writer: while one of two copies is written, readers use the other. So
/// a reader may interrupt a writer, or have a higher priority. It repeats its read only if a writer
/// made progress during the read.
pub(crate) struct Latch<const N: usize> {
    /// Odd while the first copy is written. The lowest bit is the number of the copy to read.
    sequence: AtomicU64,
    copies: [[AtomicU64; N]; 2],
}

impl<const N: usize> Latch<N> {
    /// Makes numbers at zero.
    pub(crate) const fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            copies: [const { [const { AtomicU64::new(0) }; N] }; 2],
        }
    }

    /// Changes all numbers. The caller holds a lock that excludes other writers, because two at
    /// once would leave a mixture of both.
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

    /// Returns all numbers, from one write.
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

/// Orders reads: a read after the barrier sees nothing older than a read before it (`smp_rmb`).
pub(crate) fn read_barrier() {
    fence(Ordering::Acquire);
}
