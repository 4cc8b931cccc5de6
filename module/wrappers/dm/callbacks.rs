// SPDX-License-Identifier: GPL-2.0

//! The C functions of a `struct target_type`, which call the methods of a [`Target`].

use super::{
    registration::Registration,
    table_line::{
        DmTarget,
        Strings,
        TableLine, //
    },
    target::{
        Callout,
        CalloutFn,
        Ioctl,
        Refusal,
        StatusType,
        Target, //
    }, //
};
use crate::wrappers::{
    bindings,
    bio::{
        Bio,
        EndedBio,
        Status, //
    },
    compat,
    output::Output, //
};
use core::{
    marker::PhantomData,
    mem,
    ops::ControlFlow,
    ptr::NonNull, //
};
use kernel::{
    error::code::ENOMEM,
    ffi::{
        c_char,
        c_int,
        c_uint,
        c_void, //
    },
    prelude::{
        KBox,
        GFP_KERNEL, //
    },
    types::ForeignOwnable, //
};

/// The value that `ti->private` owns.
///
/// It has C's layout, so that `private` points to the target, which each request needs.
#[repr(C)]
struct Instance<T: Target> {
    // Fields drop in this order, because the target may still rely on its devices.
    target: T,
    // `'static` stands for "until `dtr`": the devices are lent out only for shorter times.
    devices: T::Devices<'static>,
}

/// The callbacks of `T`.
pub(super) struct Callbacks<T>(PhantomData<T>);

/// A callback, if the target has the method that it calls.
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
    /// The target type, without a name and a module.
    pub(super) const TARGET_TYPE: bindings::dmp_target_type = bindings::dmp_target_type {
        type_: bindings::target_type {
            features: T::FEATURES.0,
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
            // SAFETY: The types differ only in whether the function pointer may be null, and device
            // mapper never passes null.
            iterate_devices: optional!(T::HAS_ITERATE_DEVICES, unsafe {
                mem::transmute::<IterateDevices, NullableIterateDevices>(iterate_devices::<T>)
            }),
            #[cfg(CONFIG_FS_DAX)]
            direct_access: optional!(T::HAS_DIRECT_ACCESS, bindings::dmp_target_direct_access),
            #[cfg(CONFIG_FS_DAX)]
            dax_zero_page_range: optional!(T::HAS_DIRECT_ACCESS, dax::zero_page_range::<T>),
            #[cfg(CONFIG_FS_DAX)]
            dax_recovery_write: optional!(T::HAS_DIRECT_ACCESS, dax::recovery_write::<T>),
            // SAFETY: All zeros is a valid `struct target_type`, one without callbacks and
            // features.
            ..unsafe { mem::zeroed() }
        },
        status: optional!(T::HAS_STATUS, status::<T>),
        #[cfg(CONFIG_FS_DAX)]
        direct_access: optional!(T::HAS_DIRECT_ACCESS, dax::direct_access::<T>),
        #[cfg(not(CONFIG_FS_DAX))]
        direct_access: None,
    };
}

/// Returns the target, the line and the underlying devices of `ti`.
///
/// # Safety
///
/// `ti` must be a target that `ctr::<T>` made, and that `dtr::<T>` does not destroy for `'a`.
#[inline(always)]
unsafe fn of<'a, T: Target>(
    ti: *mut bindings::dm_target,
) -> (&'a T, &'a DmTarget, &'a T::Devices<'static>) {
    // SAFETY: The caller guarantees a target that `ctr` made, so `private` is an `Instance<T>`,
    // which is only borrowed until `dtr`.
    unsafe {
        let instance: &'a Instance<T> = KBox::borrow((*ti).private.cast());
        (&instance.target, DmTarget::from_raw(ti), &instance.devices)
    }
}

/// Makes an instance and hands it to `ti`.
///
/// # Safety
///
/// The arguments must be those of [`TableLine::new`], and `ti` must be of the type `T`.
unsafe fn construct<T: Target>(
    ti: NonNull<bindings::dm_target>,
    argc: c_uint,
    argv: *mut *mut c_char,
) -> Result<(), Refusal> {
    // SAFETY: The caller guarantees a target in its constructor. It has the type by which it was
    // found, because it shows no alias yet.
    let registration = unsafe { Registration::<T>::of(ti.as_ptr()) };
    // SAFETY: The caller guarantees the arguments of a constructor. `line` is dropped before the
    // constructor returns, and `dtr` drops everything with its lifetime, which stands for "until
    // `dtr`". The alias is `T`'s, and stays as long as its registration.
    let line = unsafe { TableLine::new(ti, argc, argv, registration.alias()) };
    let (target, devices) = T::ctr(&registration.context, &line)?;
    let instance = KBox::new(Instance::<T> { target, devices }, GFP_KERNEL)
        .map_err(|_| (ENOMEM, c"out of memory"))?;
    // SAFETY: `ti` is in its constructor, where it is ours to fill in.
    unsafe { (*ti.as_ptr()).private = compat::into_foreign(instance) };
    Ok(())
}

/// Makes an instance.
///
/// # Safety
///
/// `ti` must be a target of the type `T` in its constructor, and `argc` and `argv` its arguments.
unsafe extern "C" fn ctr<T: Target>(
    ti: *mut bindings::dm_target,
    argc: c_uint,
    argv: *mut *mut c_char,
) -> c_int {
    // SAFETY: The caller guarantees a target in its constructor, which is not null, and its
    // arguments.
    match unsafe { construct::<T>(NonNull::new_unchecked(ti), argc, argv) } {
        Ok(()) => 0,
        Err((errno, message)) => {
            // SAFETY: `ti` is in its constructor, where it is ours to fill in; the message is
            // static.
            unsafe { (*ti).error = message.as_ptr().cast_mut().cast() };
            errno.to_errno()
        }
    }
}

/// Drops an instance.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, without bios and without users.
unsafe extern "C" fn dtr<T: Target>(ti: *mut bindings::dm_target) {
    // SAFETY: The caller guarantees a target that `ctr` made, so `private` is an `Instance<T>`, and
    // that nobody uses the target any more.
    drop(unsafe { KBox::<Instance<T>>::from_foreign((*ti).private.cast()) });
}

/// Maps a bio.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `bio` a clone for the target that is not submitted
/// yet.
unsafe extern "C" fn map<T: Target>(
    ti: *mut bindings::dm_target,
    bio: *mut bindings::bio,
) -> c_int {
    // SAFETY: The caller guarantees a target that `ctr` made, and a clone that is ours until we
    // return.
    let ((target, ti, devices), bio) = unsafe { (of::<T>(ti), Bio::from_raw(bio)) };
    target.map(ti, devices, bio).0
}

/// Handles the end of a bio.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, `bio` an ended bio that `map` was called with, and
/// `error` must point to its status.
unsafe extern "C" fn end_io<T: Target>(
    ti: *mut bindings::dm_target,
    bio: *mut bindings::bio,
    error: *mut bindings::blk_status_t,
) -> c_int {
    // SAFETY: The caller guarantees a target that `ctr` made, an ended bio that `map` got, and its
    // status.
    unsafe {
        let (target, ti, _) = of::<T>(ti);
        let bio = EndedBio::from_raw(bio);
        target.end_io(ti, bio, Status::from_raw(error)).0
    }
}

/// Tells an instance that its table is about to be resumed.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made.
unsafe extern "C" fn preresume<T: Target>(ti: *mut bindings::dm_target) -> c_int {
    // SAFETY: The caller guarantees a target that `ctr` made.
    let (target, ti, _) = unsafe { of::<T>(ti) };
    errno(target.preresume(ti))
}

/// Writes the text of `dmsetup table` and `dmsetup status`. Called by `dmp_target_status`.
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
    // SAFETY: The caller guarantees a target that `ctr` made, and a buffer of `maxlen` bytes.
    let ((target, ti, devices), out) =
        unsafe { (of::<T>(ti), Output::new(result, maxlen as usize)) };
    let kind = match kind {
        bindings::status_type_t_STATUSTYPE_INFO => StatusType::Info,
        bindings::status_type_t_STATUSTYPE_TABLE => StatusType::Table,
        bindings::status_type_t_STATUSTYPE_IMA => StatusType::Ima,
        _ => return,
    };
    let Some(mut out) = out else { return };
    // Device mapper recognizes a truncated text by the full buffer, and reports it to its caller.
    let _ = target.status(ti, devices, kind, &mut out);
}

/// Passes on a `dmsetup message`.
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
    // SAFETY: The caller guarantees a target that `ctr` made, and an array of `argc` strings.
    let ((target, ti, _), args) = unsafe { (of::<T>(ti), Strings::new(argc, argv)) };
    errno(target.message(ti, args.iter()))
}

compat::prepare_ioctl! {
    /// Returns the device that an ioctl goes to, in `bdev`, and 1 if the ioctl needs
    /// `CAP_SYS_RAWIO`.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made, and `bdev` must be valid for a write.
    fn prepare_ioctl<T: Target>(ti, bdev) -> c_int {
        // SAFETY: The caller guarantees a target that `ctr` made.
        let (target, ti, devices) = unsafe { of::<T>(ti) };
        let (device, may) = match target.prepare_ioctl(ti, devices) {
            Ok(Ioctl::Any(device)) => (device, 0),
            Ok(Ioctl::RawIo(device)) => (device, 1),
            Err(errno) => return errno.to_errno(),
        };
        // SAFETY: The caller guarantees that `bdev` is valid for a write.
        unsafe { *bdev = device.block_device() };
        may
    }
}

type IterateDevices =
    unsafe extern "C" fn(*mut bindings::dm_target, CalloutFn, *mut c_void) -> c_int;

type NullableIterateDevices =
    unsafe extern "C" fn(*mut bindings::dm_target, Option<CalloutFn>, *mut c_void) -> c_int;

/// Calls `callout` with the ranges of underlying devices that the line uses.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `callout` a function that takes `ti` and `data`.
unsafe extern "C" fn iterate_devices<T: Target>(
    ti: *mut bindings::dm_target,
    callout: CalloutFn,
    data: *mut c_void,
) -> c_int {
    // SAFETY: The caller guarantees a target that `ctr` made, and a function that takes `ti` and
    // `data`.
    let ((target, line, devices), mut callout) =
        unsafe { (of::<T>(ti), Callout::new(ti, callout, data)) };
    match target.iterate_devices(line, devices, &mut callout) {
        ControlFlow::Continue(()) => 0,
        ControlFlow::Break(result) => result,
    }
}

/// Returns 0, or the errno of the error.
fn errno(result: kernel::error::Result) -> c_int {
    match result {
        Ok(()) => 0,
        Err(errno) => errno.to_errno(),
    }
}

#[cfg(CONFIG_BLK_DEV_ZONED)]
mod zoned {
    use super::{
        super::target::Zones,
        *, //
    };

    /// Reports zones of the underlying devices.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made, and `args` and `count` must be device mapper's
    /// request.
    pub(super) unsafe extern "C" fn report_zones<T: Target>(
        ti: *mut bindings::dm_target,
        args: *mut bindings::dm_report_zones_args,
        count: c_uint,
    ) -> c_int {
        // SAFETY: The caller guarantees a target that `ctr` made, and device mapper's request,
        // which is valid until we return.
        let ((target, ti, devices), mut zones) = unsafe { (of::<T>(ti), Zones::new(args, count)) };
        errno(target.report_zones(ti, devices, &mut zones))
    }
}

#[cfg(CONFIG_FS_DAX)]
mod dax {
    use super::*;
    use kernel::ffi::{
        c_long,
        c_ulong, //
    };

    /// Returns the DAX device under a target, and its page for `page` of the mapped device.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made.
    unsafe fn underlying<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
    ) -> (*mut bindings::dax_device, c_ulong) {
        let shift = bindings::PAGE_SECTORS_SHIFT;
        // SAFETY: The caller guarantees a target that `ctr` made.
        let (target, ti, devices) = unsafe { of::<T>(ti) };
        let (device, sector) = target.direct_access(ti, devices, (page as u64) << shift);
        // SAFETY: The underlying device is open.
        unsafe {
            let start = bindings::dmp_get_start_sect(device.block_device());
            (
                (*device.as_raw()).dax_dev,
                (start.wrapping_add(sector) >> shift) as c_ulong,
            )
        }
    }

    /// Calls `dax_direct_access` for the underlying device. Called by `dmp_target_direct_access`.
    /// `pfn` points to the kernel's type: `pfn_t`, or a plain number since 6.17.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made. The other arguments must be valid for
    /// `dax_direct_access`.
    pub(super) unsafe extern "C" fn direct_access<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        count: c_long,
        mode: c_uint,
        address: *mut *mut c_void,
        pfn: *mut c_void,
    ) -> c_long {
        // SAFETY: The caller guarantees a target that `ctr` made, and the other arguments. Device
        // mapper asks only where all underlying devices have a DAX device.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_direct_access(dax, page, count, mode, address, pfn.cast())
        }
    }

    /// Calls `dax_zero_page_range` for the underlying device.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made.
    pub(super) unsafe extern "C" fn zero_page_range<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        count: usize,
    ) -> c_int {
        // SAFETY: The caller guarantees a target that `ctr` made. Device mapper asks only where all
        // underlying devices have a DAX device.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_zero_page_range(dax, page, count)
        }
    }

    /// Calls `dax_recovery_write` for the underlying device.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr` made. The other arguments must be valid for
    /// `dax_recovery_write`.
    pub(super) unsafe extern "C" fn recovery_write<T: Target>(
        ti: *mut bindings::dm_target,
        page: c_ulong,
        address: *mut c_void,
        bytes: usize,
        from: *mut bindings::iov_iter,
    ) -> usize {
        // SAFETY: The caller guarantees a target that `ctr` made, and the other arguments. Device
        // mapper asks only where all underlying devices have a DAX device.
        unsafe {
            let (dax, page) = underlying::<T>(ti, page);
            bindings::dax_recovery_write(dax, page, address, bytes, from)
        }
    }
}
