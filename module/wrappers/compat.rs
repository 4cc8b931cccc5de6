// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that dmp builds for, 6.12 and up.
//!
//! `Kbuild` looks into the kernel's headers and sets the cfgs; `bindings.h` has the constants.

/// Declares a `dm_prepare_ioctl_fn`, which newer kernels tell the ioctl as well.
macro_rules! prepare_ioctl {
    (
        $(#[$doc:meta])*
        fn $name:ident<$T:ident: Target>($ti:ident, $bdev:ident) -> c_int $body:block
    ) => {
        $(#[$doc])*
        unsafe extern "C" fn $name<$T: Target>(
            $ti: *mut bindings::dm_target,
            $bdev: *mut *mut bindings::block_device,
            #[cfg(dmp_prepare_ioctl_cmd)] _command: core::ffi::c_uint,
            #[cfg(dmp_prepare_ioctl_cmd)] _arg: core::ffi::c_ulong,
            #[cfg(dmp_prepare_ioctl_cmd)] _forward: *mut bool,
        ) -> c_int $body
    };
}
pub(super) use prepare_ioctl;
