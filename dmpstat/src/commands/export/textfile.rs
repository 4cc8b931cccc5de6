// SPDX-License-Identifier: GPL-2.0

//! A file that node_exporter reads.

use std::io;
use std::path::Path;

use crate::clock::Repeat;
use crate::commands::export::exporter::Exporter;
use crate::commands::export::text::Form;
use crate::commands::export::volumes::{Reading, Volumes};
use crate::commands::problems::Told;
use crate::environment::Environment;
use crate::error::Error;
use crate::output;

/// Writes the file once or in each interval, the first time from the reading `first`. With intervals, only a
/// failure of the first write is an error. All later problems become notes, and the next interval tries
/// again.
pub fn run(
    file: &Path,
    repeat: Option<Repeat>,
    first: Reading,
    exporter: &Exporter,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let mut left = repeat.map_or(Some(1), |repeat| repeat.count);
    let mut told = Told::default();
    let mut first = Some(first);
    loop {
        let is_first = first.is_some();
        let reading = first.take().unwrap_or_else(|| exporter.read());
        let mut problems = reading.problems;
        if let Err(source) = write(file, &reading.volumes, exporter) {
            let error = Error::File {
                what: "write",
                path: file.to_owned(),
                source,
            };
            if is_first {
                return Err(error);
            }
            problems.push(error);
        }
        let failed = if repeat.is_none() {
            problems.pop()
        } else {
            None
        };
        problems.extend(reading.invalid_lines);
        told.tell(problems, environment);
        if let Some(error) = failed {
            return Err(error);
        }
        left = left.map(|left| left - 1);
        match repeat.filter(|_| left != Some(0)) {
            Some(repeat) if environment.clock.wait(repeat.interval) => {}
            _ => return Ok(()),
        }
    }
}

fn write(file: &Path, volumes: &Volumes, exporter: &Exporter) -> io::Result<()> {
    // node_exporter runs as another user, and must be able to read the file under any umask.
    output::replace(file, Some(0o644), |new| {
        exporter.write(volumes, Form::Classic, new)
    })
}
