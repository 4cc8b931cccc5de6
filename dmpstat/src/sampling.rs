// SPDX-License-Identifier: GPL-2.0

//! Reading the devices, interval after interval.

use std::collections::HashMap;
use std::ffi::OsString;

use crate::arguments::{Repeat, Reports};
use crate::attach::former;
use crate::column::Column;
use crate::error::Error;
use crate::interval::Interval;
use crate::outside::Outside;
use crate::report::{Report, Row};
use crate::selection::Selection;
use crate::snapshot::Snapshot;
use crate::sysfs::Machine;

/// Of what there are to be reports.
pub struct Request<'a> {
    /// Which devices, and when.
    pub reports: &'a Reports,
    /// By what they are sorted, those with the most first.
    pub sort: Option<&'static Column>,
    /// Whether it was latencies that were asked for.
    pub latencies: bool,
}

/// Writes reports until that was all or ^C.
pub fn run(
    request: &Request<'_>,
    report: &mut dyn Report,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let result = go(request, report, outside);
    // A document is whole also where it ends early.
    if !matches!(result, Err(Error::Output(_))) {
        let now = outside.clock.now();
        outside.print(|text| report.end(text, &now))?;
    }
    result
}

fn go(
    request: &Request<'_>,
    report: &mut dyn Report,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let repeat: Option<Repeat> = request.reports.repeat;
    let mut left = repeat.map_or(Some(1), |repeat| repeat.count);
    let mut sampling = Sampling::new(&request.reports.devices, repeat.is_some());
    loop {
        let first = sampling.is_first();
        let devices = match sampling.sample(outside.machine) {
            Err(error @ Error::NoDevices(_)) if repeat.is_some() => {
                let error = former::explain(error, outside);
                outside.note(&error);
                Vec::new()
            }
            devices => devices?,
        };
        let off: Vec<&Snapshot> = devices.iter().filter(|of| !of.latency).collect();
        if first && request.latencies && !off.is_empty() {
            outside.note(&unmeasured(&off));
        }
        if !(first && request.reports.omit_first && repeat.is_some()) {
            let rows = rows(request, &sampling, &devices);
            let now = outside.clock.now();
            outside.print(|text| report.write(text, &now, &rows))?;
            left = left.map(|left| left - 1);
        }
        let Some(repeat) = repeat.filter(|_| left != Some(0)) else {
            return Ok(());
        };
        sampling.keep(devices);
        if !outside.clock.wait(repeat.interval) {
            return Ok(());
        }
    }
}

/// What goes on between two reports.
pub struct Sampling {
    selection: Selection,
    waits: bool,
    /// The snapshots of the last time, by the devices' names in the kernel.
    before: Option<HashMap<String, Snapshot>>,
}

impl Sampling {
    /// Of these devices. Those that match a pattern may come later, if that is waited for.
    pub fn new(devices: &[OsString], waits: bool) -> Self {
        Self {
            selection: Selection::new(devices),
            waits,
            before: None,
        }
    }

    /// Whether there is no sample to which the next one could be compared.
    pub fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// The devices that are meant, in the order of their numbers. That there is none is an error the
    /// first time only.
    pub fn sample(&self, machine: &Machine) -> Result<Vec<Snapshot>, Error> {
        if self.is_first() {
            return self.selection.first(machine, self.waits);
        }
        let all = machine.snapshots(|device| self.selection.may_have(device))?;
        Ok(self.selection.filter(all, machine))
    }

    /// What passed through a device of the sample since the one before.
    pub fn interval(&self, device: &Snapshot) -> Interval {
        match &self.before {
            None => Interval::since_reset(device),
            Some(before) => Interval::between(before.get(&device.device), device),
        }
    }

    /// To this sample the next one is compared.
    pub fn keep(&mut self, devices: Vec<Snapshot>) {
        let named = devices
            .into_iter()
            .map(|device| (device.device.clone(), device));
        self.before = Some(named.collect());
    }
}

fn rows<'a>(request: &Request<'_>, sampling: &Sampling, devices: &'a [Snapshot]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = devices
        .iter()
        .map(|device| Row {
            device,
            interval: sampling.interval(device),
        })
        .filter(|row| !request.reports.omit_idle || !row.interval.is_idle())
        .collect();
    if let Some(column) = request.sort {
        rows.sort_by(|one, other| column.most_first(&one.interval, &other.interval));
    }
    rows
}

/// What to say where latencies were asked for of devices that do not measure them.
fn unmeasured(devices: &[&Snapshot]) -> String {
    let (which, names) = match devices {
        [device] => (device.shown_name(), device.device.as_str()),
        _ => (format!("{} devices", devices.len()), "DEVICE..."),
    };
    format!(
        "latencies of {which} are not measured: switch that on with \"dmpstat latency on {names}\""
    )
}
