// SPDX-License-Identifier: GPL-2.0

//! Per-CPU 64-bit counters.
//!
//! The kernel's Rust has no per-CPU memory, up to 7.3.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)
//!
//! # Examples
//!
//! ```ignore
//! // Any context, any CPU; it never blocks:
//! row.add::<BYTES>(size.into());
//! row.increment_bucket::<SIZES, { Sizes::FIRST_BIT }>(size.wrapping_sub(1));
//! ```

use super::{
    atomic::Tally,
    bindings,
    preempt,
    rcu::{
        self,
        Rcu,
        Replaced,
        Section,
        Spare, //
    }, //
};
use core::{
    marker::PhantomData,
    mem::size_of,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    }, //
};

/// `N` counters for each CPU, zero at the start. More than a few begin at a cache line.
///
/// # Invariants
///
/// `first` is the per-CPU address of `N` 64-bit counters from `__alloc_percpu`, which are ours to
/// free.
pub(crate) struct PerCpu<const N: usize> {
    first: NonNull<u64>,
}

// SAFETY: A per-CPU address has the same meaning on every CPU and for every task, and all of them
// may use the counters at once.
unsafe impl<const N: usize> Send for PerCpu<N> {}

// SAFETY: All tasks may count and read at once, because one operation of the CPU changes a counter,
// and `READ_ONCE` reads it.
unsafe impl<const N: usize> Sync for PerCpu<N> {}

/// Permission of an allocation to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The allocation may sleep, and may wait for tasks that wait for I/O.
    Allowed,
    /// The allocation fails instead of waiting.
    Never,
}

impl<const N: usize> PerCpu<N> {
    /// Allocates the counters of every possible CPU. Fails with `EAGAIN` if the allocation would
    /// have to wait and must not: a later try may succeed.
    pub(crate) fn new(wait: Wait) -> Result<Self> {
        // SAFETY: `dmp_percpu_alloc` takes any number of counters. The allocator zeroes them.
        let first = unsafe { bindings::dmp_percpu_alloc(N, wait == Wait::Allowed) };
        // INVARIANT: `dmp_percpu_alloc` returned `N` counters, which are ours.
        match (NonNull::new(first), wait) {
            (Some(first), _) => Ok(Self { first }),
            (None, Wait::Allowed) => Err(ENOMEM),
            (None, Wait::Never) => Err(EAGAIN),
        }
    }

    /// Sums the counters from `first` on over all possible CPUs, so that no count is lost with a
    /// CPU that went offline. Sums beyond `N` are 0.
    ///
    /// Each CPU's counter only grows (modulo 2^64) and is read once. So a sum is between its values
    /// before and after the call. A CPU's counters are read from the last to the first. So if each
    /// event counts in a lower counter before a higher one, the lower sum is never the smaller one.
    /// This needs a processor that keeps loads and stores in their order, as x86-64 does.
    pub(crate) fn sums(&self, first: usize, sums: &mut [u64]) {
        sums.fill(0);
        let count = sums.len().min(N.saturating_sub(first));
        if count > 0 {
            // SAFETY: By the invariant there are `N` counters, `count` of them from `first` on, and
            // `sums` has as many places.
            unsafe {
                let from = self.first.as_ptr().wrapping_add(first);
                bindings::dmp_percpu_sums(from, sums.as_mut_ptr(), count);
            }
        }
    }

    /// Returns the largest value of counter `index` on any CPU; 0 beyond `N`.
    pub(crate) fn max(&self, index: usize) -> u64 {
        if index >= N {
            return 0;
        }
        // SAFETY: By the invariant there are `N` counters, and `index` is below `N`.
        unsafe { bindings::dmp_percpu_max(self.first.as_ptr().wrapping_add(index)) }
    }

    /// Sums the tallies at `added` and at `taken` over all possible CPUs. Returns true with them if
    /// each CPU's tallies were consistent: they are not if a change takes a CPU too long. Returns
    /// empty tallies and false if one reaches beyond `N`.
    pub(crate) fn tallies(&self, added: usize, taken: usize) -> ([Tally; 2], bool) {
        let mut sums = [0; 4];
        if added.max(taken) + Tally::COUNTERS > N {
            return ([Tally::default(); 2], false);
        }
        let first = self.first.as_ptr();
        // SAFETY: By the invariant there are `N` counters, with both tallies among them, and `sums`
        // has room for four numbers.
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
        // SAFETY: By the invariant `first` is ours to free, and nobody can refer to it any more.
        // `free_percpu` may be called in any context.
        unsafe { bindings::free_percpu(self.first.as_ptr().cast()) }
    }
}

/// Some of the counters of the current CPU.
///
/// Each change of a counter is atomic with respect to preemption, interrupts and migration. No
/// method takes a lock or a shared cache line.
///
/// # Invariants
///
/// `first` is the per-CPU address of `LEN` counters, which stay for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, const LEN: usize> {
    /// An offset from each CPU's base. Never dereference it; add to it with `wrapping_add`.
    first: *mut u64,
    counters: PhantomData<&'a u64>,
}

impl<const LEN: usize> Row<'_, LEN> {
    /// Returns row `which` of `N` counters; `None` if there are not so many rows. Rows begin
    /// `STRIDE` counters apart.
    ///
    /// # Safety
    ///
    /// `first` must be the per-CPU address of `N` counters, which must stay as long as the result.
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
        // INVARIANT: `which` is below the number of rows, so the whole row is among the counters.
        Some(Self {
            first: first.wrapping_byte_add(offset),
            counters: PhantomData,
        })
    }

    /// Adds an event with this value to the [`Tally`] at `AT`. The section keeps the task on its
    /// CPU, because all counters of the tally have to be of one CPU.
    #[inline(always)]
    pub(crate) fn tally<const AT: usize>(self, value: u64, _section: &preempt::Guard) {
        const { assert!(AT + Tally::COUNTERS <= LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and the tally's are among them.
        unsafe { own::tally::<AT>(self.first, value) }
    }

    /// Adds `n` to counter `AT` (`this_cpu_add`).
    #[inline(always)]
    pub(crate) fn add<const AT: usize>(self, n: u64) {
        const { assert!(AT < LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and `AT` is below `LEN`.
        unsafe { own::add::<AT>(self.first, n) }
    }

    /// Adds 1 to counter `AT` (`this_cpu_inc`).
    #[inline(always)]
    pub(crate) fn increment<const AT: usize>(self) {
        const { assert!(AT < LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and `AT` is below `LEN`.
        unsafe { own::increment::<AT>(self.first) }
    }

    /// Returns counter `AT` of the current CPU (`__this_cpu_read`), on which the section keeps the
    /// task.
    #[inline(always)]
    pub(crate) fn get<const AT: usize>(self, _section: &preempt::Guard) -> u64 {
        const { assert!(AT < LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and `AT` is below `LEN`.
        unsafe { own::get::<AT>(self.first) }
    }

    /// Sets counter `AT` of the current CPU (`__this_cpu_write`), on which the section keeps the
    /// task.
    #[inline(always)]
    pub(crate) fn set<const AT: usize>(self, n: u64, _section: &preempt::Guard) {
        const { assert!(AT < LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and `AT` is below `LEN`.
        unsafe { own::set::<AT>(self.first, n) }
    }

    /// Adds 1 to the counter of a bucket. The counter at `AT` is for values up to 2^(`FIRST_BIT` +
    /// 1), and each further one for values up to twice as much. `below` is the value minus 1.
    #[inline(always)]
    pub(crate) fn increment_bucket<const AT: usize, const FIRST_BIT: u32>(self, below: u32) {
        const { assert!(AT + (u32::BITS - FIRST_BIT) as usize <= LEN) };
        // The number is from `FIRST_BIT` to 31, because that bit is set.
        let bit = (below | (1 << FIRST_BIT)).ilog2() as usize;
        // SAFETY: By the invariant there are `LEN` counters. From `AT` on they include one for each
        // bit from `FIRST_BIT` to 31, and that of `bit` is `bit - FIRST_BIT` after the first.
        unsafe { own::increment_indexed::<AT, FIRST_BIT>(self.first, bit) }
    }

    /// Adds 1 to the counter at `AT + index`. Counts nothing beyond `LEN`.
    pub(crate) fn increment_indexed<const AT: usize>(self, index: usize) {
        if index < const { LEN - AT } {
            // SAFETY: By the invariant there are `LEN` counters, and `AT + index` is below `LEN`.
            unsafe { own::increment_indexed::<AT, 0>(self.first, index) }
        }
    }

    /// Raises counter `AT` to `n` if it is less. The counter must not be changed in any other way.
    #[inline(always)]
    pub(crate) fn raise<const AT: usize>(self, n: u64) {
        const { assert!(AT < LEN) };
        // SAFETY: By the invariant there are `LEN` counters, and `AT` is below `LEN`.
        unsafe { own::raise::<AT>(self.first, n) }
    }
}

/// Per-CPU counters with several owners.
///
/// # Invariants
///
/// `first` is the address of the counters in `counters`.
pub(crate) struct Shared<const N: usize> {
    /// Saves a load on the path to the counters.
    first: NonNull<u64>,
    counters: Arc<PerCpu<N>>,
}

// SAFETY: It refers to counters that every task and CPU may use.
unsafe impl<const N: usize> Send for Shared<N> {}

// SAFETY: It refers to counters that every task and CPU may use at once.
unsafe impl<const N: usize> Sync for Shared<N> {}

impl<const N: usize> Shared<N> {
    /// Allocates the counters, as [`PerCpu::new`] does.
    pub(crate) fn new(wait: Wait) -> Result<Self> {
        let counters = Arc::new(PerCpu::new(wait)?, GFP_KERNEL)?;
        // INVARIANT: Both fields are of the same counters.
        Ok(Self {
            first: counters.first,
            counters,
        })
    }

    /// Returns row `which` of `LEN` counters; `None` if there are not so many rows. Rows begin
    /// `STRIDE` counters apart.
    #[inline(always)]
    pub(crate) fn row<const STRIDE: usize, const LEN: usize>(
        &self,
        which: usize,
    ) -> Option<Row<'_, LEN>> {
        // SAFETY: By the invariants `first` is the address of `N` counters, which stay as long as
        // `self`.
        unsafe { Row::new::<N, STRIDE>(self.first.as_ptr(), which) }
    }
}

impl<const N: usize> Clone for Shared<N> {
    fn clone(&self) -> Self {
        // INVARIANT: Both fields are of the same counters.
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

/// A value with per-CPU counters, which a [`Replaceable`] can hold.
pub(crate) trait HasCounters<const N: usize>: Send + Sync + 'static {
    /// Returns the counters, which must be the same ones each time.
    fn counters(&self) -> &Shared<N>;
}

/// A value that is read and replaced as in [`Rcu`], with a direct pointer to its per-CPU counters.
///
/// # Invariants
///
/// `first` is the address of the counters of the value in `now`. A reader that has the address of
/// another value's counters is in a section, and that value is not dropped before the section ends.
#[pin_data]
#[repr(C)]
pub(crate) struct Replaceable<T: HasCounters<N>, const N: usize> {
    first: AtomicPtr<u64>,
    now: Rcu<T>,
    /// Lock that is held only while the value is replaced.
    #[pin]
    replacing: SpinLock<()>,
}

impl<T: HasCounters<N>, const N: usize> Replaceable<T, N> {
    /// Makes the first value from `value`.
    pub(crate) fn new(spare: Spare<T>, value: T) -> impl PinInit<Self> {
        // INVARIANT: `first` is the address of the value's counters.
        let first = AtomicPtr::new(value.counters().first.as_ptr());
        let now = Rcu::new(spare, value);
        pin_init!(Self {
            first,
            now,
            replacing <- new_spinlock!(()),
        })
    }

    /// Returns the present value, which stays until the section ends.
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, section: &'a impl Section) -> &'a T {
        self.now.get(section)
    }

    /// Returns a row of the present counters, which stay until the section ends; `None` beyond `N`.
    #[inline(always)]
    pub(crate) fn row<'a, const STRIDE: usize, const LEN: usize>(
        &'a self,
        which: usize,
        _section: &'a impl Section,
    ) -> Option<Row<'a, LEN>> {
        // SAFETY: By the invariant the address is that of `N` counters, which stay until the
        // section ends. The load is C's READ_ONCE, which in the kernel's memory model may race as a
        // relaxed load may. The accesses to the counters depend on it.
        unsafe { Row::new::<N, STRIDE>(self.first.as_ptr().read_volatile(), which) }
    }

    /// Replaces the present value by the result of `with`. Returns the old value, or the error of
    /// `with`. Any context but an interrupt's.
    ///
    /// The value is replaced first, and then the address of its counters, with preemption off. So a
    /// task that has counted in the new counters finds the new value.
    pub(crate) fn replace<E>(
        &self,
        spare: Spare<T>,
        with: impl FnOnce(&T) -> Result<T, E>,
    ) -> Result<Replaced<T>, E> {
        let replacing = self.replacing.lock();
        let section = rcu::read_lock();
        let new = with(self.now.get(&section))?;
        drop(section);
        let first = new.counters().first.as_ptr();
        let at_once = preempt::disable();
        let old = self.now.replace(spare, new);
        // INVARIANT: `first` is the address of the counters of the value in `now`. A reader with
        // the former address is in a section that began before `old` is dropped, and that drop
        // waits for the section.
        self.first.store(first, Ordering::Release);
        drop(at_once);
        drop(replacing);
        Ok(old)
    }
}

/// The counters of the current CPU, relative to `gs`.
#[cfg(all(CONFIG_X86_64, CONFIG_SMP))]
mod own {
    use core::arch::asm;

    /// Adds `n` to the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn add<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`. `gs` is the base of the CPU's own
        // memory.
        unsafe {
            asm!("add qword ptr gs:[{row} + {at}], {n}",
                row = in(reg) row, n = in(reg) n, at = const 8 * AT, options(nostack))
        }
    }

    /// Returns the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn get<const AT: usize>(row: *mut u64) -> u64 {
        let n;
        // SAFETY: The caller guarantees a counter at `AT`. `gs` is the base of the CPU's own
        // memory.
        unsafe {
            asm!("mov {n}, qword ptr gs:[{row} + {at}]",
                row = in(reg) row, n = lateout(reg) n, at = const 8 * AT,
                options(nostack, readonly, preserves_flags))
        }
        n
    }

    /// Sets the counter at `row + AT` to `n`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn set<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`. `gs` is the base of the CPU's own
        // memory.
        unsafe {
            asm!("mov qword ptr gs:[{row} + {at}], {n}",
                row = in(reg) row, n = in(reg) n, at = const 8 * AT,
                options(nostack, preserves_flags))
        }
    }

    /// Increments the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn increment<const AT: usize>(row: *mut u64) {
        // SAFETY: The caller guarantees a counter at `AT`. `gs` is the base of the CPU's own
        // memory.
        unsafe {
            asm!("inc qword ptr gs:[{row} + {at}]",
                row = in(reg) row, at = const 8 * AT, options(nostack))
        }
    }

    /// Increments the counter at `row + AT - BEFORE + step`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT - BEFORE + step` more after
    /// it.
    #[inline(always)]
    pub(super) unsafe fn increment_indexed<const AT: usize, const BEFORE: u32>(
        row: *mut u64,
        step: usize,
    ) {
        // SAFETY: The caller guarantees a counter at `AT - BEFORE + step`. `gs` is the base of the
        // CPU's own memory.
        unsafe {
            asm!("inc qword ptr gs:[{row} + 8*{step} + {at}]",
                row = in(reg) row, step = in(reg) step,
                at = const 8 * (AT as isize - BEFORE as isize), options(nostack))
        }
    }

    /// Adds an event with value `n` to the tally at `row + AT`, in the order of the tally's
    /// counters. No barriers are needed: the processor makes stores visible in their order, so
    /// `smp_wmb` has no instruction (`arch/x86/include/asm/barrier.h`).
    ///
    /// # Safety
    ///
    /// `row` must be a per-CPU address such that the whole tally is at `row + AT`.
    #[inline(always)]
    pub(super) unsafe fn tally<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a tally at `AT`. `gs` is the base of the CPU's own memory.
        unsafe {
            asm!("inc qword ptr gs:[{row} + {first}]",
                "add qword ptr gs:[{row} + {sum}], {n}",
                "inc qword ptr gs:[{row} + {last}]",
                row = in(reg) row, n = in(reg) n, first = const 8 * AT,
                sum = const 8 * (AT + 1), last = const 8 * (AT + 2), options(nostack))
        }
    }

    /// Raises the counter at `row + AT` to `n`. After a migration the value that was read may be
    /// another CPU's: the exchange compares it once more.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn raise<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`. `gs` is the base of the CPU's own
        // memory.
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

/// The counters of the current CPU, by C's `this_cpu_add` and similar functions.
#[cfg(not(all(CONFIG_X86_64, CONFIG_SMP)))]
mod own {
    use super::bindings;

    /// Returns the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn get<const AT: usize>(row: *mut u64) -> u64 {
        // SAFETY: The caller guarantees a counter at `AT`.
        unsafe { bindings::dmp_percpu_get(row.wrapping_add(AT)) }
    }

    /// Sets the counter at `row + AT` to `n`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn set<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`.
        unsafe { bindings::dmp_percpu_set(row.wrapping_add(AT), n) }
    }

    /// Adds `n` to the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn add<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`.
        unsafe { bindings::dmp_percpu_add(row.wrapping_add(AT), n) }
    }

    /// Increments the counter at `row + AT`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn increment<const AT: usize>(row: *mut u64) {
        // SAFETY: The caller guarantees a counter at `AT`.
        unsafe { bindings::dmp_percpu_add(row.wrapping_add(AT), 1) }
    }

    /// Increments the counter at `row + AT - BEFORE + step`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT - BEFORE + step` more after
    /// it.
    #[inline(always)]
    pub(super) unsafe fn increment_indexed<const AT: usize, const BEFORE: u32>(
        row: *mut u64,
        step: usize,
    ) {
        // SAFETY: The caller guarantees a counter at `AT - BEFORE + step`.
        unsafe { bindings::dmp_percpu_add(row.wrapping_add(AT + step - BEFORE as usize), 1) }
    }

    /// Adds an event with value `n` to the tally at `row + AT`, in the order of the tally's
    /// counters.
    ///
    /// # Safety
    ///
    /// `row` must be a per-CPU address such that the whole tally is at `row + AT`.
    #[inline(always)]
    pub(super) unsafe fn tally<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a tally at `AT`.
        unsafe { bindings::dmp_percpu_tally(row.wrapping_add(AT), n) }
    }

    /// Raises the counter at `row + AT` to `n`.
    ///
    /// # Safety
    ///
    /// `row` must be the per-CPU address of a counter with at least `AT` more after it.
    #[inline(always)]
    pub(super) unsafe fn raise<const AT: usize>(row: *mut u64, n: u64) {
        // SAFETY: The caller guarantees a counter at `AT`.
        unsafe { bindings::dmp_percpu_raise(row.wrapping_add(AT), n) }
    }
}
