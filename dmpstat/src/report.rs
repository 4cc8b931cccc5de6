// SPDX-License-Identifier: GPL-2.0

//! What a report of an interval is made of, in whatever form.

use std::io::{self, Write};

use jiff::Zoned;

use crate::arguments::{Arguments, Format};
use crate::csv::Csv;
use crate::interval::Interval;
use crate::json::{Lines, Sysstat};
use crate::snapshot::Snapshot;
use crate::sysfs::Machine;
use crate::table::Table;

/// A device in a report.
pub struct Row<'a> {
    /// The device.
    pub device: &'a Snapshot,
    /// What passed through it.
    pub interval: Interval,
}

impl Row<'_> {
    /// What the device is called: its name, or dm-N.
    pub fn title(&self, numbers: bool) -> String {
        match numbers {
            true => self.device.device.clone(),
            false => self.device.shown_name(),
        }
    }
}

/// A form of reports.
pub trait Report {
    /// Writes what passed through the devices.
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()>;

    /// Tells if a report without a device is left out.
    fn needs_devices(&self) -> bool {
        false
    }

    /// Writes what comes behind the last report, if there was any.
    fn end(&mut self, _: &mut dyn Write, _: &Zoned) -> io::Result<()> {
        Ok(())
    }
}

/// The form that was asked for.
pub fn of(arguments: &Arguments, machine: &Machine) -> Box<dyn Report> {
    let (options, reports) = (&arguments.table, &arguments.reports);
    match options.format() {
        Format::Table => Box::new(Table::new(&options.columns, reports)),
        Format::JsonLines => Box::new(Lines::new(options)),
        Format::Sysstat => Box::new(Sysstat::new(options, reports, machine.clone())),
        Format::Csv => Box::new(Csv::new(options)),
    }
}

/// The time as programs read it.
pub fn timestamp(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
