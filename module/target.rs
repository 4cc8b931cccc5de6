// SPDX-License-Identifier: GPL-2.0

//! The target: a proxy that passes every bio on to the device under it and counts it.

use crate::{
    counters::Stamp,
    operation::Operation,
    registry::{Line, Registry},
    summary::write_status,
    table_line::{self, Arguments},
    wrappers::{
        bio::{Bio, Sector, Status},
        dm::{Device, Mapped, PerBio, Refusal, TableLine, Target},
        output::Output,
    },
};
use core::{
    ffi::CStr,
    fmt::{self, Write},
};
use kernel::{error::code::EINVAL, prelude::*};

/// One dmp line of a table.
pub(crate) struct Proxy {
    /// The first sector of the underlying device.
    offset: Sector,
    /// How far its sectors are behind the mapped device's, modulo 2^64.
    shift: Sector,
    /// The line's part in its mapped device's statistics.
    line: Line,
}

#[vtable]
impl Target for Proxy {
    const NAME: &'static CStr = c"dmp";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = Registry;
    type PerBio = Stamp;

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
        let begin = line.begin();
        let line = registry
            .line(&line.mapped_device(), line.table(), args.latency)
            .map_err(|errno| (errno, c"cannot make the device's counters and sysfs files"))?;
        let proxy = Self {
            offset: args.offset,
            shift: args.offset.wrapping_sub(begin),
            line,
        };
        Ok((proxy, device))
    }

    fn first_sector(&self) -> Sector {
        self.offset
    }

    #[inline]
    fn map(&self, device: &Device<'_>, bio: &mut Bio) -> (Mapped, Stamp) {
        // Stays in the range that `new` checked. An empty flush has no place, and its sector means
        // nothing.
        let sector = bio.sector().wrapping_add(self.shift);
        bio.remap(device, sector);
        let stamp = self.line.counters().arrived(bio.op(), bio.size());
        (Mapped::Remapped, stamp)
    }

    #[inline]
    fn end_io(&self, stamp: PerBio<'_, Stamp>, status: &Status) {
        // Most requests need neither the stamp nor a register saved.
        if !status.is_ok() || self.line.counters().measures() {
            ended(stamp, &self.line, status);
        }
    }

    fn preresume(&self) {
        self.line.resumed();
    }

    fn table_args(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
        write!(out, "{} {}", device.name(), self.offset)?;
        if self.line.asks_for_latency() {
            out.write_str(" 1 latency")?;
        }
        Ok(())
    }

    fn measured(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
        let (device, start) = (device.name(), self.offset);
        write!(out, ",device_name={device},start={start}")
    }

    fn status(&self, out: &mut Output<'_>) -> fmt::Result {
        let counters = self.line.counters();
        let sums = Operation::ALL
            .into_iter()
            .map(|operation| (operation.name(), counters.sum(operation)));
        write_status(out, sums, counters.measures_latency())
    }

    fn message<'a>(&self, mut words: impl Iterator<Item = &'a CStr>) -> Result {
        let words = [words.next(), words.next(), words.next()].map(|w| w.map(CStr::to_bytes));
        match words {
            [Some(b"reset"), None, _] => self.line.counters().reset(),
            [Some(b"latency"), Some(b"on"), None] => self.line.counters().measure_latency(true),
            [Some(b"latency"), Some(b"off"), None] => self.line.counters().measure_latency(false),
            _ => {
                pr_err!("message: expected \"reset\" or \"latency on|off\"\n");
                Err(EINVAL)
            }
        }
    }
}

/// The end of a request that failed, or whose latency is measured.
#[inline(never)]
fn ended(stamp: PerBio<'_, Stamp>, line: &Line, status: &Status) {
    if status.is_ok() {
        line.counters().took(stamp.get());
    } else {
        failed(stamp, line);
    }
}

/// The end of a request that failed.
#[cold]
#[inline(never)]
fn failed(stamp: PerBio<'_, Stamp>, line: &Line) {
    let stamp = stamp.get();
    line.counters().failed(stamp);
    line.counters().took(stamp);
}
