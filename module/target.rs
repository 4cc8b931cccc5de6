// SPDX-License-Identifier: GPL-2.0

//! The target: a proxy that passes every bio on to the device under it and counts it.

use crate::{
    counters::Operation,
    registry::{Counted, Registry},
    table_line::{self, Arguments},
    wrappers::{
        bio::{Bio, Sector},
        dm::{Device, Mapped, Place, Refusal, TableLine, Target},
        output::Output,
    },
};
use core::{
    ffi::CStr,
    fmt::{self, Write},
};
use kernel::error::code::EINVAL;

/// One dmp line of a table.
pub(crate) struct Proxy {
    /// The first sector of the underlying device.
    offset: Sector,
    /// The mapped device's counters.
    counted: Counted,
}

impl Target for Proxy {
    const NAME: &'static CStr = c"dmp";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = Registry;

    fn new<'a>(registry: &Registry, line: &'a TableLine) -> Result<(Self, Device<'a>), Refusal> {
        let args = Arguments::parse(line.args()).map_err(|wrong| (EINVAL, wrong))?;
        let device = line
            .open(args.device)
            .map_err(|errno| (errno, c"<device>: cannot open it"))?;
        if !table_line::fits(args.offset, line.len(), device.sectors()) {
            return Err((
                EINVAL,
                c"<offset> + length reaches past the end of <device>",
            ));
        }
        let counted = registry
            .counted(&line.mapped_device())
            .map_err(|errno| (errno, c"cannot make the device's counters and sysfs files"))?;
        let proxy = Self {
            offset: args.offset,
            counted,
        };
        Ok((proxy, device))
    }

    fn first_sector(&self) -> Sector {
        self.offset
    }

    #[inline]
    fn map(&self, at: Place<'_>, bio: &mut Bio) -> Mapped {
        let size = bio.size();
        if let Some(operation) = Operation::of(bio.op(), size) {
            self.counted.counters().count(operation, size);
        }
        // Cannot overflow for a bio with data: `new` checked the whole range. An empty flush has
        // no place, and its sector means nothing.
        let sector = self.offset.wrapping_add(at.offset_of(bio.sector()));
        bio.remap(at.device(), sector);
        Mapped::Remapped
    }

    fn table_args(&self, at: Place<'_>, out: &mut Output<'_>) -> fmt::Result {
        write!(out, "{} {}", at.device().name(), self.offset)
    }
}
