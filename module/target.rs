// SPDX-License-Identifier: GPL-2.0

//! The target: a proxy that passes every bio on to the device under it and counts it.

use crate::{
    lines::Count,
    operation::Operation,
    registry::{Line, Registry},
    summary::write_status,
    table_line::{self, Arguments},
    wrappers::{
        bio::{Bio, EndedBio, Remapped, Sector, Status},
        dm::{
            self,
            linear::{self, Linear},
            Callout, Device, DmTarget, Ended, Features, Ioctl, Iterated, Mapped, Refusal,
            StatusType, TableLine, Target, Zones,
        },
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
    /// Where its sectors are on the device under it.
    linear: Linear,
    /// Whether flushes go past the counters.
    flush_bypass: bool,
    /// Shows the line as one of dm-linear.
    as_linear: bool,
    /// The line's part in its mapped device's statistics.
    line: Line,
}

#[vtable]
impl Target for Proxy {
    const NAME: &'static CStr = c"dmp";
    const VERSION: [u32; 3] = [1, 1, 0];
    const FEATURES: Features = linear::FEATURES;
    const ALIAS: Option<&'static CStr> = Some(c"linear");
    type Context = Registry;
    type Devices<'ti> = Device<'ti>;

    fn context(module: &'static ThisModule) -> Result<Registry> {
        Registry::new(module)
    }

    fn ctr<'ti>(
        registry: &Registry,
        line: &TableLine<'ti>,
    ) -> Result<(Self, Device<'ti>), Refusal> {
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
            .line(
                &line.mapped_device(),
                line.table(),
                args.latency,
                Count::line(args.as_linear, args.flush_bypass),
            )
            .map_err(no_memory)?;
        let linear = Linear::new(line, args.offset);
        // One flush makes durable what all lines of the table have written to the disk.
        if !part.is_first_on(device.number()).map_err(no_memory)? {
            line.set_num_flush_bios(0);
        }
        if args.flush_bypass {
            line.set_flush_bypasses_map();
        }
        if args.as_linear {
            line.show_alias();
        }
        let proxy = Self {
            linear,
            flush_bypass: args.flush_bypass,
            as_linear: args.as_linear,
            line: part,
        };
        Ok((proxy, device))
    }

    #[inline(always)]
    fn map<'bio>(&self, _ti: &DmTarget, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
        let remapped = if self.line.counters().usual_arrived(bio.op(), bio.size()) {
            // Last: where control groups are, this calls, and nothing has to be kept over it.
            self.linear.map(device, bio)
        } else {
            arrived(self, device, bio)
        };
        Mapped::Remapped(remapped)
    }

    #[inline(always)]
    fn end_io(&self, _ti: &DmTarget, bio: &EndedBio, error: &Status) -> Ended {
        // Most requests carry nothing and succeed.
        if bio.private() | error.number() != 0 {
            ended(self, bio, error)
        } else {
            Ended::DONE
        }
    }

    fn preresume(&self, _ti: &DmTarget) -> Result {
        self.line.resumed();
        Ok(())
    }

    fn status(
        &self,
        _ti: &DmTarget,
        device: &Device<'_>,
        kind: StatusType,
        out: &mut Output<'_>,
    ) -> fmt::Result {
        let (name, offset) = (device.name(), self.linear.offset());
        match kind {
            // dm-linear has no status.
            StatusType::Info if self.as_linear => Ok(()),
            StatusType::Info => {
                let (sums, latency) = self.line.counters().sums();
                let names = Operation::ALL.map(Operation::name);
                write_status(out, names.into_iter().zip(sums), latency)
            }
            StatusType::Table => {
                write!(out, "{name} {offset}")?;
                if self.as_linear {
                    return Ok(());
                }
                let latency = self.line.asks_for_latency();
                let options = [(latency, "latency"), (self.flush_bypass, "flush_bypass")];
                table_line::write_options(out, &options)
            }
            StatusType::Ima => {
                dm::target_name_and_version::<Self>(out)?;
                write!(out, ",device_name={name},start={offset};")
            }
        }
    }

    fn message<'a>(&self, _ti: &DmTarget, mut args: impl Iterator<Item = &'a CStr>) -> Result {
        let words = [args.next(), args.next(), args.next()].map(|w| w.map(CStr::to_bytes));
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

    fn prepare_ioctl<'a>(&self, ti: &DmTarget, device: &'a Device<'_>) -> Result<Ioctl<'a>> {
        Ok(self.linear.prepare_ioctl(ti, device))
    }

    fn report_zones(&self, _ti: &DmTarget, device: &Device<'_>, zones: &mut Zones<'_>) -> Result {
        self.linear.report_zones(device, zones)
    }

    fn iterate_devices(
        &self,
        ti: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        self.linear.iterate_devices(ti, device, callout)
    }

    fn direct_access<'a>(
        &self,
        _ti: &DmTarget,
        device: &'a Device<'_>,
        sector: Sector,
    ) -> (&'a Device<'a>, Sector) {
        self.linear.direct_access(device, sector)
    }
}

/// The arrival of a request that is measured, or is of a rare operation. Where there is no call, there is
/// no register to save: so this is not in `map`.
#[inline(never)]
fn arrived<'bio>(proxy: &Proxy, device: &Device<'_>, bio: &mut Bio<'bio>) -> Remapped<'bio> {
    let remapped = proxy.linear.map(device, bio);
    proxy.line.counters().arrived(bio);
    remapped
}

/// The end of a request that failed, is measured, or is of a rare operation.
#[inline(never)]
fn ended(proxy: &Proxy, bio: &EndedBio, status: &Status) -> Ended {
    if proxy.line.counters().measured_ended(bio, status) {
        Ended::DONE.opaque()
    } else {
        ended_otherwise(proxy, bio, status)
    }
}

/// The same of all but measured reads and writes that succeeded.
#[cold]
#[inline(never)]
fn ended_otherwise(proxy: &Proxy, bio: &EndedBio, status: &Status) -> Ended {
    proxy.line.counters().ended_otherwise(bio, status);
    Ended::DONE.opaque()
}
