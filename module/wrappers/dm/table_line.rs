// SPDX-License-Identifier: GPL-2.0

//! What a target is made from: its table line, and the underlying devices it opens.

use super::{bindings, DeviceNumber, MappedDevice, Sector};
use core::{
    ffi::CStr,
    marker::PhantomData,
    ptr::{self, NonNull},
    slice,
};
use kernel::{error::to_result, ffi::c_char, prelude::Result};

/// A table, which no other one is while any of its targets is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(usize);

/// A table line whose target is being made.
///
/// # Invariants
///
/// `ti` is a target in its constructor, and `args` are its argument strings, valid as long.
pub(crate) struct TableLine {
    ti: NonNull<bindings::dm_target>,
    args: Strings,
}

/// Words that device mapper split a line into.
///
/// # Invariants
///
/// `first` points to `count` pointers to strings.
pub(super) struct Strings {
    first: NonNull<*mut c_char>,
    count: usize,
}

impl Strings {
    /// # Safety
    ///
    /// `argv`, which may be null if `argc` is 0, must point to `argc` pointers to strings, which
    /// are valid as long as the result.
    pub(super) unsafe fn new(argc: u32, argv: *mut *mut c_char) -> Self {
        // INVARIANT: by this function's contract.
        match NonNull::new(argv) {
            Some(first) => Self {
                first,
                count: argc as usize,
            },
            None => Self {
                first: NonNull::dangling(),
                count: 0,
            },
        }
    }

    /// The words, in their order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &CStr> {
        // SAFETY: by the invariant `first` points to `count` pointers.
        let words = unsafe { slice::from_raw_parts(self.first.as_ptr(), self.count) };
        words.iter().map(|word| {
            // SAFETY: by the invariant each of them points to a string.
            unsafe { CStr::from_ptr((*word).cast()) }
        })
    }
}

impl TableLine {
    /// # Safety
    ///
    /// `ti`, `argc` and `argv` must be what device mapper gave a constructor that has not returned
    /// before the result is dropped.
    pub(super) unsafe fn new(
        ti: NonNull<bindings::dm_target>,
        argc: u32,
        argv: *mut *mut c_char,
    ) -> Self {
        // SAFETY: by this function's contract.
        let args = unsafe { Strings::new(argc, argv) };
        // INVARIANT: by this function's contract.
        Self { ti, args }
    }

    /// The arguments behind the target's name, in their order.
    pub(crate) fn args(&self) -> impl ExactSizeIterator<Item = &CStr> {
        self.args.iter()
    }

    /// The first sector of the mapped device that the line maps.
    pub(crate) fn begin(&self) -> Sector {
        // SAFETY: by the invariant `ti` is valid, and its range no longer changes.
        unsafe { (*self.ti.as_ptr()).begin }
    }

    /// How many sectors the line maps.
    pub(crate) fn len(&self) -> Sector {
        // SAFETY: by the invariant `ti` is valid, and its range no longer changes.
        unsafe { (*self.ti.as_ptr()).len }
    }

    /// The table that the line is in.
    pub(crate) fn table(&self) -> TableId {
        // SAFETY: by the invariant `ti` is valid and has a table.
        TableId(unsafe { (*self.ti.as_ptr()).table } as usize)
    }

    /// The device that the line's table is for.
    pub(crate) fn mapped_device(&self) -> MappedDevice<'_> {
        // SAFETY: by the invariant `ti` is valid and has a table. The table has no reference to its mapped
        // device, but who loads the table does, from before the constructor to after it.
        unsafe {
            let md = bindings::dm_table_get_md((*self.ti.as_ptr()).table);
            MappedDevice::from_raw(NonNull::new_unchecked(md))
        }
    }

    /// How many flushes the target is sent for one of the mapped device's; 1 if nothing is said
    /// (`num_flush_bios`).
    pub(crate) fn set_num_flush_bios(&self, count: u32) {
        // SAFETY: by the invariant `ti` is in its constructor, where it is filled in by nobody else.
        unsafe { (*self.ti.as_ptr()).num_flush_bios = count }
    }

    /// Flushes need not come to the target: if that is so of all targets of the table, device mapper
    /// sends one to each underlying device (`flush_bypasses_map`).
    pub(crate) fn set_flush_bypasses_map(&self) {
        // SAFETY: as above.
        unsafe { (*self.ti.as_ptr()).set_flush_bypasses_map(true) }
    }

    /// Opens a device that `path` names, by path or major:minor, in the table's mode
    /// (`dm_get_device`). May sleep.
    pub(crate) fn open(&self, path: &CStr) -> Result<Device<'_>> {
        let mut device = ptr::null_mut();
        // SAFETY: by the invariant `ti` is in its constructor, where devices may be opened.
        to_result(unsafe {
            let mode = bindings::dm_table_get_mode((*self.ti.as_ptr()).table);
            bindings::dm_get_device(self.ti.as_ptr(), path.as_ptr().cast(), mode, &mut device)
        })?;
        // SAFETY: where it succeeds, `dm_get_device` sets a device.
        let (dev, bdev) = unsafe { (NonNull::new_unchecked(device), (*device).bdev) };
        // INVARIANT: `dm_get_device` gave us `dev` for this target, with its block device.
        Ok(Device {
            ti: self.ti,
            dev,
            bdev,
            line: PhantomData,
        })
    }
}

/// An underlying device that a target opened.
///
/// It is closed when this is dropped, which is before the target is gone: a constructor cannot
/// keep it, only give it back to device mapper.
///
/// # Invariants
///
/// `dev` was opened for the target `ti`, which is not gone, and is ours to close. `bdev` is its block
/// device.
pub(crate) struct Device<'a> {
    ti: NonNull<bindings::dm_target>,
    dev: NonNull<bindings::dm_dev>,
    bdev: *mut bindings::block_device,
    line: PhantomData<&'a TableLine>,
}

// SAFETY: a `struct dm_dev` belongs to no task. `dm_put_device` changes the table's list of devices, on
// newer kernels without a lock: but a device is dropped by its target's constructor or destructor, and
// device mapper makes and destroys a table's targets in one task, one after the other.
unsafe impl Send for Device<'_> {}

// SAFETY: a `struct dm_dev` does not change while it is open, and a shared reference drops nothing.
unsafe impl Sync for Device<'_> {}

impl Device<'_> {
    /// Its number as tables show it, major:minor (`dm_dev.name`).
    pub(crate) fn name(&self) -> &str {
        // SAFETY: by the invariant `dev` is open, and its name is a string that does not change.
        let name = unsafe { CStr::from_ptr((*self.dev.as_ptr()).name.as_ptr().cast()) };
        name.to_str().unwrap_or("")
    }

    /// Its number (`bd_dev`).
    pub(crate) fn number(&self) -> DeviceNumber {
        // SAFETY: by the invariant `dev` is open, and so is its block device.
        DeviceNumber::from_raw(unsafe { bindings::dmp_bdev_devt(self.block_device()) })
    }

    /// How many sectors it has now (`bdev_nr_sectors`).
    pub(crate) fn sectors(&self) -> Sector {
        // SAFETY: by the invariant `dev` is open, and so is its block device.
        unsafe { bindings::dmp_bdev_nr_sectors(self.block_device()) }
    }

    /// The block device, which stays open at least as long as `self`.
    #[inline]
    pub(in super::super) fn block_device(&self) -> *mut bindings::block_device {
        self.bdev
    }

    /// What `iterate_devices` hands on.
    pub(super) fn as_raw(&self) -> *mut bindings::dm_dev {
        self.dev.as_ptr()
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // SAFETY: by the invariant the target is not gone, and the device is its to close. Nobody else uses
        // the table's list of devices now: see `Send`.
        unsafe { bindings::dm_put_device(self.ti.as_ptr(), self.dev.as_ptr()) }
    }
}
