// SPDX-License-Identifier: GPL-2.0

//! The functions of `kernel::sync::rcu`, for kernels in which it is missing or has no
//! `synchronize_rcu`.

use super::bindings;
use core::marker::PhantomData;

/// A read-side section, which ends when this is dropped. Nothing in it may sleep.
///
/// # Invariants
///
/// The task that owns this is in the section.
pub(crate) struct Guard(PhantomData<*mut ()>);

/// Enters a read-side section (`rcu_read_lock`). Any context.
#[inline(always)]
pub(crate) fn read_lock() -> Guard {
    // SAFETY: `Guard`'s drop leaves the section in the same task, because `Guard` is not `Send`.
    unsafe { bindings::dmp_rcu_read_lock() };
    // INVARIANT: The task has just entered the section.
    Guard(PhantomData)
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: By the invariant the task is in the section, which it leaves here, once.
        unsafe { bindings::dmp_rcu_read_unlock() };
    }
}

/// Waits for the end of all sections that began before the call. Sleeps.
pub(crate) fn synchronize_rcu() {
    // SAFETY: `synchronize_rcu` may be called wherever sleeping is allowed.
    unsafe { bindings::synchronize_rcu() }
}
