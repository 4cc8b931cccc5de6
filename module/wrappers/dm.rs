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
//!     fn map(&self, device: &Device<'_>, bio: &mut Bio) -> Mapped {
//!         let sector = bio.sector();
//!         bio.remap(device, sector);
//!         Mapped::Remapped
//!     }
//!
//!     fn table_args(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
//!         out.write_str(device.name())
//!     }
//! }
//!
//! let registration = dm::Registration::<Whole>::new(module, ())?;
//! ```

mod callbacks;
mod mapped_device;
mod pass_through;
mod table_line;

pub(crate) use mapped_device::{DeviceNumber, MappedDevice};
pub(crate) use table_line::{Device, TableId, TableLine};

use super::{
    bindings,
    bio::{Bio, EndedBio, Sector, Status},
    output::Output,
};
use core::{ffi::CStr, fmt, pin::Pin};
use kernel::{
    error::{code::EINVAL, to_result},
    prelude::{vtable, Error, KBox, Result, ThisModule, GFP_KERNEL},
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
    fn map(&self, device: &Device<'_>, bio: &mut Bio) -> Mapped;

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
pub(crate) enum Mapped {
    /// It was sent elsewhere; device mapper submits it (`DM_MAPIO_REMAPPED`).
    Remapped,
}

/// A target type that tables may name for as long as this lives.
///
/// Instances keep the module loaded, so the module's exit is where this is dropped.
///
/// # Invariants
///
/// `self.0.target_type` is registered with device mapper.
pub(crate) struct Registration<T: Target>(Pin<KBox<TargetType<T>>>);

/// The context is found from the `struct target_type` that every `struct dm_target` points to.
#[repr(C)]
struct TargetType<T: Target> {
    target_type: Opaque<bindings::dmp_target_type>,
    context: T::Context,
}

impl<T: Target> TargetType<T> {
    fn as_raw(&self) -> *mut bindings::target_type {
        // It is the first field.
        self.target_type.get().cast()
    }
}

// SAFETY: after registration the target type is device mapper's and protected by its lock; the
// context is `Send` and `Sync`.
unsafe impl<T: Target> Send for Registration<T> {}

// SAFETY: as above; a shared `Registration` gives access to nothing.
unsafe impl<T: Target> Sync for Registration<T> {}

impl<T: Target + 'static> Registration<T> {
    /// Registers the target type (`dm_register_target`).
    pub(crate) fn new(module: &'static ThisModule, context: T::Context) -> Result<Self> {
        let this = KBox::pin(
            TargetType::<T> {
                target_type: Opaque::new(callbacks::target_type::<T>(module)),
                context,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: the target type is filled in; it is pinned, and stays until it is unregistered
        // in `drop`.
        to_result(unsafe { bindings::dm_register_target(this.as_raw()) })?;
        // INVARIANT: it was just registered.
        Ok(Self(this))
    }
}

impl<T: Target> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it is registered. No instance is left: each holds a reference
        // to the module, whose exit this is.
        unsafe { bindings::dm_unregister_target(self.0.as_raw()) }
    }
}
