// SPDX-License-Identifier: GPL-2.0

//! The clock.
//!
//! C header: [`include/linux/ktime.h`](srctree/include/linux/ktime.h)

use super::bindings;

/// Nanoseconds since boot, without those of a suspend to memory, in any context (`ktime_get`,
/// CLOCK_MONOTONIC).
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: it may be called from any context but an NMI.
    unsafe { bindings::ktime_get() as u64 }
}

/// Nanoseconds since boot (`ktime_get_boottime`, CLOCK_BOOTTIME).
pub(crate) fn since_boot() -> u64 {
    // SAFETY: it may be called from any context but an NMI.
    unsafe { bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_BOOT) as u64 }
}
