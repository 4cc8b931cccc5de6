// SPDX-License-Identifier: GPL-2.0

//! dmpstat: what passes through dmp devices.
//!
//! From the kernel to the screen: [`sysfs`] finds the devices and reads their files, [`snapshot`] is
//! what one file says, [`interval`] is what lies between two of them, [`column`] is what of that can be
//! shown, and [`table`], [`json`] and [`csv`] show it; [`hist`]
//! and [`show`] show the rest, [`top`] all of it on the whole screen, and [`export`] tells it
//! Prometheus. [`selection`] is which devices, and [`sampling`] goes round. [`attach`] has volumes
//! counted.

#![warn(missing_docs)]

pub mod arguments;
pub mod attach;
pub mod clock;
pub mod column;
pub mod complete;
pub mod csv;
pub mod error;
pub mod escape;
pub mod export;
pub mod hist;
pub mod histogram;
pub mod interval;
pub mod json;
pub mod lvm;
pub mod manual;
pub mod operation;
pub mod output;
pub mod outside;
pub mod problems;
pub mod report;
pub mod sampling;
pub mod selection;
pub mod show;
pub mod snapshot;
pub mod sysfs;
pub mod table;
pub mod top;
pub mod units;

use std::ffi::OsString;

use crate::arguments::{Arguments, Command, Measure, Switch};
use crate::error::Error;
use crate::hist::Hist;
use crate::outside::Outside;
use crate::sampling::Request;
use crate::selection::Selection;

/// Runs the program with these arguments, the first of which is its name.
pub fn run<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let arguments = arguments::parse(arguments)?;
    run_command(&arguments, outside).map_err(|error| attach::former::explain(error, outside))
}

fn run_command(arguments: &Arguments, outside: &mut Outside<'_>) -> Result<(), Error> {
    match &arguments.command {
        None => {
            let mut report = report::of(arguments, outside.machine);
            let request = Request {
                reports: &arguments.reports,
                sort: arguments.table.columns.sort,
                latencies: arguments.table.columns.asks_for_latencies(),
            };
            sampling::run(&request, report.as_mut(), outside)
        }
        Some(Command::Hist(options)) => {
            let request = Request {
                reports: &options.reports,
                sort: None,
                latencies: options.what == Measure::Latency,
            };
            sampling::run(&request, &mut Hist::new(options), outside)
        }
        Some(Command::Top(options)) => top::run(options, outside),
        Some(Command::Export(options)) => export::run(options, outside),
        Some(Command::Show { devices }) => show::run(devices, outside),
        Some(Command::Attach(options)) => attach::attach(options, outside),
        Some(Command::Detach { volumes }) => attach::detach(volumes, outside),
        Some(Command::Guard) => attach::guard(outside),
        Some(Command::Status) => attach::status::run(outside),
        Some(Command::Reset { devices }) => write(devices, "reset", "1", outside),
        Some(Command::Latency { switch, devices }) => write(
            devices,
            "latency",
            if *switch == Switch::On { "1" } else { "0" },
            outside,
        ),
    }
}

/// Writes a file of each device, once it is known that all are there.
fn write(
    devices: &[OsString],
    file: &str,
    text: &str,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let devices = Selection::new(devices).first(outside.machine, false)?;
    let devices = devices.whole()?;
    let mut result = Ok(());
    for device in devices {
        let written = outside.machine.write(&device.device, file, text);
        // A device that fails keeps none behind it as it is.
        match (&result, written) {
            (Ok(()), written) => result = written,
            (Err(_), Err(error)) => outside.note(&error),
            (Err(_), Ok(())) => {}
        }
    }
    result
}
