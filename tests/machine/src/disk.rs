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
    /// A new, empty, sparse disk of this size, which is removed with the machine.
    Scratch(u64),
    /// A file or block device of the user's own, raw or qcow2.
    Own {
        /// The path.
        path: PathBuf,
        /// Read-only for the guest.
        read_only: bool,
    },
    /// A scratch disk with some failing requests.
    Failing {
        /// Size in bytes.
        size: u64,
        /// The failing requests.
        faults: Vec<Fault>,
    },
}

/// Requests that QEMU always fails. The guest gets the error, and the machine continues.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The operation of the requests, in QEMU's words (`BlkdebugIOType`): read, write,
    /// write-zeroes, discard or flush. QEMU skips a flush if nothing was written before it.
    pub operation: &'static str,
    /// A sector of the requests; none for a flush.
    pub sector: Option<u64>,
    /// The host's error for the requests.
    pub errno: i32,
}

impl Fault {
    /// Returns rule number `index` for QEMU's blkdebug, active from the start.
    fn rule(&self, index: usize) -> String {
        let rule = format!("file.inject-error.{index}");
        let sector = self.sector.map(|sector| format!("{rule}.sector={sector},"));
        format!(
            "{rule}.event=none,{rule}.iotype={},{rule}.errno={},{}",
            self.operation,
            self.errno,
            sector.unwrap_or_default()
        )
    }
}

impl Disk {
    /// Tells if the disk may have content before the guest's first command.
    pub(crate) fn has_content(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// Returns QEMU's arguments for the guest's side of the machine's disk number `index`.
    pub(crate) fn device(index: usize) -> [String; 2] {
        // QEMU would stop the machine if the host had no space.
        let device = format!("virtio-blk-pci,drive=disk{index},rerror=report,werror=report");
        ["-device".into(), device]
    }

    /// Attaches the file of the machine's disk number `index`. Returns the file's name.
    pub(crate) fn attach(
        &self,
        index: usize,
        workdir: &Path,
        invocation: &mut Invocation,
    ) -> Result<PathBuf, Error> {
        let (path, format, read_only) = match self {
            Self::Scratch(size) => (scratch(index, *size, workdir)?, "raw", false),
            Self::Own { path, read_only } => (path.clone(), format_of(path)?, *read_only),
            Self::Failing { size, .. } => (scratch(index, *size, workdir)?, "raw", false),
        };
        let protocol = match path.metadata() {
            Ok(metadata) if metadata.file_type().is_block_device() => "host_device",
            _ => "file",
        };
        // The file's place in the chain of QEMU's drivers: below blkdebug, if the disk has faults.
        let (faults, file) = match self {
            Self::Failing { faults, .. } => (rules(faults), "file.image"),
            _ => (String::new(), "file"),
        };
        let read_only = if read_only { "on" } else { "off" };
        let node = format!(
            "driver={format},node-name=disk{index},read-only={read_only},discard=unmap,{faults}\
             {file}.driver={protocol},{file}.filename="
        );
        invocation.host(["-blockdev".into(), option(&node, &path)]);
        Ok(path)
    }
}

fn rules(faults: &[Fault]) -> String {
    let rules = faults.iter().enumerate();
    rules.fold("file.driver=blkdebug,".into(), |options, (n, fault)| {
        options + &fault.rule(n)
    })
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
