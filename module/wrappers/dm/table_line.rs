// SPDX-License-Identifier: GPL-2.0

//! Lines of tables, and what a target is made from.

use super::{bindings, Device, MappedDevice, Sector};
use core::{ffi::CStr, marker::PhantomData, ops::Deref, ptr::NonNull, slice};
use kernel::{ffi::c_char, prelude::Result, types::Opaque};

/// A table, which no other one is while any of its targets is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(usize);

/// A line of a table (`struct dm_target`).
///
/// # Invariants
///
/// The target is in a table, also if it is not made yet.
#[repr(transparent)]
pub(crate) struct DmTarget(Opaque<bindings::dm_target>);

/// A line of a table whose target is being made. `'ti` ends when that is destroyed, or was not made.
///
/// # Invariants
///
/// `ti` is a target in its constructor, and `args` are its argument strings, valid as long. `alias` is a
/// target type that differs from that of `ti` in the name alone, and is there as long.
pub(crate) struct TableLine<'ti> {
    ti: NonNull<bindings::dm_target>,
    args: Strings,
    alias: Option<NonNull<bindings::target_type>>,
    target: PhantomData<&'ti DmTarget>,
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

impl DmTarget {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// For `'a`, `ti` must point to a target in a table.
    #[inline(always)]
    pub(super) unsafe fn from_raw<'a>(ti: *mut bindings::dm_target) -> &'a Self {
        // SAFETY: by this function's contract; `Self` is transparent over `struct dm_target`.
        // INVARIANT: by this function's contract.
        unsafe { &*ti.cast() }
    }

    /// The first sector of the mapped device that the line maps.
    pub(crate) fn begin(&self) -> Sector {
        // SAFETY: by the invariant the target is in a table, and its range no longer changes.
        unsafe { (*self.0.get()).begin }
    }

    /// How many sectors the line maps.
    pub(crate) fn len(&self) -> Sector {
        // SAFETY: as above.
        unsafe { (*self.0.get()).len }
    }

    /// The table that the line is in.
    pub(crate) fn table(&self) -> TableId {
        // SAFETY: by the invariant the target is in a table, which no longer changes.
        TableId(unsafe { (*self.0.get()).table } as usize)
    }
}

impl Deref for TableLine<'_> {
    type Target = DmTarget;

    fn deref(&self) -> &DmTarget {
        // SAFETY: by the invariant `ti` is valid, and it is in a table.
        unsafe { DmTarget::from_raw(self.ti.as_ptr()) }
    }
}

impl<'ti> TableLine<'ti> {
    /// # Safety
    ///
    /// `ti`, `argc` and `argv` must be what device mapper gave a constructor that has not returned
    /// before the result is dropped. What has the lifetime `'ti` must be dropped before the target is
    /// gone. `alias` must be a target type of the callbacks, features and module of that of `ti`, and must
    /// stay as long as that.
    pub(super) unsafe fn new(
        ti: NonNull<bindings::dm_target>,
        argc: u32,
        argv: *mut *mut c_char,
        alias: Option<NonNull<bindings::target_type>>,
    ) -> Self {
        // SAFETY: by this function's contract.
        let args = unsafe { Strings::new(argc, argv) };
        // INVARIANT: by this function's contract.
        Self {
            ti,
            args,
            alias,
            target: PhantomData,
        }
    }

    /// The arguments behind the target's name, in their order (`argv`).
    pub(crate) fn args(&self) -> impl ExactSizeIterator<Item = &CStr> {
        self.args.iter()
    }

    /// The device that the line's table is for (`dm_table_get_md`).
    pub(crate) fn mapped_device(&self) -> MappedDevice<'_> {
        // SAFETY: by the invariant `ti` is valid and has a table. The table has no reference to its mapped
        // device, but who loads the table does, from before the constructor to after it.
        unsafe {
            let md = bindings::dm_table_get_md((*self.ti.as_ptr()).table);
            MappedDevice::from_raw(NonNull::new_unchecked(md))
        }
    }

    /// How many flushes the target is sent for one of the mapped device's; none if nothing is said
    /// (`num_flush_bios`).
    pub(crate) fn set_num_flush_bios(&self, count: u32) {
        // SAFETY: by the invariant `ti` is in its constructor, where it is filled in by nobody else.
        unsafe { (*self.ti.as_ptr()).num_flush_bios = count }
    }

    /// The same of discards (`num_discard_bios`).
    pub(crate) fn set_num_discard_bios(&self, count: u32) {
        // SAFETY: as above.
        unsafe { (*self.ti.as_ptr()).num_discard_bios = count }
    }

    /// The same of secure erases (`num_secure_erase_bios`).
    pub(crate) fn set_num_secure_erase_bios(&self, count: u32) {
        // SAFETY: as above.
        unsafe { (*self.ti.as_ptr()).num_secure_erase_bios = count }
    }

    /// The same of zeroes to write (`num_write_zeroes_bios`).
    pub(crate) fn set_num_write_zeroes_bios(&self, count: u32) {
        // SAFETY: as above.
        unsafe { (*self.ti.as_ptr()).num_write_zeroes_bios = count }
    }

    /// Flushes need not come to the target: if that is so of all targets of the table, device mapper
    /// sends one to each underlying device (`flush_bypasses_map`).
    pub(crate) fn set_flush_bypasses_map(&self) {
        // SAFETY: as above.
        unsafe { (*self.ti.as_ptr()).set_flush_bypasses_map(true) }
    }

    /// Shows the line under [`Target::ALIAS`](super::Target::ALIAS): `dmsetup table` and `dmsetup status`
    /// print that name from now on. Does nothing if the target has no alias.
    ///
    /// This is for a target that takes the place of another one below a program that reads tables back:
    /// LVM warns of a volume whose table names another target than its metadata. So the target has to
    /// print the other target's arguments and status, too. Its callbacks stay its own, and so does the
    /// module that the line holds a reference to.
    pub(crate) fn show_alias(&self) {
        if let Some(alias) = self.alias {
            // SAFETY: by the invariant `ti` is in its constructor, where nobody else looks at it. Device
            // mapper finds the callbacks and the features that it found before, and in the end gives the
            // reference to the same module back, which is what it does with `ti->type` if the constructor
            // fails, too.
            unsafe { (*self.ti.as_ptr()).type_ = alias.as_ptr() }
        }
    }

    /// Opens a device that `path` names, by path or major:minor, in the table's mode
    /// (`dm_get_device`). May sleep.
    pub(crate) fn open(&self, path: &CStr) -> Result<Device<'ti>> {
        // SAFETY: by the invariant `ti` is in its constructor. What is opened has the lifetime `'ti`, so
        // that it is dropped before the target is gone.
        unsafe { Device::open(self.ti, path) }
    }
}
