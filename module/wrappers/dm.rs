// SPDX-License-Identifier: GPL-2.0

//! Device-mapper targets.
//!
//! Implement [`Target`] with the optional methods that the target needs, and define the module as
//! its [`TargetModule`]. [`linear`] helps targets that map a line onto a range of the same length
//! on one device. `samples/` has complete targets, with the steps to make one.
//!
//! C header: [`include/linux/device-mapper.h`](srctree/include/linux/device-mapper.h)
//!
//! # Examples
//!
//! A target that fails every n-th write (`tests/modules/fail_nth.rs` has all of it):
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
mod module;
mod registration;
mod table_line;
mod target;

#[allow(unused_imports)] // Only a target in tests/modules names it.
pub(crate) use device::Devices;
pub(crate) use {
    device::Device,
    mapped_device::{
        DeviceNumber,
        MappedDevice, //
    },
    module::TargetModule,
    table_line::{
        DmTarget,
        TableId,
        TableLine, //
    },
    target::{
        target_name_and_version,
        Callout,
        Ended,
        Features,
        Ioctl,
        Iterated,
        Mapped,
        Refusal,
        StatusType,
        Target,
        Zones, //
    }, //
};
