// SPDX-License-Identifier: GPL-2.0

//! The kobject of a directory, which sysfs passes to the functions of the directory's files.
//!
//! The completion behind it is C's. The kernel's own `Completion`
//! ([`rust/kernel/sync/completion.rs`](srctree/rust/kernel/sync/completion.rs)) is not used: its
//! layout is not C's and its pointer is private, and `dm_kobject_release` expects a
//! `struct completion` directly after the kobject
//! ([`drivers/md/dm-builtin.c`](srctree/drivers/md/dm-builtin.c)).

use crate::wrappers::bindings;
use core::ptr;
use kernel::{
    container_of,
    prelude::*,
    types::Opaque, //
};

/// The kobject, and the data that its files show.
#[pin_data]
pub(super) struct Inner<T> {
    pub(super) holder: Opaque<bindings::dmp_kobject_holder>,
    pub(super) data: T,
}

impl<T> Inner<T> {
    /// Returns the kobject.
    pub(super) fn kobj(&self) -> *mut bindings::kobject {
        // SAFETY: This only takes the address of a field of a holder that exists.
        unsafe { ptr::addr_of_mut!((*self.holder.get()).kobj) }
    }

    /// Returns the completion of the last reference's release.
    pub(super) fn released(&self) -> *mut bindings::completion {
        // SAFETY: This only takes the address of a field of a holder that exists.
        unsafe { ptr::addr_of_mut!((*self.holder.get()).released) }
    }
}

/// Returns the content of the directory of `kobj`.
///
/// # Safety
///
/// `kobj` must be that of a `Directory<T>` that is not dropped for `'a`.
pub(super) unsafe fn of<'a, T>(kobj: *mut bindings::kobject) -> &'a Inner<T> {
    // SAFETY: The caller guarantees the kobject of a `Directory<T>`, which is the first field of
    // the holder in an `Inner<T>`. `Opaque` is transparent.
    unsafe {
        &*container_of!(
            kobj.cast::<Opaque<bindings::dmp_kobject_holder>>(),
            Inner<T>,
            holder
        )
    }
}
