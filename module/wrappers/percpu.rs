// SPDX-License-Identifier: GPL-2.0

//! Per-CPU 64-bit counters.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)
//!
//! # Example
//!
//! ```ignore
//! let counters = PerCpuCounters::<2>::new()?;
//! counters.increment(0); // any context, any CPU, never blocks
//! assert!(counters.sums(0..2).eq([1, 0]));
//! ```

use super::{
    bindings,
    rcu::{Pointer, Rcu},
};
use core::{ffi::c_void, mem::ManuallyDrop, ptr::NonNull};
use kernel::prelude::*;

/// `N` counters of which every CPU has its own, zero at the start.
///
/// # Invariants
///
/// `first` is a per-CPU address from `__alloc_percpu` of `N` 64-bit counters, ours to free.
pub(crate) struct PerCpuCounters<const N: usize> {
    first: NonNull<u64>,
}

// SAFETY: a per-CPU address means the same on every CPU and to every task, and the counters may be
// used from all of them at once.
unsafe impl<const N: usize> Send for PerCpuCounters<N> {}

// SAFETY: as above; `increment` and `sums` race only as described there.
unsafe impl<const N: usize> Sync for PerCpuCounters<N> {}

impl<const N: usize> PerCpuCounters<N> {
    /// Allocates the counters of every possible CPU. May sleep.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: any size may be asked for. The allocator zeroes what it gives.
        let first = unsafe { bindings::dmp_percpu_alloc(N) };
        // INVARIANT: `dmp_percpu_alloc` gave us `N` counters.
        Ok(Self {
            first: NonNull::new(first).ok_or(ENOMEM)?,
        })
    }

    /// Adds 1 to counter `index` of the CPU it runs on, wherever it runs.
    ///
    /// Whole with respect to preemption, interrupts and migration, and without a lock or a shared
    /// cache line. Beyond `N` nothing is counted; where the compiler knows that `index` is below,
    /// nothing is left of the check.
    #[inline(always)]
    pub(crate) fn increment(&self, index: usize) {
        debug_assert!(index < N);
        if index >= N {
            return;
        }
        // SAFETY: `first` points to `N` per-CPU counters and `index < N`. `this_cpu_inc` may be
        // called from any context.
        unsafe { bindings::dmp_percpu_inc(self.first.as_ptr().add(index)) }
    }

    /// The sums of some counters, one by one, over all possible CPUs, so that none is lost with a
    /// CPU that went offline. What is asked for beyond `N` is left out.
    ///
    /// Each CPU's part only ever grows (modulo 2^64) and is read once: a sum is at least what it
    /// was before the call and at most what it is after it.
    pub(crate) fn sums<'a>(
        &'a self,
        indices: impl Iterator<Item = usize> + 'a,
    ) -> impl Iterator<Item = u64> + 'a {
        indices.filter(|index| *index < N).map(|index| {
            // SAFETY: `first` points to `N` per-CPU counters and `index < N`.
            unsafe { bindings::dmp_percpu_sum(self.first.as_ptr().add(index)) }
        })
    }

    /// The highest that counter `index` is on any CPU; 0 beyond `N`.
    pub(crate) fn max(&self, index: usize) -> u64 {
        if index >= N {
            return 0;
        }
        // SAFETY: `first` points to `N` per-CPU counters and `index < N`.
        unsafe { bindings::dmp_percpu_max(self.first.as_ptr().add(index)) }
    }
}

impl<const N: usize> Drop for PerCpuCounters<N> {
    fn drop(&mut self) {
        // SAFETY: by the invariant `first` is ours to free, and nobody can refer to it any more.
        unsafe { bindings::free_percpu(self.first.as_ptr().cast()) }
    }
}

// SAFETY: the pointer is all there is, and never null.
unsafe impl<const N: usize> Pointer for PerCpuCounters<N> {
    #[inline(always)]
    fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).first.as_ptr().cast()
    }

    #[inline(always)]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        // SAFETY: it comes from `into_raw`, so it is not null.
        // INVARIANT: it comes from `into_raw`.
        let first = unsafe { NonNull::new_unchecked(raw.cast()) };
        Self { first }
    }
}

impl<const N: usize> Rcu<PerCpuCounters<N>> {
    /// Adds `n` to counter `sum` and 1 to counter `one` of the CPU it runs on, each as
    /// [`PerCpuCounters::increment`] does. A replacement comes before both or after both.
    ///
    /// One call into C: on the I/O path the calls cost more than the additions.
    #[inline(always)]
    pub(crate) fn count(&self, sum: usize, one: usize, n: u64) {
        debug_assert!(sum < N && one < N);
        if sum >= N || one >= N {
            return;
        }
        // SAFETY: it holds `N` per-CPU counters, which are replaced and freed as RCU wants it, and
        // both are among them.
        unsafe { bindings::dmp_percpu_count(self.as_ptr().cast(), sum, one, n) }
    }
}

impl<const N: usize> Rcu<Option<PerCpuCounters<N>>> {
    /// The same, and raises the counter right behind `sum` to `n` if it is less. That one must only
    /// ever be raised. Does nothing where there are no counters.
    #[inline(always)]
    pub(crate) fn measure(&self, sum: usize, one: usize, n: u64) {
        debug_assert!(sum + 1 < N && one < N);
        if sum + 1 >= N || one >= N {
            return;
        }
        // SAFETY: as in `count`; no counters are a null pointer, which is looked for.
        unsafe { bindings::dmp_percpu_measure(self.as_ptr().cast(), sum, one, n) }
    }
}
