// SPDX-License-Identifier: GPL-2.0

//! The TSC, while it is the kernel's clocksource.
//!
//! `ktime_get` reads the TSC as well, and converts it at each call. A duration by the TSC itself
//! needs one conversion instead of two. Its rate is the one that timekeeping passes to
//! `pvclock_gtod`'s notifiers at each update.
//!
//! C headers: [`include/linux/pvclock_gtod.h`](srctree/include/linux/pvclock_gtod.h),
//! [`include/linux/timekeeper_internal.h`](srctree/include/linux/timekeeper_internal.h)

use super::{
    atomic::{
        Latch,
        Setting, //
    },
    bindings,
    time,
    timeline::{
        Rate,
        Timeline,
        Update, //
    }, //
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use kernel::{
    error::to_result,
    ffi::{
        c_int,
        c_ulong,
        c_void, //
    },
    prelude::*,
    types::Opaque, //
};

/// [`Rate`] of the latest update by the TSC; 0 before the first one.
static RATE: AtomicU64 = AtomicU64::new(0);
/// TSC since which it has counted the time without a break; [`NEVER`] while another clock keeps the
/// time.
static BEGAN: AtomicU64 = AtomicU64::new(NEVER);
/// 0 while the TSC keeps the time, otherwise the largest number.
static FLOOR: Setting = Setting::new(u32::MAX);
/// A number above every TSC.
const NEVER: u64 = u64::MAX;
/// The [`Timeline`]. Timekeeping's lock excludes a second writer.
static TIMELINE: Latch<{ Timeline::WORDS }> = Latch::new();

/// Returns the present value (`READ_ONCE`).
#[inline(always)]
fn read_once(number: &AtomicU64) -> u64 {
    // SAFETY: The reference is valid for reads. A volatile load is C's READ_ONCE, which in the
    // kernel's memory model may race as a relaxed load may. LLVM makes a volatile load part of a
    // comparison, and a relaxed one not.
    unsafe { number.as_ptr().read_volatile() }
}

/// Proof that the processors can read a TSC in program order.
///
/// # Invariants
///
/// The processors have RDTSCP, or the machine is no x86-64.
#[derive(Clone, Copy)]
pub(crate) struct Tsc(());

impl Tsc {
    /// Returns the proof if the TSC keeps the time.
    pub(crate) fn new() -> Option<Self> {
        // INVARIANT: `dmp_read_timekeeper` finds that the TSC keeps the time only if the processors
        // have RDTSCP.
        keeps_time().then_some(Self(()))
    }

    /// Reads the TSC in program order (`rdtsc_ordered`). Any context.
    #[inline(always)]
    #[cfg(CONFIG_X86_64)]
    pub(crate) fn read(self) -> u64 {
        let (low, high): (u64, u64);
        // SAFETY: By the invariant the processor has RDTSCP, which clears the upper halves of its
        // registers, and changes nothing else.
        unsafe {
            core::arch::asm!("rdtscp", out("rax") low, out("rdx") high, out("rcx") _,
                options(nomem, nostack, preserves_flags));
        }
        (high << 32) | low
    }

    /// Reads the TSC as [`Tsc::read`] does, after the computation of `value`, and returns both.
    /// RDTSCP overwrites three registers: the value is computed before, so its operands need not be
    /// kept in other registers.
    #[inline(always)]
    #[cfg(CONFIG_X86_64)]
    pub(crate) fn read_after(self, value: u64) -> (u64, u64) {
        let (low, high): (u64, u64);
        let mut kept = value;
        // SAFETY: By the invariant the processor has RDTSCP, which changes its own registers only;
        // a comment of the assembly names the register of `kept`.
        unsafe {
            core::arch::asm!("rdtscp /* {0} */", inout(reg) kept, out("rax") low, out("rdx") high,
                out("rcx") _, options(nomem, nostack, preserves_flags));
        }
        ((high << 32) | low, kept)
    }

    /// Returns 0, because there is no TSC.
    #[inline(always)]
    #[cfg(not(CONFIG_X86_64))]
    pub(crate) fn read(self) -> u64 {
        0
    }

    /// Returns 0 as the TSC, because there is none.
    #[inline(always)]
    #[cfg(not(CONFIG_X86_64))]
    pub(crate) fn read_after(self, value: u64) -> (u64, u64) {
        (0, value)
    }
}

/// Tells if the TSC keeps the time. Any context.
#[inline(always)]
pub(crate) fn keeps_time() -> bool {
    read_once(&BEGAN) != NEVER
}

/// Tells if the TSC keeps the time and `number` is not 0, by one comparison. Any context.
#[inline(always)]
pub(crate) fn keeps_time_and_some(number: u32) -> bool {
    number > FLOOR.get()
}

/// Reads the TSC if it keeps the time. Any context.
pub(crate) fn now() -> Option<u64> {
    Tsc::new().map(Tsc::read)
}

/// Returns the rate for an interval that ends now. The rate is invalid if there was no TSC.
#[inline(always)]
pub(crate) fn rate() -> Rate {
    Rate::from_word(read_once(&RATE))
}

/// Tells if the TSC keeps the time now, and has counted it without a break since `ticks`.
#[inline(always)]
pub(crate) fn has_counted_since(ticks: u64) -> bool {
    ticks >= read_once(&BEGAN)
}

/// Returns the time since the TSC was `ticks`, in nanoseconds of CLOCK_MONOTONIC, under any present
/// clocksource.
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

/// Returns a TSC near the present one, under any present clocksource.
pub(crate) fn nearby() -> u64 {
    now().unwrap_or_else(|| Timeline::from_words(TIMELINE.read()).latest())
}

/// A notifier of timekeeping that keeps the rate current. If a follower were leaked, timekeeping
/// would call the module's code after its exit, so only [`TargetModule`](super::dm::TargetModule)
/// has one.
///
/// # Invariants
///
/// `block` is registered with timekeeping.
#[pin_data(PinnedDrop)]
pub(super) struct Follower {
    #[pin]
    block: Opaque<bindings::notifier_block>,
}

// SAFETY: Any task may unregister the notifier.
unsafe impl Send for Follower {}

// SAFETY: A shared reference gives access to nothing.
unsafe impl Sync for Follower {}

impl Follower {
    /// Registers a notifier (`pvclock_gtod_register_notifier`). There may be one at a time.
    ///
    /// # Safety
    ///
    /// The follower must be dropped before the module goes, so it must not be leaked.
    pub(super) unsafe fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: `block` is registered if this succeeds.
        try_pin_init!(Self {
            block <- Opaque::ffi_init(|block: *mut bindings::notifier_block| {
                // SAFETY: The memory is the block's, and all zeros is a block without a function.
                unsafe {
                    block.write_bytes(0, 1);
                    (*block).notifier_call = Some(updated);
                }
            }),
        })
        .pin_chain(|this| {
            // SAFETY: The block is initialised and pinned, and stays until `drop` unregisters it.
            to_result(unsafe { bindings::pvclock_gtod_register_notifier(this.block.get()) })
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Follower {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the invariant the block is registered. Unregistering takes timekeeping's lock,
        // which is held over each call of `updated`, so no call is running after it has returned.
        unsafe { bindings::pvclock_gtod_unregister_notifier(self.block.get()) };
    }
}

/// Handles an update of timekeeping. Runs within the update, so `ktime_get` would wait for ever for
/// its end.
///
/// # Safety
///
/// `timekeeper` must point to a `struct timekeeper`, and the caller must hold its lock, as
/// `pvclock_gtod`'s notifier chain does.
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
    // SAFETY: The caller guarantees a timekeeper, and holds its lock.
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
    // This is stored before `BEGAN`, so a reader that finds that the TSC keeps the time also finds
    // the rate.
    RATE.store(timeline.rate().word(), Ordering::Relaxed);
    let began = timeline.began();
    BEGAN.store(began.unwrap_or(NEVER), Ordering::Release);
    FLOOR.set(if began.is_some() { 0 } else { u32::MAX });
    0
}
