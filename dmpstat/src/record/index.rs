// SPDX-License-Identifier: GPL-2.0

//! The blocks of a recording, found in all of its files.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::record::block::{Block, Times};
use crate::record::cells::Reader;
use crate::record::days;
use crate::record::frame::{self, HEADER, SAMPLES};
use crate::record::frames::{Frames, Part};
use crate::record::header::{FORMAT, Header};
use crate::source::host::Host;

/// The blocks of a recording, in the order of their times.
#[derive(Debug, Default)]
pub struct Index {
    files: Vec<(PathBuf, File)>,
    readers: Vec<Reader>,
    /// The blocks.
    pub blocks: Vec<Entry>,
    /// The machine of the last header.
    pub host: Host,
    /// Parts of the files that could not be read.
    pub problems: Vec<Problem>,
}

/// The place of a block.
#[derive(Debug)]
pub struct Entry {
    /// The times of its samples.
    pub times: Times,
    file: usize,
    at: u64,
    reader: usize,
}

/// A part of a file that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The bytes.
    pub bytes: Range<u64>,
    /// The reason.
    pub why: Why,
}

/// Reasons that a part of a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The bytes are no block.
    Damaged,
    /// The file ends within a block.
    Torn,
    /// A later version has written the blocks.
    Newer,
    /// No header has the names of the block's counters.
    NoHeader,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (file, Range { start, end }) = (self.file.display(), &self.bytes);
        match self.why {
            Why::Damaged => write!(f, "skipped bytes {start} to {end} of {file}: damaged"),
            Why::Torn => write!(
                f,
                "{file} ends within a block; the last whole one ends at byte {start}"
            ),
            Why::Newer => write!(
                f,
                "skipped bytes {start} to {end} of {file}: a newer dmpstat has written them"
            ),
            Why::NoHeader => write!(
                f,
                "skipped bytes {start} to {end} of {file}: the header of the block is missing"
            ),
        }
    }
}

/// A block whose header may come later.
struct Found {
    times: Times,
    file: usize,
    bytes: Range<u64>,
}

impl Index {
    /// Reads a file, or all day files of a directory.
    pub fn read(path: &Path) -> io::Result<Self> {
        let paths = match path.is_dir() {
            true => days::list(path)?,
            false => vec![path.to_owned()],
        };
        let mut index = Self::default();
        let mut headers = HashMap::new();
        // A block whose own header is damaged usually has the names of this version.
        let own = Header::new(Host::default());
        headers.insert(own.names(), own);
        let mut found = Vec::new();
        for path in paths {
            let file = File::open(&path)?;
            index.scan(&path, &file, &mut headers, &mut found)?;
            index.files.push((path, file));
        }
        index.link(&headers, found);
        Ok(index)
    }

    fn scan(
        &mut self,
        path: &Path,
        file: &File,
        headers: &mut HashMap<u32, Header>,
        found: &mut Vec<Found>,
    ) -> io::Result<()> {
        let length = file.metadata()?.len();
        let mut frames = Frames::new(file, 0);
        let mut is_newer = false;
        while let Some(part) = frames.part()? {
            match part {
                Part::Damage(bytes) => {
                    let why = match bytes.end >= length {
                        true => Why::Torn,
                        false => Why::Damaged,
                    };
                    self.problem(path, bytes, why);
                }
                Part::Frame {
                    bytes,
                    kind: HEADER,
                    payload,
                } => match frame::plain(&payload)
                    .ok()
                    .as_deref()
                    .and_then(Header::read)
                {
                    Some(header) => {
                        is_newer = header.format > FORMAT;
                        if !is_newer {
                            self.host = header.host.clone();
                            headers.insert(header.names(), header);
                        }
                    }
                    None => self.problem(path, bytes, Why::Damaged),
                },
                Part::Frame {
                    bytes,
                    kind: SAMPLES,
                    ..
                } if is_newer => self.problem(path, bytes, Why::Newer),
                Part::Frame {
                    bytes,
                    kind: SAMPLES,
                    payload,
                } => match frame::plain(&payload).ok().as_deref().and_then(Times::read) {
                    Some(times) => found.push(Found {
                        times,
                        file: self.files.len(),
                        bytes,
                    }),
                    None => self.problem(path, bytes, Why::Damaged),
                },
                // A later version has added this type.
                Part::Frame { .. } => {}
            }
        }
        Ok(())
    }

    fn problem(&mut self, path: &Path, bytes: Range<u64>, why: Why) {
        // Blocks of a newer version are one part, however many there are.
        let before = self.problems.last_mut();
        let before = before.filter(|of| of.why == why && of.bytes.end == bytes.start);
        match before.filter(|of| of.file == path) {
            Some(before) => before.bytes.end = bytes.end,
            None => self.problems.push(Problem {
                file: path.to_owned(),
                bytes,
                why,
            }),
        }
    }

    /// Finds the header of each block, and sorts the blocks. The clock may have been set back, so within a boot
    /// the time since boot decides.
    fn link(&mut self, headers: &HashMap<u32, Header>, found: Vec<Found>) {
        let mut readers = HashMap::new();
        let mut boots = HashMap::new();
        for Found { times, file, bytes } in found {
            let next = boots.len();
            boots.entry(times.boot).or_insert(next);
            let Some(header) = headers.get(&times.names) else {
                let path = self.files[file].0.clone();
                self.problem(&path, bytes, Why::NoHeader);
                continue;
            };
            let reader = *readers.entry(times.names).or_insert_with(|| {
                self.readers.push(Reader::new(header));
                self.readers.len() - 1
            });
            self.blocks.push(Entry {
                times,
                file,
                at: bytes.start,
                reader,
            });
        }
        self.blocks
            .sort_by_key(|of| (boots[&of.times.boot], of.times.boottime(0)));
    }

    /// Reads a block again; `None` if the file has changed.
    pub fn block(&self, entry: &Entry) -> Option<Block> {
        let (_, file) = &self.files[entry.file];
        match Frames::new(file, entry.at).part().ok()?? {
            Part::Frame {
                kind: SAMPLES,
                payload,
                ..
            } => Block::read(&frame::plain(&payload).ok()?),
            _ => None,
        }
    }

    /// Returns the reader of a block's cells.
    pub fn reader(&self, entry: &Entry) -> &Reader {
        &self.readers[entry.reader]
    }

    /// Returns the file of a block.
    pub fn file(&self, entry: &Entry) -> &Path {
        &self.files[entry.file].0
    }
}
