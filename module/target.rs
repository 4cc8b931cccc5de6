// SPDX-License-Identifier: GPL-2.0

//! The target: a proxy that passes every bio on to the underlying device and counts it.

use crate::{
    counters::Counters,
    lines::Count,
    measurement::Measurement,
    operation::Operation,
    registry::{
        Line,
        Registry, //
    },
    req_op::Common,
    summary::write_status,
    table_line::{
        self,
        Arguments,
        Options, //
    },
    version::VERSION,
    wrappers::{
        bio::{
            Bio,
            EndedBio,
            Sector,
            Status, //
        },
        dm::{
            self,
            linear::{
                self,
                Linear, //
            },
            Callout,
            Device,
            DmTarget,
            Ended,
            Features,
            Ioctl,
            Iterated,
            Mapped,
            Refusal,
            StatusType,
            TableLine,
            Target,
            Zones, //
        },
        output::Output,
        percpu::Wait, //
    }, //
};
use core::{
    ffi::CStr,
    fmt::{
        self,
        Write, //
    }, //
};
use kernel::{
    error::code::EINVAL,
    prelude::*, //
};

/// One dmp line of a table.
pub(crate) struct Proxy {
    /// The mapping of the line's sectors to the underlying device.
    linear: Linear,
    /// The options in the line.
    options: Options,
    /// The line's part in its mapped device's statistics.
    line: Line,
}

#[vtable]
impl Target for Proxy {
    const NAME: &'static CStr = c"dmp";
    const VERSION: [u32; 3] = VERSION;
    const FEATURES: Features = linear::FEATURES;
    const ALIAS: Option<&'static CStr> = Some(c"linear");
    const MEASURES_TIME: bool = true;
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
        let options = args.options;
        let device = line
            .open(args.device)
            .map_err(|errno| (errno, c"<device> cannot be opened"))?;
        // Device mapper accepts a device of size 0, because the device may get its size later.
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
                options.measurements(),
                Count::line(options),
            )
            .map_err(no_memory)?;
        let linear = Linear::new(line, args.offset);
        // One flush for each disk is enough: it makes all writes from the table's lines to the disk durable.
        if !part.is_first_on(device.number()).map_err(no_memory)? {
            line.set_num_flush_bios(0);
        }
        if options.flush_bypass {
            line.set_flush_bypasses_map();
        }
        if options.as_linear {
            line.show_alias();
        }
        let proxy = Self {
            linear,
            options,
            line: part,
        };
        Ok((proxy, device))
    }

    #[inline(always)]
    fn map<'bio>(&self, _ti: &DmTarget, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
        let counters = self.line.counters();
        let size = bio.size();
        match Common::of(bio.op()) {
            Some(operation) if counters.only_counts(size) => {
                counters.count(operation, size);
                // This is last, because it calls a function where control groups are configured: no value has
                // to be kept over the call.
                Mapped::remapped(self.linear.map(device, bio))
            }
            Some(operation) => measured_arrived(self, bio, operation, counters, device, size),
            None => arrived(self, device, bio),
        }
    }

    #[inline(always)]
    fn end_io(&self, _ti: &DmTarget, bio: &EndedBio, error: &Status) -> Ended {
        // Most requests have no stamp and succeed: one comparison finds both.
        if bio.private() | error.number() != 0 {
            completed(self, bio, error)
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
            StatusType::Info if self.options.as_linear => Ok(()),
            StatusType::Info => {
                let (sums, on) = self.line.counters().sums();
                write_status(out, Operation::NAMES.into_iter().zip(sums), on.latency)
            }
            StatusType::Table => {
                write!(out, "{name} {offset}")?;
                if self.options.as_linear {
                    return Ok(());
                }
                let measurements = self.line.measurements();
                self.options.with_measurements(measurements).write(out)
            }
            StatusType::Ima => {
                dm::target_name_and_version::<Self>(out)?;
                write!(out, ",device_name={name},start={offset};")
            }
        }
    }

    fn message<'a>(&self, _ti: &DmTarget, mut args: impl Iterator<Item = &'a CStr>) -> Result {
        let words = [args.next(), args.next(), args.next()].map(|w| w.map(CStr::to_bytes));
        let counters = self.line.counters();
        // An allocation must not wait for other tasks: a suspend waits for the message, and those tasks may
        // wait for I/O that waits for the resume.
        let wait = Wait::Never;
        match words {
            [Some(b"reset"), None, _] => counters.reset(wait),
            [Some(name), Some(word @ (b"on" | b"off")), None] => {
                let measurement = Measurement::from_name(name).ok_or_else(unexpected)?;
                counters.measure(measurement, word == b"on", wait)
            }
            _ => Err(unexpected()),
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

/// Logs a message that is none of those expected, and returns its errno.
fn unexpected() -> Error {
    pr_err!("message: expected \"reset\", \"latency on|off\" or \"pattern on|off\"\n");
    EINVAL
}

/// Counts and stamps a read or write that is measured. Kept out of `map`, because a function without calls
/// saves no registers.
///
/// RDTSCP overwrites the registers of the third and the fourth argument, whose last use is before it.
#[inline(never)]
fn measured_arrived<'bio>(
    proxy: &Proxy,
    bio: &mut Bio<'bio>,
    operation: Common,
    counters: &Counters,
    device: &Device<'_>,
    size: u32,
) -> Mapped<'bio> {
    if !counters.count_and_stamp(operation, size, bio) {
        return arrived_in_pattern(proxy, bio, operation, counters, device, size);
    }
    Mapped::remapped(proxy.linear.map(device, bio)).opaque()
}

/// Counts a read or write that [`Counters::count_and_stamp`] did not count.
#[inline(never)]
fn arrived_in_pattern<'bio>(
    proxy: &Proxy,
    bio: &mut Bio<'bio>,
    operation: Common,
    counters: &Counters,
    device: &Device<'_>,
    size: u32,
) -> Mapped<'bio> {
    if !counters.count_pattern(operation, size, bio) {
        return measured_arrived_in_pattern(proxy, bio, operation, counters, device, size);
    }
    Mapped::remapped(proxy.linear.map(device, bio)).opaque()
}

/// Counts and stamps a read or write that neither of the two functions before counted.
#[inline(never)]
fn measured_arrived_in_pattern<'bio>(
    proxy: &Proxy,
    bio: &mut Bio<'bio>,
    operation: Common,
    counters: &Counters,
    device: &Device<'_>,
    size: u32,
) -> Mapped<'bio> {
    if !counters.count_pattern_and_stamp(operation, size, bio) {
        return arrived_by_ktime(proxy, bio, operation, counters, device, size);
    }
    Mapped::remapped(proxy.linear.map(device, bio)).opaque()
}

/// Counts and stamps a read or write that no fast path counted.
#[inline(never)]
fn arrived_by_ktime<'bio>(
    proxy: &Proxy,
    bio: &mut Bio<'bio>,
    operation: Common,
    counters: &Counters,
    device: &Device<'_>,
    size: u32,
) -> Mapped<'bio> {
    if !counters.count_and_stamp_by_ktime(operation, size, bio) {
        counters.arrived(bio);
    }
    Mapped::remapped(proxy.linear.map(device, bio)).opaque()
}

/// Counts and stamps a request that is neither a read nor a write.
#[cold]
#[inline(never)]
fn arrived<'bio>(proxy: &Proxy, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
    proxy.line.counters().arrived(bio);
    Mapped::remapped(proxy.linear.map(device, bio)).opaque()
}

/// Counts the end of a request that failed or carries a stamp: a measured one, or one of a rare operation.
#[inline(never)]
fn completed(proxy: &Proxy, bio: &EndedBio, status: &Status) -> Ended {
    if !status.is_ok() {
        completed_otherwise(proxy, bio, *status)
    } else if proxy.line.counters().common_completed(bio) {
        Ended::DONE.opaque()
    } else {
        completed_by_ktime(proxy, bio)
    }
}

/// Counts the end of a successful request that [`Counters::common_completed`] did not count.
#[inline(never)]
fn completed_by_ktime(proxy: &Proxy, bio: &EndedBio) -> Ended {
    if proxy.line.counters().common_completed_by_ktime(bio) {
        Ended::DONE.opaque()
    } else {
        completed_otherwise(proxy, bio, Status::OK)
    }
}

/// Counts the end of a request that failed, or that neither fast path counted.
#[cold]
#[inline(never)]
fn completed_otherwise(proxy: &Proxy, bio: &EndedBio, status: Status) -> Ended {
    proxy.line.counters().completed(bio, status);
    Ended::DONE.opaque()
}
