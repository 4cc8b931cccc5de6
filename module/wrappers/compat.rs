// SPDX-License-Identifier: GPL-2.0

//! Differences between the kernels that dmp builds for, from 6.12 on.
//!
//! `Kbuild.include` sets the cfgs from the kernel's headers and version. `bindings.h` has the
//! constants.

#[cfg(not(dmp_rcu))]
pub(super) mod rcu;

use super::bindings;
use core::mem::{
    self,
    MaybeUninit, //
};
#[cfg(dmp_rcu)]
pub(super) use kernel::sync::rcu;
pub(super) use kernel::{
    alloc::AllocError,
    prelude::KBox, //
};
use kernel::{
    ffi::{
        c_char,
        c_void, //
    },
    types::ForeignOwnable, //
};

/// Allocates memory for a value. May sleep.
pub(super) fn new_uninit<T>() -> Result<KBox<MaybeUninit<T>>, AllocError> {
    KBox::new_uninit(kernel::prelude::GFP_KERNEL)
}

/// Hands an owned value to C (`ForeignOwnable::into_foreign`). The pointer is mutable from 6.14 on.
/// From 6.16 on it points to the owned type, so pointers on the way back are cast as well.
pub(super) fn into_foreign(owned: impl ForeignOwnable) -> *mut c_void {
    #[allow(clippy::ptr_as_ptr, clippy::unnecessary_cast)]
    {
        owned.into_foreign() as *mut c_void
    }
}

/// Makes an attribute group from a C array of attributes that ends in a null pointer. In newer
/// kernels the field is in a union with one for constant attributes.
pub(super) const fn attribute_group(
    name: *const c_char,
    attributes: *mut *mut bindings::attribute,
) -> bindings::attribute_group {
    // SAFETY: All zeros is a valid `struct attribute_group`, one without files.
    let mut group: bindings::attribute_group = unsafe { mem::zeroed() };
    group.name = name;
    #[cfg(not(dmp_attrs_union))]
    {
        group.attrs = attributes;
    }
    #[cfg(dmp_attrs_union)]
    {
        group.__bindgen_anon_2.attrs = attributes;
    }
    group
}

/// Declares a `dm_prepare_ioctl_fn`, to which newer kernels pass the ioctl's command and argument.
macro_rules! prepare_ioctl {
    (
        $(#[$doc:meta])*
        fn $name:ident<$T:ident: Target>($ti:ident, $bdev:ident) -> c_int $body:block
    ) => {
        $(#[$doc])*
        unsafe extern "C" fn $name<$T: Target>(
            $ti: *mut bindings::dm_target,
            $bdev: *mut *mut bindings::block_device,
            #[cfg(dmp_prepare_ioctl_cmd)] _command: kernel::ffi::c_uint,
            #[cfg(dmp_prepare_ioctl_cmd)] _arg: kernel::ffi::c_ulong,
            #[cfg(dmp_prepare_ioctl_cmd)] _forward: *mut bool,
        ) -> c_int $body
    };
}
pub(super) use prepare_ioctl;

/// Declares the `read` of a `bin_attribute`, which is constant in newer kernels.
macro_rules! bin_attribute_read {
    (
        $(#[$doc:meta])*
        fn $name:ident<$T:ident: 'static>(
            $file:ident, $kobj:ident, $attribute:ident, $buffer:ident, $position:ident, $count:ident
        ) -> isize $body:block
    ) => {
        $(#[$doc])*
        unsafe extern "C" fn $name<$T: 'static>(
            $file: *mut bindings::file,
            $kobj: *mut bindings::kobject,
            #[cfg(not(dmp_bin_attribute_const))] $attribute: *mut bindings::bin_attribute,
            #[cfg(dmp_bin_attribute_const)] $attribute: *const bindings::bin_attribute,
            $buffer: *mut c_char,
            $position: bindings::loff_t,
            $count: usize,
        ) -> isize $body
    };
}
pub(super) use bin_attribute_read;
