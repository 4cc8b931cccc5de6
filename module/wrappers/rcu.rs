// SPDX-License-Identifier: GPL-2.0

//! Pointers that are read without a lock and replaced.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Example
//!
//! ```ignore
//! let counters = Rcu::new(PerCpuCounters::<2>::new()?);
//! counters.get(&rcu::read_lock()).increment(0);
//! let old = counters.replace(PerCpuCounters::new()?); // nobody counts in `old` any more
//! ```

use super::bindings;
use core::{
    ffi::c_void,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr,
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

/// What is no more than one pointer.
///
/// # Safety
///
/// `into_raw` must give a pointer from which `from_raw` makes the same value again, and not a null
/// pointer if there is to be an `Option` of it.
pub(crate) unsafe trait Pointer: Sized {
    /// Gives the pointer, and with it the ownership of what it points to.
    fn into_raw(self) -> *mut c_void;

    /// Takes the ownership back.
    ///
    /// # Safety
    ///
    /// `raw` must come from `into_raw`, and whatever else is made from it must not be dropped, nor
    /// used after the result is.
    unsafe fn from_raw(raw: *mut c_void) -> Self;
}

// SAFETY: nothing is a null pointer, which `T` is not by its contract.
unsafe impl<T: Pointer> Pointer for Option<T> {
    #[inline(always)]
    fn into_raw(self) -> *mut c_void {
        self.map_or(ptr::null_mut(), T::into_raw)
    }

    #[inline(always)]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        // SAFETY: by this function's contract it is one of `T`'s if it is not null.
        (!raw.is_null()).then(|| unsafe { T::from_raw(raw) })
    }
}

/// A value as it was when it was read, for as long as the section lasts.
pub(crate) struct Ref<'a, T>(ManuallyDrop<T>, PhantomData<&'a T>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A pointer that readers see either before or after it is replaced.
///
/// # Invariants
///
/// The pointer is that of a `T` of ours. Whoever read it inside an RCU read-side section may use
/// it until the end of that section.
pub(crate) struct Rcu<T: Pointer>(AtomicPtr<c_void>, PhantomData<T>);

// SAFETY: it owns a `T`, which it lends to readers on any CPU and gives back to any task.
unsafe impl<T: Pointer + Send + Sync> Send for Rcu<T> {}

// SAFETY: as above.
unsafe impl<T: Pointer + Send + Sync> Sync for Rcu<T> {}

impl<T: Pointer> Rcu<T> {
    /// Holds `value`.
    pub(crate) fn new(value: T) -> Self {
        // INVARIANT: the value is now ours.
        Self(AtomicPtr::new(value.into_raw()), PhantomData)
    }

    /// The value as it is now. It stays as it is until the section ends.
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, _section: &'a Guard) -> Ref<'a, T> {
        // SAFETY: by the invariant the value may be used until the end of the section, which is
        // not before that of `'a`; it is not dropped.
        let value = unsafe { T::from_raw(self.0.load(Ordering::Acquire)) };
        Ref(ManuallyDrop::new(value), PhantomData)
    }

    /// Where C finds the pointer.
    #[inline(always)]
    pub(super) fn as_ptr(&self) -> *mut *mut c_void {
        self.0.as_ptr()
    }

    /// Puts `value` in the place of the old one, and gives that back when nobody reads it any
    /// more. Sleeps.
    pub(crate) fn replace(&self, value: T) -> T {
        // INVARIANT: the new value is ours; the old one stays readable until `synchronize_rcu`.
        let old = self.0.swap(value.into_raw(), Ordering::AcqRel);
        // SAFETY: it may always be called where sleeping is allowed. `old` was a value of ours, and
        // every section that could have read it is over.
        unsafe {
            bindings::synchronize_rcu();
            T::from_raw(old)
        }
    }
}

impl<T: Pointer> Rcu<Option<T>> {
    /// Whether there is a value now. A section that begins after it may find otherwise.
    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        // SAFETY: it is a pointer of ours. This is C's READ_ONCE, which in the kernel's memory
        // model may race as a relaxed load may; that, LLVM would not make part of a comparison.
        !unsafe { self.0.as_ptr().read_volatile() }.is_null()
    }
}

impl<T: Pointer> Drop for Rcu<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it is a value of ours, and nobody can read through `self` now.
        drop(unsafe { T::from_raw(*self.0.get_mut()) });
    }
}
