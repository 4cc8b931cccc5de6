// SPDX-License-Identifier: GPL-2.0

//! The clocks.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use super::bindings;

/// Returns the nanoseconds since boot without suspends to memory (`ktime_get`, CLOCK_MONOTONIC).
/// Any context but an NMI.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: `ktime_get` may be called from any context but an NMI.
    unsafe { bindings::ktime_get() as u64 }
}

/// Returns the nanoseconds since boot (`ktime_get_boottime`, CLOCK_BOOTTIME). Any context but an
/// NMI.
pub(crate) fn since_boot() -> u64 {
    // SAFETY: `ktime_get_with_offset` may be called from any context but an NMI.
    unsafe { bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_BOOT) as u64 }
}
