// SPDX-License-Identifier: GPL-2.0

//! Device mapper's ioctls, as include/uapi/linux/dm-ioctl.h has them.
//!
//! The crate devicemapper is not used: it makes its bindings with libclang at build time, and takes
//! ASCII names only, while a device of the kernel's can have any name. Here devices are asked for by
//! their number.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::ioctl::{Direction, Ioctl, IoctlOutput, Opcode, opcode};

use crate::attach::line::Line;

/// What is asked of device mapper.
pub trait DeviceMapper {
    /// All mapped devices: number and name.
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>>;
    /// What is to be known of one.
    fn status(&mut self, device: Number) -> io::Result<Status>;
    /// Its table: that of its requests, or the one that was loaded and waits.
    fn table(&mut self, device: Number, which: Which) -> io::Result<Vec<Line>>;
    /// Whether there is a target of this name. Its module is loaded for that.
    fn has_target(&mut self, target: &str) -> io::Result<bool>;
    /// Loads an inactive table.
    fn load(&mut self, device: Number, table: &[Line], read_only: bool) -> io::Result<()>;
    /// Drops the inactive table, if there is one.
    fn clear(&mut self, device: Number) -> io::Result<()>;
    /// Makes the inactive table the live one, if there is one, and has the device run. A device that
    /// runs is suspended for that by the kernel itself, so nobody can die with the device suspended.
    fn resume(&mut self, device: Number) -> io::Result<()>;
}

/// Which of a device's two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Which {
    Live,
    Inactive,
}

/// A device's number, as the kernel writes it into 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

impl Number {
    /// N of dm-N: the kernel gives all mapped devices one major number.
    pub fn minor(self) -> u64 {
        (self.0 & 0xff) | ((self.0 >> 12) & !0xff)
    }
}

/// What is to be known of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Status {
    pub name: Vec<u8>,
    pub uuid: Vec<u8>,
    pub read_only: bool,
    pub suspended: bool,
    pub has_live: bool,
    pub has_inactive: bool,
    /// It goes as soon as nobody has it open.
    pub to_be_removed: bool,
}

/// The form of the ioctls that is asked for: of those of Linux 2.6 on, the first.
const VERSION: [u32; 3] = [4, 0, 0];
const MAGIC: u8 = 0xfd;
/// The size of struct dm_ioctl.
const HEADER: usize = 312;
/// The size of struct dm_target_spec.
const SPEC: usize = 40;
/// Where in struct dm_ioctl its members are.
mod at {
    pub const DATA_SIZE: usize = 12;
    pub const DATA_START: usize = 16;
    pub const TARGET_COUNT: usize = 20;
    pub const FLAGS: usize = 28;
    pub const DEV: usize = 40;
    pub const NAME: usize = 48;
    pub const UUID: usize = 176;
    pub const DATA: usize = 305;
}
mod command {
    pub const LIST_DEVICES: u8 = 2;
    /// Suspends or resumes: the flag says which.
    pub const DEV_SUSPEND: u8 = 6;
    pub const DEV_STATUS: u8 = 7;
    pub const TABLE_LOAD: u8 = 9;
    pub const TABLE_CLEAR: u8 = 10;
    pub const TABLE_STATUS: u8 = 12;
    pub const GET_TARGET_VERSION: u8 = 17;
}
mod flag {
    pub const READONLY: u32 = 1 << 0;
    pub const SUSPEND: u32 = 1 << 1;
    pub const STATUS_TABLE: u32 = 1 << 4;
    pub const ACTIVE_PRESENT: u32 = 1 << 5;
    pub const INACTIVE_PRESENT: u32 = 1 << 6;
    pub const BUFFER_FULL: u32 = 1 << 8;
    pub const SKIP_LOCKFS: u32 = 1 << 10;
    pub const QUERY_INACTIVE_TABLE: u32 = 1 << 12;
    pub const SECURE_DATA: u32 = 1 << 15;
    pub const DEFERRED_REMOVE: u32 = 1 << 17;
    pub const INTERNAL_SUSPEND: u32 = 1 << 18;
}

/// The running kernel's device mapper.
pub struct Control(File);

impl Control {
    /// Opens the file of the ioctls.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self(file))
    }

    fn call(&self, number: u8, mut message: Message) -> io::Result<Message> {
        let size = u32::try_from(message.0.len()).map_err(|_| Errno::TOOBIG)?;
        message.set(at::DATA_SIZE, &size.to_ne_bytes());
        let call = Call {
            number,
            message: &mut message.0,
        };
        // SAFETY: the file is device mapper's control file or refuses the ioctl. Of it, dm-ioctl.h
        // says that it reads and writes `data_size` bytes from the pointer on and nothing else, and
        // all of these are the message's.
        unsafe { rustix::ioctl::ioctl(&self.0, call) }?;
        Ok(message)
    }

    /// Asks with more and more room for the answer.
    fn ask(&self, number: u8, device: Number, flags: u32) -> io::Result<Message> {
        let mut room = 16 << 10;
        loop {
            let message = Message::new(device, flags, room);
            let answer = self.call(number, message)?;
            if answer.flags() & flag::BUFFER_FULL == 0 {
                return Ok(answer);
            }
            room *= 4;
        }
    }
}

/// One ioctl.
struct Call<'a> {
    number: u8,
    message: &'a mut [u8],
}

// SAFETY: the pointer is that of the message, which is borrowed as long as the call takes, and of it
// the kernel uses no more than the message's own length, which is in it. The opcode is that of
// dm-ioctl.h, _IOWR(DM_IOCTL, number, struct dm_ioctl). Nothing is made of the pointer afterwards.
unsafe impl Ioctl for Call<'_> {
    type Output = ();

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::from_components(Direction::ReadWrite, MAGIC, self.number, HEADER)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        self.message.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(
        _: IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<Self::Output> {
        Ok(())
    }
}

/// A struct dm_ioctl, and what follows it.
struct Message(Vec<u8>);

impl Message {
    fn new(device: Number, flags: u32, room: usize) -> Self {
        let mut message = Self(vec![0; HEADER + room]);
        for (part, number) in VERSION.into_iter().enumerate() {
            message.set(4 * part, &number.to_ne_bytes());
        }
        // The kernel adds what it writes behind the header, and nothing of it is misaligned.
        message.set(at::DATA_START, &(HEADER as u32).to_ne_bytes());
        message.set(at::FLAGS, &flags.to_ne_bytes());
        message.set(at::DEV, &device.0.to_ne_bytes());
        message
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn flags(&self) -> u32 {
        number32(&self.0, at::FLAGS).unwrap_or(0)
    }

    /// What follows the header.
    fn data(&self) -> &[u8] {
        let start = number32(&self.0, at::DATA_START).unwrap_or(0);
        self.0.get(start as usize..).unwrap_or(&[])
    }
}

/// What the kernel wrote is not what dm-ioctl.h says.
fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "device mapper's answer is cut short",
    )
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

/// A text of C's.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or(&[])
}

fn lines(answer: &Message) -> io::Result<Vec<Line>> {
    let data = answer.data();
    let count = number32(&answer.0, at::TARGET_COUNT)?;
    let mut lines = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let spec = data.get(at..at + SPEC).ok_or_else(malformed)?;
        let parameters = data.get(at + SPEC..).ok_or_else(malformed)?;
        lines.push(Line {
            start: number64(spec, 0)?,
            length: number64(spec, 8)?,
            target: String::from_utf8_lossy(text(&spec[24..])).into_owned(),
            parameters: text(parameters).trim_ascii_end().to_vec(),
        });
        // From the first line on, unlike in a table that is loaded.
        at = number32(spec, 20)? as usize;
    }
    Ok(lines)
}

/// What follows the header to load a table.
fn specs(table: &[Line]) -> Vec<u8> {
    let mut specs = Vec::new();
    for line in table {
        let length = (SPEC + line.parameters.len() + 1).next_multiple_of(8);
        let mut spec = Vec::with_capacity(length);
        spec.extend(line.start.to_ne_bytes());
        spec.extend(line.length.to_ne_bytes());
        spec.extend(0_i32.to_ne_bytes());
        spec.extend((length as u32).to_ne_bytes());
        spec.extend(line.target.bytes());
        spec.resize(SPEC, 0);
        spec.extend(&line.parameters);
        spec.resize(length, 0);
        specs.extend(spec);
    }
    specs
}

impl DeviceMapper for Control {
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>> {
        let answer = self.ask(command::LIST_DEVICES, Number(0), 0)?;
        let mut data = answer.data();
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

    fn status(&mut self, device: Number) -> io::Result<Status> {
        let answer = self.ask(command::DEV_STATUS, device, 0)?;
        let flags = answer.flags();
        let has = |flag| flags & flag != 0;
        Ok(Status {
            name: text(&answer.0[at::NAME..at::UUID]).to_vec(),
            uuid: text(&answer.0[at::UUID..at::DATA]).to_vec(),
            read_only: has(flag::READONLY),
            suspended: has(flag::SUSPEND | flag::INTERNAL_SUSPEND),
            has_live: has(flag::ACTIVE_PRESENT),
            has_inactive: has(flag::INACTIVE_PRESENT),
            to_be_removed: has(flag::DEFERRED_REMOVE),
        })
    }

    fn table(&mut self, device: Number, which: Which) -> io::Result<Vec<Line>> {
        let query = match which {
            Which::Live => 0,
            Which::Inactive => flag::QUERY_INACTIVE_TABLE,
        };
        let flags = flag::STATUS_TABLE | flag::SECURE_DATA | query;
        lines(&self.ask(command::TABLE_STATUS, device, flags)?)
    }

    fn has_target(&mut self, target: &str) -> io::Result<bool> {
        let mut message = Message::new(Number(0), 0, 4 << 10);
        message.set(at::NAME, target.as_bytes());
        match self.call(command::GET_TARGET_VERSION, message) {
            Ok(_) => Ok(true),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn load(&mut self, device: Number, table: &[Line], read_only: bool) -> io::Result<()> {
        let specs = specs(table);
        let read_only = if read_only { flag::READONLY } else { 0 };
        let mut message = Message::new(device, flag::SECURE_DATA | read_only, specs.len());
        message.set(at::TARGET_COUNT, &(table.len() as u32).to_ne_bytes());
        message.set(HEADER, &specs);
        self.call(command::TABLE_LOAD, message).map(drop)
    }

    fn clear(&mut self, device: Number) -> io::Result<()> {
        let message = Message::new(device, 0, 0);
        self.call(command::TABLE_CLEAR, message).map(drop)
    }

    fn resume(&mut self, device: Number) -> io::Result<()> {
        // As LVM suspends linear volumes: what is under way ends, and no filesystem is frozen.
        let message = Message::new(device, flag::SKIP_LOCKFS, 0);
        self.call(command::DEV_SUSPEND, message).map(drop)
    }
}
