// SPDX-License-Identifier: GPL-2.0

//! Mapped devices, which `dmsetup create` makes.

use crate::wrappers::bindings;
use core::{
    ffi::CStr,
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::{
        code::ENXIO,
        to_result, //
    },
    ffi::c_char,
    prelude::Result, //
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

/// The number of a block device (`dev_t`). No other device has it while this one exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceNumber(u32);

impl MappedDevice<'_> {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// `md` must stay valid for the lifetime of the result.
    pub(super) unsafe fn from_raw(md: NonNull<bindings::mapped_device>) -> Self {
        // INVARIANT: The caller guarantees that `md` stays valid for the lifetime of the result.
        Self {
            md,
            holder: PhantomData,
        }
    }

    /// Returns the number.
    pub(crate) fn number(&self) -> DeviceNumber {
        // SAFETY: `md` is valid by the invariant; its disk lives as long.
        DeviceNumber(unsafe { bindings::dmp_md_devt(self.md.as_ptr()) })
    }

    /// Returns the disk's sequence number, which no earlier disk had (`diskseq`).
    pub(crate) fn diskseq(&self) -> u64 {
        // SAFETY: `md` is valid by the invariant; the number of its disk does not change.
        unsafe { bindings::dmp_md_diskseq(self.md.as_ptr()) }
    }

    /// Returns the kernel's name, dm-N.
    pub(crate) fn disk_name(&self) -> &CStr {
        // SAFETY: `md` is valid by the invariant; the name of its disk does not change.
        unsafe { CStr::from_ptr(bindings::dmp_md_disk_name(self.md.as_ptr()).cast()) }
    }
}

impl DeviceNumber {
    /// The lowest number.
    pub(crate) const FIRST: Self = Self(0);

    /// Takes a `dev_t`.
    pub(super) fn from_raw(number: bindings::dev_t) -> Self {
        Self(number)
    }

    /// Returns the next higher number.
    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Returns the device's present names in dmsetup (`dm_copy_name_and_uuid`).
    ///
    /// Fails with `ENXIO` if the device is being removed. May sleep.
    pub(crate) fn identity(self) -> Result<Identity> {
        let held = Held::new(self).ok_or(ENXIO)?;
        let mut identity = Identity {
            disk_name: [0; bindings::DISK_NAME_LEN as usize],
            name: [0; bindings::DM_NAME_LEN as usize],
            uuid: [0; bindings::DM_UUID_LEN as usize],
            diskseq: 0,
        };
        // SAFETY: `held` keeps the mapped device, and the buffers have the lengths of a name and of
        // a UUID.
        to_result(unsafe {
            bindings::dm_copy_name_and_uuid(
                held.0.as_ptr(),
                identity.name.as_mut_ptr(),
                identity.uuid.as_mut_ptr(),
            )
        })?;
        // SAFETY: `held` keeps the mapped device.
        let device = unsafe { MappedDevice::from_raw(held.0) };
        for (to, from) in identity
            .disk_name
            .iter_mut()
            .zip(device.disk_name().to_bytes())
        {
            *to = *from;
        }
        identity.diskseq = device.diskseq();
        Ok(identity)
    }
}

/// The names of a mapped device, and its disk's sequence number.
pub(crate) struct Identity {
    disk_name: [c_char; bindings::DISK_NAME_LEN as usize],
    name: [c_char; bindings::DM_NAME_LEN as usize],
    uuid: [c_char; bindings::DM_UUID_LEN as usize],
    diskseq: u64,
}

impl Identity {
    /// Returns the kernel's name, dm-N.
    pub(crate) fn disk_name(&self) -> &[u8] {
        until_nul(&self.disk_name)
    }

    /// Returns the name in dmsetup.
    pub(crate) fn name(&self) -> &[u8] {
        until_nul(&self.name)
    }

    /// Returns the UUID, which is empty if there is none.
    pub(crate) fn uuid(&self) -> &[u8] {
        until_nul(&self.uuid)
    }

    /// Returns the disk's sequence number, which no earlier disk had (`diskseq`).
    pub(crate) fn diskseq(&self) -> u64 {
        self.diskseq
    }
}

/// Returns the bytes before the first NUL.
fn until_nul(text: &[c_char]) -> &[u8] {
    let length = text.iter().position(|byte| *byte == 0);
    &text[..length.unwrap_or(text.len())]
}

/// A held mapped device: its removal waits until this is dropped.
///
/// # Invariants
///
/// We hold a reference to the mapped device.
struct Held(NonNull<bindings::mapped_device>);

impl Held {
    /// Takes a reference; `None` if there is no such device, or it is being removed.
    fn new(number: DeviceNumber) -> Option<Self> {
        // SAFETY: `dm_get_md` takes any number.
        // INVARIANT: `dm_get_md` takes a reference to what it returns.
        NonNull::new(unsafe { bindings::dm_get_md(number.0) }).map(Self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: By the invariant we hold the reference, and it is put here, once.
        unsafe { bindings::dm_put(self.0.as_ptr()) }
    }
}
