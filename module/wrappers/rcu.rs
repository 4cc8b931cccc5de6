// SPDX-License-Identifier: GPL-2.0

//! Values that are read without a lock and replaced as a whole.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Example
//!
//! ```ignore
//! let limit = Rcu::new(KBox::new(10, GFP_KERNEL)?);
//! let seen = *limit.get(&rcu::read_lock());
//! let old = limit.replace(KBox::new(20, GFP_KERNEL)?); // nobody reads `old` any more
//! ```

use super::bindings;
use core::{
    marker::PhantomData,
    sync::atomic::{AtomicPtr, Ordering},
};
use kernel::prelude::*;

/// A read-side section, which ends when this is dropped. Nothing in it may sleep.
pub(crate) struct Guard(PhantomData<*mut ()>);

/// Enters a read-side section (`rcu_read_lock`). Any context.
#[inline(always)]
pub(crate) fn read_lock() -> Guard {
    // SAFETY: `Guard`'s drop leaves the section, in the same task: it cannot go to another one.
    unsafe { bindings::dmp_rcu_read_lock() };
    Guard(PhantomData)
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `read_lock` entered the section.
        unsafe { bindings::dmp_rcu_read_unlock() };
    }
}

/// A value that readers see either before or after it is replaced, never between.
///
/// # Invariants
///
/// The pointer is that of a `KBox<T>` of ours. Whoever read it inside an RCU read-side section may
/// use it until the end of that section.
pub(crate) struct Rcu<T>(AtomicPtr<T>);

// SAFETY: it owns a `T`, which it lends to readers on any CPU and gives back to any task.
unsafe impl<T: Send + Sync> Send for Rcu<T> {}

// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

impl<T> Rcu<T> {
    /// Holds `value`.
    pub(crate) fn new(value: KBox<T>) -> Self {
        // INVARIANT: the box is now ours.
        Self(AtomicPtr::new(KBox::into_raw(value)))
    }

    /// The value as it is now. It stays as it is until the section ends.
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, _section: &'a Guard) -> &'a T {
        // SAFETY: by the invariant the value may be used until the end of the section, and not
        // longer than `self`.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// Puts `value` in the place of the old one, and gives that back when nobody reads it any
    /// more. Sleeps.
    pub(crate) fn replace(&self, value: KBox<T>) -> KBox<T> {
        // INVARIANT: the new box is ours; the old one stays readable until `synchronize_rcu`.
        let old = self.0.swap(KBox::into_raw(value), Ordering::AcqRel);
        // SAFETY: it may always be called where sleeping is allowed. `old` was a box of ours, and
        // every section that could have read it is over.
        unsafe {
            bindings::synchronize_rcu();
            KBox::from_raw(old)
        }
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it is a box of ours, and nobody can read through `self` now.
        drop(unsafe { KBox::from_raw(*self.0.get_mut()) });
    }
}
