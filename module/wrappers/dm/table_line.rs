// SPDX-License-Identifier: GPL-2.0

//! Lines of tables, and the arguments that targets are made from.

use super::{
    device::Device,
    mapped_device::MappedDevice, //
};
use crate::wrappers::{
    bindings,
    bio::Sector, //
};
use core::{
    ffi::CStr,
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull,
    slice, //
};
use kernel::{
    ffi::c_char,
    prelude::Result,
    types::Opaque, //
};

/// The identity of a table. No other table has it while any of the table's targets exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(usize);

/// A line of a table (`struct dm_target`).
///
/// # Invariants
///
/// The target is in a table, even while it is being made.
#[repr(transparent)]
pub(crate) struct DmTarget(Opaque<bindings::dm_target>);

/// A line of a table whose target is being made. `'ti` ends when the target is destroyed, or when
/// its construction fails.
///
/// # Invariants
///
/// `ti` is a target in its constructor. `args` are its argument strings, and `alias` is a target
/// type that differs from that of `ti` only in the name. Both stay as long as the constructor runs.
pub(crate) struct TableLine<'ti> {
    ti: NonNull<bindings::dm_target>,
    args: Strings,
    alias: Option<NonNull<bindings::target_type>>,
    target: PhantomData<&'ti DmTarget>,
}

/// The words that device mapper split a line into.
///
/// # Invariants
///
/// `first` points to `count` pointers to strings.
pub(super) struct Strings {
    first: NonNull<*mut c_char>,
    count: usize,
}

impl Strings {
    /// Takes the arguments of a C function.
    ///
    /// # Safety
    ///
    /// `argv` must point to `argc` pointers to strings, which stay valid as long as the result. It
    /// may be null if `argc` is 0.
    pub(super) unsafe fn new(argc: u32, argv: *mut *mut c_char) -> Self {
        // INVARIANT: The caller guarantees `argc` pointers to strings at `argv`, or none where it
        // is null.
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

    /// Returns the words in their order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &CStr> {
        // SAFETY: By the invariant `first` points to `count` pointers.
        let words = unsafe { slice::from_raw_parts(self.first.as_ptr(), self.count) };
        words.iter().map(|word| {
            // SAFETY: By the invariant each of them points to a string.
            unsafe { CStr::from_ptr((*word).cast()) }
        })
    }
}

impl DmTarget {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// `ti` must point to a target that is in a table for `'a`.
    #[inline(always)]
    pub(super) unsafe fn from_raw<'a>(ti: *mut bindings::dm_target) -> &'a Self {
        // SAFETY: The caller guarantees a target that is valid for `'a`. `Self` is transparent over
        // `struct dm_target`.
        // INVARIANT: The caller guarantees that the target is in a table.
        unsafe { &*ti.cast() }
    }

    /// Returns the first sector of the mapped device that the line maps.
    pub(crate) fn begin(&self) -> Sector {
        // SAFETY: By the invariant the target is in a table, and its range no longer changes.
        unsafe { (*self.0.get()).begin }
    }

    /// Returns the number of sectors that the line maps.
    pub(crate) fn len(&self) -> Sector {
        // SAFETY: By the invariant the target is in a table, and its range no longer changes.
        unsafe { (*self.0.get()).len }
    }

    /// Returns the identity of the line's table.
    pub(crate) fn table(&self) -> TableId {
        // SAFETY: By the invariant the target is in a table, and it stays in that table.
        TableId(unsafe { (*self.0.get()).table } as usize)
    }
}

impl Deref for TableLine<'_> {
    type Target = DmTarget;

    fn deref(&self) -> &DmTarget {
        // SAFETY: By the invariant `ti` is valid, and it is in a table.
        unsafe { DmTarget::from_raw(self.ti.as_ptr()) }
    }
}

impl<'ti> TableLine<'ti> {
    /// Wraps the arguments of a constructor.
    ///
    /// # Safety
    ///
    /// `ti`, `argc` and `argv` must be the arguments of a constructor, which must not return before
    /// the result is dropped. Values with the lifetime `'ti` must be dropped before the target is
    /// gone. `alias` must be a target type with the callbacks, features and module of the type of
    /// `ti`, and must stay as long as that type.
    pub(super) unsafe fn new(
        ti: NonNull<bindings::dm_target>,
        argc: u32,
        argv: *mut *mut c_char,
        alias: Option<NonNull<bindings::target_type>>,
    ) -> Self {
        // SAFETY: The caller guarantees the strings of a constructor that has not returned.
        let args = unsafe { Strings::new(argc, argv) };
        // INVARIANT: The caller guarantees a target in its constructor, and an alias that differs
        // from its type only in the name.
        Self {
            ti,
            args,
            alias,
            target: PhantomData,
        }
    }

    /// Returns the arguments after the target's name, in their order (`argv`).
    pub(crate) fn args(&self) -> impl ExactSizeIterator<Item = &CStr> {
        self.args.iter()
    }

    /// Returns the device that the line's table is loaded for (`dm_table_get_md`).
    pub(crate) fn mapped_device(&self) -> MappedDevice<'_> {
        // SAFETY: By the invariant `ti` is valid and has a table. The table has no reference to its
        // mapped device, but its loader holds one during the whole constructor.
        unsafe {
            let md = bindings::dm_table_get_md((*self.ti.as_ptr()).table);
            MappedDevice::from_raw(NonNull::new_unchecked(md))
        }
    }

    /// Sets the number of flushes to the target for each flush to the mapped device
    /// (`num_flush_bios`). The default is 0.
    pub(crate) fn set_num_flush_bios(&self, count: u32) {
        // SAFETY: By the invariant `ti` is in its constructor, where nobody else changes it.
        unsafe { (*self.ti.as_ptr()).num_flush_bios = count }
    }

    /// Sets the number of discards to the target for each discard to the mapped device
    /// (`num_discard_bios`). The default is 0.
    pub(crate) fn set_num_discard_bios(&self, count: u32) {
        // SAFETY: By the invariant `ti` is in its constructor, where nobody else changes it.
        unsafe { (*self.ti.as_ptr()).num_discard_bios = count }
    }

    /// Sets the number of secure erases to the target for each one to the mapped device
    /// (`num_secure_erase_bios`). The default is 0.
    pub(crate) fn set_num_secure_erase_bios(&self, count: u32) {
        // SAFETY: By the invariant `ti` is in its constructor, where nobody else changes it.
        unsafe { (*self.ti.as_ptr()).num_secure_erase_bios = count }
    }

    /// Sets the number of write-zeroes requests to the target for each one to the mapped device
    /// (`num_write_zeroes_bios`). The default is 0.
    pub(crate) fn set_num_write_zeroes_bios(&self, count: u32) {
        // SAFETY: By the invariant `ti` is in its constructor, where nobody else changes it.
        unsafe { (*self.ti.as_ptr()).num_write_zeroes_bios = count }
    }

    /// Lets flushes bypass the target. If all targets of the table do so, device mapper sends one
    /// flush to each underlying device (`flush_bypasses_map`).
    pub(crate) fn set_flush_bypasses_map(&self) {
        // SAFETY: By the invariant `ti` is in its constructor, where nobody else changes it.
        unsafe { (*self.ti.as_ptr()).set_flush_bypasses_map(true) }
    }

    /// Shows the line under [`Target::ALIAS`](super::Target::ALIAS): `dmsetup table` and
    /// `dmsetup status` print that name from now on. Does nothing if the target has no alias.
    ///
    /// This is for a target that replaces another one under a program that reads tables back: LVM
    /// warns of a volume whose table names another target than its metadata. So the target also has
    /// to print the other target's arguments and status. It keeps its own callbacks, and the line
    /// keeps its reference to the module.
    pub(crate) fn show_alias(&self) {
        if let Some(alias) = self.alias {
            // SAFETY: By the invariant `ti` is in its constructor, where no other code reads it.
            // Device mapper finds the same callbacks and features in the alias. It releases the
            // module reference through `ti->type`, even after a failed constructor, and the alias
            // has the same module.
            unsafe { (*self.ti.as_ptr()).type_ = alias.as_ptr() }
        }
    }

    /// Opens the device that `path` names, by path or major:minor, in the table's mode
    /// (`dm_get_device`). May sleep.
    pub(crate) fn open(&self, path: &CStr) -> Result<Device<'ti>> {
        // SAFETY: By the invariant `ti` is in its constructor. The result has the lifetime `'ti`,
        // so it is dropped before the target is gone.
        unsafe { Device::open(self.ti, path) }
    }
}
