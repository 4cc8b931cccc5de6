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

/// What is read after it is not older than what was read before it (`smp_rmb`).
pub(crate) fn read_barrier() {
    fence(Ordering::Acquire);
}
