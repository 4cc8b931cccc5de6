// SPDX-License-Identifier: GPL-2.0

//! A directory with a file for each day, and the limits of their number and size.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::output;
use crate::record::frame::HEADER;
use crate::record::frames::{Frames, Part};

/// The end of a file's name.
const SUFFIX: &str = ".dmpstat";

/// Returns the name of a day's file.
pub fn name(date: Date) -> String {
    format!("{date}{SUFFIX}")
}

/// Returns the date of a file's name; `None` for other names.
pub fn date(path: &Path) -> Option<Date> {
    let text = path.file_name()?.to_str()?;
    let date: Date = text.strip_suffix(SUFFIX)?.parse().ok()?;
    (name(date) == text).then_some(date)
}

/// Returns the day files of a directory, the oldest first.
pub fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        files.push(entry?.path());
    }
    files.retain(|path| date(path).is_some());
    files.sort();
    Ok(files)
}

/// The limits of a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The number of day files that are kept.
    pub days: Option<usize>,
    /// The size of all day files, in bytes.
    pub size: Option<u64>,
}

/// The effect of the limits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Day files that were deleted because of the size.
    pub deleted: Vec<PathBuf>,
    /// The current file has lost its oldest blocks.
    pub shortened: bool,
}

impl Limits {
    /// Deletes old day files, so that `more` bytes fit. The file `current` stays, but loses its oldest blocks if
    /// it alone is too large.
    pub fn hold(&self, directory: &Path, current: &Path, more: u64) -> io::Result<Cut> {
        let mut cut = Cut::default();
        let mut old = list(directory)?;
        // The clock may have been wrong, so the current file is not always the last one.
        old.retain(|path| path != current);
        if let Some(days) = self.days {
            let surplus = (old.len() + 1).saturating_sub(days.max(1));
            for path in old.drain(..surplus) {
                fs::remove_file(path)?;
            }
        }
        let Some(most) = self.size else {
            return Ok(cut);
        };
        let size = |path: &Path| fs::metadata(path).map_or(0, |of| of.len());
        let own = size(current);
        let mut all = own + more + old.iter().map(|path| size(path)).sum::<u64>();
        for path in old {
            if all <= most {
                break;
            }
            all -= size(&path);
            fs::remove_file(&path)?;
            cut.deleted.push(path);
        }
        if all > most && own > 0 {
            // Half of the room stays free, so that this is rare.
            shorten(current, (most / 2).saturating_sub(more))?;
            cut.shortened = true;
        }
        Ok(cut)
    }
}

/// Keeps the newest frames of a file, of at most this size, and the header before them.
fn shorten(path: &Path, most: u64) -> io::Result<()> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut frames = Frames::new(&file, 0);
    let mut header = Vec::new();
    while let Some(part) = frames.part()? {
        let (Part::Frame { bytes, .. } | Part::Damage(bytes)) = &part;
        let rest = length.saturating_sub(bytes.start);
        if rest + header.len() as u64 <= most {
            return replace(path, &file, &header, bytes.start);
        }
        if let Part::Frame {
            kind: HEADER,
            bytes,
            ..
        } = part
        {
            header = read(&file, bytes.start, bytes.end)?;
        }
    }
    replace(path, &file, &[], length)
}

fn read(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// Replaces a file by a header and its own bytes from a place on, in one step.
fn replace(path: &Path, file: &File, header: &[u8], from: u64) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    output::replace(path, Some(mode), |new| {
        new.write_all(header)?;
        let mut rest = file;
        rest.seek(SeekFrom::Start(from))?;
        io::copy(&mut rest, new)?;
        new.sync_all()
    })
}
