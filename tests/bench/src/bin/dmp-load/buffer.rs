// SPDX-License-Identifier: GPL-2.0

//! Memory for direct I/O.

use std::fs::File;
use std::{io, ptr};

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};

/// Number of bytes that a page table of the last level maps.
const TABLE: usize = 2 << 20;

/// Memory of whole pages that are already allocated, so that no request has to allocate them.
///
/// The pages are those of a file in tmpfs, so that each run of this program uses the same ones: the
/// cost of a larger request depends on which pages are adjacent. One page table maps all of them,
/// because the kernel takes some 85 instructions from one table to the next.
pub struct Buffer {
    /// Mapped until the process exits.
    bytes: &'static mut [u8],
}

impl Buffer {
    /// Maps the buffer of job number `job`. A process may map each job's buffer only once.
    pub fn new(job: usize, size: usize) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(format!("/tmp/dmp-load.{job}"))?;
        if file.metadata()?.len() < size as u64 {
            file.set_len(size as u64)?;
        }
        assert!(
            size <= TABLE,
            "a buffer of {size} bytes has no place in one table"
        );
        // SAFETY: the first mapping has no fixed address, so it replaces nothing. The second
        // replaces a part of the first, to which nothing else refers. The file is at least that
        // large, nothing makes it smaller, and nothing unmaps it. All bytes are valid `u8`s, and
        // this is the only reference to them in this process.
        let bytes = unsafe {
            let (nothing, private) = (ProtFlags::empty(), MapFlags::PRIVATE);
            let place = mmap_anonymous(ptr::null_mut(), 2 * TABLE, nothing, private)?;
            let begin = place.byte_add(place.addr().wrapping_neg() % TABLE);
            let prot = ProtFlags::READ | ProtFlags::WRITE;
            let first = mmap(
                begin,
                size,
                prot,
                MapFlags::SHARED | MapFlags::FIXED,
                &file,
                0,
            )?;
            std::slice::from_raw_parts_mut(first.cast(), size)
        };
        bytes.fill(0x5a);
        Ok(Self { bytes })
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        self.bytes
    }
}
