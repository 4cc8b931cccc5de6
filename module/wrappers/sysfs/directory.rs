// SPDX-License-Identifier: GPL-2.0

//! Directories: kobjects with exactly the lifetime of their owner.

use super::{
    attribute::Attributes,
    kobject::Inner, //
};
use crate::wrappers::bindings;
use core::{
    ffi::CStr,
    mem::{
        self,
        ManuallyDrop, //
    },
    pin::Pin,
    ptr, //
};
use kernel::{
    error::to_result,
    ffi::c_char,
    prelude::*,
    types::Opaque, //
};

/// The place of a directory.
pub(crate) enum Parent<'a, P: Attributes> {
    /// The module's own directory, /sys/module/NAME.
    Module(&'static ThisModule),
    /// Another directory, which must exist as long as this one.
    Directory(&'a Directory<P>),
}

/// A directory in sysfs with the files of `T`, until it is dropped.
///
/// The drop sleeps: it waits for the files' present readers and writers, and for the last reference
/// to the kobject. So sysfs never uses `T` or the module's code after `drop` has returned, even
/// where the kernel delays the release (`CONFIG_DEBUG_KOBJECT_RELEASE`).
///
/// # Invariants
///
/// The kobject is in sysfs.
pub(crate) struct Directory<T: Attributes>(Hidden<T>);

/// The rest of a directory that is no longer in sysfs. Its drop waits for the last reference to the
/// kobject.
///
/// # Invariants
///
/// We own a reference to the kobject.
pub(crate) struct Hidden<T>(Pin<KBox<Inner<T>>>);

/// The error of a failed creation, and the rest of the directory, whose drop may have to wait.
pub(crate) struct Unmade<T> {
    error: Error,
    left: Option<Hidden<T>>,
}

impl<T> From<Error> for Unmade<T> {
    fn from(error: Error) -> Self {
        Self { error, left: None }
    }
}

impl<T> From<Unmade<T>> for Error {
    fn from(unmade: Unmade<T>) -> Self {
        drop(unmade.left);
        unmade.error
    }
}

// SAFETY: Kobjects may be used from any task, and `T` is `Send` and `Sync`.
unsafe impl<T: Attributes> Send for Directory<T> {}

// SAFETY: Kobjects may be used from any task, and `T` is `Send` and `Sync`.
unsafe impl<T: Attributes> Sync for Directory<T> {}

impl<T: Attributes> Directory<T> {
    /// Makes the directory and all of its files, or nothing. May sleep.
    pub(crate) fn new<P: Attributes>(
        parent: Parent<'_, P>,
        name: &CStr,
        data: T,
    ) -> Result<Self, Unmade<T>> {
        // SAFETY: `dmp_check_kobject_release` may be called wherever sleeping is allowed.
        to_result(unsafe { bindings::dmp_check_kobject_release() })?;
        let inner = KBox::pin_init(
            pin_init!(Inner {
                // SAFETY: A kobject must be all zeros before it is initialised; the completion is
                // initialised below.
                holder: Opaque::new(unsafe { mem::zeroed() }),
                data,
            }),
            GFP_KERNEL,
        )?;
        let parent = match parent {
            // SAFETY: The module is loaded, because its code is running.
            Parent::Module(module) => unsafe {
                bindings::dmp_module_kobject(module.as_ptr().cast())
            },
            Parent::Directory(directory) => directory.0 .0.kobj(),
        };
        // SAFETY: The completion is pinned, and is at the place that `dm_kobject_release` expects.
        // The kobject is pinned and zeroed, its type is static, its parent is in sysfs, and `name`
        // is copied ("%s" takes it unchanged).
        let added = unsafe {
            bindings::dmp_init_completion(inner.released());
            bindings::kobject_init_and_add(
                inner.kobj(),
                T::kind().as_raw(),
                parent,
                c"%s".as_ptr().cast(),
                name.as_ptr().cast::<c_char>(),
            )
        };
        // INVARIANT: The kobject was initialised with a reference that is ours, even if it could
        // not be added.
        let hidden = Hidden(inner);
        if let Err(error) = to_result(added) {
            let left = Some(hidden);
            return Err(Unmade { error, left });
        }
        // INVARIANT: The kobject was just added.
        let directory = Self(hidden);
        for file in T::binary() {
            // SAFETY: The kobject is in sysfs, and the attribute is static. The file goes with the
            // directory.
            let created = to_result(unsafe {
                bindings::sysfs_create_bin_file(directory.0 .0.kobj(), file.as_raw())
            });
            if let Err(error) = created {
                let left = Some(directory.hide());
                return Err(Unmade { error, left });
            }
        }
        Ok(directory)
    }

    /// Returns the data that the files show.
    pub(crate) fn data(&self) -> &T {
        &self.0 .0.data
    }

    /// Takes the directory out of sysfs, so that another one can have its name. Waits for the
    /// readers and writers of its files. The drop of the result waits for the last reference.
    pub(crate) fn hide(self) -> Hidden<T> {
        let this = ManuallyDrop::new(self);
        this.remove();
        // SAFETY: `this` is not dropped, so what it owns is ours.
        unsafe { ptr::read(&this.0) }
    }

    /// Takes the directory out of sysfs. Call it once.
    fn remove(&self) {
        // SAFETY: By the invariant the kobject is in sysfs. `kobject_del` waits for the readers and
        // writers of its files.
        unsafe { bindings::kobject_del(self.0 .0.kobj()) }
    }
}

impl<T: Attributes> Drop for Directory<T> {
    fn drop(&mut self) {
        self.remove();
    }
}

impl<T> Drop for Hidden<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours, and it is put here. When the last one is
        // put, `dm_kobject_release` completes `released`, which is initialised. That is its last
        // use of the holder, and it is code of the kernel that is never unloaded.
        unsafe {
            bindings::kobject_put(self.0.kobj());
            bindings::wait_for_completion(self.0.released());
        }
    }
}
