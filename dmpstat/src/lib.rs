// SPDX-License-Identifier: GPL-2.0

//! dmpstat: statistics of the requests that pass through dmp devices.
//!
//! The layers. Each uses only the layers below it:
//!
//! - [`cli`] reads the command line, and makes the options of the commands.
//! - [`commands`] read devices, and print, draw or export them.
//! - [`attach`] puts dmp lines into the tables of running volumes.
//! - [`format`] writes reports, and [`environment`] has the machine, the clock and the output of a command.
//! - [`record`] has the files of recordings, which replace the machine for commands that read.
//! - [`source`] reads devices.
//! - [`error`] has the errors of all, and [`model`] the numbers of devices.

#![warn(missing_docs)]

pub mod attach;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod environment;
pub mod error;
pub mod format;
pub mod model;
pub mod output;
pub mod record;
pub mod source;

use crate::attach::former;
use crate::cli::invocation::{Command, Invocation};
use crate::commands::check::Status;
use crate::commands::{check, counters, export, heatmap, hist, page, report, show, top};
use crate::environment::Environment;
use crate::error::Error;
use crate::record::player::{Playing, Request};
use crate::source::sysfs::Machine;

/// Runs the program with these options, and returns the exit status.
pub fn run(invocation: &Invocation, environment: &mut Environment<'_>) -> Result<u8, Error> {
    let result = match &invocation.recording {
        None => run_command(invocation, environment),
        Some(request) => run_recording(request, invocation, environment),
    };
    result.map_err(|error| match invocation.recording {
        None => former::explain(error, environment),
        Some(_) => error,
    })
}

/// Runs a command that reads a recording in place of the machine.
fn run_recording(
    request: &Request,
    invocation: &Invocation,
    environment: &mut Environment<'_>,
) -> Result<u8, Error> {
    let player = environment.open(request)?;
    let machine = Machine::without_files();
    let mut clock = Playing::new(&player, environment.clock);
    let mut environment = Environment {
        machine: &machine,
        recording: Some(&player),
        clock: &mut clock,
        out: environment.out,
        notes: environment.notes,
        has_blocks: environment.has_blocks,
        width: environment.width,
    };
    run_command(invocation, &mut environment)
}

fn run_command(invocation: &Invocation, environment: &mut Environment<'_>) -> Result<u8, Error> {
    let result = match &invocation.command {
        // Only a check succeeds with other exit statuses than 0.
        Some(Command::Check(options)) => {
            return check::run(options, environment).map(Status::code);
        }
        None => report::run(&invocation.report, environment),
        Some(Command::Hist(options)) => hist::run(options, environment),
        Some(Command::Heatmap(options)) => heatmap::run(options, environment),
        Some(Command::Top(options)) => top::run(options, environment),
        Some(Command::Export(options)) => export::run(options, environment),
        Some(Command::Record(options)) => commands::record::run(options, environment),
        Some(Command::Report(options)) => page::run(options, environment),
        Some(Command::Show { devices }) => show::run(devices, environment),
        Some(Command::Attach(options)) => attach::run::attach(options, environment),
        Some(Command::Detach { volumes }) => attach::run::detach(volumes, environment),
        Some(Command::Guard) => attach::run::guard(environment),
        Some(Command::Status) => attach::status::run(environment),
        Some(Command::Reset { devices }) => counters::reset(devices, environment),
        Some(Command::Measure {
            measurements,
            on,
            devices,
        }) => counters::measure(measurements, *on, devices, environment),
    };
    result.map(|()| 0)
}
