// SPDX-License-Identifier: GPL-2.0

//! Values that are read without a lock, and replaced.
//!
//! Sections are the kernel's own, from 7.3 on. The kernel's Rust has no pointer that sections
//! protect ([`rust/kernel/sync/rcu.rs`](srctree/rust/kernel/sync/rcu.rs)), and its `Atomic` is not
//! used for the reason that [`atomic`](super::atomic) gives.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Examples
//!
//! ```ignore
//! let value = Rcu::new(spare(), one);
//! // ...
//! let section = rcu::read_lock();
//! let seen = value.get(&section);
//! // Allowed anywhere, also inside a section. `seen` stays until the section ends.
//! let replaced = value.replace(spare(), Number::new(2).0);
//! ```

use super::compat::{
    self,
    AllocError,
    KBox, //
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};

pub(crate) use compat::rcu::{
    read_lock,
    synchronize_rcu,
    Guard, //
};

/// A section that RCU's grace periods wait for.
///
/// # Safety
///
/// A grace period that begins while a value of the type exists must not end before the value is
/// dropped. The value must not move to another task.
pub(crate) unsafe trait Section {}

// SAFETY: Grace periods wait for read-side sections, and `Guard` is not `Send`.
unsafe impl Section for Guard {}

/// Memory for a later value, for use where no allocation is allowed.
pub(crate) struct Spare<T>(KBox<MaybeUninit<T>>);

// SAFETY: It is memory without a value in it.
unsafe impl<T> Send for Spare<T> {}

// SAFETY: It is memory without a value in it.
unsafe impl<T> Sync for Spare<T> {}

impl<T> Spare<T> {
    /// Allocates the memory. May sleep.
    pub(crate) fn new() -> Result<Self, AllocError> {
        Ok(Self(compat::new_uninit()?))
    }

    /// Moves a value into the memory. Returns the pointer of its box (`KBox::into_raw`).
    fn fill(self, value: T) -> *mut T {
        KBox::into_raw(KBox::write(self.0, value))
    }
}

/// A value whose readers see it either before or after its replacement.
///
/// No RCU callback is used, because one could be pending when the module is unloaded.
///
/// # Invariants
///
/// The pointer comes from [`Spare::fill`]. A reader that loads it in a read-side section of RCU may
/// use it until that section ends.
pub(crate) struct Rcu<T>(AtomicPtr<T>, PhantomData<T>);

// SAFETY: It owns a `T`, which it lends to readers on any CPU and drops on any: `T` is `Send` and
// `Sync`.
unsafe impl<T: Send + Sync> Send for Rcu<T> {}

// SAFETY: Readers on any CPU share the `T`, and any of them may replace it: `T` is `Send` and
// `Sync`.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

impl<T: Send + Sync> Rcu<T> {
    /// Makes the first value from `value`.
    pub(crate) fn new(spare: Spare<T>, value: T) -> Self {
        // INVARIANT: The pointer comes from `Spare::fill`, and no reader has it yet.
        Self(AtomicPtr::new(spare.fill(value)), PhantomData)
    }

    /// Returns the present value, which stays until the section ends (`rcu_dereference`).
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, _section: &'a impl Section) -> &'a T {
        // SAFETY: By the invariant the value may be used until the section ends, which is not
        // before `'a` does.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// Replaces the value (`rcu_assign_pointer`), and returns the old one. Any context.
    pub(crate) fn replace(&self, spare: Spare<T>, value: T) -> Replaced<T> {
        // INVARIANT: The new pointer comes from `Spare::fill`. The old value is ours and no new
        // reader finds it; its drop waits for the readers that have it.
        Replaced(self.0.swap(spare.fill(value), Ordering::AcqRel))
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariant the pointer comes from a box, and nobody can read through `self`
        // any more.
        drop(unsafe { KBox::from_raw(*self.0.get_mut()) });
    }
}

/// A replaced value. Its drop sleeps, because it waits for the end of all sections that have begun
/// before it (`synchronize_rcu`).
///
/// # Invariants
///
/// The value is ours, and no new reader finds it.
pub(crate) struct Replaced<T: Send + Sync>(*mut T);

// SAFETY: It owns a `T`, which readers on any CPU may still use: `T` is `Send` and `Sync`.
unsafe impl<T: Send + Sync> Send for Replaced<T> {}

// SAFETY: A shared reference gives access to nothing.
unsafe impl<T: Send + Sync> Sync for Replaced<T> {}

impl<T: Send + Sync> Drop for Replaced<T> {
    fn drop(&mut self) {
        synchronize_rcu();
        // SAFETY: By the invariant the value is ours, and `synchronize_rcu` has waited for the readers
        // that had it.
        drop(unsafe { KBox::from_raw(self.0) });
    }
}
