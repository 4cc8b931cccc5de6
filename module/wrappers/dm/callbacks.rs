// SPDX-License-Identifier: GPL-2.0

//! The C functions of a `struct target_type`, which call a [`Target`]'s.

use super::{
    bindings, pass_through, table_line::Strings, Bio, Device, EndedBio, Mapped, Output, Refusal,
    Registration, Status, TableLine, Target,
};
use core::{
    fmt::{self, Write},
    marker::PhantomData,
    mem,
    ptr::NonNull,
};
use kernel::{
    error::code::ENOMEM,
    ffi::{c_char, c_int, c_uint, c_void},
    prelude::{KBox, GFP_KERNEL},
};

/// What `ti->private` points to.
pub(super) struct Instance<T> {
    // Fields drop in this order: the target may still count on its device.
    target: T,
    // `'static` stands for "until `dtr`": it is only ever lent out for shorter.
    device: Device<'static>,
}

/// The callbacks of `T`.
pub(super) struct Callbacks<T>(PhantomData<T>);

impl<T: Target + 'static> Callbacks<T> {
    /// The target type, of no module yet.
    pub(super) const TARGET_TYPE: bindings::dmp_target_type = bindings::dmp_target_type {
        type_: pass_through::fill_in::<T>(bindings::target_type {
            name: T::NAME.as_ptr().cast(),
            version: T::VERSION,
            ctr: Some(ctr::<T>),
            dtr: Some(dtr::<T>),
            map: Some(map::<T>),
            end_io: if T::HAS_END_IO {
                Some(end_io::<T>)
            } else {
                None
            },
            preresume: if T::HAS_PRERESUME {
                Some(preresume::<T>)
            } else {
                None
            },
            message: if T::HAS_MESSAGE {
                Some(message::<T>)
            } else {
                None
            },
            status: Some(bindings::dmp_target_status),
            // SAFETY: what is not null is passed as what may be.
            iterate_devices: Some(unsafe {
                mem::transmute::<IterateDevices, NullableIterateDevices>(iterate_devices::<T>)
            }),
            // SAFETY: all zeros is a target type without callbacks or features.
            ..unsafe { mem::zeroed() }
        }),
        status: Some(status::<T>),
        direct_access: pass_through::direct_access::<T>(),
    };
}

impl<T: Target> Instance<T> {
    /// The instance of `ti`, and its underlying device.
    ///
    /// # Safety
    ///
    /// `ti` must be a target that `ctr::<T>` made and `dtr::<T>` has not destroyed, for `'a`.
    #[inline(always)]
    pub(super) unsafe fn of<'a>(ti: *mut bindings::dm_target) -> (&'a T, &'a Device<'a>) {
        // SAFETY: by this function's contract, and `ctr` set `private` to an `Instance<T>`, of
        // which there are only shared references until `dtr`.
        unsafe {
            let instance: &'a Self = &*(*ti).private.cast();
            (&instance.target, &instance.device)
        }
    }
}

/// Makes an instance and hands it to `ti`.
///
/// # Safety
///
/// As for [`TableLine::new`], and `ti` is of the type `T`.
unsafe fn construct<T: Target + 'static>(
    ti: NonNull<bindings::dm_target>,
    argc: c_uint,
    argv: *mut *mut c_char,
) -> Result<(), Refusal> {
    // SAFETY: by this function's contract.
    let context = unsafe { &Registration::<T>::of(ti.as_ptr()).context };
    // SAFETY: `ti` is ours to fill in during its constructor.
    unsafe {
        let ti = &mut *ti.as_ptr();
        ti.num_flush_bios = 1;
        ti.num_discard_bios = 1;
        ti.num_secure_erase_bios = 1;
        ti.num_write_zeroes_bios = 1;
    }
    // SAFETY: by this function's contract; `line` is dropped before the constructor returns.
    let line = unsafe { TableLine::new(ti, argc, argv) };
    let (target, device) = T::new(context, &line)?;
    // SAFETY: only the lifetime changes. The device stays open until the instance is dropped, in
    // `dtr`, when the target is still there.
    let device = unsafe { mem::transmute::<Device<'_>, Device<'static>>(device) };
    let instance = KBox::new(Instance { target, device }, GFP_KERNEL)
        .map_err(|_| (ENOMEM, c"out of memory"))?;
    // SAFETY: as above.
    unsafe { (*ti.as_ptr()).private = KBox::into_raw(instance).cast() };
    Ok(())
}

/// Makes an instance.
///
/// # Safety
///
/// `ti` must be a target of the type `T` in its constructor, with its arguments.
unsafe extern "C" fn ctr<T: Target + 'static>(
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
    // SAFETY: by this function's contract, and `ctr` set `private` to an `Instance<T>` of ours.
    drop(unsafe { KBox::from_raw((*ti).private.cast::<Instance<T>>()) });
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
    let ((target, device), bio) = unsafe { (Instance::<T>::of(ti), Bio::from_raw(bio)) };
    match target.map(device, bio) {
        Mapped::Remapped(_) => bindings::DM_MAPIO_REMAPPED as c_int,
    }
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
        let (target, _) = Instance::<T>::of(ti);
        target.end_io(EndedBio::from_raw(bio), Status::from_raw(error));
    }
    bindings::DM_ENDIO_DONE as c_int
}

/// Tells an instance that its table comes to life.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made.
unsafe extern "C" fn preresume<T: Target>(ti: *mut bindings::dm_target) -> c_int {
    // SAFETY: by this function's contract.
    let (target, _) = unsafe { Instance::<T>::of(ti) };
    target.preresume();
    0
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
    let ((target, _), words) = unsafe { (Instance::<T>::of(ti), Strings::new(argc, argv)) };
    match target.message(words.iter()) {
        Ok(()) => 0,
        Err(errno) => errno.to_errno(),
    }
}

/// Writes what `dmsetup table` and `dmsetup status` show.
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
    let ((target, device), out) =
        unsafe { (Instance::<T>::of(ti), Output::new(result, maxlen as usize)) };
    let Some(mut out) = out else { return };
    // Device mapper sees by the full buffer that the text was cut, and says so to its caller.
    let _ = match kind {
        bindings::status_type_t_STATUSTYPE_INFO => target.status(&mut out),
        bindings::status_type_t_STATUSTYPE_TABLE => target.table_args(device, &mut out),
        bindings::status_type_t_STATUSTYPE_IMA => measured(target, device, &mut out),
        _ => Ok(()),
    };
}

/// Writes what `DMEMIT_TARGET_NAME_VERSION` does, and what the target adds.
fn measured<T: Target>(target: &T, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
    let [major, minor, patch] = T::VERSION;
    out.write_str("target_name=")?;
    out.write_bytes(T::NAME.to_bytes())?;
    write!(out, ",target_version={major}.{minor}.{patch}")?;
    target.measured(device, out)?;
    out.write_str(";")
}

/// An `iterate_devices_callout_fn` that is not null. For CONFIG_CFI an `Option` of it, which bindgen
/// makes, is another type.
type Callout = unsafe extern "C" fn(
    *mut bindings::dm_target,
    *mut bindings::dm_dev,
    bindings::sector_t,
    bindings::sector_t,
    *mut c_void,
) -> c_int;

type IterateDevices = unsafe extern "C" fn(*mut bindings::dm_target, Callout, *mut c_void) -> c_int;

type NullableIterateDevices =
    unsafe extern "C" fn(*mut bindings::dm_target, Option<Callout>, *mut c_void) -> c_int;

/// Tells what range of the underlying device is used.
///
/// # Safety
///
/// `ti` must be a target that `ctr` made, and `callout` a function that takes `data`.
unsafe extern "C" fn iterate_devices<T: Target>(
    ti: *mut bindings::dm_target,
    callout: Callout,
    data: *mut c_void,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let (target, device) = Instance::<T>::of(ti);
        let device = device.as_raw();
        callout(ti, device, target.first_sector(), (*ti).len, data)
    }
}
