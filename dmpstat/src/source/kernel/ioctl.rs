// SPDX-License-Identifier: GPL-2.0

//! Messages to device mapper: struct dm_ioctl of include/uapi/linux/dm-ioctl.h, and the data after it.
//!
//! The crate devicemapper is not used: it generates its bindings with libclang at build time, and accepts
//! only ASCII names, while the kernel allows any name.

use std::fs::File;
use std::io;

use rustix::ioctl::{Direction, Ioctl, IoctlOutput, Opcode, opcode};

use crate::source::kernel::line::Line;
use crate::source::kernel::mapper::State;
use crate::source::kernel::node;
use crate::source::kernel::number::Number;
use crate::source::sysfs::Machine;

/// The oldest version of the ioctls, which every kernel since Linux 2.6 accepts.
const VERSION: [u32; 3] = [4, 0, 0];
const MAGIC: u8 = 0xfd;
/// The size of struct dm_ioctl.
pub const HEADER: usize = 312;
/// The size of struct dm_target_spec.
const SPEC: usize = 40;
/// The offsets of struct dm_ioctl's members.
mod at {
    pub const DATA_SIZE: usize = 12;
    pub const DATA_START: usize = 16;
    pub const TARGET_COUNT: usize = 20;
    pub const FLAGS: usize = 28;
    pub const EVENT: usize = 32;
    pub const DEV: usize = 40;
    pub const NAME: usize = 48;
    pub const UUID: usize = 176;
    pub const DATA: usize = 305;
}
pub(super) mod command {
    pub const LIST_DEVICES: u8 = 2;
    pub const DEV_CREATE: u8 = 3;
    pub const DEV_REMOVE: u8 = 4;
    /// Suspends or resumes, by a flag.
    pub const DEV_SUSPEND: u8 = 6;
    pub const DEV_STATUS: u8 = 7;
    pub const TABLE_LOAD: u8 = 9;
    pub const TABLE_CLEAR: u8 = 10;
    pub const TABLE_STATUS: u8 = 12;
    pub const GET_TARGET_VERSION: u8 = 17;
}
pub(super) mod flag {
    pub const READONLY: u32 = 1 << 0;
    pub const SUSPEND: u32 = 1 << 1;
    pub const STATUS_TABLE: u32 = 1 << 4;
    pub const INACTIVE_PRESENT: u32 = 1 << 6;
    pub const BUFFER_FULL: u32 = 1 << 8;
    pub const SKIP_LOCKFS: u32 = 1 << 10;
    pub const QUERY_INACTIVE_TABLE: u32 = 1 << 12;
    pub const SECURE_DATA: u32 = 1 << 15;
    pub const DEFERRED_REMOVE: u32 = 1 << 17;
    pub const INTERNAL_SUSPEND: u32 = 1 << 18;
}

/// A channel to device mapper, for messages and their answers.
pub trait Channel {
    /// Sends a message by the ioctl of this number. The kernel writes its answer over the message.
    fn call(&mut self, number: u8, message: &mut Message) -> io::Result<()>;
    /// Sets or clears the read-only flag of a device's node. Returns false if the device has no node.
    fn set_read_only(&mut self, device: Number, read_only: bool) -> io::Result<bool>;
}

/// The files of the running kernel's device mapper.
pub struct Files {
    /// The file of the ioctls.
    pub control: File,
    /// The machine with the nodes of the devices.
    pub machine: Machine,
}

impl Channel for Files {
    fn call(&mut self, number: u8, message: &mut Message) -> io::Result<()> {
        let call = Call { number, message };
        // SAFETY: the file is device mapper's control file, and `Call` relies on dm-ioctl.h, which describes
        // this file's ioctls. Any other file refuses the opcode.
        Ok(unsafe { rustix::ioctl::ioctl(&self.control, call) }?)
    }

    fn set_read_only(&mut self, device: Number, read_only: bool) -> io::Result<bool> {
        node::set_read_only(&self.machine, device, read_only)
    }
}

/// One ioctl.
struct Call<'a> {
    number: u8,
    message: &'a mut Message,
}

// SAFETY: dm-ioctl.h says that the kernel reads and writes `data_size` bytes from the pointer on.
// `Message::begin` and `Message::write_table` set that member to the length of the vector, which is borrowed
// for the call. The opcode is that of dm-ioctl.h, _IOWR(DM_IOCTL, number, struct dm_ioctl). `output_from_ptr`
// does not use the pointer.
unsafe impl Ioctl for Call<'_> {
    type Output = ();

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::from_components(Direction::ReadWrite, MAGIC, self.number, HEADER)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        self.message.0.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(
        _: IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<Self::Output> {
        Ok(())
    }
}

/// A struct dm_ioctl and its data. All calls use one message, so that a call need not allocate.
#[derive(Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Returns the bytes that the kernel reads, and then overwrites with its answer.
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Returns the capacity for data, in bytes, without another allocation.
    pub(super) fn room(&self) -> usize {
        self.0.capacity().saturating_sub(HEADER)
    }

    /// Reserves capacity for data, in bytes.
    pub(super) fn reserve(&mut self, room: usize) {
        self.0.reserve((HEADER + room).saturating_sub(self.0.len()));
    }

    /// Begins a message with this room for the kernel's answer.
    pub(super) fn begin(&mut self, device: Number, flags: u32, room: usize) {
        self.0.clear();
        self.0.resize(HEADER + room, 0);
        for (part, number) in VERSION.into_iter().enumerate() {
            self.set(4 * part, &number.to_ne_bytes());
        }
        // The kernel writes its answer after the header, whose size is a multiple of eight. So the answer's
        // members are aligned.
        self.set(at::DATA_START, &(HEADER as u32).to_ne_bytes());
        self.set(at::FLAGS, &flags.to_ne_bytes());
        self.set(at::DEV, &device.0.to_ne_bytes());
        self.set_size();
    }

    /// Sets the name of a new device, or of a target.
    pub(super) fn set_name(&mut self, name: &str) {
        self.set(at::NAME, name.as_bytes());
    }

    pub(super) fn set_uuid(&mut self, uuid: &str) {
        self.set(at::UUID, uuid.as_bytes());
    }

    /// Sets the cookie of udev's event.
    pub(super) fn set_event(&mut self, event: u32) {
        self.set(at::EVENT, &event.to_ne_bytes());
    }

    /// Appends a table.
    pub(super) fn write_table(&mut self, table: &[Line]) {
        for line in table {
            let begin = self.0.len();
            self.0.extend(line.start.to_ne_bytes());
            self.0.extend(line.length.to_ne_bytes());
            self.0.extend(0_i32.to_ne_bytes());
            self.0.extend((spec_size(line) as u32).to_ne_bytes());
            self.0.extend(line.target.bytes());
            self.0.resize(begin + SPEC, 0);
            self.0.extend(&line.parameters);
            self.0.resize(begin + spec_size(line), 0);
        }
        self.set(at::TARGET_COUNT, &(table.len() as u32).to_ne_bytes());
        self.set_size();
    }

    fn set_size(&mut self) {
        let size = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.set(at::DATA_SIZE, &size.to_ne_bytes());
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn flags(&self) -> u32 {
        number32(&self.0, at::FLAGS).unwrap_or(0)
    }

    pub(super) fn state(&self) -> State {
        let flags = self.flags();
        let has = |flag| flags & flag != 0;
        State {
            read_only: has(flag::READONLY),
            suspended: has(flag::SUSPEND | flag::INTERNAL_SUSPEND),
            has_inactive: has(flag::INACTIVE_PRESENT),
            to_be_removed: has(flag::DEFERRED_REMOVE),
        }
    }

    pub(super) fn number(&self) -> io::Result<Number> {
        number64(&self.0, at::DEV).map(Number)
    }

    pub(super) fn name(&self) -> &[u8] {
        text(&self.0[at::NAME..at::UUID])
    }

    pub(super) fn uuid(&self) -> &[u8] {
        text(&self.0[at::UUID..at::DATA])
    }

    /// Returns the kernel's answer after the header.
    fn data(&self) -> &[u8] {
        let start = number32(&self.0, at::DATA_START).unwrap_or(0);
        self.0.get(start as usize..).unwrap_or(&[])
    }

    /// Returns the devices of a `struct dm_name_list`.
    pub(super) fn devices(&self) -> io::Result<Vec<(Number, Vec<u8>)>> {
        let mut data = self.data();
        let mut devices = Vec::new();
        loop {
            let (device, next) = (number64(data, 0)?, number32(data, 8)? as usize);
            if device != 0 {
                devices.push((Number(device), text(&data[12..]).to_vec()));
            }
            if next == 0 {
                devices.sort();
                return Ok(devices);
            }
            data = data.get(next..).ok_or_else(malformed)?;
        }
    }

    /// Returns the version of the first target of a `struct dm_target_versions`.
    pub(super) fn target_version(&self) -> io::Result<[u32; 3]> {
        let data = self.data();
        Ok([number32(data, 4)?, number32(data, 8)?, number32(data, 12)?])
    }

    /// Calls `take` with each line of a table: start, length, target and parameters. Returns the number
    /// of lines.
    pub(super) fn each_line(
        &self,
        mut take: impl FnMut(usize, u64, u64, &[u8], &[u8]),
    ) -> io::Result<usize> {
        let data = self.data();
        let count = number32(&self.0, at::TARGET_COUNT)? as usize;
        let mut at = 0;
        for line in 0..count {
            let spec = data.get(at..at + SPEC).ok_or_else(malformed)?;
            let parameters = data.get(at + SPEC..).ok_or_else(malformed)?;
            let parameters = text(parameters).trim_ascii_end();
            let (start, length) = (number64(spec, 0)?, number64(spec, 8)?);
            take(line, start, length, text(&spec[24..]), parameters);
            // `next` counts from the first line here. In a table to load it counts from its own line.
            at = number32(spec, 20)? as usize;
        }
        Ok(count)
    }
}

/// Returns the bytes that a line takes in a message.
pub fn spec_size(line: &Line) -> usize {
    (SPEC + line.parameters.len() + 1).next_multiple_of(8)
}

/// Returns the error for a kernel's answer that dm-ioctl.h does not allow. Allocates nothing.
fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn number32(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at + 4).ok_or_else(malformed)?;
    Ok(u32::from_ne_bytes(
        bytes.try_into().map_err(|_| malformed())?,
    ))
}

fn number64(bytes: &[u8], at: usize) -> io::Result<u64> {
    let bytes = bytes.get(at..at + 8).ok_or_else(malformed)?;
    Ok(u64::from_ne_bytes(
        bytes.try_into().map_err(|_| malformed())?,
    ))
}

/// Returns a C string without the NUL at its end.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or(&[])
}
