// SPDX-License-Identifier: GPL-2.0

//! A file that node_exporter reads.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::Builder;

use crate::arguments::Repeat;
use crate::error::Error;
use crate::export::Exporter;
use crate::export::metrics::Form;
use crate::export::volumes::Volumes;
use crate::outside::Outside;

/// Writes the file, once or in each interval; the first time with what was read already.
pub fn run(
    file: &Path,
    repeat: Option<Repeat>,
    mut first: Option<Volumes>,
    exporter: &Exporter,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let mut left = repeat.map_or(Some(1), |repeat| repeat.count);
    loop {
        let volumes = first.take().map_or_else(|| exporter.read(), Ok)?;
        write(file, volumes, exporter).map_err(|source| Error::File {
            what: "write",
            path: file.to_owned(),
            source,
        })?;
        left = left.map(|left| left - 1);
        match repeat.filter(|_| left != Some(0)) {
            Some(repeat) if outside.clock.wait(repeat.interval) => {}
            _ => return Ok(()),
        }
    }
}

/// Who reads the file has the old one or the new one, and never half of it.
fn write(file: &Path, volumes: Volumes, exporter: &Exporter) -> io::Result<()> {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    // Its name is none that node_exporter reads: those end in .prom.
    let new = Builder::new()
        .prefix(".dmpstat-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    let mut out = BufWriter::new(new.as_file());
    exporter.write(volumes, Form::Classic, &mut out)?;
    out.flush()?;
    drop(out);
    new.persist(file)?;
    Ok(())
}
