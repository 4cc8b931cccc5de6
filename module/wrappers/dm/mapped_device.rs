// SPDX-License-Identifier: GPL-2.0

//! Mapped devices: what `dmsetup create` makes.

use super::bindings;
use core::{
    ffi::{c_char, CStr},
    marker::PhantomData,
    ptr::NonNull,
};
use kernel::{
    error::{code::ENXIO, to_result},
    prelude::Result,
};

/// A reference to a mapped device.
///
/// # Invariants
///
/// `md` is valid for `'a`.
pub(crate) struct MappedDevice<'a> {
    md: NonNull<bindings::mapped_device>,
    holder: PhantomData<&'a bindings::mapped_device>,
}

/// The number of a mapped device, which no other one has while it exists (`dev_t`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceNumber(u32);

impl MappedDevice<'_> {
    /// # Safety
    ///
    /// `md` must be valid for the lifetime of the result.
    pub(super) unsafe fn from_raw(md: NonNull<bindings::mapped_device>) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            md,
            holder: PhantomData,
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> DeviceNumber {
        // SAFETY: `md` is valid by the invariant; its disk lives as long.
        DeviceNumber(unsafe { bindings::dmp_md_devt(self.md.as_ptr()) })
    }

    /// Its name as the kernel has it: dm-N.
    pub(crate) fn disk_name(&self) -> &CStr {
        // SAFETY: `md` is valid by the invariant; the name of its disk does not change.
        unsafe { CStr::from_ptr(bindings::dmp_md_disk_name(self.md.as_ptr())) }
    }
}

impl DeviceNumber {
    /// Calls `f` with the name and the UUID that dmsetup knows the device by, now
    /// (`dm_copy_name_and_uuid`). The UUID is empty if there is none.
    ///
    /// `ENXIO` if it is being removed. May sleep.
    pub(crate) fn with_name<R>(self, f: impl FnOnce(&CStr, &CStr) -> R) -> Result<R> {
        let held = Held::new(self).ok_or(ENXIO)?;
        let mut name: [c_char; bindings::DM_NAME_LEN as usize] =
            [0; bindings::DM_NAME_LEN as usize];
        let mut uuid: [c_char; bindings::DM_UUID_LEN as usize] =
            [0; bindings::DM_UUID_LEN as usize];
        // SAFETY: `held` keeps the mapped device; the buffers have the lengths of a name and of a
        // UUID.
        to_result(unsafe {
            bindings::dm_copy_name_and_uuid(held.0.as_ptr(), name.as_mut_ptr(), uuid.as_mut_ptr())
        })?;
        // SAFETY: `dm_copy_name_and_uuid` wrote two strings.
        let (name, uuid) =
            unsafe { (CStr::from_ptr(name.as_ptr()), CStr::from_ptr(uuid.as_ptr())) };
        Ok(f(name, uuid))
    }
}

/// A mapped device that cannot go while this is here; its removal waits.
///
/// # Invariants
///
/// We hold a reference to the mapped device.
struct Held(NonNull<bindings::mapped_device>);

impl Held {
    /// `None` if there is no such device, or it is being removed.
    fn new(number: DeviceNumber) -> Option<Self> {
        // SAFETY: any number may be asked for.
        // INVARIANT: `dm_get_md` takes a reference to what it returns.
        NonNull::new(unsafe { bindings::dm_get_md(number.0) }).map(Self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference that the invariant speaks of is given back.
        unsafe { bindings::dm_put(self.0.as_ptr()) }
    }
}
