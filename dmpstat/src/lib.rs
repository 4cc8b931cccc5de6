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
pub mod commands;
pub mod error;
pub mod export;
pub mod format;
pub mod model;
pub mod output;
pub mod outside;
pub mod problems;
pub mod sampling;
pub mod show;
pub mod source;
pub mod top;

use std::ffi::OsString;

use crate::attach::former;
use crate::cli::invocation::{Command, Invocation};
use crate::commands::counters;
use crate::error::Error;
use crate::outside::Outside;

/// Runs the program with these arguments. The first one is the program's name.
pub fn run<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let invocation = cli::parse(arguments)?;
    run_command(&invocation, outside).map_err(|error| former::explain(error, outside))
}

fn run_command(invocation: &Invocation, outside: &mut Outside<'_>) -> Result<(), Error> {
    match &invocation.command {
        None => commands::report::run(&invocation.report, outside),
        Some(Command::Hist(options)) => commands::hist::run(options, outside),
        Some(Command::Top(options)) => top::run(options, outside),
        Some(Command::Export(options)) => export::run(options, outside),
        Some(Command::Show { devices }) => show::run(devices, outside),
        Some(Command::Attach(options)) => attach::run::attach(options, outside),
        Some(Command::Detach { volumes }) => attach::run::detach(volumes, outside),
        Some(Command::Guard) => attach::run::guard(outside),
        Some(Command::Status) => attach::status::run(outside),
        Some(Command::Reset { devices }) => counters::reset(devices, outside),
        Some(Command::Latency { on, devices }) => counters::set_latency(*on, devices, outside),
    }
}
