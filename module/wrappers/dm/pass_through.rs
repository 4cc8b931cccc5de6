// SPDX-License-Identifier: GPL-2.0

//! What a linear target lets through besides bios: ioctls, zone reports and DAX.
//!
//! A sector's place on the underlying device is that of [`Target::first_sector`] plus its distance
//! from the start of the line, as in `dm-linear`.

use super::{bindings, callbacks::Instance, Target};
use kernel::ffi::{c_int, c_long, c_uint, c_ulong, c_void};

/// The features of `dm-linear`: what the underlying device can do, the target does not hinder.
pub(super) const FEATURES: u64 = (bindings::DM_TARGET_PASSES_INTEGRITY
    | bindings::DM_TARGET_NOWAIT
    | bindings::DM_TARGET_ZONED_HM
    | bindings::DM_TARGET_PASSES_CRYPTO
    | bindings::DM_TARGET_ATOMIC_WRITES) as u64;

/// Fills in the callbacks that pass things through.
pub(super) const fn fill_in<T: Target>(
    mut target_type: bindings::target_type,
) -> bindings::target_type {
    target_type.features = FEATURES;
    target_type.prepare_ioctl = Some(prepare_ioctl::<T>);
    #[cfg(CONFIG_BLK_DEV_ZONED)]
    {
        target_type.report_zones = Some(zoned::report_zones::<T>);
    }
    #[cfg(CONFIG_FS_DAX)]
    {
        target_type.direct_access = Some(bindings::dmp_target_direct_access);
        target_type.dax_zero_page_range = Some(dax::zero_page_range::<T>);
        target_type.dax_recovery_write = Some(dax::recovery_write::<T>);
    }
    target_type
}

/// What `dmp_target_direct_access` calls.
type DirectAccess = unsafe extern "C" fn(
    *mut bindings::dm_target,
    c_ulong,
    c_long,
    c_uint,
    *mut *mut c_void,
    *mut c_void,
) -> c_long;

/// The target's own, if the kernel has DAX.
pub(super) const fn direct_access<T: Target>() -> Option<DirectAccess> {
    #[cfg(CONFIG_FS_DAX)]
    {
        Some(dax::direct_access::<T>)
    }
    #[cfg(not(CONFIG_FS_DAX))]
    {
        None
    }
}

#[cfg(any(CONFIG_BLK_DEV_ZONED, CONFIG_FS_DAX))]
/// Where a sector of the mapped device is on the underlying device.
fn underlying_sector<T: Target>(target: &T, begin: u64, sector: u64) -> u64 {
    sector
        .wrapping_sub(begin)
        .wrapping_add(target.first_sector())
}

crate::wrappers::compat::prepare_ioctl! {
    /// Says which device an ioctl goes to, and whether (0) or not (1) the line is all of it: only
    /// then may every ioctl pass, else only such as need no more than the right to do raw I/O.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made; `bdev` is written.
    fn prepare_ioctl<T: Target>(ti, bdev) -> c_int {
        // SAFETY: by this function's contract.
        unsafe {
            let (target, device) = Instance::<T>::of(ti);
            *bdev = device.block_device();
            let whole = target.first_sector() == 0 && (*ti).len == device.sectors();
            c_int::from(!whole)
        }
    }
}

#[cfg(CONFIG_BLK_DEV_ZONED)]
mod zoned {
    use super::*;

    /// Reports the zones of the underlying device's range.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made, and `args` what device mapper wants filled in.
    pub(super) unsafe extern "C" fn report_zones<T: Target>(
        ti: *mut bindings::dm_target,
        args: *mut bindings::dm_report_zones_args,
        count: c_uint,
    ) -> c_int {
        // SAFETY: by this function's contract.
        unsafe {
            let (target, device) = Instance::<T>::of(ti);
            bindings::dm_report_zones(
                device.block_device(),
                target.first_sector(),
                underlying_sector(target, (*ti).begin, (*args).next_sector),
                args,
                count,
            )
        }
    }
}

#[cfg(CONFIG_FS_DAX)]
mod dax {
    use super::*;

    /// The DAX device under a target, and which of its pages `page` of the mapped device is.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made.
    unsafe fn underlying<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
    ) -> (*mut bindings::dax_device, c_ulong) {
        // SAFETY: by this function's contract; the device is open.
        unsafe {
            let (target, device) = Instance::<T>::of(ti);
            let shift = bindings::PAGE_SECTORS_SHIFT;
            let sector = underlying_sector(target, (*ti).begin, (page as u64) << shift);
            let start = bindings::dmp_get_start_sect(device.block_device());
            let dev = device.as_raw();
            (
                (*dev).dax_dev,
                (start.wrapping_add(sector) >> shift) as c_ulong,
            )
        }
    }

    /// `pfn` is whatever the kernel has there: `pfn_t`, or since 6.17 a plain number.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made; the rest is as for `dax_direct_access`.
    pub(super) unsafe extern "C" fn direct_access<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        count: c_long,
        mode: c_uint,
        address: *mut *mut c_void,
        pfn: *mut c_void,
    ) -> c_long {
        // SAFETY: by this function's contract.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_direct_access(dax, page, count, mode, address, pfn.cast())
        }
    }

    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made.
    pub(super) unsafe extern "C" fn zero_page_range<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        count: usize,
    ) -> c_int {
        // SAFETY: by this function's contract.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_zero_page_range(dax, page, count)
        }
    }

    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made; the rest is as for `dax_recovery_write`.
    pub(super) unsafe extern "C" fn recovery_write<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        address: *mut c_void,
        bytes: usize,
        from: *mut bindings::iov_iter,
    ) -> usize {
        // SAFETY: by this function's contract.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_recovery_write(dax, page, address, bytes, from)
        }
    }
}
