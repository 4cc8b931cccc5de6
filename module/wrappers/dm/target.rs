// SPDX-License-Identifier: GPL-2.0

//! The trait of a target, and the values that its methods take and return.

use super::{
    device::{
        Device,
        Devices, //
    },
    table_line::{
        DmTarget,
        TableLine, //
    }, //
};
use crate::wrappers::{
    bindings,
    bio::{
        Bio,
        EndedBio,
        Remapped,
        Sector,
        Status, //
    },
    compiler::hide,
    output::Output, //
};
use core::{
    ffi::CStr,
    fmt::{
        self,
        Write, //
    },
    marker::PhantomData,
    ops::ControlFlow, //
};
use kernel::{
    build_error,
    error::{
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    ffi::{
        c_int,
        c_uint,
        c_void, //
    },
    prelude::*, //
};

/// The error of a failed [`Target::ctr`]: the errno of the table load, and the message for the
/// kernel log (`ti->error`).
pub(crate) type Refusal = (Error, &'static CStr);

/// One line of a table (`struct target_type`).
///
/// Device mapper sees only the optional methods that an implementation has: the others cost
/// nothing.
#[vtable]
pub(crate) trait Target: Send + Sync + Sized + 'static {
    /// The name of the target in tables.
    const NAME: &'static CStr;

    /// Major, minor and patch level, as `dmsetup targets` shows them.
    const VERSION: [u32; 3];

    /// The target's features, which device mapper may use.
    const FEATURES: Features = Features::NONE;

    /// Optional: a second name, which [`TableLine::show_alias`] shows instead of [`Target::NAME`].
    /// No table can name the target by it.
    const ALIAS: Option<&'static CStr> = None;

    /// Optional: the target measures time by [`tsc`](crate::wrappers::tsc).
    const MEASURES_TIME: bool = false;

    /// The state that all instances share. It lives as long as the module.
    type Context: Send + Sync;

    /// The underlying devices: a [`Device`], several, or `()`. The instance cannot own them,
    /// because they have to stay open until its destruction, and are closed then.
    type Devices<'ti>: Devices;

    /// Makes the context when the module is loaded. No table can name the target yet. May sleep.
    fn context(module: &'static ThisModule) -> Result<Self::Context>;

    /// Makes an instance from its table line, together with the underlying devices that it opened.
    /// May sleep. The destructor (`dtr`) drops the instance before the devices.
    fn ctr<'ti>(
        context: &Self::Context,
        line: &TableLine<'ti>,
    ) -> Result<(Self, Self::Devices<'ti>), Refusal>;

    /// Handles a bio. Runs in the context of the bio's submitter, so it must not sleep or take
    /// long.
    fn map<'bio>(
        &self,
        ti: &DmTarget,
        devices: &Self::Devices<'_>,
        bio: &mut Bio<'bio>,
    ) -> Mapped<'bio>;

    /// Optional: handles the end of a remapped bio. Runs in any context, also in an interrupt.
    fn end_io(&self, _ti: &DmTarget, _bio: &EndedBio, _error: &Status) -> Ended {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: prepares a resume, either the table's first one or one after a suspend. I/O waits
    /// for the resume, so this must make no allocation that could wait for I/O.
    fn preresume(&self, _ti: &DmTarget) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: writes the requested status.
    fn status(
        &self,
        _ti: &DmTarget,
        _devices: &Self::Devices<'_>,
        _kind: StatusType,
        _out: &mut Output<'_>,
    ) -> fmt::Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: handles a `dmsetup message`. May sleep.
    fn message<'a>(&self, _ti: &DmTarget, _args: impl Iterator<Item = &'a CStr>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: returns the device that an ioctl goes to, and the privilege that the ioctl needs.
    fn prepare_ioctl<'a>(
        &self,
        _ti: &DmTarget,
        _devices: &'a Self::Devices<'_>,
    ) -> Result<Ioctl<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: reports the zones of the underlying devices from [`Zones::next_sector`] on.
    fn report_zones(
        &self,
        _ti: &DmTarget,
        _devices: &Self::Devices<'_>,
        _zones: &mut Zones<'_>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: calls `callout` with each underlying range of the line, until the callout breaks
    /// off.
    fn iterate_devices(
        &self,
        _ti: &DmTarget,
        _devices: &Self::Devices<'_>,
        _callout: &mut Callout<'_>,
    ) -> Iterated {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: returns the underlying device and sector of a sector of the mapped device, for
    /// access past the block layer (`direct_access`, `dax_zero_page_range`, `dax_recovery_write`).
    fn direct_access<'a>(
        &self,
        _ti: &DmTarget,
        _devices: &'a Self::Devices<'_>,
        _sector: Sector,
    ) -> (&'a Device<'a>, Sector) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Features of a target (`DM_TARGET_*`). A feature that the kernel lacks has no bit.
#[derive(Clone, Copy)]
pub(crate) struct Features(pub(super) u64);

impl Features {
    /// No feature.
    pub(crate) const NONE: Self = Self(0);
    /// `DM_TARGET_PASSES_INTEGRITY`
    pub(crate) const PASSES_INTEGRITY: Self = Self(bindings::DM_TARGET_PASSES_INTEGRITY as u64);
    /// `DM_TARGET_NOWAIT`
    pub(crate) const NOWAIT: Self = Self(bindings::DM_TARGET_NOWAIT as u64);
    /// `DM_TARGET_ZONED_HM`
    pub(crate) const ZONED_HM: Self = Self(bindings::DM_TARGET_ZONED_HM as u64);
    /// `DM_TARGET_PASSES_CRYPTO`
    pub(crate) const PASSES_CRYPTO: Self = Self(bindings::DM_TARGET_PASSES_CRYPTO as u64);
    /// `DM_TARGET_ATOMIC_WRITES`
    pub(crate) const ATOMIC_WRITES: Self = Self(bindings::DM_TARGET_ATOMIC_WRITES as u64);

    /// Returns both sets of features together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The result of [`Target::map`].
pub(crate) struct Mapped<'bio>(pub(super) c_int, PhantomData<Remapped<'bio>>);

impl<'bio> Mapped<'bio> {
    /// Fails the bio with an I/O error (`DM_MAPIO_KILL`).
    #[allow(dead_code)] // tests/modules has a target that does this.
    pub(crate) const KILL: Self = Self(bindings::DM_MAPIO_KILL as c_int, PhantomData);

    /// Lets device mapper submit the bio to its new device (`DM_MAPIO_REMAPPED`). A bio without a
    /// new device would come back to the mapped device endlessly, so this requires the proof that
    /// only [`Device::remap`] returns.
    #[inline(always)]
    pub(crate) fn remapped(_: Remapped<'bio>) -> Self {
        Self(bindings::DM_MAPIO_REMAPPED as c_int, PhantomData)
    }

    /// Hides the value from the optimizer, as [`Ended::opaque`] does.
    #[inline(always)]
    #[allow(dead_code)] // Those in tests/modules need no jump.
    pub(crate) fn opaque(self) -> Self {
        Self(opaque(self.0), PhantomData)
    }
}

/// Hides a number from the optimizer, so that a tail call with this result stays a jump.
#[inline(always)]
fn opaque(number: c_int) -> c_int {
    hide(number as u64) as c_int
}

/// The result of [`Target::end_io`].
pub(crate) struct Ended(pub(super) c_int);

#[allow(dead_code)] // Those in tests/modules have no `end_io`.
impl Ended {
    /// The bio's end, with nothing left to do (`DM_ENDIO_DONE`).
    pub(crate) const DONE: Self = Self(bindings::DM_ENDIO_DONE as c_int);

    /// Hides the value from the optimizer, so that `end_io` ends with a jump to the function that
    /// returns the value. The function must not be inlined.
    #[inline(always)]
    pub(crate) fn opaque(self) -> Self {
        Self(opaque(self.0))
    }
}

/// The kind of status that [`Target::status`] writes.
pub(crate) enum StatusType {
    /// The line of `dmsetup status` (`STATUSTYPE_INFO`).
    Info,
    /// The line's arguments, in the form that loads again (`STATUSTYPE_TABLE`).
    Table,
    /// The line's part of an integrity measurement: the text of [`target_name_and_version`],
    /// `,key=value` for each further property, and a semicolon (`STATUSTYPE_IMA`).
    Ima,
}

/// Writes the text of `DMEMIT_TARGET_NAME_VERSION`.
pub(crate) fn target_name_and_version<T: Target>(out: &mut Output<'_>) -> fmt::Result {
    let [major, minor, patch] = T::VERSION;
    out.write_str("target_name=")?;
    out.write_bytes(T::NAME.to_bytes())?;
    write!(out, ",target_version={major}.{minor}.{patch}")
}

/// The device that an ioctl goes to, and the privilege that the ioctl needs.
pub(crate) enum Ioctl<'a> {
    /// Any ioctl goes to this device, because the line covers the whole device.
    Any(&'a Device<'a>),
    /// An ioctl goes to this device if its caller has `CAP_SYS_RAWIO`.
    RawIo(&'a Device<'a>),
}

/// An `iterate_devices_callout_fn` that is not null. bindgen makes an `Option` of it, which is
/// another type for CONFIG_CFI.
pub(super) type CalloutFn = unsafe extern "C" fn(
    *mut bindings::dm_target,
    *mut bindings::dm_dev,
    bindings::sector_t,
    bindings::sector_t,
    *mut c_void,
) -> c_int;

/// The result of [`Callout::call`] and [`Target::iterate_devices`]: continue, or break off with
/// device mapper's answer.
pub(crate) type Iterated = ControlFlow<c_int>;

/// A function of device mapper that receives the underlying ranges of a line.
///
/// # Invariants
///
/// `function` takes `ti` and `data` for `'a`.
pub(crate) struct Callout<'a> {
    ti: *mut bindings::dm_target,
    function: CalloutFn,
    data: *mut c_void,
    of: PhantomData<&'a ()>,
}

impl Callout<'_> {
    /// Takes the arguments of a C function.
    ///
    /// # Safety
    ///
    /// `function` must take `ti` and `data` as long as the result exists.
    pub(super) unsafe fn new(
        ti: *mut bindings::dm_target,
        function: CalloutFn,
        data: *mut c_void,
    ) -> Self {
        // INVARIANT: The caller guarantees that `function` takes `ti` and `data` as long as the
        // result exists.
        Self {
            ti,
            function,
            data,
            of: PhantomData,
        }
    }

    /// Passes one range to the function, which breaks off when it knows enough.
    pub(crate) fn call(&mut self, device: &Device<'_>, start: Sector, len: Sector) -> Iterated {
        // SAFETY: By the invariant `function` takes `ti` and `data`, and the device is open.
        match unsafe { (self.function)(self.ti, device.as_raw(), start, len, self.data) } {
            0 => ControlFlow::Continue(()),
            result => ControlFlow::Break(result),
        }
    }
}

/// A request of device mapper for the zones of a mapped device.
///
/// # Invariants
///
/// `args` is the argument of a `report_zones` that has not returned.
#[cfg_attr(not(CONFIG_BLK_DEV_ZONED), allow(dead_code))]
pub(crate) struct Zones<'a> {
    args: *mut bindings::dm_report_zones_args,
    count: c_uint,
    of: PhantomData<&'a ()>,
}

#[cfg(CONFIG_BLK_DEV_ZONED)]
impl Zones<'_> {
    /// Takes the arguments of a C function.
    ///
    /// # Safety
    ///
    /// `args` and `count` must be the arguments of a `report_zones`, which must not return before
    /// the result is dropped.
    pub(super) unsafe fn new(args: *mut bindings::dm_report_zones_args, count: c_uint) -> Self {
        // INVARIANT: The caller guarantees that `args` is the argument of a `report_zones` that has
        // not returned.
        Self {
            args,
            count,
            of: PhantomData,
        }
    }

    /// Returns the first sector of the mapped device whose zone is requested.
    pub(crate) fn next_sector(&self) -> Sector {
        // SAFETY: By the invariant `args` is valid.
        unsafe { (*self.args).next_sector }
    }

    /// Reports the zones of `device` from `sector` on. The line uses the device from `start` on
    /// (`dm_report_zones`).
    pub(crate) fn report(&mut self, device: &Device<'_>, start: Sector, sector: Sector) -> Result {
        let device = device.block_device();
        // SAFETY: By the invariant `args` is valid and to be filled in, and the device is open.
        to_result(unsafe {
            bindings::dm_report_zones(device, start, sector, self.args, self.count)
        })
    }
}

/// Stand-ins for a kernel without zones, which never requests any.
#[cfg(not(CONFIG_BLK_DEV_ZONED))]
impl Zones<'_> {
    pub(crate) fn next_sector(&self) -> Sector {
        0
    }

    pub(crate) fn report(&mut self, _: &Device<'_>, _: Sector, _: Sector) -> Result {
        Err(ENOTTY)
    }
}
