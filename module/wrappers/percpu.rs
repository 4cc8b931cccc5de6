// SPDX-License-Identifier: GPL-2.0

//! Per-CPU 64-bit counters.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)
//!
//! # Example
//!
//! ```ignore
//! // Any context, any CPU; it never blocks:
//! self.under_way.increment::<BEGUN>(operation);
//! // What all CPUs have counted:
//! self.under_way.sums(BEGUN + number, &mut begun);
//! ```

use super::{
    bindings, preempt,
    rcu::{Rcu, Section, Spare},
};
use core::{
    mem::size_of,
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
/// A per-CPU address is where something is from the begin of each CPU's own memory. To Rust it is a number:
/// nothing is there, so that nothing may be read or written through it, and it may only be computed with as
/// a pointer to anywhere may (`wrapping_add`). What adds the begin is an instruction, or C's
/// `this_cpu_add` and so on.
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

// SAFETY: as above; `add` and `sums` race only as described there.
unsafe impl<const N: usize> Sync for PerCpu<N> {}

impl<const N: usize> PerCpu<N> {
    /// Allocates the counters of every possible CPU. May sleep.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: any size may be asked for. The allocator zeroes what it gives.
        let first = unsafe { bindings::dmp_percpu_alloc(N) };
        // INVARIANT: `dmp_percpu_alloc` gave us `N` counters.
        Ok(Self {
            first: NonNull::new(first).ok_or(ENOMEM)?,
        })
    }

    /// Adds 1 to counter `FIRST + index` of the CPU it runs on, wherever it runs (`this_cpu_inc`).
    ///
    /// Whole with respect to preemption, interrupts and migration, and without a lock or a shared
    /// cache line. Beyond `N` nothing is counted; where the compiler knows that it is below, nothing is
    /// left of the check.
    #[inline(always)]
    pub(crate) fn increment<const FIRST: usize>(&self, index: usize) {
        debug_assert!(index < N - FIRST);
        if index < const { N - FIRST } {
            // SAFETY: by the invariant there are `N` counters from `first` on, and `FIRST + index` is below
            // that.
            unsafe { own::increment::<FIRST, 0>(self.first.as_ptr(), index) }
        }
    }

    /// Adds `below + 1` to counter `which * STRIDE`, raises the one behind it to that if it is less, and
    /// adds 1 to the one of its bucket behind those; each of the CPU it runs on, as
    /// [`PerCpu::increment`] does. The one in the midst must only ever be raised.
    ///
    /// The buckets are as in [`Replaceable::count`], of which there may be more.
    #[inline(always)]
    pub(crate) fn measure<const FIRST_BIT: u32, const STRIDE: usize>(
        &self,
        which: usize,
        below: u32,
    ) {
        const { assert!(FIRST_BIT < u32::BITS && FIRST_BIT >= 2) };
        let fit = const { (N - 1 - (u32::BITS - FIRST_BIT) as usize).div_ceil(STRIDE) };
        debug_assert!(which < fit);
        if which >= fit {
            return;
        }
        // It is from `FIRST_BIT` to 31: that bit is set.
        let bit = (below | (1 << FIRST_BIT)).ilog2() as usize;
        let first = self.first.as_ptr();
        // SAFETY: by the invariant there are `N` counters from `first` on. As `which` is below `fit`, among
        // them are the one at `which * STRIDE`, the one behind it, and behind that one for each bit, of
        // which that of `bit` is the `bit - FIRST_BIT`th.
        unsafe {
            let sum = first.wrapping_byte_add(which * const { STRIDE * size_of::<u64>() });
            own::increment::<2, FIRST_BIT>(sum, bit);
            Self::add_and_raise(sum, u64::from(below) + 1);
        }
    }

    /// The same where the bucket is known, in counters whose first is `at`. Nothing happens beyond `N`.
    pub(crate) fn measure_in(&self, at: usize, bucket: usize, n: u64) {
        if at + 2 + bucket >= N {
            return;
        }
        let sum = self.first.as_ptr().wrapping_add(at);
        // SAFETY: by the invariant there are `N` counters from `first` on, and that of the bucket, which is
        // behind the others, is one of them.
        unsafe {
            own::increment::<2, 0>(sum, bucket);
            Self::add_and_raise(sum, n);
        }
    }

    /// # Safety
    ///
    /// `sum` must be the per-CPU address of a counter with another one behind it.
    #[inline(always)]
    unsafe fn add_and_raise(sum: *mut u64, n: u64) {
        // SAFETY: by this function's contract. What is read may be another CPU's after a migration, and
        // is looked at again before it is raised.
        unsafe {
            own::add(sum, n);
            if own::read::<1>(sum) < n {
                bindings::dmp_percpu_raise(sum.wrapping_add(1), n);
            }
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
}

impl<const N: usize> Drop for PerCpu<N> {
    fn drop(&mut self) {
        // SAFETY: by the invariant `first` is ours to free, and nobody can refer to it any more. It
        // may be called in any context.
        unsafe { bindings::free_percpu(self.first.as_ptr().cast()) }
    }
}

/// Per-CPU counters, and with them a `T`, that are counted in, read and replaced, as [`Rcu`] says.
///
/// # Invariants
///
/// `first` is that of the counters in `now`. Whoever read that of others is in a section that they are
/// not dropped before.
#[pin_data]
#[repr(C)]
pub(crate) struct Replaceable<T: Send + Sync + 'static, const N: usize> {
    first: AtomicPtr<u64>,
    now: Rcu<(Arc<PerCpu<N>>, T)>,
    /// Held while they are replaced, and not for longer.
    #[pin]
    replacing: SpinLock<()>,
}

/// Memory for what is to take the place of what is there.
pub(crate) type Replacement<T, const N: usize> = Spare<(Arc<PerCpu<N>>, T)>;

impl<T: Send + Sync + 'static, const N: usize> Replaceable<T, N> {
    /// With this to begin with.
    pub(crate) fn new(
        spare: Replacement<T, N>,
        counters: Arc<PerCpu<N>>,
        value: T,
    ) -> impl PinInit<Self> {
        let first = AtomicPtr::new(counters.first.as_ptr());
        let now = Rcu::new(spare, (counters, value));
        pin_init!(Self {
            first,
            now,
            replacing <- new_spinlock!(()),
        })
    }

    /// The counters and the value as they are now, until the section ends.
    pub(crate) fn get<'a>(&'a self, section: &'a impl Section) -> (&'a PerCpu<N>, &'a T) {
        let (counters, value) = self.now.get(section);
        (counters, value)
    }

    /// Adds `value` to counter `which * STRIDE`, and 1 to the one of its bucket behind that, of the CPU
    /// it runs on, each as [`PerCpu::increment`] does. A replacement comes before both or after both.
    ///
    /// The first bucket is of values up to 2^(`FIRST_BIT` + 1), each next of those up to twice as much,
    /// up to 2^32. 0 is taken for 2^32.
    #[inline(always)]
    pub(crate) fn count<const FIRST_BIT: u32, const STRIDE: usize>(
        &self,
        which: usize,
        value: u32,
    ) {
        let fit = const { (N - (u32::BITS - FIRST_BIT) as usize).div_ceil(STRIDE) };
        debug_assert!(which < fit);
        if which >= fit {
            return;
        }
        // It is from `FIRST_BIT` to 31: that bit is set.
        let bit = (value.wrapping_sub(1) | (1 << FIRST_BIT)).ilog2() as usize;
        let _section = preempt::disable();
        // SAFETY: by the invariant there are `N` counters, until the section ends. As `which` is below `fit`,
        // among them are the one at `which * STRIDE` and, behind it, one for each bit, of which that of
        // `bit` is the `bit - FIRST_BIT`th. The load is C's READ_ONCE, which in the kernel's memory model may race as
        // a relaxed load may; what is done through it depends on it.
        unsafe {
            let first = self.first.as_ptr().read_volatile();
            let sum = first.wrapping_byte_add(which * const { STRIDE * size_of::<u64>() });
            own::add(sum, value.into());
            own::increment::<1, FIRST_BIT>(sum, bit);
        }
    }

    /// Puts what `with` makes of the present counters and value in their place; it gives `None`
    /// where they are to stay. Whether it did. Any context but an interrupt's.
    ///
    /// The value is replaced first and then the counters, with nothing between that could be
    /// preempted: whoever counted in the new ones finds the new value.
    pub(crate) fn replace(
        &self,
        spare: Replacement<T, N>,
        with: impl FnOnce(&Arc<PerCpu<N>>, &T) -> Option<(Arc<PerCpu<N>>, T)>,
    ) -> bool {
        let replacing = self.replacing.lock();
        let section = super::rcu::read_lock();
        let (counters, value) = self.now.get(&section);
        let Some(new) = with(counters, value) else {
            return false;
        };
        drop(section);
        let first = new.0.first.as_ptr();
        let at_once = preempt::disable();
        let old = self.now.replace(spare, new);
        // INVARIANT: they are those in `now`; who still finds the others is in a section that began
        // before `old` is dropped.
        self.first.store(first, Ordering::Release);
        drop(at_once);
        drop(old);
        drop(replacing);
        true
    }
}

/// Counters of the CPU that it runs on.
#[cfg(all(CONFIG_X86_64, CONFIG_SMP))]
mod own {
    use core::arch::asm;

    /// # Safety
    ///
    /// `counter` must be the per-CPU address of a counter.
    #[inline(always)]
    pub(super) unsafe fn add(counter: *mut u64, n: u64) {
        // SAFETY: by this function's contract. `gs` has the begin of the CPU's own memory.
        unsafe {
            asm!("add qword ptr gs:[{counter}], {n}",
                counter = in(reg) counter, n = in(reg) n, options(nostack))
        }
    }

    /// The counter that is `BEHIND - BEFORE + step` behind `counter`.
    ///
    /// # Safety
    ///
    /// `counter` and so many counters must be the per-CPU address of one.
    #[inline(always)]
    pub(super) unsafe fn increment<const BEHIND: usize, const BEFORE: u32>(
        counter: *mut u64,
        step: usize,
    ) {
        // SAFETY: as above.
        unsafe {
            asm!("inc qword ptr gs:[{counter} + 8*{step} + {behind}]",
                counter = in(reg) counter, step = in(reg) step,
                behind = const 8 * (BEHIND as isize - BEFORE as isize), options(nostack))
        }
    }

    /// The counter that is `BEHIND` behind `counter`.
    ///
    /// # Safety
    ///
    /// `counter` and so many counters must be the per-CPU address of one.
    #[inline(always)]
    pub(super) unsafe fn read<const BEHIND: usize>(counter: *mut u64) -> u64 {
        let n;
        // SAFETY: as above.
        unsafe {
            asm!("mov {n}, qword ptr gs:[{counter} + {behind}]",
                counter = in(reg) counter, n = out(reg) n, behind = const 8 * BEHIND,
                options(nostack, readonly, preserves_flags))
        }
        n
    }
}

/// The same by C's `this_cpu_add` and so on.
#[cfg(not(all(CONFIG_X86_64, CONFIG_SMP)))]
mod own {
    use super::bindings;

    pub(super) use bindings::dmp_percpu_add as add;

    /// The counter that is `BEHIND - BEFORE + step` behind `counter`.
    ///
    /// # Safety
    ///
    /// `counter` and so many counters must be the per-CPU address of one.
    #[inline(always)]
    pub(super) unsafe fn increment<const BEHIND: usize, const BEFORE: u32>(
        counter: *mut u64,
        step: usize,
    ) {
        // SAFETY: by this function's contract.
        unsafe { add(counter.wrapping_add(BEHIND + step - BEFORE as usize), 1) }
    }

    /// The counter that is `BEHIND` behind `counter`.
    ///
    /// # Safety
    ///
    /// `counter` and so many counters must be the per-CPU address of one.
    #[inline(always)]
    pub(super) unsafe fn read<const BEHIND: usize>(counter: *mut u64) -> u64 {
        // SAFETY: by this function's contract.
        unsafe { bindings::dmp_percpu_read(counter.wrapping_add(BEHIND)) }
    }
}
