// SPDX-License-Identifier: GPL-2.0

//! The scheduler.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use super::bindings;

/// Lets other tasks run that wait for the CPU (`cond_resched`). May sleep.
pub(crate) fn cond_resched() {
    // SAFETY: `cond_resched` may be called wherever sleeping is allowed.
    unsafe { bindings::dmp_cond_resched() }
}
