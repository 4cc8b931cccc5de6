// SPDX-License-Identifier: GPL-2.0

//! The target: a proxy that passes every bio on to the device under it and counts it.

use crate::{
    counters::Counters,
    operation::Operation,
    registry::{Line, Registry},
    summary::write_status,
    table_line::{self, Arguments},
    wrappers::{
        bio::{Bio, EndedBio, Remapped, Sector, Status},
        dm::{Device, Mapped, Refusal, TableLine, Target},
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
    /// Whether flushes go past the counters.
    flush_bypass: bool,
    /// The line's part in its mapped device's statistics.
    line: Line,
}

#[vtable]
impl Target for Proxy {
    const NAME: &'static CStr = c"dmp";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = Registry;

    fn new<'a>(registry: &Registry, line: &'a TableLine) -> Result<(Self, Device<'a>), Refusal> {
        let args = Arguments::parse(line.args()).map_err(|wrong| (EINVAL, wrong))?;
        let device = line
            .open(args.device)
            .map_err(|errno| (errno, c"<device>: cannot open it"))?;
        // Of a device of no size device mapper says nothing: it may have one later.
        let sectors = device.sectors();
        if sectors > 0 && !table_line::fits(args.offset, line.len(), sectors) {
            return Err((
                EINVAL,
                c"<offset> + length reaches past the end of <device>",
            ));
        }
        let no_memory = |errno| (errno, c"cannot make the device's counters and sysfs files");
        let part = registry
            .line(&line.mapped_device(), line.table(), args.latency)
            .map_err(no_memory)?;
        // One flush makes durable what all lines of the table have written to the disk.
        if !part.is_first_on(device.number()).map_err(no_memory)? {
            line.set_num_flush_bios(0);
        }
        if args.flush_bypass {
            line.set_flush_bypasses_map();
        }
        let proxy = Self {
            offset: args.offset,
            shift: args.offset.wrapping_sub(line.begin()),
            flush_bypass: args.flush_bypass,
            line: part,
        };
        Ok((proxy, device))
    }

    fn first_sector(&self) -> Sector {
        self.offset
    }

    #[inline(always)]
    fn map<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
        let remapped = if self.line.counters().usual_arrived(bio.op(), bio.size()) {
            // Last: where control groups are, this calls, and nothing has to be kept over it.
            self.remap(device, bio)
        } else {
            arrived(self, device, bio)
        };
        Mapped::Remapped(remapped)
    }

    #[inline(always)]
    fn end_io(&self, bio: &EndedBio, status: &Status) {
        // Most requests carry nothing and succeed.
        if bio.private() | status.number() != 0 {
            ended(self.line.counters(), bio, status);
        }
    }

    fn preresume(&self) {
        self.line.resumed();
    }

    fn table_args(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
        write!(out, "{} {}", device.name(), self.offset)?;
        match (self.line.asks_for_latency(), self.flush_bypass) {
            (false, false) => Ok(()),
            (true, false) => out.write_str(" 1 latency"),
            (false, true) => out.write_str(" 1 flush_bypass"),
            (true, true) => out.write_str(" 2 latency flush_bypass"),
        }
    }

    fn measured(&self, device: &Device<'_>, out: &mut Output<'_>) -> fmt::Result {
        let (device, start) = (device.name(), self.offset);
        write!(out, ",device_name={device},start={start}")
    }

    fn status(&self, out: &mut Output<'_>) -> fmt::Result {
        let (sums, latency) = self.line.counters().sums();
        let names = Operation::ALL.map(Operation::name);
        write_status(out, names.into_iter().zip(sums), latency)
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

impl Proxy {
    #[inline(always)]
    fn remap<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Remapped<'bio> {
        // Stays in the range that `new` checked. An empty flush has no place, and its sector means
        // nothing.
        let sector = bio.sector().wrapping_add(self.shift);
        bio.remap(device, sector)
    }
}

/// The arrival of a request that is measured, or is of a rare operation. Where there is no call, there is
/// no register to save: so this is not in `map`.
#[inline(never)]
fn arrived<'bio>(proxy: &Proxy, device: &Device<'_>, bio: &mut Bio<'bio>) -> Remapped<'bio> {
    let remapped = proxy.remap(device, bio);
    proxy.line.counters().arrived(bio);
    remapped
}

/// The end of a request that failed, is measured, or is of a rare operation.
#[inline(never)]
fn ended(counters: &Counters, bio: &EndedBio, status: &Status) {
    counters.ended(bio, status);
}
