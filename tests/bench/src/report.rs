// SPDX-License-Identifier: GPL-2.0

//! All results, for people and for programs.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::build::Build;
use crate::cost::{self, Cost};
use crate::devices::{self, Devices};
use crate::guest::Failure;
use crate::plot;
use crate::scaling::{self, Rate};

/// The results of one run, all on one kernel. A part that was not requested is empty.
#[derive(Debug, Serialize)]
pub struct Report {
    pub build: Build,
    /// Costs of requests.
    pub requests: Vec<Cost>,
    /// Rates with more CPUs.
    pub scaling: Vec<Rate>,
    /// Many devices on one CPU, in instructions.
    pub devices: Vec<Devices>,
    /// Many devices on one CPU and more, in time.
    pub devices_timed: Vec<Devices>,
}

impl Report {
    /// Writes the report as JSON, and a plot, into a directory.
    pub fn write_to(&self, directory: &Path) -> Result<(), Failure> {
        let wrong = |error: &dyn fmt::Display| {
            Failure::Words(format!("cannot write to {}: {error}", directory.display()))
        };
        let json = serde_json::to_string_pretty(self).map_err(|error| wrong(&error))?;
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(directory.join("report.json"), json + "\n"))
            .map_err(|error| wrong(&error))?;
        plot::draw(self, &directory.join("plot.svg")).map_err(|error| wrong(&error))
    }
}

/// Tables of all results.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Build { kernel, rustc, cc } = &self.build;
        writeln!(f, "Linux {kernel}, {rustc}, {cc}")?;
        let tables = [
            cost::table(&self.requests),
            cost::slopes(&self.requests),
            scaling::table(&self.scaling),
            devices::reading_table(&self.devices),
            devices::memory_table(&self.devices_timed),
            devices::making_table(&self.devices, &self.devices_timed),
        ];
        for table in tables.iter().filter(|table| !table.is_empty()) {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

/// Returns a table; nothing if it has no lines.
pub fn table_of(head: &str, lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => head.to_owned() + &lines.concat(),
    }
}
