// SPDX-License-Identifier: GPL-2.0

//! The clock.
//!
//! C header: [`include/linux/ktime.h`](srctree/include/linux/ktime.h)

use super::bindings;

/// Nanoseconds since boot, in any context (`ktime_get`, CLOCK_MONOTONIC).
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: it may be called from any context but an NMI.
    unsafe { bindings::ktime_get() as u64 }
}
