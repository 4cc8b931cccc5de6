// SPDX-License-Identifier: GPL-2.0

//! A file to which frames are appended.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fdatasync, flock};
use rustix::io::Errno;

/// A file to which frames are appended.
#[derive(Debug)]
pub struct Appended {
    file: File,
    path: PathBuf,
}

impl Appended {
    /// Opens or makes a file, and takes its lock, so that no other recorder appends to it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let file = File::options().append(true).create(true).open(path)?;
        let is_file = file.metadata()?.is_file();
        // Everybody may write to /dev/null.
        if is_file {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => {
                    return Err(io::Error::other("another dmpstat records into the file"));
                }
                locked => locked?,
            }
        }
        if is_new {
            // A new name is lost with the power until its directory is on the disk.
            let parent = path.parent().filter(|of| !of.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the file was deleted or replaced.
    pub fn is_gone(&self) -> bool {
        let identity = |of: fs::Metadata| (of.dev(), of.ino());
        let there = fs::metadata(&self.path).map(identity).ok();
        there.is_none() || there != self.file.metadata().map(identity).ok()
    }

    /// Appends bytes in one write, and waits until they are on the disk. A failed write leaves nothing behind.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.file.metadata()?;
        let written = self.file.write_all(bytes).and_then(|()| self.sync());
        if written.is_err() && before.is_file() {
            // Readers skip the torn frame if this fails.
            let _ = self.file.set_len(before.len());
        }
        written
    }

    fn sync(&self) -> io::Result<()> {
        match fdatasync(&self.file) {
            // The file is a pipe or a device.
            Err(Errno::INVAL | Errno::ROFS) => Ok(()),
            synced => Ok(synced?),
        }
    }
}
