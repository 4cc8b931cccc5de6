// SPDX-License-Identifier: GPL-2.0

//! The read-only flag that `blockdev --setro` sets.

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use rustix::fs::OFlags;
use rustix::ioctl::{Setter, ioctl, opcode};

use crate::attach::volume::device;
use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;
use crate::source::sysfs::Machine;

/// BLKROSET of include/uapi/linux/fs.h: _IO(0x12, 93).
const SET_READ_ONLY: u32 = opcode::none(0x12, 93);

/// Returns whether the live table of a device was loaded read-only.
///
/// A device is read-only if its table is, or after `blockdev --setro`, which outlasts tables. The kernel
/// reports both by one flag. So this function clears `--setro` for a moment: the device then stays read-only
/// only if its table is.
pub fn table_is_read_only(
    kernel: &mut dyn DeviceMapper,
    number: Number,
    machine: &Machine,
) -> io::Result<bool> {
    if !kernel.state(number)?.read_only {
        return Ok(false);
    }
    let Some(node) = open(number, machine) else {
        // Without a node the flag cannot be cleared, so the answer is the flag itself.
        return Ok(true);
    };
    set(&node, false)?;
    let state = kernel.state(number);
    if !matches!(state, Ok(state) if state.read_only) {
        set(&node, true)?;
    }
    Ok(state?.read_only)
}

fn open(number: Number, machine: &Machine) -> Option<File> {
    let path = machine.path(format!("/dev/{}", device(number)));
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
