// SPDX-License-Identifier: GPL-2.0

//! `dmpstat report`: a page of a recording.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use crate::commands::timeline;
use crate::environment::Environment;
use crate::error::Error;
use crate::format::page::{self, Part};
use crate::output;
use crate::record::player::Request;

/// The options of a page.
#[derive(Debug)]
pub struct Options {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// The recording.
    pub recording: Request,
    /// The recording, or the part of a recording, to compare with.
    pub other: Option<Request>,
    /// The file of the page; without one it goes to standard output.
    pub output: Option<PathBuf>,
}

/// The error of a page without a file.
#[derive(Debug, thiserror::Error)]
#[error("the page is HTML, and standard output is a terminal: name a file with -o")]
pub struct Terminal;

/// Writes the page.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    if options.output.is_none() && (environment.width)().is_some() {
        return Err(Error::command(Terminal));
    }
    let zone = environment.clock.now().time_zone().clone();
    let mut part = |request| part(request, &options.devices, environment);
    let one = part(&options.recording)?;
    let other = options.other.as_ref().map(part).transpose()?;
    match &options.output {
        None => environment.print(|out| page::write(out, &one, other.as_ref(), &zone)),
        Some(path) => output::replace(path, None, |file| {
            let mut page = Vec::new();
            page::write(&mut page, &one, other.as_ref(), &zone)?;
            file.write_all(&page)
        })
        .map_err(|source| Error::File {
            what: "write",
            path: path.clone(),
            source,
        }),
    }
}

/// Reads a part of a recording.
fn part(
    request: &Request,
    devices: &[OsString],
    environment: &mut Environment<'_>,
) -> Result<Part, Error> {
    let (timeline, host) = timeline::read(request, devices, page::COLUMNS, environment)?;
    Ok(Part {
        machine: format!("{}, {} {}", host.name, host.system, host.release),
        timeline,
    })
}
