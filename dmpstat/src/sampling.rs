// SPDX-License-Identifier: GPL-2.0

//! Reading the devices, interval after interval.

use std::collections::HashMap;

use crate::arguments::{Repeat, Reports};
use crate::column::{Column, Unit};
use crate::error::Error;
use crate::interval::Interval;
use crate::outside::Outside;
use crate::report::{Report, Row};
use crate::selection::Selection;
use crate::snapshot::Snapshot;

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
    let mut sampling = Sampling {
        selection: Selection::new(&request.reports.devices),
        request,
        before: None,
    };
    let result = sampling.go(report, outside);
    // A document is whole also where it ends early.
    if !matches!(result, Err(Error::Output(_))) {
        let now = outside.clock.now();
        outside.print(|text| report.end(text, &now))?;
    }
    result
}

/// What goes on between two reports.
struct Sampling<'a> {
    selection: Selection,
    request: &'a Request<'a>,
    /// The snapshots of the last time, by the devices' names in the kernel.
    before: Option<HashMap<String, Snapshot>>,
}

impl Sampling<'_> {
    fn go(&mut self, report: &mut dyn Report, outside: &mut Outside<'_>) -> Result<(), Error> {
        let repeat: Option<Repeat> = self.request.reports.repeat;
        let mut left = repeat.map_or(Some(1), |repeat| repeat.count);
        loop {
            let devices = self.sample(outside)?;
            let unwanted =
                self.request.reports.omit_first && repeat.is_some() && self.before.is_none();
            if !unwanted {
                let rows = self.rows(&devices);
                let now = outside.clock.now();
                outside.print(|text| report.write(text, &now, &rows))?;
                left = left.map(|left| left - 1);
            }
            let Some(repeat) = repeat.filter(|_| left != Some(0)) else {
                return Ok(());
            };
            let named = devices
                .into_iter()
                .map(|device| (device.device.clone(), device));
            self.before = Some(named.collect());
            if !outside.clock.wait(repeat.interval) {
                return Ok(());
            }
        }
    }

    /// The devices that are meant, in the order of their numbers.
    fn sample(&self, outside: &mut Outside<'_>) -> Result<Vec<Snapshot>, Error> {
        let waits = self.request.reports.repeat.is_some();
        if self.before.is_some() {
            let all = outside
                .machine
                .snapshots(|device| self.selection.may_have(device))?;
            return Ok(self.selection.filter(all, outside.machine));
        }
        match self.selection.first(outside.machine, waits) {
            Err(Error::NoDevices) if waits => {
                outside.note(&Error::NoDevices);
                Ok(Vec::new())
            }
            Ok(devices) => {
                let off: Vec<&Snapshot> = devices.iter().filter(|of| !of.latency).collect();
                if self.request.latencies && !off.is_empty() {
                    outside.note(&unmeasured(&off));
                }
                Ok(devices)
            }
            Err(error) => Err(error),
        }
    }

    fn rows<'a>(&self, devices: &'a [Snapshot]) -> Vec<Row<'a>> {
        let interval = |device: &Snapshot| match &self.before {
            None => Interval::since_reset(device),
            Some(before) => Interval::between(before.get(&device.device), device),
        };
        let mut rows: Vec<Row<'a>> = devices
            .iter()
            .map(|device| Row {
                device,
                interval: interval(device),
            })
            .filter(|row| !self.request.reports.omit_idle || !row.interval.is_idle())
            .collect();
        if let Some(column) = self.request.sort {
            // Those of which it is not known come last.
            let key = |row: &Row<'_>| column.value(&row.interval, Unit::default()).unwrap_or(-1.0);
            rows.sort_by(|one, other| key(other).total_cmp(&key(one)));
        }
        rows
    }
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
