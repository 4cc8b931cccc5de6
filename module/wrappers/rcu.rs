// SPDX-License-Identifier: GPL-2.0

//! Values that are read without a lock and replaced.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Example
//!
//! ```ignore
//! let value = Rcu::new(spare(), one);
//! // ...
//! let section = rcu::read_lock();
//! let seen = value.get(&section);
//! // In the midst of a section, as it may be anywhere. What `seen` is stays until the section ends.
//! let replaced = value.replace(spare(), Number::new(2).0);
//! ```

use super::{
    bindings,
    compat::{AllocError, KBox},
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    sync::atomic::{AtomicPtr, Ordering},
};

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

/// What a section is: something that RCU's grace periods wait for.
///
/// # Safety
///
/// As long as a value of the type is there, no grace period may end that begins after it came, and it
/// must not go to another task.
pub(crate) unsafe trait Section {}

// SAFETY: it is what grace periods are about.
unsafe impl Section for Guard {}

/// Waits until all sections that have begun are over (`synchronize_rcu`). Sleeps.
pub(crate) fn synchronize() {
    // SAFETY: it may be called wherever sleeping is allowed.
    unsafe { bindings::synchronize_rcu() }
}

/// Memory for a value to come, so that it can be put in place where nothing may be allocated.
pub(crate) struct Spare<T>(KBox<MaybeUninit<T>>);

// SAFETY: it is memory, and nothing is in it yet.
unsafe impl<T> Send for Spare<T> {}

// SAFETY: as above.
unsafe impl<T> Sync for Spare<T> {}

impl<T> Spare<T> {
    /// Allocates it. May sleep.
    pub(crate) fn new() -> Result<Self, AllocError> {
        Ok(Self(super::compat::new_uninit()?))
    }

    fn fill(self, value: T) -> *mut T {
        KBox::into_raw(KBox::write(self.0, value))
    }
}

/// A value that readers see either before or after it is replaced.
///
/// No callback of RCU's is used, because one could be pending when the module is unloaded.
///
/// # Invariants
///
/// The pointer comes from [`Spare::fill`]. Whoever read it inside an RCU read-side section may use it
/// until the end of that section.
pub(crate) struct Rcu<T>(AtomicPtr<T>, PhantomData<T>);

// SAFETY: it owns a `T`, which it lends to readers on any CPU and drops on any.
unsafe impl<T: Send + Sync> Send for Rcu<T> {}

// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

impl<T: Send + Sync> Rcu<T> {
    /// Holds `value`.
    pub(crate) fn new(spare: Spare<T>, value: T) -> Self {
        // INVARIANT: the value is now ours.
        Self(AtomicPtr::new(spare.fill(value)), PhantomData)
    }

    /// The value as it is now. It stays as it is until the section ends (`rcu_dereference`).
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, _section: &'a impl Section) -> &'a T {
        // SAFETY: by the invariant the value may be used until the end of the section, which is not
        // before that of `'a`.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// Puts `value` in the place of the old one (`rcu_assign_pointer`). Any context.
    pub(crate) fn replace(&self, spare: Spare<T>, value: T) -> Replaced<T> {
        // INVARIANT: the new value is ours, and so is the old one, which no new reader finds.
        Replaced(self.0.swap(spare.fill(value), Ordering::AcqRel))
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it is a value of ours, and nobody can read through `self` now.
        drop(unsafe { KBox::from_raw(*self.0.get_mut()) });
    }
}

/// A value that was replaced. Its drop waits until all sections that have begun by then are over
/// (`synchronize_rcu`), so it sleeps.
///
/// # Invariants
///
/// The value is ours, and no new reader finds it.
pub(crate) struct Replaced<T: Send + Sync>(*mut T);

// SAFETY: it owns a `T`, which readers on any CPU may still use.
unsafe impl<T: Send + Sync> Send for Replaced<T> {}

// SAFETY: a shared reference gives access to nothing.
unsafe impl<T: Send + Sync> Sync for Replaced<T> {}

impl<T: Send + Sync> Drop for Replaced<T> {
    fn drop(&mut self) {
        synchronize();
        // SAFETY: by the invariant the value is ours, and the readers that had found it have left.
        drop(unsafe { KBox::from_raw(self.0) });
    }
}
