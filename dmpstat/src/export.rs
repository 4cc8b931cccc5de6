// SPDX-License-Identifier: GPL-2.0

//! Counters for Prometheus: on stdout, in a file, or by HTTP.
//!
//! [`volumes`] has the devices and their names, and [`metrics`] writes their counters as metrics. [`created`]
//! adds the times at which counting began, and [`process`] has the metrics of the exporter's own process.
//! [`textfile`] and [`server`] bring the metrics to their readers.

pub mod created;
pub mod metrics;
pub mod process;
pub mod server;
pub mod textfile;
pub mod volumes;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::clock::Repeat;
use crate::error::Error;
use crate::export::created::Boot;
use crate::export::metrics::{Choice, Form};
use crate::export::process::Process;
use crate::export::server::{Address, Limits};
use crate::export::volumes::{Reading, Volumes};
use crate::outside::Outside;
use crate::problems::Told;
use crate::selection::Selection;
use crate::sysfs::Machine;

/// The size of a write, in bytes.
const PIECE: usize = 32 << 10;

/// The options of an export.
#[derive(Debug)]
pub struct Options {
    /// The devices, as they were written; empty for all.
    pub devices: Vec<OsString>,
    /// The interval and the count of writes of the file.
    pub repeat: Option<Repeat>,
    /// The choice of series.
    pub choice: Choice,
    /// The file that the metrics are written into.
    pub textfile: Option<PathBuf>,
    /// The address at which the metrics are served.
    pub listen: Option<Address>,
}

/// Writes the metrics once, or again and again, or serves them until a signal comes.
pub fn run(options: &Options, outside: &mut Outside<'_>) -> Result<(), Error> {
    let exporter = Exporter::new(options, outside.machine);
    // An exporter that keeps running waits for the module and for devices.
    let waits = options.listen.is_some() || options.repeat.is_some();
    let first = Reading::first(outside.machine, &exporter.selection, waits)?;
    match (&options.listen, &options.textfile) {
        (Some(address), _) => listen(address, exporter, first.problems, outside),
        (_, Some(file)) => textfile::run(file, options.repeat, first, &exporter, outside),
        _ => print(first, &exporter, outside),
    }
}

/// Prints the volumes that could be read, and fails if there are others.
fn print(reading: Reading, exporter: &Exporter, outside: &mut Outside<'_>) -> Result<(), Error> {
    // The text is written piece by piece: with many devices it is more than should be in memory.
    let mut out = BufWriter::with_capacity(PIECE, &mut *outside.out);
    let written = exporter.write(reading.volumes, Form::Classic, &mut out);
    written.and_then(|()| out.flush()).map_err(Error::Output)?;
    drop(out);
    let mut problems = reading.problems;
    let failed = problems.pop();
    Told::default().tell(problems, outside);
    failed.map_or(Ok(()), Err)
}

fn listen(
    address: &Address,
    exporter: Exporter,
    problems: Vec<Error>,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let mut told = Told::default();
    told.tell(problems, outside);
    let (listeners, notes) = address.listen()?;
    let listening = listeners.iter().map(listening);
    for note in notes.into_iter().chain(listening) {
        outside.note(&note);
    }
    let ended = || !outside.clock.wait(Duration::ZERO);
    let served = server::run(listeners, exporter, told, Limits::default(), ended);
    served.map_err(|source| address.failed(source))
}

fn listening(listener: &TcpListener) -> String {
    match listener.local_addr() {
        Ok(address) => format!("listening on http://{address}/metrics"),
        Err(error) => format!("listening on what does not say its address: {error}"),
    }
}

/// An exporter: it reads volumes and writes their metrics, again and again.
#[derive(Debug)]
pub struct Exporter {
    machine: Machine,
    selection: Selection,
    choice: Choice,
    boot: Mutex<Boot>,
    /// Metrics of this process are written as well. In a text file they would be taken for node_exporter's.
    process: bool,
}

impl Exporter {
    /// Makes the exporter that the command line asks for.
    pub fn new(options: &Options, machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
            selection: Selection::new(&options.devices),
            choice: options.choice.clone(),
            boot: Mutex::default(),
            process: options.listen.is_some(),
        }
    }

    /// Reads the volumes.
    pub fn read(&self) -> Reading {
        Reading::next(&self.machine, &self.selection)
    }

    /// Writes them as metrics.
    pub fn write(&self, volumes: Volumes, form: Form, out: &mut dyn Write) -> io::Result<()> {
        let mut out = Text { out, failed: None };
        let process = self.process.then(Process::read).flatten();
        let boot = self.boot();
        let written = metrics::encode(volumes, process, &self.choice, form, boot, &mut out);
        match out.failed {
            Some(error) => Err(error),
            None => written.map_err(io::Error::other),
        }
    }

    /// Returns the time of the boot, in seconds since 1970.
    fn boot(&self) -> f64 {
        let seconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        let mut boot = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
        boot.at(seconds(ClockId::Realtime), seconds(ClockId::Boottime))
    }
}

/// A writer of text into a writer of bytes. It keeps the error of a failed write.
struct Text<'a> {
    out: &'a mut dyn Write,
    failed: Option<io::Error>,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}
