// SPDX-License-Identifier: GPL-2.0

//! The machine's disks.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error};
use crate::qemu::{Invocation, option};

/// A virtio disk: the first is /dev/vda in the guest, the next /dev/vdb, and so on.
#[derive(Debug, Clone)]
pub enum Disk {
    /// A new, empty, sparse disk of so many bytes that goes with the machine.
    Scratch(u64),
    /// A file or block device of the user's own, raw or qcow2.
    Own {
        /// Where it is.
        path: PathBuf,
        /// Whether the guest must not write to it.
        read_only: bool,
    },
}

impl Disk {
    /// Adds it to the machine as its disk number `index`; gives the file it is in.
    pub(crate) fn attach(
        &self,
        index: usize,
        workdir: &Path,
        invocation: &mut Invocation,
    ) -> Result<PathBuf, Error> {
        let (path, format, read_only) = match self {
            Self::Scratch(size) => (scratch(index, *size, workdir)?, "raw", false),
            Self::Own { path, read_only } => (path.clone(), format_of(path)?, *read_only),
        };
        let protocol = match path.metadata() {
            Ok(metadata) if metadata.file_type().is_block_device() => "host_device",
            _ => "file",
        };
        let read_only = if read_only { "on" } else { "off" };
        let node = format!(
            "driver={format},node-name=disk{index},read-only={read_only},discard=unmap,\
             file.driver={protocol},file.filename="
        );
        invocation.args(["-blockdev".into(), option(&node, &path)]);
        invocation.args(["-device", &format!("virtio-blk-pci,drive=disk{index}")]);
        Ok(path)
    }
}

fn scratch(index: usize, size: u64, workdir: &Path) -> Result<PathBuf, Error> {
    let path = workdir.join(format!("disk{index}"));
    File::create(&path)
        .and_then(|file| file.set_len(size))
        .doing(|| format!("make the disk {}", path.display()))?;
    Ok(path)
}

fn format_of(path: &Path) -> Result<&'static str, Error> {
    let mut magic = Vec::new();
    File::open(path)
        .and_then(|file| file.take(4).read_to_end(&mut magic))
        .doing(|| format!("read the disk {}", path.display()))?;
    Ok(if magic == b"QFI\xfb" { "qcow2" } else { "raw" })
}
