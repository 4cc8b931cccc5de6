// SPDX-License-Identifier: GPL-2.0

//! Underlying devices.

use super::mapped_device::DeviceNumber;
use crate::wrappers::{
    bindings,
    bio::{
        Bio,
        Remapped,
        Sector, //
    }, //
};
use core::{
    ffi::CStr,
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    error::to_result,
    prelude::Result, //
};

/// The underlying devices of a target: none, a [`Device`], or several.
///
/// The wrapper owns the devices, and lends them to the target until device mapper destroys the
/// target, when no bio is left. So such a type must not drop a device earlier:
/// `Mutex<Option<Device>>` could, and does not implement this trait.
///
/// # Safety
///
/// No use of a shared reference to the type may drop a device in it.
#[allow(dead_code)] // The compiler does not take a bound for a use.
pub(crate) unsafe trait Devices: Send + Sync {}

// SAFETY: There is no device.
unsafe impl Devices for () {}

// SAFETY: A device's methods take shared references, and none of them closes it.
unsafe impl Devices for Device<'_> {}

// SAFETY: A shared reference to an array gives only shared references to its elements.
unsafe impl<D: Devices, const N: usize> Devices for [D; N] {}

/// An underlying device that a target opened.
///
/// Its drop closes it. A constructor can drop it or give it to the wrapper, but cannot keep it: see
/// [`Devices`]. Device mapper closes one that was leaked, with a complaint.
///
/// # Invariants
///
/// `dev` was opened for the target `ti`, which still exists, and is ours to close. `bdev` is its
/// block device.
pub(crate) struct Device<'a> {
    ti: NonNull<bindings::dm_target>,
    dev: NonNull<bindings::dm_dev>,
    bdev: *mut bindings::block_device,
    target: PhantomData<&'a bindings::dm_target>,
}

// SAFETY: A `struct dm_dev` belongs to no task. `dm_put_device` changes the table's list of
// devices, on newer kernels without a lock. But a device is dropped by its target's constructor or
// destructor, and device mapper makes and destroys a table's targets in one task, one after the
// other.
unsafe impl Send for Device<'_> {}

// SAFETY: A `struct dm_dev` does not change while it is open, and a shared reference drops nothing.
unsafe impl Sync for Device<'_> {}

impl Device<'_> {
    /// Opens a device for a target.
    ///
    /// # Safety
    ///
    /// `ti` must be a target in its constructor. The result must be dropped before the target is
    /// gone.
    pub(super) unsafe fn open(ti: NonNull<bindings::dm_target>, path: &CStr) -> Result<Self> {
        let mut device = ptr::null_mut();
        // SAFETY: The caller guarantees that `ti` is in its constructor, where devices may be
        // opened.
        to_result(unsafe {
            let mode = bindings::dm_table_get_mode((*ti.as_ptr()).table);
            bindings::dm_get_device(ti.as_ptr(), path.as_ptr().cast(), mode, &mut device)
        })?;
        // SAFETY: `dm_get_device` has succeeded, so it has set a device.
        let (dev, bdev) = unsafe { (NonNull::new_unchecked(device), (*device).bdev) };
        // INVARIANT: `dm_get_device` opened `dev` for this target, and `bdev` is its block device.
        Ok(Self {
            ti,
            dev,
            bdev,
            target: PhantomData,
        })
    }

    /// Returns the number as tables show it, major:minor (`dm_dev.name`).
    pub(crate) fn name(&self) -> &str {
        // SAFETY: By the invariant `dev` is open, and its name is a string that does not change.
        let name = unsafe { CStr::from_ptr((*self.dev.as_ptr()).name.as_ptr().cast()) };
        name.to_str().unwrap_or("")
    }

    /// Returns the number (`bd_dev`).
    pub(crate) fn number(&self) -> DeviceNumber {
        // SAFETY: By the invariant `dev` is open, and so is its block device.
        DeviceNumber::from_raw(unsafe { bindings::dmp_bdev_devt(self.block_device()) })
    }

    /// Returns the present number of sectors (`bdev_nr_sectors`).
    pub(crate) fn sectors(&self) -> Sector {
        // SAFETY: By the invariant `dev` is open, and so is its block device.
        unsafe { bindings::dmp_bdev_nr_sectors(self.block_device()) }
    }

    /// Redirects a bio of the target to a sector of this device (`bio_set_dev`).
    #[inline(always)]
    pub(crate) fn remap<'bio>(&self, bio: &mut Bio<'bio>, sector: Sector) -> Remapped<'bio> {
        bio.set_sector(sector);
        // SAFETY: The device is open, and device mapper ends all of a target's bios before it
        // closes the target's devices. A new bio has the mapped device, which cannot be below its
        // own table.
        unsafe { bio.set_device(self.block_device()) }
    }

    /// Returns the block device, which stays open at least as long as `self`.
    #[inline]
    pub(super) fn block_device(&self) -> *mut bindings::block_device {
        self.bdev
    }

    /// Returns the device as callouts of `iterate_devices` take it.
    pub(super) fn as_raw(&self) -> *mut bindings::dm_dev {
        self.dev.as_ptr()
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // SAFETY: By the invariant the target still exists, and the device is ours to close. Nobody
        // else uses the table's list of devices now: see `Send`.
        unsafe { bindings::dm_put_device(self.ti.as_ptr(), self.dev.as_ptr()) }
    }
}
