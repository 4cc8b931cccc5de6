// SPDX-License-Identifier: GPL-2.0

//! The recorder: it collects samples, and appends them as blocks to a file or to the file of the day.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use crate::record::block;
use crate::record::days::{self, Cut, Limits};
use crate::record::file::Appended;
use crate::record::frame::{self, HEADER, SAMPLES};
use crate::record::header::Header;
use crate::record::sample::Sample;
use crate::source::host::Host;

/// The longest time of a block.
const LONGEST: Duration = Duration::from_secs(60);
/// The most numbers of a block, of 8 bytes each: a bound on the memory with thousands of devices.
const LARGEST: usize = 4 << 20;
/// The most bytes that wait for room on the disk.
const WAITING: usize = 64 << 20;

/// The file or directory of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One file.
    File(PathBuf),
    /// A directory of day files, and its limits.
    Directory(PathBuf, Limits),
}

/// Returns the bytes of a recording with one sample.
pub fn single(sample: &Sample, host: Host) -> io::Result<Vec<u8>> {
    let mut block = block::Writer::new(Header::new(host));
    block.add(sample);
    // The header names the counters and bounds that only this sample has.
    block.update();
    let mut bytes = frame::write(HEADER, &block.header().write())?;
    bytes.extend(frame::write(SAMPLES, &block.finish())?);
    Ok(bytes)
}

/// An error of a recording: the path, and the reason.
#[derive(Debug)]
pub struct Failed {
    /// The file or directory.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// A recorder of samples.
#[derive(Debug)]
pub struct Recorder {
    target: Target,
    interval: Duration,
    block: block::Writer,
    /// The date of the block's first sample.
    date: Date,
    file: Option<Appended>,
    /// Blocks that could not be written yet, the oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// The number of blocks that were given up, because too many waited.
    pub lost: u64,
    /// The deletions since the last call of [`Recorder::cut`].
    cut: Cut,
}

impl Recorder {
    /// Makes a recorder, and opens its file. `interval` is the expected time between samples.
    pub fn new(target: Target, host: Host, interval: Duration, date: Date) -> Result<Self, Failed> {
        let mut recorder = Self {
            target,
            interval,
            block: block::Writer::new(Header::new(host)),
            date,
            file: None,
            waiting: VecDeque::new(),
            lost: 0,
            cut: Cut::default(),
        };
        recorder.open()?;
        Ok(recorder)
    }

    /// Returns the deletions because of the size since the last call.
    pub fn cut(&mut self) -> Cut {
        std::mem::take(&mut self.cut)
    }

    /// Adds a sample of a day. Writes the block before if the sample belongs to the next one, and the sample's
    /// own block if the next sample will not belong to it. After an error, blocks wait for the next write.
    pub fn add(&mut self, sample: &Sample, date: Date) -> Result<(), Failed> {
        let age = |of: &block::Writer| {
            let first = of.first_boottime();
            first.map(|first| Duration::from_nanos(sample.boottime.saturating_sub(first)))
        };
        let is_late = age(&self.block).is_some_and(|age| age >= LONGEST);
        let before = match is_late || date != self.date {
            true => self.finish(),
            false => Ok(()),
        };
        self.date = date;
        self.block.add(sample);
        let age = age(&self.block).unwrap_or_default();
        if age + self.interval >= LONGEST || self.block.size() >= LARGEST {
            self.finish()?;
        }
        before
    }

    /// Writes the block that has begun.
    pub fn finish(&mut self) -> Result<(), Failed> {
        if !self.block.is_empty() {
            let mut bytes = match self.block.update() {
                true => self.header()?,
                false => Vec::new(),
            };
            let plain = self.block.finish();
            bytes.extend(self.frame(SAMPLES, &plain)?);
            self.waiting.push_back(bytes);
        }
        let written = self.write();
        while self.waiting.iter().map(Vec::len).sum::<usize>() > WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        written
    }

    fn write(&mut self) -> Result<(), Failed> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.hold()?;
        self.open()?;
        while let (Some(bytes), Some(file)) = (self.waiting.front(), &mut self.file) {
            file.append(bytes).map_err(failed(file.path()))?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Deletes old files of a directory with limits.
    fn hold(&mut self) -> Result<(), Failed> {
        let Target::Directory(directory, limits) = &self.target else {
            return Ok(());
        };
        let path = self.path();
        // A file that is opened gets a header as well.
        let more = self.waiting.iter().map(Vec::len).sum::<usize>() + self.header()?.len();
        let cut = limits
            .hold(directory, &path, more as u64)
            .map_err(failed(directory))?;
        if cut.shortened {
            self.file = None;
        }
        self.cut.deleted.extend(cut.deleted);
        self.cut.shortened |= cut.shortened;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        match &self.target {
            Target::File(file) => file.clone(),
            Target::Directory(directory, _) => directory.join(days::name(self.date)),
        }
    }

    /// Opens the file of the block, unless it is open, and appends a header.
    fn open(&mut self) -> Result<(), Failed> {
        let path = self.path();
        let is_open = |file: &Appended| file.path() == path && !file.is_gone();
        if self.file.as_ref().is_some_and(is_open) {
            return Ok(());
        }
        self.file = None;
        if let Target::Directory(directory, _) = &self.target {
            fs::create_dir_all(directory).map_err(failed(directory))?;
        }
        let mut file = Appended::open(&path).map_err(failed(&path))?;
        let header = self.header()?;
        file.append(&header).map_err(failed(&path))?;
        self.file = Some(file);
        Ok(())
    }

    fn header(&self) -> Result<Vec<u8>, Failed> {
        self.frame(HEADER, &self.block.header().write())
    }

    fn frame(&self, kind: u8, plain: &[u8]) -> Result<Vec<u8>, Failed> {
        frame::write(kind, plain).map_err(failed(&self.path()))
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Failed {
    let path = path.to_owned();
    move |source| Failed {
        path: path.clone(),
        source,
    }
}
