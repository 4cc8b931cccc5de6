// SPDX-License-Identifier: GPL-2.0

//! Reading the devices, interval after interval.

use std::collections::HashMap;
use std::io::Write;

use crate::arguments::{Arguments, Repeat, Table as Options};
use crate::clock::Clock;
use crate::error::Error;
use crate::interval::Interval;
use crate::report::{self, Report, Row};
use crate::selection::Selection;
use crate::snapshot::Snapshot;
use crate::sysfs::Machine;

/// Shows what was asked for, until that was all or ^C.
pub fn run(
    arguments: &Arguments,
    machine: &Machine,
    clock: &mut dyn Clock,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Error> {
    let mut report = report::of(&arguments.table, machine);
    let mut sampling = Sampling {
        selection: Selection::new(&arguments.devices),
        machine,
        repeat: arguments.repeat,
        before: None,
    };
    let result = sampling.go(&arguments.table, report.as_mut(), clock, out, notes);
    // A document is whole also where it ends early.
    if !matches!(result, Err(Error::Output(_))) {
        write(out, |text| report.end(text))?;
    }
    result
}

/// What goes on between two reports.
struct Sampling<'a> {
    selection: Selection,
    machine: &'a Machine,
    repeat: Option<Repeat>,
    /// The snapshots of the last time, by the devices' names in the kernel.
    before: Option<HashMap<String, Snapshot>>,
}

impl Sampling<'_> {
    fn go(
        &mut self,
        options: &Options,
        report: &mut dyn Report,
        clock: &mut dyn Clock,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), Error> {
        let mut left = self.repeat.map_or(Some(1), |repeat| repeat.count);
        loop {
            let devices = self.sample(notes)?;
            let unwanted = options.omit_first && self.repeat.is_some() && self.before.is_none();
            if !unwanted {
                let rows = self.rows(&devices, options);
                write(out, |text| report.write(text, &clock.now(), &rows))?;
                left = left.map(|left| left - 1);
            }
            let Some(repeat) = self.repeat.filter(|_| left != Some(0)) else {
                return Ok(());
            };
            let named = devices
                .into_iter()
                .map(|device| (device.device.clone(), device));
            self.before = Some(named.collect());
            if !clock.wait(repeat.interval) {
                return Ok(());
            }
        }
    }

    /// The devices that are meant, in the order of their numbers.
    fn sample(&self, notes: &mut dyn Write) -> Result<Vec<Snapshot>, Error> {
        let mut all = Vec::new();
        for device in self.machine.devices()? {
            if self.before.is_none() || self.selection.may_have(&device) {
                all.extend(self.machine.snapshot(&device)?);
            }
        }
        if self.before.is_none() {
            let waits = self.repeat.is_some();
            match all.is_empty() {
                true if !waits => return Err(Error::NoDevices),
                true => _ = writeln!(notes, "dmpstat: {}", Error::NoDevices),
                false => self.selection.check(&all, self.machine, waits)?,
            }
        }
        Ok(self.selection.filter(all, self.machine))
    }

    fn rows<'a>(&self, devices: &'a [Snapshot], options: &Options) -> Vec<Row<'a>> {
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
            .filter(|row| !options.omit_idle || !row.interval.is_idle())
            .collect();
        if let Some(column) = options.sort {
            // Those of which it is not known come last.
            let key = |row: &Row<'_>| column.value(&row.interval, options.unit()).unwrap_or(-1.0);
            rows.sort_by(|one, other| key(other).total_cmp(&key(one)));
        }
        rows
    }
}

/// Writes it all at once, so that who reads a pipe gets whole reports.
fn write(
    out: &mut dyn Write,
    what: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> Result<(), Error> {
    let mut text = Vec::new();
    what(&mut text)
        .and_then(|()| out.write_all(&text))
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}
