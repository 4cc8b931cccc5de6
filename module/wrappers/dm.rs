// SPDX-License-Identifier: GPL-2.0

//! Device-mapper targets.
//!
//! Implement [`Target`], with those of its optional methods that the target needs, and make the module a
//! [`TargetModule`] of it. [`linear`] helps those that map a line onto as many sectors of one device.
//!
//! C header: [`include/linux/device-mapper.h`](srctree/include/linux/device-mapper.h)
//!
//! # Example
//!
//! Of a target that fails every n-th write (`tests/modules/fail_nth.rs` has all of it):
//!
//! ```ignore
//! #[vtable]
//! impl Target for FailNth {
//!     const NAME: &'static CStr = c"fail-nth";
//!     const VERSION: [u32; 3] = [1, 2, 3];
//!     const FEATURES: Features = Features::PASSES_INTEGRITY.and(Features::NOWAIT);
//!     type Context = ();
//!     type Devices<'ti> = Device<'ti>;
//!
//!     fn context(_: &'static ThisModule) -> Result {
//!         Ok(())
//!     }
//!     // ...
//!     fn map<'bio>(&self, _: &DmTarget, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
//!         let Self(linear, n, writes) = self;
//!         if bio.op() == ReqOp::WRITE && bio.size() > 0 && (writes.fetch_add(0, 1) + 1) % *n == 0 {
//!             return Mapped::KILL;
//!         }
//!         Mapped::remapped(linear.map(device, bio))
//!     }
//!     // ...
//! }
//! // The module:
//! type FailModule = TargetModule<FailNth>;
//!
//! module! {
//!     type: FailModule,
//!     name: "dmp_test_fail",
//!     // ...
//! }
//! ```

mod callbacks;
mod device;
pub(crate) mod linear;
mod mapped_device;
mod table_line;

pub(crate) use device::{Device, Devices};
pub(crate) use mapped_device::{DeviceNumber, MappedDevice};
pub(crate) use table_line::{DmTarget, TableId, TableLine};

use super::{
    bindings,
    bio::{Bio, EndedBio, Remapped, Sector, Status},
    output::Output,
    tsc,
};
use core::{
    arch::asm,
    ffi::CStr,
    fmt::{self, Write},
    marker::PhantomData,
    ops::ControlFlow,
    ptr::NonNull,
};
use kernel::{
    build_error,
    error::{to_result, VTABLE_DEFAULT_ERROR},
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    types::Opaque,
};

/// What a failed [`Target::ctr`] says: the errno of the table load, and the message for the kernel
/// log (`ti->error`).
pub(crate) type Refusal = (Error, &'static CStr);

/// One line of a table (`struct target_type`).
///
/// Device mapper learns only of those optional methods that an implementation has: what it does not
/// have costs nothing.
#[vtable]
pub(crate) trait Target: Send + Sync + Sized + 'static {
    /// The name by which tables call the target.
    const NAME: &'static CStr;

    /// Major, minor and patch level, as `dmsetup targets` shows them.
    const VERSION: [u32; 3];

    /// What device mapper may do with it.
    const FEATURES: Features = Features::NONE;

    /// Optional: a second name, which [`TableLine::show_alias`] shows in the place of [`Target::NAME`]. No
    /// table can name the target by it.
    const ALIAS: Option<&'static CStr> = None;

    /// Optional: the target measures time by [`tsc`].
    const MEASURES_TIME: bool = false;

    /// The state that all instances share. It lives as long as the module.
    type Context: Send + Sync;

    /// The underlying devices: a [`Device`], several, or `()`. The instance cannot have them itself: they
    /// have to be open until it is destroyed, and closed then.
    type Devices<'ti>: Devices;

    /// Makes the context when the module is loaded. No table can name the target yet. May sleep.
    fn context(module: &'static ThisModule) -> Result<Self::Context>;

    /// Makes an instance from its table line, together with the underlying devices that it opened. May
    /// sleep. What was made goes by being dropped (`dtr`), the instance before the devices.
    fn ctr<'ti>(
        context: &Self::Context,
        line: &TableLine<'ti>,
    ) -> Result<(Self, Self::Devices<'ti>), Refusal>;

    /// Handles a bio. Runs in the context of whoever submitted it: it must not sleep or take long.
    fn map<'bio>(
        &self,
        ti: &DmTarget,
        devices: &Self::Devices<'_>,
        bio: &mut Bio<'bio>,
    ) -> Mapped<'bio>;

    /// Optional: learns how a bio ended that was remapped. Runs in any context, also in an interrupt.
    fn end_io(&self, _ti: &DmTarget, _bio: &EndedBio, _error: &Status) -> Ended {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: the table comes to life, or comes back to life after a suspend. Until it has, I/O
    /// waits: nothing may be allocated here that could wait for I/O.
    fn preresume(&self, _ti: &DmTarget) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: writes what is asked for.
    fn status(
        &self,
        _ti: &DmTarget,
        _devices: &Self::Devices<'_>,
        _kind: StatusType,
        _out: &mut Output<'_>,
    ) -> fmt::Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: does what `dmsetup message` asks for. May sleep.
    fn message<'a>(&self, _ti: &DmTarget, _args: impl Iterator<Item = &'a CStr>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: says which device an ioctl goes to, and which of them may.
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

    /// Optional: calls `callout` with each range of an underlying device that the line uses, until it
    /// breaks off.
    fn iterate_devices(
        &self,
        _ti: &DmTarget,
        _devices: &Self::Devices<'_>,
        _callout: &mut Callout<'_>,
    ) -> Iterated {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Optional: says where a sector of the mapped device is, for access past the block layer
    /// (`direct_access`, `dax_zero_page_range`, `dax_recovery_write`).
    fn direct_access<'a>(
        &self,
        _ti: &DmTarget,
        _devices: &'a Self::Devices<'_>,
        _sector: Sector,
    ) -> (&'a Device<'a>, Sector) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What device mapper may do with a target (`DM_TARGET_*`). A feature that the kernel does not have is none.
#[derive(Clone, Copy)]
pub(crate) struct Features(u64);

impl Features {
    /// None of them.
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

    /// These and those.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What [`Target::map`] did with a bio.
pub(crate) struct Mapped<'bio>(c_int, PhantomData<Remapped<'bio>>);

impl<'bio> Mapped<'bio> {
    /// The bio fails with an I/O error (`DM_MAPIO_KILL`).
    #[allow(dead_code)] // tests/modules has a target that does this.
    pub(crate) const KILL: Self = Self(bindings::DM_MAPIO_KILL as c_int, PhantomData);

    /// The bio goes elsewhere; device mapper submits it (`DM_MAPIO_REMAPPED`). One that does not would come
    /// back to the mapped device without end: so this takes what only [`Bio::remap`] makes.
    #[inline(always)]
    pub(crate) fn remapped(_: Remapped<'bio>) -> Self {
        Self(bindings::DM_MAPIO_REMAPPED as c_int, PhantomData)
    }

    /// Hides the value from the optimizer, as [`Ended::opaque`].
    #[inline(always)]
    #[allow(dead_code)] // Those in tests/modules need no jump.
    pub(crate) fn opaque(self) -> Self {
        Self(opaque(self.0), PhantomData)
    }
}

/// Hides a number from the optimizer (`OPTIMIZER_HIDE_VAR`), so a call whose result it is at the end of a
/// function stays a jump.
#[inline(always)]
fn opaque(number: c_int) -> c_int {
    let mut register = number as isize;
    // SAFETY: there is no instruction.
    unsafe {
        asm!("/* {0} */", inout(reg) register, options(pure, nomem, nostack, preserves_flags));
    }
    register as c_int
}

/// What [`Target::end_io`] did with a bio.
pub(crate) struct Ended(c_int);

#[allow(dead_code)] // Those in tests/modules have no `end_io`.
impl Ended {
    /// It has ended (`DM_ENDIO_DONE`).
    pub(crate) const DONE: Self = Self(bindings::DM_ENDIO_DONE as c_int);

    /// Hides the value from the optimizer, for the result of a function that is not inlined and that
    /// `end_io` ends with.
    #[inline(always)]
    pub(crate) fn opaque(self) -> Self {
        Self(opaque(self.0))
    }
}

/// What [`Target::status`] is asked for.
pub(crate) enum StatusType {
    /// The line of `dmsetup status` (`STATUSTYPE_INFO`).
    Info,
    /// The line's arguments, as they would be loaded again (`STATUSTYPE_TABLE`).
    Table,
    /// What the integrity measurement architecture is told of the line: what
    /// [`target_name_and_version`] writes, `,key=value` for each thing, and a semicolon
    /// (`STATUSTYPE_IMA`).
    Ima,
}

/// Writes what `DMEMIT_TARGET_NAME_VERSION` does.
pub(crate) fn target_name_and_version<T: Target>(out: &mut Output<'_>) -> fmt::Result {
    let [major, minor, patch] = T::VERSION;
    out.write_str("target_name=")?;
    out.write_bytes(T::NAME.to_bytes())?;
    write!(out, ",target_version={major}.{minor}.{patch}")
}

/// Which device an ioctl goes to.
pub(crate) enum Ioctl<'a> {
    /// To this one, whatever it is: the line is all of the device.
    Any(&'a Device<'a>),
    /// To this one, if it needs no more than the right to do raw I/O.
    RawIo(&'a Device<'a>),
}

/// An `iterate_devices_callout_fn` that is not null. For CONFIG_CFI an `Option` of it, which bindgen
/// makes, is another type.
type CalloutFn = unsafe extern "C" fn(
    *mut bindings::dm_target,
    *mut bindings::dm_dev,
    bindings::sector_t,
    bindings::sector_t,
    *mut c_void,
) -> c_int;

/// What [`Callout::call`] says, and [`Target::iterate_devices`]: whether to go on, or what device mapper
/// knows then.
pub(crate) type Iterated = ControlFlow<c_int>;

/// What wants to know the ranges of underlying devices that a line uses.
///
/// # Invariants
///
/// `function` takes `ti` and `data`.
pub(crate) struct Callout<'a> {
    ti: *mut bindings::dm_target,
    function: CalloutFn,
    data: *mut c_void,
    of: PhantomData<&'a ()>,
}

impl Callout<'_> {
    /// # Safety
    ///
    /// `function` must take `ti` and `data`, as long as the result is there.
    unsafe fn new(ti: *mut bindings::dm_target, function: CalloutFn, data: *mut c_void) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            ti,
            function,
            data,
            of: PhantomData,
        }
    }

    /// Tells it of one range. It breaks off when it knows enough.
    pub(crate) fn call(&mut self, device: &Device<'_>, start: Sector, len: Sector) -> Iterated {
        // SAFETY: by the invariant, and the device is open.
        match unsafe { (self.function)(self.ti, device.as_raw(), start, len, self.data) } {
            0 => ControlFlow::Continue(()),
            result => ControlFlow::Break(result),
        }
    }
}

/// What wants to know the zones of a mapped device.
///
/// # Invariants
///
/// `args` is what device mapper gave a `report_zones` that has not returned.
#[cfg_attr(not(CONFIG_BLK_DEV_ZONED), allow(dead_code))]
pub(crate) struct Zones<'a> {
    args: *mut bindings::dm_report_zones_args,
    count: c_uint,
    of: PhantomData<&'a ()>,
}

#[cfg(CONFIG_BLK_DEV_ZONED)]
impl Zones<'_> {
    /// # Safety
    ///
    /// `args` and `count` must be what device mapper gave a `report_zones` that has not returned before the
    /// result is dropped.
    unsafe fn new(args: *mut bindings::dm_report_zones_args, count: c_uint) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            args,
            count,
            of: PhantomData,
        }
    }

    /// The sector of the mapped device from which on they are wanted.
    pub(crate) fn next_sector(&self) -> Sector {
        // SAFETY: by the invariant `args` is there.
        unsafe { (*self.args).next_sector }
    }

    /// Reports the zones of `device` from `sector` on, where the line uses it from `start` on
    /// (`dm_report_zones`).
    pub(crate) fn report(&mut self, device: &Device<'_>, start: Sector, sector: Sector) -> Result {
        let device = device.block_device();
        // SAFETY: by the invariant `args` is what device mapper wants filled in; the device is open.
        to_result(unsafe {
            bindings::dm_report_zones(device, start, sector, self.args, self.count)
        })
    }
}

/// In a kernel without zones nobody wants to know.
#[cfg(not(CONFIG_BLK_DEV_ZONED))]
impl Zones<'_> {
    pub(crate) fn next_sector(&self) -> Sector {
        0
    }

    pub(crate) fn report(&mut self, _: &Device<'_>, _: Sector, _: Sector) -> Result {
        Err(ENOTTY)
    }
}

/// A module of one target, which tables may name while the module is loaded. `module!` takes it by a name without
/// parameters: `type Name = TargetModule<T>;`.
pub(crate) struct TargetModule<T: Target> {
    // Fields drop in this order: the target's code uses the clock.
    _registration: Pin<KBox<Registration<T>>>,
    _clock: Option<Pin<KBox<tsc::Follower>>>,
}

impl<T: Target> kernel::Module for TargetModule<T> {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let clock = if T::MEASURES_TIME {
            // SAFETY: as below. It is dropped where the rest of this fails.
            Some(KBox::pin_init(unsafe { tsc::Follower::new() }, GFP_KERNEL)?)
        } else {
            None
        };
        let context = T::context(module)?;
        // SAFETY: `module!`, which is there to call this, keeps what it returns in a static of its own and
        // drops it at the module's exit. Nothing that could fail comes after the registration.
        let registration = unsafe { Registration::new(module, context) };
        Ok(Self {
            _registration: KBox::pin_init(registration, GFP_KERNEL)?,
            _clock: clock,
        })
    }
}

/// A target type that tables may name for as long as this lives. Device mapper would call the module's code after
/// its exit if one was leaked, so only [`TargetModule`] has one.
///
/// # Invariants
///
/// `target_type` is registered with device mapper, in the name of `module`. `alias` differs from it in the
/// name alone, and is not registered.
#[pin_data(PinnedDrop)]
#[repr(C)]
struct Registration<T: Target> {
    // First: the context is found from the `struct target_type` that every `struct dm_target` points
    // to.
    #[pin]
    target_type: TargetType,
    // Targets point to it, so nothing here moves it.
    alias: Option<TargetType>,
    context: T::Context,
}

/// A target type of device mapper's, with the callbacks that `helpers.c` finds behind it.
#[pin_data]
#[repr(transparent)]
struct TargetType {
    raw: Opaque<bindings::dmp_target_type>,
}

impl TargetType {
    fn as_raw(&self) -> *mut bindings::target_type {
        // It is the first field.
        self.raw.get().cast()
    }
}

// SAFETY: the target type is device mapper's, and protected by its lock; the context is `Send`.
unsafe impl<T: Target> Send for Registration<T> {}

// SAFETY: a shared `Registration` gives access to nothing but the context, which is `Sync`.
unsafe impl<T: Target> Sync for Registration<T> {}

impl<T: Target + 'static> Registration<T> {
    /// Registers the target type (`dm_register_target`).
    ///
    /// # Safety
    ///
    /// The registration must be dropped at the exit of `module`: not be leaked, and not be dropped by an init that
    /// fails.
    unsafe fn new(module: &'static ThisModule, context: T::Context) -> impl PinInit<Self, Error> {
        // INVARIANT: it is registered where this succeeds. The context and the alias are there by then.
        try_pin_init!(Self {
            context,
            alias: T::ALIAS.map(|name| TargetType {
                raw: Opaque::new(Self::named(name, module)),
            }),
            target_type <- Self::register(module),
        })
    }

    /// Returns a target type of this name. It has the module, because device mapper gives a target's
    /// reference back by the type that the target has in the end.
    fn named(name: &'static CStr, module: &'static ThisModule) -> bindings::dmp_target_type {
        let mut target_type = callbacks::Callbacks::<T>::TARGET_TYPE;
        target_type.type_.name = name.as_ptr().cast();
        target_type.type_.module = module.as_ptr().cast();
        target_type
    }

    /// Initialises the field of a `Registration`, whose drop takes it back.
    fn register(module: &'static ThisModule) -> impl PinInit<TargetType, Error> {
        try_pin_init!(TargetType {
            raw: Opaque::new(Self::named(T::NAME, module)),
        })
        .pin_chain(|target_type| {
            // SAFETY: the target type is filled in and pinned, and stays until it is unregistered
            // in `Registration::drop`.
            to_result(unsafe { bindings::dm_register_target(target_type.as_raw()) })
        })
    }

    /// The one that a target is of.
    ///
    /// # Safety
    ///
    /// `ti` must be a target of the type `T` in its constructor, for `'a`, and not show the alias yet.
    unsafe fn of<'a>(ti: *mut bindings::dm_target) -> &'a Self {
        // SAFETY: by this function's contract `ti` is of a registered target type, which is the first
        // field of its registration. That is not gone before the target's reference to the module is.
        unsafe { &*(*ti).type_.cast() }
    }

    /// The target type that shows [`Target::ALIAS`], if there is one.
    fn alias(&self) -> Option<NonNull<bindings::target_type>> {
        let alias = self.alias.as_ref()?;
        NonNull::new(alias.as_raw())
    }
}

#[pinned_drop]
impl<T: Target> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: by the invariant it is registered, and no new table finds it any more when this has
        // returned. Device mapper holds a reference to the module from before it looks at a target
        // type to after it has last done so, in a table's destruction, whether the target has kept that type
        // or has the alias, which names the same module. By the contract of `new` this is the module's exit, so
        // all those have been given back, and nobody points to either.
        unsafe { bindings::dm_unregister_target(self.target_type.as_raw()) }
    }
}
