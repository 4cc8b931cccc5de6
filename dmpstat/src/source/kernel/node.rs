// SPDX-License-Identifier: GPL-2.0

//! Nodes of mapped devices, and the read-only flag that `blockdev --setro` sets.

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use rustix::fs::OFlags;
use rustix::ioctl::{Setter, ioctl, opcode};

use crate::source::kernel::number::Number;
use crate::source::sysfs::Machine;

/// BLKROSET of include/uapi/linux/fs.h: _IO(0x12, 93).
const SET_READ_ONLY: u32 = opcode::none(0x12, 93);

/// Sets or clears the read-only flag of a device. Returns false if the device has no node.
pub fn set_read_only(machine: &Machine, number: Number, read_only: bool) -> io::Result<bool> {
    match open(machine, number) {
        Some(node) => set(&node, read_only).map(|()| true),
        None => Ok(false),
    }
}

fn open(machine: &Machine, number: Number) -> Option<File> {
    let path = machine.path(format!("/dev/dm-{}", number.minor()));
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(path)
        .ok()?;
    let node = file.metadata().ok()?;
    let (major, minor) = (
        rustix::fs::major(node.rdev()),
        rustix::fs::minor(node.rdev()),
    );
    let is_its_node = node.file_type().is_block_device() && Number::new(major, minor) == number;
    is_its_node.then_some(file)
}

fn set(node: &File, read_only: bool) -> io::Result<()> {
    // SAFETY: by fs.h, BLKROSET reads a c_int from the pointer that `Setter` makes of the value. The file is
    // the node of a block device: `open` has looked at its kind and number.
    let set = unsafe { Setter::<SET_READ_ONLY, c_int>::new(c_int::from(read_only)) };
    // SAFETY: the file is the node of a block device, which knows BLKROSET, and `set` holds the c_int that
    // the ioctl reads.
    Ok(unsafe { ioctl(node, set) }?)
}
