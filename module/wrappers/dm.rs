// SPDX-License-Identifier: GPL-2.0

//! Device-mapper targets over one underlying device.
//!
//! Implement [`Target`], with those of its optional methods that the target needs, and keep a
//! [`Registration`] of it for as long as tables may name it.
//!
//! C header: [`include/linux/device-mapper.h`](srctree/include/linux/device-mapper.h)
//!
//! # Example
//!
//! ```ignore
//! struct Whole;
//!
//! #[vtable]
//! impl dm::Target for Whole {
//!     const NAME: &'static CStr = c"whole";
//!     const VERSION: [u32; 3] = [1, 0, 0];
//!     type Context = ();
//!
//!     fn new<'a>(_: &(), line: &'a TableLine) -> Result<(Self, Device<'a>), Refusal> {
//!         let path = line.args().next().ok_or((EINVAL, c"<device> is missing"))?;
//!         let device = line.open(path).map_err(|e| (e, c"<device>: cannot open it"))?;
//!         Ok((Whole, device))
//!     }
//!
//!     fn first_sector(&self) -> Sector {
//!         0
//!     }
//!
//!     fn map<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
//!         let sector = bio.sector();
//!         Mapped::Remapped(bio.remap(device, sector))
//!     }
//!
//!     fn table_args(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
//!         out.write_str(device.name())
//!     }
//! }
//!
//! let registration = KBox::pin_init(dm::Registration::<Whole>::new(module, ()), GFP_KERNEL)?;
//! ```

mod callbacks;
mod mapped_device;
mod pass_through;
mod table_line;

pub(crate) use mapped_device::{DeviceNumber, MappedDevice};
pub(crate) use table_line::{Device, TableId, TableLine};

use super::{
    bindings,
    bio::{Bio, EndedBio, Remapped, Sector, Status},
    output::Output,
};
use core::{ffi::CStr, fmt, pin::Pin};
use kernel::{
    error::{code::EINVAL, to_result},
    prelude::*,
    types::Opaque,
};

/// What a failed [`Target::new`] says: the errno of the table load, and the message for the kernel
/// log (`ti->error`).
pub(crate) type Refusal = (Error, &'static CStr);

/// One line of a table, which maps a range of the mapped device onto one underlying device.
///
/// Device mapper learns only of those optional methods that an implementation has: what it does not
/// have costs nothing.
#[vtable]
pub(crate) trait Target: Send + Sync + Sized {
    /// The name by which tables call the target.
    const NAME: &'static CStr;

    /// Major, minor and patch level, as `dmsetup targets` shows them.
    const VERSION: [u32; 3];

    /// What all instances share. It lives as long as the [`Registration`].
    type Context: Send + Sync;

    /// Makes an instance from its table line, together with the underlying device that it opened
    /// (`ctr`). May sleep.
    fn new<'a>(context: &Self::Context, line: &'a TableLine)
        -> Result<(Self, Device<'a>), Refusal>;

    /// The first sector of the underlying device that the instance uses. It uses as many sectors
    /// as the table line has (`iterate_devices`).
    fn first_sector(&self) -> Sector;

    /// Handles a bio. Runs in the context of whoever submitted it: it must not sleep or take long.
    fn map<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio>;

    /// Writes the line's arguments as they would be loaded again (`STATUSTYPE_TABLE`).
    fn table_args(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result;

    /// Optional: learns how a bio ended. Runs in any context, also in an interrupt.
    fn end_io(&self, _bio: &EndedBio, _status: &Status) {}

    /// Optional: the table comes to life, or comes back to life after a suspend. Until it has, I/O
    /// waits: nothing may be allocated here that could wait for I/O.
    fn preresume(&self) {}

    /// Optional: writes the line of `dmsetup status` (`STATUSTYPE_INFO`).
    fn status(&self, _out: &mut Output<'_>) -> fmt::Result {
        Ok(())
    }

    /// Optional: writes what the integrity measurement architecture is told of the line, behind
    /// the target's name and version: `,key=value` for each thing, and no semicolon
    /// (`STATUSTYPE_IMA`).
    fn measured(&self, _device: &Device<'_>, _out: &mut Output<'_>) -> fmt::Result {
        Ok(())
    }

    /// Optional: does what `dmsetup message` asks for. May sleep.
    fn message<'a>(&self, _words: impl Iterator<Item = &'a CStr>) -> Result {
        Err(EINVAL)
    }
}

/// What [`Target::map`] did with a bio.
pub(crate) enum Mapped<'bio> {
    /// It goes elsewhere; device mapper submits it (`DM_MAPIO_REMAPPED`). One that does not would come back
    /// to the mapped device without end: so only [`Bio::remap`] makes this.
    Remapped(Remapped<'bio>),
}

/// A target type that tables may name for as long as this lives.
///
/// # Invariants
///
/// `target_type` is registered with device mapper, in the name of `module`.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(crate) struct Registration<T: Target> {
    // First: the context is found from the `struct target_type` that every `struct dm_target` points
    // to.
    #[pin]
    target_type: TargetType,
    context: T::Context,
    module: &'static ThisModule,
}

/// What device mapper has in its list of target types.
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
    pub(crate) fn new(
        module: &'static ThisModule,
        context: T::Context,
    ) -> impl PinInit<Self, Error> {
        // INVARIANT: it is registered where this succeeds. The context is there by then.
        try_pin_init!(Self {
            context,
            module,
            target_type <- Self::register(module),
        })
    }

    /// What initialises the field of a `Registration`, whose drop takes it back.
    fn register(module: &'static ThisModule) -> impl PinInit<TargetType, Error> {
        let mut target_type = callbacks::Callbacks::<T>::TARGET_TYPE;
        target_type.type_.module = module.as_ptr().cast();
        try_pin_init!(TargetType {
            raw: Opaque::new(target_type),
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
    /// `ti` must be a target of the type `T` in its constructor, for `'a`.
    unsafe fn of<'a>(ti: *mut bindings::dm_target) -> &'a Self {
        // SAFETY: by this function's contract `ti` is of a registered target type, which is the first
        // field of its registration. That is not gone before the target's reference to the module is.
        unsafe { &*(*ti).type_.cast() }
    }
}

#[pinned_drop]
impl<T: Target> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: by the invariant it is registered, and no new table finds it any more when this has
        // returned. Device mapper holds a reference to the module from before it looks at a target
        // type to after it has last done so, in a table's destruction; when all those are given back,
        // nobody points to it.
        unsafe {
            bindings::dm_unregister_target(self.target_type.as_raw());
            bindings::dmp_wait_for_users(self.module.as_ptr().cast());
        }
    }
}
