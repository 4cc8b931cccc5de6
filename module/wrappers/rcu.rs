// SPDX-License-Identifier: GPL-2.0

//! Values that are read without a lock and replaced.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Example
//!
//! ```ignore
//! let value = Rcu::new(spare(), one);
//! let section = rcu::read_lock();
//! let seen = value.get(&section);
//! // In the midst of a section, as it may be anywhere. What `seen` is stays until the section ends.
//! drop(value.replace(spare(), Number::new(2).0));
//! ```

use super::{
    bindings,
    compat::{AllocError, KBox},
};
use core::{
    cell::UnsafeCell,
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
///
/// Nothing depends on it: who replaces values without end does so no faster than they can go.
pub(crate) fn synchronize() {
    // SAFETY: it may be called wherever sleeping is allowed.
    unsafe { bindings::synchronize_rcu() }
}

/// Waits, when it is dropped, until everything replaced before that is dropped (`rcu_barrier`).
///
/// What drops them is this module's code. So a module that has an [`Rcu`] has one of these as well,
/// as the last field of what it is unloaded with.
pub(crate) struct Barrier;

impl Drop for Barrier {
    fn drop(&mut self) {
        // SAFETY: a module is unloaded where sleeping is allowed.
        unsafe { bindings::rcu_barrier() }
    }
}

/// A value, and what RCU has it dropped by.
#[repr(C)]
struct Node<T> {
    head: UnsafeCell<MaybeUninit<bindings::callback_head>>,
    value: T,
}

/// Memory for a value to come, so that it can be put in place where nothing may be allocated.
pub(crate) struct Spare<T>(KBox<MaybeUninit<Node<T>>>);

// SAFETY: it is memory, and nothing is in it yet.
unsafe impl<T> Send for Spare<T> {}

// SAFETY: as above.
unsafe impl<T> Sync for Spare<T> {}

impl<T> Spare<T> {
    /// Allocates it. May sleep.
    pub(crate) fn new() -> Result<Self, AllocError> {
        Ok(Self(super::compat::new_uninit()?))
    }

    fn fill(self, value: T) -> *mut Node<T> {
        let head = UnsafeCell::new(MaybeUninit::uninit());
        KBox::into_raw(KBox::write(self.0, Node { head, value }))
    }
}

/// A value that readers see either before or after it is replaced.
///
/// The old one is dropped by RCU's callbacks, when nobody reads it any more: its drop must not sleep.
///
/// # Invariants
///
/// The pointer comes from [`Spare::fill`]. Whoever read it inside an RCU read-side section may use it
/// until the end of that section.
pub(crate) struct Rcu<T>(AtomicPtr<Node<T>>, PhantomData<T>);

// SAFETY: it owns a `T`, which it lends to readers on any CPU and drops on any.
unsafe impl<T: Send + Sync> Send for Rcu<T> {}

// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

impl<T: Send + Sync + 'static> Rcu<T> {
    /// Holds `value`.
    pub(crate) fn new(spare: Spare<T>, value: T) -> Self {
        // INVARIANT: the value is now ours.
        Self(AtomicPtr::new(spare.fill(value)), PhantomData)
    }

    /// The value as it is now. It stays as it is until the section ends (`rcu_dereference`).
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, _section: &'a impl Section) -> &'a T {
        // SAFETY: by the invariant the node may be used until the end of the section, which is not
        // before that of `'a`.
        unsafe { &(*self.0.load(Ordering::Acquire)).value }
    }

    /// Puts `value` in the place of the old one (`rcu_assign_pointer`). Any context.
    pub(crate) fn replace(&self, spare: Spare<T>, value: T) -> Replaced<T> {
        // INVARIANT: the new value is ours, and so is the old one, which no new reader finds.
        Replaced(self.0.swap(spare.fill(value), Ordering::AcqRel))
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it is a node of ours, and nobody can read through `self` now.
        drop(unsafe { KBox::from_raw(*self.0.get_mut()) });
    }
}

/// A value that was replaced. When this is dropped it is given to RCU, which drops it when all
/// sections that have begun by then are over (`call_rcu`).
///
/// # Invariants
///
/// The node is ours, and no new reader finds it.
pub(crate) struct Replaced<T: Send + Sync + 'static>(*mut Node<T>);

impl<T: Send + Sync + 'static> Drop for Replaced<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant the node is ours; its head is used for nothing else, and it is
        // dropped by nothing but the callback. The module's `Barrier` waits for that.
        unsafe { bindings::call_rcu((*self.0).head.get().cast(), Some(drop_node::<T>)) }
    }
}

/// Drops a node.
///
/// # Safety
///
/// `head` must be that of a `Node<T>` that came from [`Spare::fill`], and nobody may use it any more.
unsafe extern "C" fn drop_node<T>(head: *mut bindings::callback_head) {
    // SAFETY: by this function's contract; the head is the node's first field.
    drop(unsafe { KBox::from_raw(head.cast::<Node<T>>()) });
}
