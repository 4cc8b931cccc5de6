// SPDX-License-Identifier: GPL-2.0

//! The smallest target: passes each request on to the first sectors of a device.
//!
//! # Steps
//!
//! 1. Name the target: tables, `dmsetup targets` and the kernel log show the name.
//! 2. Choose `Devices`, the underlying devices. The wrapper closes them after the last request.
//! 3. In `ctr`, read the arguments of the table line and open the device. The message of an error
//!    goes to the kernel log.
//! 4. In `map`, redirect each request. `Mapped::remapped` takes a proof of the new device.
//! 5. In `iterate_devices`, show the device to device mapper, which takes the device's limits for
//!    the mapped device and refuses a line that reaches past the device's end.
//! 6. Make a module of the target.
//!
//! # Examples
//!
//! ```text
//! # insmod dm_sample_pass.ko
//! # dmsetup create data --table '0 2048 sample-pass /dev/vda'
//! # dmsetup table data
//! 0 2048 sample-pass
//! ```
//!
//! # Not supported
//!
//! - Arguments in `dmsetup table`: they need `status`, as in `errors.rs`.
//! - ioctls, zoned devices and direct access: they need a method and a feature each. `Linear` has
//!   the methods, and `linear::FEATURES` the features.

#[allow(unused)] // The wrappers have more than a sample needs.
#[path = "../wrappers/mod.rs"]
mod wrappers;

use core::ffi::CStr;
use kernel::prelude::*;
use wrappers::{
    bio::Bio,
    dm::{
        linear::Linear,
        Callout,
        Device,
        DmTarget,
        Iterated,
        Mapped,
        Refusal,
        TableLine,
        Target,
        TargetModule, //
    }, //
};

/// A table line: `<start> <length> sample-pass <device>`.
struct Pass(Linear);

#[vtable]
impl Target for Pass {
    const NAME: &'static CStr = c"sample-pass";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = ();
    type Devices<'ti> = Device<'ti>;

    fn context(_module: &'static ThisModule) -> Result {
        Ok(())
    }

    fn ctr<'ti>((): &(), line: &TableLine<'ti>) -> Result<(Self, Device<'ti>), Refusal> {
        let mut args = line.args();
        let (Some(path), None) = (args.next(), args.next()) else {
            return Err((EINVAL, c"expected one argument, <device>"));
        };
        let device = line
            .open(path)
            .map_err(|errno| (errno, c"<device> cannot be opened"))?;
        Ok((Self(Linear::new(line, 0)), device))
    }

    fn map<'bio>(
        &self,
        _line: &DmTarget,
        device: &Device<'_>,
        bio: &mut Bio<'bio>,
    ) -> Mapped<'bio> {
        Mapped::remapped(self.0.map(device, bio))
    }

    fn iterate_devices(
        &self,
        line: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        self.0.iterate_devices(line, device, callout)
    }
}

type PassModule = TargetModule<Pass>;

module! {
    type: PassModule,
    name: "dm_sample_pass",
    description: "Sample: device-mapper target that passes requests on",
    license: "GPL",
    // Device mapper loads the module by this name when a table names the target.
    alias: ["dm-sample-pass"],
}
