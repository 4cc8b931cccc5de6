// SPDX-License-Identifier: GPL-2.0

//! The exporter: it reads volumes and writes their metrics.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::time::{ClockId, clock_gettime};

use crate::clock::Repeat;
use crate::commands::export::address::Address;
use crate::commands::export::boot::Boot;
use crate::commands::export::metrics;
use crate::commands::export::process::Process;
use crate::commands::export::series::Series;
use crate::commands::export::text::Form;
use crate::commands::export::totals::Totals;
use crate::commands::export::volumes::{Reading, Volumes};
use crate::commands::groups::By;
use crate::error::Error;
use crate::source::devices::Devices;
use crate::source::selection::Selection;
use crate::source::sysfs::Machine;

/// The options of an export.
#[derive(Debug)]
pub struct Options {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// The interval and the number of writes of the file.
    pub repeat: Option<Repeat>,
    /// The series of each volume.
    pub series: Series,
    /// Volumes are added up in these groups.
    pub by: Option<By>,
    /// The file to write the metrics into.
    pub textfile: Option<PathBuf>,
    /// The address to serve the metrics at.
    pub listen: Option<Address>,
}

/// An exporter, which reads volumes and writes their metrics repeatedly.
#[derive(Debug)]
pub struct Exporter {
    machine: Machine,
    selection: Selection,
    series: Series,
    totals: Option<Totals>,
    boot: Mutex<Boot>,
    /// The time of the boot of a recording, in seconds since 1970.
    recorded_boot: Option<f64>,
    /// Metrics of this process are written as well. In a text file they would be mistaken for
    /// node_exporter's.
    process: bool,
}

impl Exporter {
    /// Makes the exporter of these options.
    pub fn new(options: &Options, machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
            selection: Selection::new(&options.devices),
            series: options.series.clone(),
            totals: options.by.clone().map(|by| {
                let repeatedly = options.listen.is_some() || options.repeat.is_some();
                Totals::new(by, repeatedly)
            }),
            boot: Mutex::default(),
            recorded_boot: None,
            process: options.listen.is_some(),
        }
    }

    /// Sets the time of the boot of a recording, in seconds since 1970.
    pub fn with_boot(mut self, boot: Option<f64>) -> Self {
        self.recorded_boot = boot;
        self
    }

    /// Reads the volumes the first time. Fails if an argument matches no device; with `waits`, a pattern may
    /// match nothing.
    pub fn first(&self, devices: &dyn Devices, waits: bool) -> Result<Reading, Error> {
        let totals = self.totals.as_ref();
        Reading::first(devices, &self.machine, &self.selection, totals, waits)
    }

    /// Reads the volumes again.
    pub fn read(&self) -> Reading {
        Reading::next(&self.machine, &self.selection, self.totals.as_ref())
    }

    /// Writes the volumes as metrics.
    pub fn write(&self, volumes: &Volumes, form: Form, out: &mut dyn Write) -> io::Result<()> {
        let process = self.process.then(Process::read).flatten();
        metrics::write(volumes, process, &self.series, form, self.boot(), out)
    }

    /// Returns the time of the boot, in seconds since 1970.
    fn boot(&self) -> f64 {
        if let Some(boot) = self.recorded_boot {
            return boot;
        }
        let seconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        let mut boot = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
        boot.at(seconds(ClockId::Realtime), seconds(ClockId::Boottime))
    }
}
