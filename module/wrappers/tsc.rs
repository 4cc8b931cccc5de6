// SPDX-License-Identifier: GPL-2.0

//! The TSC, as long as the kernel keeps the time by it.
//!
//! `ktime_get` reads the TSC, too, and then converts it. A duration needs one conversion in the place of
//! two, by the rate that timekeeping hands to `pvclock_gtod`'s notifiers at each of its updates.
//!
//! C headers: [`include/linux/pvclock_gtod.h`](srctree/include/linux/pvclock_gtod.h),
//! [`include/linux/timekeeper_internal.h`](srctree/include/linux/timekeeper_internal.h)

use super::{
    atomic::Latch,
    bindings, time,
    timeline::{Rate, Timeline, Update},
};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kernel::{
    error::to_result,
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
    types::Opaque,
};

/// [`Rate`] of the latest update by the TSC; 0 until there was one.
static RATE: AtomicU64 = AtomicU64::new(0);
/// TSC since which it counts the time without a break; [`NEVER`] while the time is kept by another clock.
static BEGAN: AtomicU64 = AtomicU64::new(NEVER);
/// 0 while the time is kept by the TSC, else the highest number.
static FLOOR: AtomicU32 = AtomicU32::new(u32::MAX);
/// Above every TSC.
const NEVER: u64 = u64::MAX;
/// The [`Timeline`]. Timekeeping's lock excludes two writers.
static TIMELINE: Latch<{ Timeline::WORDS }> = Latch::new();

/// Returns the present value (`READ_ONCE`).
#[inline(always)]
fn read_once(number: &AtomicU64) -> u64 {
    // SAFETY: it is a number of ours. A volatile load may race in the kernel's memory model as a relaxed one
    // may, which LLVM would not make part of a comparison.
    unsafe { number.as_ptr().read_volatile() }
}

/// Proof that the processors have a TSC that can be read in program order.
#[derive(Clone, Copy)]
pub(crate) struct Tsc(());

impl Tsc {
    /// Returns it if the time is kept by the TSC.
    pub(crate) fn new() -> Option<Self> {
        keeps_time().then_some(Self(()))
    }

    /// Reads the TSC in program order (`rdtsc_ordered`). Any context.
    #[inline(always)]
    #[cfg(CONFIG_X86_64)]
    pub(crate) fn read(self) -> u64 {
        let (low, high): (u64, u64);
        // SAFETY: the processor has the instruction, or timekeeping's updates would not have been by the TSC
        // (`dmp_read_timekeeper`). It clears the upper halves of its registers, and changes nothing else.
        unsafe {
            core::arch::asm!("rdtscp", out("rax") low, out("rdx") high, out("rcx") _,
                options(nomem, nostack, preserves_flags));
        }
        (high << 32) | low
    }

    /// Reads the TSC as [`Tsc::read`], after a value was computed, and returns both. The instruction overwrites
    /// three registers: so what the value is made of need not be kept in others.
    #[inline(always)]
    #[cfg(CONFIG_X86_64)]
    pub(crate) fn read_after(self, value: u64) -> (u64, u64) {
        let (low, high): (u64, u64);
        let mut kept = value;
        // SAFETY: as in `read`.
        unsafe {
            core::arch::asm!("rdtscp /* {0} */", inout(reg) kept, out("rax") low, out("rdx") high,
                out("rcx") _, options(nomem, nostack, preserves_flags));
        }
        ((high << 32) | low, kept)
    }

    /// There is no TSC.
    #[inline(always)]
    #[cfg(not(CONFIG_X86_64))]
    pub(crate) fn read(self) -> u64 {
        0
    }

    /// There is no TSC.
    #[inline(always)]
    #[cfg(not(CONFIG_X86_64))]
    pub(crate) fn read_after(self, value: u64) -> (u64, u64) {
        (0, value)
    }
}

/// Tells if the time is kept by the TSC. Any context.
#[inline(always)]
pub(crate) fn keeps_time() -> bool {
    read_once(&BEGAN) != NEVER
}

/// Tells if the time is kept by the TSC and a number is not 0, by one comparison. Any context.
#[inline(always)]
pub(crate) fn keeps_time_and_some(number: u32) -> bool {
    // SAFETY: as in `read_once`.
    number > unsafe { FLOOR.as_ptr().read_volatile() }
}

/// Reads the TSC if the time is kept by it. Any context.
pub(crate) fn now() -> Option<u64> {
    Tsc::new().map(Tsc::read)
}

/// Returns the rate of an interval that ends now. It means nothing if there was no TSC.
#[inline(always)]
pub(crate) fn rate() -> Rate {
    Rate::from_word(read_once(&RATE))
}

/// Tells if the TSC has counted the time since it was `ticks`, and does so now.
#[inline(always)]
pub(crate) fn has_counted_since(ticks: u64) -> bool {
    ticks >= read_once(&BEGAN)
}

/// Returns how long ago the TSC was `ticks` in nanoseconds of CLOCK_MONOTONIC, whatever keeps the time now.
pub(crate) fn age(ticks: u64) -> u64 {
    let now = now();
    match now {
        Some(now) if has_counted_since(ticks) && now >= ticks => rate().ns(now - ticks),
        _ => {
            let began = Timeline::from_words(TIMELINE.read()).ns_at(ticks, now);
            time::now().saturating_sub(began)
        }
    }
}

/// Returns a TSC that is not far from the present one, whatever keeps the time now.
pub(crate) fn nearby() -> u64 {
    now().unwrap_or_else(|| Timeline::from_words(TIMELINE.read()).latest())
}

/// Keeps the rate current for as long as this lives. Timekeeping would call the module's code after its exit if
/// one was leaked, so only [`TargetModule`](super::dm::TargetModule) has one.
///
/// # Invariants
///
/// `block` is registered with timekeeping.
#[pin_data(PinnedDrop)]
pub(super) struct Follower {
    #[pin]
    block: Opaque<bindings::notifier_block>,
}

// SAFETY: it may be unregistered from any task.
unsafe impl Send for Follower {}

// SAFETY: a shared reference gives access to nothing.
unsafe impl Sync for Follower {}

impl Follower {
    /// Follows timekeeping (`pvclock_gtod_register_notifier`). There may be one at a time.
    ///
    /// # Safety
    ///
    /// The follower must be dropped before the module goes: not be leaked.
    pub(super) unsafe fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: it is registered where this succeeds.
        try_pin_init!(Self {
            block <- Opaque::ffi_init(|block: *mut bindings::notifier_block| {
                // SAFETY: the memory is the block's, of which all zeros is one without a function.
                unsafe {
                    block.write_bytes(0, 1);
                    (*block).notifier_call = Some(updated);
                }
            }),
        })
        .pin_chain(|this| {
            // SAFETY: the block is filled in and pinned, and stays until it is unregistered in `drop`.
            to_result(unsafe { bindings::pvclock_gtod_register_notifier(this.block.get()) })
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Follower {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: by the invariant it is registered; timekeeping's lock, which is held over each call of
        // `updated`, is taken for this, so none runs any more when it has returned.
        unsafe { bindings::pvclock_gtod_unregister_notifier(self.block.get()) };
    }
}

/// Takes an update of timekeeping's, in the midst of it: `ktime_get` would wait for its end.
///
/// # Safety
///
/// To be called by `pvclock_gtod`'s notifier chain, with a `struct timekeeper`.
unsafe extern "C" fn updated(
    _block: *mut bindings::notifier_block,
    _action: c_ulong,
    timekeeper: *mut c_void,
) -> c_int {
    let mut reading = bindings::dmp_timekeeping {
        cycles: 0,
        ns: 0,
        mult: 0,
        shift: 0,
        by_tsc: false,
    };
    // SAFETY: by this function's contract; the lock of the timekeeper is held.
    unsafe { bindings::dmp_read_timekeeper(timekeeper.cast(), &mut reading) };
    let rate = if reading.by_tsc {
        Rate::new(reading.mult, reading.shift)
    } else {
        Rate::NONE
    };
    let mut timeline = Timeline::from_words(TIMELINE.read());
    timeline.update(Update {
        ticks: reading.cycles,
        ns: reading.ns,
        rate,
    });
    TIMELINE.write(timeline.words());
    // Whoever finds that the TSC counts finds the rate.
    RATE.store(timeline.rate().word(), Ordering::Relaxed);
    let began = timeline.began();
    BEGAN.store(began.unwrap_or(NEVER), Ordering::Release);
    FLOOR.store(
        if began.is_some() { 0 } else { u32::MAX },
        Ordering::Release,
    );
    0
}
