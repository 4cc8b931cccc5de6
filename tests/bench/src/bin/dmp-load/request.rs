// SPDX-License-Identifier: GPL-2.0

//! One request.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::io::{ReadWriteFlags, preadv2, pwritev2};

#[derive(Clone, Copy)]
pub enum Operation {
    Read,
    Write,
}

impl Operation {
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Makes one request at the start of the file. Returns the number of bytes that the request
    /// moved.
    #[inline(always)]
    pub fn request(self, file: &File, bytes: &mut [u8]) -> io::Result<usize> {
        let flags = ReadWriteFlags::empty();
        let moved = match self {
            Self::Read => preadv2(file, &mut [IoSliceMut::new(bytes)], 0, flags),
            Self::Write => pwritev2(file, &[IoSlice::new(bytes)], 0, flags),
        };
        Ok(moved?)
    }
}

/// Opens a disk for direct I/O. /dev/null has no page cache, and is opened normally.
pub fn open(path: &Path) -> io::Result<File> {
    let disk = path.metadata()?.file_type().is_block_device();
    File::options()
        .read(true)
        .write(true)
        .custom_flags(if disk { libc::O_DIRECT } else { 0 })
        .open(path)
}
