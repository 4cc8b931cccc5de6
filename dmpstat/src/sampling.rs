// SPDX-License-Identifier: GPL-2.0

//! Reading all devices, interval after interval.

use std::collections::HashMap;
use std::io::Write;

use crate::arguments::Arguments;
use crate::clock::Clock;
use crate::error::Error;
use crate::interval::Interval;
use crate::snapshot::Snapshot;
use crate::sysfs::Machine;
use crate::table::{Row, Table};

/// Shows what was asked for, until that was all or ^C.
pub fn run(
    arguments: &Arguments,
    machine: &Machine,
    clock: &mut dyn Clock,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Error> {
    let options = &arguments.table;
    let mut table = Table::new(options);
    let mut left = match arguments.repeat {
        Some(repeat) => repeat.count,
        None => Some(1),
    };
    // By their names in the kernel.
    let mut before: Option<HashMap<String, Snapshot>> = None;
    loop {
        let devices = sample(machine)?;
        let first = before.is_none();
        if first && devices.is_empty() {
            match arguments.repeat {
                None => return Err(Error::NoDevices),
                Some(_) => _ = writeln!(notes, "dmpstat: {}", Error::NoDevices),
            }
        }
        if !(first && options.omit_first && arguments.repeat.is_some()) {
            let mut rows: Vec<Row<'_>> = devices
                .iter()
                .map(|device| Row {
                    device,
                    interval: match &before {
                        None => Interval::since_reset(device),
                        Some(before) => Interval::between(before.get(&device.device), device),
                    },
                })
                .filter(|row| !options.omit_idle || !row.interval.is_idle())
                .collect();
            if let Some(column) = options.sort {
                let key = |row: &Row<'_>| {
                    column
                        .value(&row.interval, Default::default())
                        .unwrap_or(-1.0)
                };
                rows.sort_by(|one, other| key(other).total_cmp(&key(one)));
            }
            let mut text = Vec::new();
            table
                .write(&mut text, &clock.now(), &rows)
                .and_then(|()| out.write_all(&text))
                .and_then(|()| out.flush())
                .map_err(Error::Output)?;
            left = left.map(|left| left - 1);
        }
        let Some(repeat) = arguments.repeat.filter(|_| left != Some(0)) else {
            return Ok(());
        };
        before = Some(
            devices
                .into_iter()
                .map(|device| (device.device.clone(), device))
                .collect(),
        );
        if !clock.wait(repeat.interval) {
            return Ok(());
        }
    }
}

/// All devices, by their numbers.
fn sample(machine: &Machine) -> Result<Vec<Snapshot>, Error> {
    let mut devices = Vec::new();
    for device in machine.devices()? {
        devices.extend(machine.snapshot(&device)?);
    }
    Ok(devices)
}
