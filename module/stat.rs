// SPDX-License-Identifier: GPL-2.0

//! The files of a mapped device, in /sys/module/dmp/stat/dm-N.

mod files;

use crate::{
    counters::Counters,
    measurement::Measurement,
    operation::Operation,
    snapshot::{
        Counted,
        Device,
        OperationCounted, //
    },
    statistic::Statistic,
    summary::write_volumes,
    wrappers::{
        dm::DeviceNumber,
        output::Output,
        percpu::Wait,
        sysfs,
        text::Text, //
    }, //
};
use core::fmt::Write;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The data of stat/dm-N/: one mapped device.
pub(crate) struct Volume {
    device: DeviceNumber,
    counters: Arc<Counters>,
}

impl Volume {
    pub(crate) fn new(device: DeviceNumber, counters: Arc<Counters>) -> Self {
        Self { device, counters }
    }

    /// Returns the device's counters.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    fn show_volumes(&self, out: &mut Output<'_>) -> Result {
        let sums = self.counters.volumes();
        Ok(write_volumes(out, Operation::NAMES.into_iter().zip(sums))?)
    }

    fn show_name(&self, out: &mut Output<'_>) -> Result {
        out.write_bytes(self.device.identity()?.name())?;
        Ok(out.write_char('\n')?)
    }

    fn show_uuid(&self, out: &mut Output<'_>) -> Result {
        out.write_bytes(self.device.identity()?.uuid())?;
        Ok(out.write_char('\n')?)
    }

    /// Returns the whole text of `snapshot`.
    fn snapshot(&self) -> Result<Text> {
        let mut counted = KBox::new(Counted::NONE, GFP_KERNEL)?;
        let identity = self.device.identity()?;
        self.counters.all_counted(&mut counted);
        let device = Device {
            disk: identity.disk_name(),
            name: identity.name(),
            uuid: identity.uuid(),
            diskseq: identity.diskseq(),
        };
        let mut text = Text::new();
        counted
            .write(&mut text, &device, Operation::NAMES)
            .map_err(|_| ENOMEM)?;
        Ok(text)
    }

    fn store_reset(&self, text: &str) -> Result {
        match text {
            "1" => self.counters.reset(Wait::Allowed),
            _ => Err(EINVAL),
        }
    }
}

/// Shows 1 while a measurement is on, else 0.
fn show_measurement(out: &mut Output<'_>, volume: &Volume, measurement: Measurement) -> Result {
    let on = volume.counters.measurements().has(measurement);
    show_number(out, on.into())
}

/// Switches a measurement.
fn store_measurement(text: &str, volume: &Volume, measurement: Measurement) -> Result {
    let on = match text {
        "0" => false,
        "1" => true,
        _ => return Err(EINVAL),
    };
    volume.counters.measure(measurement, on, Wait::Allowed)
}

/// Returns the counters of an operation. Fails with `ENODATA` if the operation is unmeasured, because 0 would
/// look like a count.
fn counted(volume: &Volume, operation: Operation) -> Result<OperationCounted> {
    let (counted, _) = volume.counters.counted(operation).ok_or(sysfs::no_data())?;
    Ok(counted)
}

/// Returns the counters of an operation with this measurement. Fails with `ENODATA` while it is off.
fn measured(
    volume: &Volume,
    operation: Operation,
    measurement: Measurement,
) -> Result<OperationCounted> {
    match volume.counters.counted(operation) {
        Some((counted, on)) if on.has(measurement) => Ok(counted),
        _ => Err(sysfs::no_data()),
    }
}

/// Shows a statistic of an operation. Fails with `ENODATA` if it is not measured.
fn show(
    out: &mut Output<'_>,
    volume: &Volume,
    operation: Operation,
    statistic: Statistic,
) -> Result {
    let value = counted(volume, operation)?.values.get(statistic);
    show_number(out, value.ok_or(sysfs::no_data())?)
}

fn show_number(out: &mut Output<'_>, number: u64) -> Result {
    Ok(writeln!(out, "{number}")?)
}
