// SPDX-License-Identifier: GPL-2.0

//! A target with `end_io`: counts the requests that failed below it.
//!
//! # Steps
//!
//! 1. Begin with `pass.rs`.
//! 2. Keep the counters in the target: each table line has its own, and a new table begins at 0.
//! 3. In `end_io`, look at the status of the request. The method may run in an interrupt, so it
//!    must not sleep.
//! 4. In `status`, write the counters for `dmsetup status`, and for `dmsetup table` the arguments
//!    that make the same line again.
//!
//! # Examples
//!
//! ```text
//! # insmod dm_sample_errors.ko
//! # dmsetup create bad --table '0 2048 error'
//! # dmsetup create data --table '0 2048 sample-errors /dev/mapper/bad'
//! # dd if=/dev/mapper/data of=/dev/null bs=4k count=1 iflag=direct
//! dd: error reading '/dev/mapper/data': Input/output error
//! # dmsetup status data
//! 0 2048 sample-errors 1 0
//! ```
//!
//! # Not supported
//!
//! - Another status for the request, or a second attempt: `end_io` can only return
//!   `Ended::DONE`.
//! - The position of the failure: at its end a request shows its operation, and one word that `map`
//!   stored (`Bio::set_private`).

#[allow(unused)] // The wrappers have more than a sample needs.
#[path = "../wrappers/mod.rs"]
mod wrappers;

use core::{
    ffi::CStr,
    fmt::{
        self,
        Write, //
    }, //
};
use kernel::prelude::*;
use wrappers::{
    atomic::Counters,
    bio::{
        Bio,
        EndedBio,
        ReqOp,
        Status, //
    },
    dm::{
        linear::Linear,
        target_name_and_version,
        Callout,
        Device,
        DmTarget,
        Ended,
        Iterated,
        Mapped,
        Refusal,
        StatusType,
        TableLine,
        Target,
        TargetModule, //
    },
    output::Output, //
};

/// A table line: `<start> <length> sample-errors <device>`.
struct Errors {
    linear: Linear,
    /// The numbers of failed reads and of other failed requests. All processors share them, which
    /// is cheap enough because failures are rare.
    failed: Counters<2>,
}

const READS: usize = 0;
const OTHERS: usize = 1;

#[vtable]
impl Target for Errors {
    const NAME: &'static CStr = c"sample-errors";
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
        let errors = Self {
            linear: Linear::new(line, 0),
            failed: Counters::new(),
        };
        Ok((errors, device))
    }

    fn map<'bio>(
        &self,
        _line: &DmTarget,
        device: &Device<'_>,
        bio: &mut Bio<'bio>,
    ) -> Mapped<'bio> {
        Mapped::remapped(self.linear.map(device, bio))
    }

    fn end_io(&self, _line: &DmTarget, bio: &EndedBio, status: &Status) -> Ended {
        if !status.is_ok() {
            let which = if bio.op() == ReqOp::READ {
                READS
            } else {
                OTHERS
            };
            self.failed.add(which, 1);
        }
        Ended::DONE
    }

    fn status(
        &self,
        _line: &DmTarget,
        device: &Device<'_>,
        kind: StatusType,
        out: &mut Output<'_>,
    ) -> fmt::Result {
        match kind {
            StatusType::Info => {
                let (reads, others) = (self.failed.read(READS), self.failed.read(OTHERS));
                write!(out, "{reads} {others}")
            }
            StatusType::Table => out.write_str(device.name()),
            StatusType::Ima => {
                target_name_and_version::<Self>(out)?;
                write!(out, ",device_name={};", device.name())
            }
        }
    }

    fn iterate_devices(
        &self,
        line: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        self.linear.iterate_devices(line, device, callout)
    }
}

type ErrorsModule = TargetModule<Errors>;

module! {
    type: ErrorsModule,
    name: "dm_sample_errors",
    description: "Sample: device-mapper target that counts failed requests",
    license: "GPL",
    alias: ["dm-sample-errors"],
}
