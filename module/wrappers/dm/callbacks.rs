// SPDX-License-Identifier: GPL-2.0

//! The C functions of a `struct target_type`, which call a [`Target`]'s.

use super::{
    bindings, table_line::Strings, Bio, Callout, DmTarget, Ended, EndedBio, Ioctl, Mapped, Output,
    Refusal, Registration, Status, StatusType, TableLine, Target,
};
use crate::wrappers::compat;
use core::{marker::PhantomData, mem, ops::ControlFlow, ptr::NonNull};
use kernel::{
    error::code::ENOMEM,
    ffi::{c_char, c_int, c_uint, c_void},
    prelude::{KBox, GFP_KERNEL},
    types::ForeignOwnable,
};

/// What `ti->private` owns.
///
/// In C's layout, so that `private` points to the target, which each request needs.
#[repr(C)]
struct Instance<T: Target> {
    // Fields drop in this order: the target may still count on its devices.
    target: T,
    // `'static` stands for "until `dtr`": they are only ever lent out for shorter.
    devices: T::Devices<'static>,
}

/// The callbacks of `T`.
pub(super) struct Callbacks<T>(PhantomData<T>);

/// A callback, if the target has what it calls.
macro_rules! optional {
    ($has:expr, $callback:expr) => {
        if $has {
            Some($callback)
        } else {
            None
        }
    };
}

impl<T: Target> Callbacks<T> {
    /// The target type, of no module yet.
    pub(super) const TARGET_TYPE: bindings::dmp_target_type = bindings::dmp_target_type {
        type_: bindings::target_type {
            features: T::FEATURES.0,
            name: T::NAME.as_ptr().cast(),
            version: T::VERSION,
            ctr: Some(ctr::<T>),
            dtr: Some(dtr::<T>),
            map: Some(map::<T>),
            end_io: optional!(T::HAS_END_IO, end_io::<T>),
            preresume: optional!(T::HAS_PRERESUME, preresume::<T>),
            status: optional!(T::HAS_STATUS, bindings::dmp_target_status),
            message: optional!(T::HAS_MESSAGE, message::<T>),
            prepare_ioctl: optional!(T::HAS_PREPARE_IOCTL, prepare_ioctl::<T>),
            #[cfg(CONFIG_BLK_DEV_ZONED)]
            report_zones: optional!(T::HAS_REPORT_ZONES, zoned::report_zones::<T>),
            // SAFETY: what is not null is passed as what may be.
            iterate_devices: optional!(T::HAS_ITERATE_DEVICES, unsafe {
                mem::transmute::<IterateDevices, NullableIterateDevices>(iterate_devices::<T>)
            }),
            #[cfg(CONFIG_FS_DAX)]
            direct_access: optional!(T::HAS_DIRECT_ACCESS, bindings::dmp_target_direct_access),
            #[cfg(CONFIG_FS_DAX)]
            dax_zero_page_range: optional!(T::HAS_DIRECT_ACCESS, dax::zero_page_range::<T>),
            #[cfg(CONFIG_FS_DAX)]
            dax_recovery_write: optional!(T::HAS_DIRECT_ACCESS, dax::recovery_write::<T>),
            // SAFETY: all zeros is a target type without callbacks or features.
            ..unsafe { mem::zeroed() }
        },
        status: optional!(T::HAS_STATUS, status::<T>),
        #[cfg(CONFIG_FS_DAX)]
        direct_access: optional!(T::HAS_DIRECT_ACCESS, dax::direct_access::<T>),
        #[cfg(not(CONFIG_FS_DAX))]
        direct_access: None,
    };
}

/// What `ti` is of: the target, its line, and its underlying devices.
///
/// # Safety
///
/// `ti` must be a target that `ctr::<T>` made and `dtr::<T>` has not destroyed, for `'a`.
#[inline(always)]
unsafe fn of<'a, T: Target>(
    ti: *mut bindings::dm_target,
) -> (&'a T, &'a DmTarget, &'a T::Devices<'static>) {
    // SAFETY: by this function's contract, and `ctr` gave `private` an `Instance<T>`, which is only
    // borrowed until `dtr`.
    unsafe {
        let instance: &'a Instance<T> = KBox::borrow((*ti).private.cast());
        (&instance.target, DmTarget::from_raw(ti), &instance.devices)
    }
}

/// Makes an instance and hands it to `ti`.
///
/// # Safety
///
/// As for [`TableLine::new`], and `ti` is of the type `T`.
unsafe fn construct<T: Target>(
    ti: NonNull<bindings::dm_target>,
    argc: c_uint,
    argv: *mut *mut c_char,
) -> Result<(), Refusal> {
    // SAFETY: by this function's contract, and the target has the type that it was found by.
    let registration = unsafe { Registration::<T>::of(ti.as_ptr()) };
    // SAFETY: by this function's contract; `line` is dropped before the constructor returns, and what has
    // its lifetime, which stands for "until `dtr`", by `dtr`. The alias is `T`'s, and there as long as its
    // registration.
    let line = unsafe { TableLine::new(ti, argc, argv, registration.alias()) };
    let (target, devices) = T::ctr(&registration.context, &line)?;
    let instance = KBox::new(Instance::<T> { target, devices }, GFP_KERNEL)
        .map_err(|_| (ENOMEM, c"out of memory"))?;
    // SAFETY: `ti` is ours to fill in during its constructor.
    unsafe { (*ti.as_ptr()).private = compat::into_foreign(instance) };
    Ok(())
}

/// Makes an instance.
///
/// # Safety
///
/// `ti` must be a target of the type `T` in its constructor, with its arguments.
unsafe extern "C" fn ctr<T: Target>(
    ti: *mut bindings::dm_target,
    argc: c_uint,
    argv: *mut *mut c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    match unsafe { construct::<T>(NonNull::new_unchecked(ti), argc, argv) } {
        Ok(()) => 0,
        Err((errno, message)) => {
            // SAFETY: `ti` is ours to fill in; the message is static.
            unsafe { (*ti).error = message.as_ptr().cast_mut().cast() };
            errno.to_errno()
        }
    }
}

/// Drops an instance.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, that has no bio left and that nobody uses any more.
unsafe extern "C" fn dtr<T: Target>(ti: *mut bindings::dm_target) {
    // SAFETY: by this function's contract, and `ctr` gave `private` an `Instance<T>`.
    drop(unsafe { KBox::<Instance<T>>::from_foreign((*ti).private.cast()) });
}

/// Maps a bio.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `bio` a clone for it that is not yet submitted.
unsafe extern "C" fn map<T: Target>(
    ti: *mut bindings::dm_target,
    bio: *mut bindings::bio,
) -> c_int {
    // SAFETY: by this function's contract; the bio is ours until we return.
    let ((target, ti, devices), bio) = unsafe { (of::<T>(ti), Bio::from_raw(bio)) };
    let Mapped(mapped, _) = target.map(ti, devices, bio);
    mapped
}

/// Learns how a bio ended.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, `bio` a bio that `map` was called with, and `error` how
/// it ended.
unsafe extern "C" fn end_io<T: Target>(
    ti: *mut bindings::dm_target,
    bio: *mut bindings::bio,
    error: *mut bindings::blk_status_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let (target, ti, _) = of::<T>(ti);
        let Ended(ended) = target.end_io(ti, EndedBio::from_raw(bio), Status::from_raw(error));
        ended
    }
}

/// Tells an instance that its table comes to life.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made.
unsafe extern "C" fn preresume<T: Target>(ti: *mut bindings::dm_target) -> c_int {
    // SAFETY: by this function's contract.
    let (target, ti, _) = unsafe { of::<T>(ti) };
    errno(target.preresume(ti))
}

/// Writes what `dmsetup table` and `dmsetup status` show. It is called by `dmp_target_status`.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `result` a buffer of `maxlen` bytes.
unsafe extern "C" fn status<T: Target>(
    ti: *mut bindings::dm_target,
    kind: c_uint,
    _flags: c_uint,
    result: *mut c_char,
    maxlen: c_uint,
) {
    // SAFETY: by this function's contract.
    let ((target, ti, devices), out) =
        unsafe { (of::<T>(ti), Output::new(result, maxlen as usize)) };
    let kind = match kind {
        bindings::status_type_t_STATUSTYPE_INFO => StatusType::Info,
        bindings::status_type_t_STATUSTYPE_TABLE => StatusType::Table,
        bindings::status_type_t_STATUSTYPE_IMA => StatusType::Ima,
        _ => return,
    };
    let Some(mut out) = out else { return };
    // Device mapper sees by the full buffer that the text was cut, and says so to its caller.
    let _ = target.status(ti, devices, kind, &mut out);
}

/// Hands on what `dmsetup message` says.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `argv` an array of `argc` strings.
unsafe extern "C" fn message<T: Target>(
    ti: *mut bindings::dm_target,
    argc: c_uint,
    argv: *mut *mut c_char,
    _result: *mut c_char,
    _maxlen: c_uint,
) -> c_int {
    // SAFETY: by this function's contract.
    let ((target, ti, _), args) = unsafe { (of::<T>(ti), Strings::new(argc, argv)) };
    errno(target.message(ti, args.iter()))
}

compat::prepare_ioctl! {
    /// Says which device an ioctl goes to, and which of them may.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made; `bdev` is written.
    fn prepare_ioctl<T: Target>(ti, bdev) -> c_int {
        // SAFETY: by this function's contract.
        let (target, ti, devices) = unsafe { of::<T>(ti) };
        let (device, may) = match target.prepare_ioctl(ti, devices) {
            Ok(Ioctl::Any(device)) => (device, 0),
            Ok(Ioctl::RawIo(device)) => (device, 1),
            Err(errno) => return errno.to_errno(),
        };
        // SAFETY: by this function's contract.
        unsafe { *bdev = device.block_device() };
        may
    }
}

type IterateDevices =
    unsafe extern "C" fn(*mut bindings::dm_target, super::CalloutFn, *mut c_void) -> c_int;

type NullableIterateDevices =
    unsafe extern "C" fn(*mut bindings::dm_target, Option<super::CalloutFn>, *mut c_void) -> c_int;

/// Tells what ranges of the underlying devices are used.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `callout` a function that takes `data`.
unsafe extern "C" fn iterate_devices<T: Target>(
    ti: *mut bindings::dm_target,
    callout: super::CalloutFn,
    data: *mut c_void,
) -> c_int {
    // SAFETY: by this function's contract.
    let ((target, line, devices), mut callout) =
        unsafe { (of::<T>(ti), Callout::new(ti, callout, data)) };
    match target.iterate_devices(line, devices, &mut callout) {
        ControlFlow::Continue(()) => 0,
        ControlFlow::Break(result) => result,
    }
}

/// 0, or what went wrong.
fn errno(result: kernel::error::Result) -> c_int {
    match result {
        Ok(()) => 0,
        Err(errno) => errno.to_errno(),
    }
}

#[cfg(CONFIG_BLK_DEV_ZONED)]
mod zoned {
    use super::{super::Zones, *};

    /// Reports zones of the underlying devices.
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
        let ((target, ti, devices), mut zones) = unsafe { (of::<T>(ti), Zones::new(args, count)) };
        errno(target.report_zones(ti, devices, &mut zones))
    }
}

#[cfg(CONFIG_FS_DAX)]
mod dax {
    use super::*;
    use kernel::ffi::{c_long, c_ulong};

    /// The DAX device under a target, and which of its pages `page` of the mapped device is.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made.
    unsafe fn underlying<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
    ) -> (*mut bindings::dax_device, c_ulong) {
        let shift = bindings::PAGE_SECTORS_SHIFT;
        // SAFETY: by this function's contract.
        let (target, ti, devices) = unsafe { of::<T>(ti) };
        let (device, sector) = target.direct_access(ti, devices, (page as u64) << shift);
        // SAFETY: the device is open.
        unsafe {
            let start = bindings::dmp_get_start_sect(device.block_device());
            (
                (*device.as_raw()).dax_dev,
                (start.wrapping_add(sector) >> shift) as c_ulong,
            )
        }
    }

    /// It is called by `dmp_target_direct_access`. `pfn` is whatever the kernel has there: `pfn_t`, or
    /// since 6.17 a plain number.
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
        // SAFETY: by this function's contract. Device mapper asks only where all underlying devices have a
        // DAX device.
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
        // SAFETY: as in `direct_access`.
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
        // SAFETY: as in `direct_access`.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_recovery_write(dax, page, address, bytes, from)
        }
    }
}
