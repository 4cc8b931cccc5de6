// SPDX-License-Identifier: GPL-2.0

//! Per-CPU 64-bit counters.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)
//!
//! # Example
//!
//! ```ignore
//! // Any context, any CPU; it never blocks:
//! row.add::<BYTES>(size.into());
//! row.increment_bucket::<SIZES, { Sizes::FIRST_BIT }>(size.wrapping_sub(1));
//! ```

use super::{
    atomic::Tally,
    bindings, preempt,
    rcu::{Rcu, Replaced, Section, Spare},
};
use core::{
    marker::PhantomData,
    mem::size_of,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{AtomicPtr, Ordering},
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{Arc, SpinLock},
};

/// `N` counters of which every CPU has its own, zero at the start, from the begin of a cache line on
/// if they are more than a few.
///
/// # Invariants
///
/// `first` is a per-CPU address from `__alloc_percpu` of `N` 64-bit counters, ours to free.
pub(crate) struct PerCpu<const N: usize> {
    first: NonNull<u64>,
}

// SAFETY: a per-CPU address means the same on every CPU and to every task, and the counters may be
// used from all of them at once.
unsafe impl<const N: usize> Send for PerCpu<N> {}

// SAFETY: as above; counting and reading race only as described there.
unsafe impl<const N: usize> Sync for PerCpu<N> {}

/// Waiting of an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The allocation may sleep, and may wait for others that wait for I/O.
    Allowed,
    /// The allocation fails in the place of waiting.
    Never,
}

impl<const N: usize> PerCpu<N> {
    /// Allocates the counters of every possible CPU. Fails with `EAGAIN` if it would have to wait and must
    /// not: a later try may succeed.
    pub(crate) fn new(wait: Wait) -> Result<Self> {
        // SAFETY: any size may be asked for. The allocator zeroes what it gives.
        let first = unsafe { bindings::dmp_percpu_alloc(N, wait == Wait::Allowed) };
        // INVARIANT: `dmp_percpu_alloc` gave us `N` counters.
        match (NonNull::new(first), wait) {
            (Some(first), _) => Ok(Self { first }),
            (None, Wait::Allowed) => Err(ENOMEM),
            (None, Wait::Never) => Err(EAGAIN),
        }
    }

    /// The sums of the counters from `first` on, over all possible CPUs, so that none is lost with a
    /// CPU that went offline. What is asked for beyond `N` is 0.
    ///
    /// Each CPU's part only ever grows (modulo 2^64) and is read once: a sum is at least what it
    /// was before the call and at most what it is after it. A CPU's counters are read from the last to
    /// the first: of what is counted in a lower one before a higher one, the lower sum has no less.
    pub(crate) fn sums(&self, first: usize, sums: &mut [u64]) {
        sums.fill(0);
        let count = sums.len().min(N.saturating_sub(first));
        if count > 0 {
            // SAFETY: by the invariant there are `N` counters, of which `count` are from `first` on; `sums`
            // has as many places.
            unsafe {
                let from = self.first.as_ptr().wrapping_add(first);
                bindings::dmp_percpu_sums(from, sums.as_mut_ptr(), count);
            }
        }
    }

    /// The highest that counter `index` is on any CPU; 0 beyond `N`.
    pub(crate) fn max(&self, index: usize) -> u64 {
        if index >= N {
            return 0;
        }
        // SAFETY: by the invariant there are `N` counters from `first` on, and `index` is below that.
        unsafe { bindings::dmp_percpu_max(self.first.as_ptr().wrapping_add(index)) }
    }

    /// Sums up the tallies at `added` and at `taken` over all possible CPUs, each CPU's as they were at one
    /// time. Returns with them if that is so of all: a CPU can stay in the midst of a change for too long.
    /// The counters that are asked for beyond `N` are 0.
    pub(crate) fn tallies(&self, added: usize, taken: usize) -> ([Tally; 2], bool) {
        let mut sums = [0; 4];
        if added.max(taken) + Tally::COUNTERS > N {
            return ([Tally::default(); 2], false);
        }
        let first = self.first.as_ptr();
        // SAFETY: by the invariant there are `N` counters from `first` on, with both tallies among them;
        // there is room for four numbers.
        let whole = unsafe {
            bindings::dmp_percpu_tallies(
                first.wrapping_add(added),
                first.wrapping_add(taken),
                sums.as_mut_ptr(),
            )
        };
        let tally = |at: usize| Tally {
            count: sums[at],
            sum: sums[at + 1],
        };
        ([tally(0), tally(2)], whole)
    }
}

impl<const N: usize> Drop for PerCpu<N> {
    fn drop(&mut self) {
        // SAFETY: by the invariant `first` is ours to free, and nobody can refer to it any more. It
        // may be called in any context.
        unsafe { bindings::free_percpu(self.first.as_ptr().cast()) }
    }
}

/// Some of the counters of whichever CPU it runs on.
///
/// Each method is whole with respect to preemption, interrupts and migration, and takes neither a lock nor
/// a shared cache line.
///
/// # Invariants
///
/// `first` is the per-CPU address of `LEN` counters, for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, const LEN: usize> {
    /// An offset from each CPU's base. Never dereference it; add to it with `wrapping_add`.
    first: *mut u64,
    counters: PhantomData<&'a u64>,
}

impl<const LEN: usize> Row<'_, LEN> {
    /// Returns row `which` of `N` counters, if there are so many rows, which begin `STRIDE` after each other.
    ///
    /// # Safety
    ///
    /// `first` must be the per-CPU address of `N` counters, as long as the result is there.
    #[inline(always)]
    unsafe fn new<const N: usize, const STRIDE: usize>(
        first: *mut u64,
        which: usize,
    ) -> Option<Self> {
        const { assert!(N >= LEN && STRIDE >= LEN) };
        if which > const { (N - LEN) / STRIDE } {
            return None;
        }
        let offset = which * const { STRIDE * size_of::<u64>() };
        // INVARIANT: as `which` is below the number of rows, all of this one is among the counters.
        Some(Self {
            first: first.wrapping_byte_add(offset),
            counters: PhantomData,
        })
    }

    /// Adds a thing of this value to the [`Tally`] at `AT`.
    #[inline(always)]
    pub(crate) fn tally<const AT: usize>(self, value: u64) {
        const { assert!(AT + Tally::COUNTERS <= LEN) };
        // SAFETY: by the invariant it is the address of three of the counters.
        unsafe { own::tally::<AT>(self.first, value) }
    }

    /// Adds `n` to counter `AT` (`this_cpu_add`).
    #[inline(always)]
    pub(crate) fn add<const AT: usize>(self, n: u64) {
        const { assert!(AT < LEN) };
        // SAFETY: by the invariant it is the address of one of the counters.
        unsafe { own::add::<AT>(self.first, n) }
    }

    /// Adds 1 to the counter of a bucket from `AT` on: the first is of values up to 2^(`FIRST_BIT` + 1),
    /// each next one of those up to twice as much. `below` is the value less one.
    #[inline(always)]
    pub(crate) fn increment_bucket<const AT: usize, const FIRST_BIT: u32>(self, below: u32) {
        const { assert!(AT + (u32::BITS - FIRST_BIT) as usize <= LEN) };
        // It is from `FIRST_BIT` to 31: that bit is set.
        let bit = (below | (1 << FIRST_BIT)).ilog2() as usize;
        // SAFETY: by the invariant there are `LEN` counters: behind the one at `AT` one for each bit, of
        // which that of `bit` is the `bit - FIRST_BIT`th.
        unsafe { own::increment_indexed::<AT, FIRST_BIT>(self.first, bit) }
    }

    /// Adds 1 to the counter that is `index` behind the one at `AT`. Beyond `LEN` nothing is counted.
    pub(crate) fn increment_indexed<const AT: usize>(self, index: usize) {
        if index < const { LEN - AT } {
            // SAFETY: by the invariant there are `LEN` counters.
            unsafe { own::increment_indexed::<AT, 0>(self.first, index) }
        }
    }

    /// Raises counter `AT` to `n` if it is less. It must only ever be raised.
    #[inline(always)]
    pub(crate) fn raise<const AT: usize>(self, n: u64) {
        const { assert!(AT < LEN) };
        // SAFETY: by the invariant it is the address of one of the counters.
        unsafe { own::raise::<AT>(self.first, n) }
    }
}

/// Per-CPU counters that several own.
///
/// # Invariants
///
/// `first` is that of `counters`.
pub(crate) struct Shared<const N: usize> {
    /// Saves a load on the way to the counters.
    first: NonNull<u64>,
    counters: Arc<PerCpu<N>>,
}

// SAFETY: it is a reference to counters, which may be used from every task and CPU.
unsafe impl<const N: usize> Send for Shared<N> {}

// SAFETY: as above.
unsafe impl<const N: usize> Sync for Shared<N> {}

impl<const N: usize> Shared<N> {
    /// Allocates the counters, as [`PerCpu::new`].
    pub(crate) fn new(wait: Wait) -> Result<Self> {
        let counters = Arc::new(PerCpu::new(wait)?, GFP_KERNEL)?;
        Ok(Self {
            first: counters.first,
            counters,
        })
    }

    /// Returns row `which` of `LEN` counters each, which begin `STRIDE` after each other, if there are so many.
    #[inline(always)]
    pub(crate) fn row<const STRIDE: usize, const LEN: usize>(
        &self,
        which: usize,
    ) -> Option<Row<'_, LEN>> {
        // SAFETY: by the invariants they are `N` counters, which stay as long as `self`.
        unsafe { Row::new::<N, STRIDE>(self.first.as_ptr(), which) }
    }
}

impl<const N: usize> Clone for Shared<N> {
    fn clone(&self) -> Self {
        // INVARIANT: they are the same counters.
        Self {
            first: self.first,
            counters: self.counters.clone(),
        }
    }
}

impl<const N: usize> Deref for Shared<N> {
    type Target = PerCpu<N>;

    fn deref(&self) -> &PerCpu<N> {
        &self.counters
    }
}

/// A value with per-CPU counters in it, which are counted in, read and replaced.
pub(crate) trait HasCounters<const N: usize>: Send + Sync + 'static {
    /// Returns the counters, which are the same ones each time.
    fn counters(&self) -> &Shared<N>;
}

/// A value that is read and replaced, as [`Rcu`] says, with a short way to its per-CPU counters.
///
/// # Invariants
///
/// `first` is that of the counters of the value in `now`. Whoever read that of others is in a section that
/// they are not dropped before.
#[pin_data]
#[repr(C)]
pub(crate) struct Replaceable<T: HasCounters<N>, const N: usize> {
    first: AtomicPtr<u64>,
    now: Rcu<T>,
    /// Held while the value is replaced, and not for longer.
    #[pin]
    replacing: SpinLock<()>,
}

impl<T: HasCounters<N>, const N: usize> Replaceable<T, N> {
    /// With this to begin with.
    pub(crate) fn new(spare: Spare<T>, value: T) -> impl PinInit<Self> {
        // INVARIANT: they are the counters of the value.
        let first = AtomicPtr::new(value.counters().first.as_ptr());
        let now = Rcu::new(spare, value);
        pin_init!(Self {
            first,
            now,
            replacing <- new_spinlock!(()),
        })
    }

    /// The value as it is now, until the section ends.
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, section: &'a impl Section) -> &'a T {
        self.now.get(section)
    }

    /// Returns a row of the counters as they are now, until the section ends; `None` beyond `N`.
    #[inline(always)]
    pub(crate) fn row<'a, const STRIDE: usize, const LEN: usize>(
        &'a self,
        which: usize,
        _section: &'a impl Section,
    ) -> Option<Row<'a, LEN>> {
        // SAFETY: the pointer is there, and the counters stay until the section ends. The load is C's
        // READ_ONCE, which in the kernel's memory model may race as a relaxed load may; what is done through
        // it depends on it.
        unsafe { Row::new::<N, STRIDE>(self.first.as_ptr().read_volatile(), which) }
    }

    /// Puts what `with` makes of the present value in its place, and returns the old one; or the error
    /// that `with` returns. Any context but an interrupt's.
    ///
    /// The value is replaced first and then the counters, with nothing between that could be
    /// preempted: whoever counted in the new ones finds the new value.
    pub(crate) fn replace<E>(
        &self,
        spare: Spare<T>,
        with: impl FnOnce(&T) -> Result<T, E>,
    ) -> Result<Replaced<T>, E> {
        let replacing = self.replacing.lock();
        let section = super::rcu::read_lock();
        let new = with(self.now.get(&section))?;
        drop(section);
        let first = new.counters().first.as_ptr();
        let at_once = preempt::disable();
        let old = self.now.replace(spare, new);
        // INVARIANT: they are those in `now`; who still finds the others is in a section that began
        // before `old` is dropped.
        self.first.store(first, Ordering::Release);
        drop(at_once);
        drop(replacing);
        Ok(old)
    }
}

/// Counters of the CPU that it runs on.
#[cfg(all(CONFIG_X86_64, CONFIG_SMP))]
mod own {
    use core::arch::asm;

    /// Adds to the counter that is `AT` behind `row`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with so many behind it.
    #[inline(always)]
    pub(super) unsafe fn add<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: by this function's contract. `gs` has the begin of the CPU's own memory.
        unsafe {
            asm!("add qword ptr gs:[{row} + {at}], {n}",
                row = in(reg) row, n = in(reg) n, at = const 8 * AT, options(nostack))
        }
    }

    /// Increments the counter that is `AT - BEFORE + step` behind `row`.
    ///
    /// # Safety
    ///
    /// As for `add`, with so many.
    #[inline(always)]
    pub(super) unsafe fn increment_indexed<const AT: usize, const BEFORE: u32>(
        row: *mut u64,
        step: usize,
    ) {
        // SAFETY: as above.
        unsafe {
            asm!("inc qword ptr gs:[{row} + 8*{step} + {at}]",
                row = in(reg) row, step = in(reg) step,
                at = const 8 * (AT as isize - BEFORE as isize), options(nostack))
        }
    }

    /// Adds to the tally that is `AT` behind `row`: in the order of its counters.
    ///
    /// # Safety
    ///
    /// As for `add`, with all of the tally.
    #[inline(always)]
    pub(super) unsafe fn tally<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: as above.
        unsafe {
            asm!("inc qword ptr gs:[{row} + {first}]",
                "add qword ptr gs:[{row} + {sum}], {n}",
                "inc qword ptr gs:[{row} + {last}]",
                row = in(reg) row, n = in(reg) n, first = const 8 * AT,
                sum = const 8 * (AT + 1), last = const 8 * (AT + 2), options(nostack))
        }
    }

    /// Raises the counter that is `AT` behind `row`. What is read may be another CPU's after a migration, and
    /// is compared once more.
    ///
    /// # Safety
    ///
    /// As for `add`.
    #[inline(always)]
    pub(super) unsafe fn raise<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: as above.
        unsafe {
            asm!("2:",
                "mov rax, qword ptr gs:[{row} + {at}]",
                "cmp rax, {n}",
                "jae 3f",
                "cmpxchg qword ptr gs:[{row} + {at}], {n}",
                "jne 2b",
                "3:",
                row = in(reg) row, n = in(reg) n, at = const 8 * AT, out("rax") _,
                options(nostack))
        }
    }
}

/// The same by C's `this_cpu_add` and so on.
#[cfg(not(all(CONFIG_X86_64, CONFIG_SMP)))]
mod own {
    use super::bindings;

    /// Adds to the counter that is `AT` behind `row`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with so many behind it.
    #[inline(always)]
    pub(super) unsafe fn add<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: by this function's contract.
        unsafe { bindings::dmp_percpu_add(row.wrapping_add(AT), n) }
    }

    /// Increments the counter that is `AT - BEFORE + step` behind `row`.
    ///
    /// # Safety
    ///
    /// As for `add`, with so many.
    #[inline(always)]
    pub(super) unsafe fn increment_indexed<const AT: usize, const BEFORE: u32>(
        row: *mut u64,
        step: usize,
    ) {
        // SAFETY: as above.
        unsafe { bindings::dmp_percpu_add(row.wrapping_add(AT + step - BEFORE as usize), 1) }
    }

    /// Adds to the tally that is `AT` behind `row`: in the order of its counters.
    ///
    /// # Safety
    ///
    /// As for `add`, with all of the tally.
    #[inline(always)]
    pub(super) unsafe fn tally<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: as above.
        unsafe { bindings::dmp_percpu_tally(row.wrapping_add(AT), n) }
    }

    /// Raises the counter that is `AT` behind `row`.
    ///
    /// # Safety
    ///
    /// As for `add`.
    #[inline(always)]
    pub(super) unsafe fn raise<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: as above.
        unsafe { bindings::dmp_percpu_raise(row.wrapping_add(AT), n) }
    }
}
