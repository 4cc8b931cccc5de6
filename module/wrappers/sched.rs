// SPDX-License-Identifier: GPL-2.0

//! The scheduler.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use super::bindings;

/// Lets others run who wait for it (`cond_resched`). May sleep.
pub(crate) fn cond_resched() {
    // SAFETY: it may be called wherever sleeping is allowed.
    unsafe { bindings::dmp_cond_resched() }
}
