// SPDX-License-Identifier: GPL-2.0

//! dmpstat: statistics of the requests that pass through dmp devices.
//!
//! From the kernel to the screen: [`sysfs`] finds the devices and reads their files. A [`snapshot`] has the
//! counters of one file, an [`interval`] the differences of two snapshots, and a [`column`] one number of an
//! interval. [`table`], [`json`] and [`csv`] print the columns, [`hist`] prints histograms, and [`show`]
//! prints a device in words. [`top`] draws the table and a histogram on the whole screen, and [`export`]
//! writes metrics for Prometheus.
//!
//! [`selection`] finds the devices of a command line, and [`sampling`] reads them interval after interval.
//! [`attach`] makes running volumes dmp devices.

#![warn(missing_docs)]

pub mod attach;
pub mod cli;
pub mod clock;
pub mod column;
pub mod csv;
pub mod error;
pub mod escape;
pub mod export;
pub mod hist;
pub mod histogram;
pub mod interval;
pub mod json;
pub mod lvm;
pub mod measure;
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

use crate::cli::arguments::{self, Arguments, Command, Switch};
use crate::error::Error;
use crate::hist::Hist;
use crate::measure::Measure;
use crate::outside::Outside;
use crate::sampling::Request;
use crate::selection::Selection;

/// Runs the program with these arguments. The first one is the program's name.
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

/// Writes a text into a file of each device. Writes nothing if a device is missing or cannot be read.
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
        // The devices behind one that fails are written as well.
        match (&result, written) {
            (Ok(()), written) => result = written,
            (Err(_), Err(error)) => outside.note(&error),
            (Err(_), Ok(())) => {}
        }
    }
    result
}
