// SPDX-License-Identifier: GPL-2.0

//! Counters for Prometheus: on stdout, in a file, or by HTTP.
//!
//! [`volumes`] has the devices, their names and their [`mounts`], [`listed`] those of attach.conf, and
//! [`totals`] the counters of groups. [`metrics`] writes their counters as metrics, of which [`series`] has the
//! choice and [`text`] the form. [`process`] has the metrics of the exporter's own process, and [`boot`] the
//! time of the boot. [`exporter`] uses all of these. [`textfile`] and [`server`] deliver the metrics, and
//! [`address`] has the address of the server.

pub mod address;
pub mod boot;
pub mod exporter;
pub mod listed;
pub mod metrics;
pub mod mounts;
pub mod process;
pub mod series;
pub mod server;
pub mod text;
pub mod textfile;
pub mod totals;
pub mod volumes;

use std::net::TcpListener;
use std::time::Duration;

use crate::commands::export::address::Address;
use crate::commands::export::exporter::{Exporter, Options};
use crate::commands::export::server::Limits;
use crate::commands::export::text::Form;
use crate::commands::export::volumes::Reading;
use crate::commands::problems::Told;
use crate::environment::Environment;
use crate::error::Error;

/// Writes the metrics once or repeatedly, or serves them until a signal comes.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let boot = environment.recording.map(|recording| {
        let now = recording.now().timestamp().as_nanosecond() as f64 / 1e9;
        now - recording.boottime().as_secs_f64()
    });
    let exporter = Exporter::new(options, environment.machine).with_boot(boot);
    // An exporter that keeps running waits for the module and for devices.
    let waits = options.listen.is_some() || options.repeat.is_some();
    let first = exporter.first(environment.devices(), waits)?;
    match (&options.listen, &options.textfile) {
        (Some(address), _) => listen(address, exporter, first, environment),
        (_, Some(file)) => textfile::run(file, options.repeat, first, &exporter, environment),
        _ => print(first, &exporter, environment),
    }
}

/// Prints the readable volumes, and fails if there are others.
fn print(
    reading: Reading,
    exporter: &Exporter,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let written = exporter.write(&reading.volumes, Form::Classic, &mut *environment.out);
    written.map_err(Error::Output)?;
    let mut problems = reading.problems;
    let failed = problems.pop();
    problems.extend(reading.invalid_lines);
    Told::default().tell(problems, environment);
    failed.map_or(Ok(()), Err)
}

fn listen(
    address: &Address,
    exporter: Exporter,
    mut first: Reading,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let mut told = Told::default();
    told.tell(first.all_problems(), environment);
    let (listeners, notes) = address.listen()?;
    let listening = listeners.iter().map(listening);
    for note in notes.into_iter().chain(listening) {
        environment.note(&note);
    }
    let has_ended = || !environment.clock.wait(Duration::ZERO);
    let served = server::run(listeners, exporter, told, Limits::default(), has_ended);
    served.map_err(|source| address.failed(source))
}

fn listening(listener: &TcpListener) -> String {
    match listener.local_addr() {
        Ok(address) => format!("listening on http://{address}/metrics"),
        Err(error) => format!("listening on a socket of unknown address: {error}"),
    }
}
