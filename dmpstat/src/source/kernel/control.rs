// SPDX-License-Identifier: GPL-2.0

//! The running kernel's device mapper.

use std::fs::OpenOptions;
use std::io;

use rustix::io::Errno;

use crate::source::kernel::ioctl::{Channel, Files, Message, command, flag, spec_size};
use crate::source::kernel::line::Line;
use crate::source::kernel::mapper::{DeviceMapper, State, Status, Which};
use crate::source::kernel::number::Number;
use crate::source::sysfs::Machine;

/// The initial size for an answer, which fits most tables.
const ROOM: usize = 16 << 10;
/// `DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG`, `_DISK_RULES_FLAG` and `_OTHER_RULES_FLAG` of libdevmapper.h: udev
/// runs no rules of LVM and of other programs, and no blkid. The link in /dev/mapper stays, because lsblk
/// leaves out a device without a link, and all devices above it. `_PRIMARY_SOURCE_FLAG` makes udev's database
/// keep the flags. The kernel passes the event's number on to udev as `DM_COOKIE`. The flags are its upper
/// half, and nobody waits for a cookie whose lower half is 0.
const HIDDEN_FROM_UDEV: u32 = (0x02 | 0x04 | 0x08 | 0x40) << 16;

/// Device mapper behind a channel.
pub struct Control<C = Files> {
    channel: C,
    message: Message,
}

impl Control {
    /// Opens the file of the ioctls.
    pub fn open(machine: &Machine) -> io::Result<Self> {
        let path = machine.path("/dev/mapper/control");
        Ok(Self::new(Files {
            control: OpenOptions::new().read(true).write(true).open(path)?,
            machine: machine.clone(),
        }))
    }
}

impl<C: Channel> Control<C> {
    /// Makes the device mapper behind a channel.
    pub fn new(channel: C) -> Self {
        let mut message = Message::default();
        message.reserve(ROOM);
        Self { channel, message }
    }

    fn call(&mut self, number: u8) -> io::Result<()> {
        self.channel.call(number, &mut self.message)
    }

    /// Repeats a call with more room until the answer fits.
    fn ask(&mut self, number: u8, device: Number, flags: u32) -> io::Result<()> {
        let mut room = ROOM;
        loop {
            self.message.begin(device, flags, room);
            self.call(number)?;
            if self.message.flags() & flag::BUFFER_FULL == 0 {
                return Ok(());
            }
            room *= 4;
        }
    }
}

fn table_flags(which: Which) -> u32 {
    let query = match which {
        Which::Live => 0,
        Which::Inactive => flag::QUERY_INACTIVE_TABLE,
    };
    flag::STATUS_TABLE | flag::SECURE_DATA | query
}

impl<C: Channel> DeviceMapper for Control<C> {
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>> {
        self.ask(command::LIST_DEVICES, Number(0), 0)?;
        self.message.devices()
    }

    fn status(&mut self, device: Number) -> io::Result<Status> {
        self.message.begin(device, 0, 0);
        self.call(command::DEV_STATUS)?;
        Ok(Status {
            name: self.message.name().to_vec(),
            uuid: self.message.uuid().to_vec(),
            state: self.message.state(),
        })
    }

    fn table(&mut self, device: Number, which: Which) -> io::Result<Vec<Line>> {
        self.ask(command::TABLE_STATUS, device, table_flags(which))?;
        let mut lines = Vec::new();
        self.message
            .each_line(|_, start, length, target, parameters| {
                lines.push(Line {
                    start,
                    length,
                    target: String::from_utf8_lossy(target).into_owned(),
                    parameters: parameters.to_vec(),
                });
            })?;
        Ok(lines)
    }

    fn target_version(&mut self, target: &str) -> io::Result<Option<[u32; 3]>> {
        self.message.begin(Number(0), 0, 4 << 10);
        self.message.set_name(target);
        match self.call(command::GET_TARGET_VERSION) {
            Ok(()) => self.message.target_version().map(Some),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&mut self, name: &str, uuid: &str) -> io::Result<Number> {
        self.message.begin(Number(0), 0, 0);
        self.message.set_name(name);
        self.message.set_uuid(uuid);
        self.call(command::DEV_CREATE)?;
        self.message.number()
    }

    fn start_hidden(&mut self, device: Number) -> io::Result<()> {
        self.message.begin(device, 0, 0);
        self.message.set_event(HIDDEN_FROM_UDEV);
        self.call(command::DEV_SUSPEND)
    }

    fn remove(&mut self, device: Number, deferred: bool) -> io::Result<()> {
        let flags = if deferred { flag::DEFERRED_REMOVE } else { 0 };
        self.message.begin(device, flags, 0);
        self.call(command::DEV_REMOVE)
    }

    fn reserve(&mut self, tables: &[&[Line]]) {
        let size = |table: &&[Line]| table.iter().map(spec_size).sum::<usize>();
        let largest = tables.iter().map(size).max().unwrap_or(0);
        // The kernel's answer with a table takes little more room than the message that loads it.
        self.message.reserve(2 * largest + ROOM);
    }

    fn state(&mut self, device: Number) -> io::Result<State> {
        self.message.begin(device, 0, 0);
        self.call(command::DEV_STATUS)?;
        Ok(self.message.state())
    }

    fn has_table(&mut self, device: Number, which: Which, table: &[Line]) -> io::Result<bool> {
        let room = self.message.room();
        self.message.begin(device, table_flags(which), room);
        self.call(command::TABLE_STATUS)?;
        if self.message.flags() & flag::BUFFER_FULL != 0 {
            // The table is longer than all tables of the reservation.
            return Ok(false);
        }
        let mut same = true;
        let count = self
            .message
            .each_line(|at, start, length, target, parameters| {
                same &= table.get(at).is_some_and(|line| {
                    (line.start, line.length) == (start, length)
                        && line.target.as_bytes() == target
                        && line.parameters == parameters
                });
            })?;
        Ok(same && count == table.len())
    }

    fn load(&mut self, device: Number, table: &[Line], read_only: bool) -> io::Result<()> {
        let read_only = if read_only { flag::READONLY } else { 0 };
        self.message.begin(device, flag::SECURE_DATA | read_only, 0);
        self.message.write_table(table);
        self.call(command::TABLE_LOAD)
    }

    fn clear(&mut self, device: Number) -> io::Result<()> {
        self.message.begin(device, 0, 0);
        self.call(command::TABLE_CLEAR)
    }

    fn resume(&mut self, device: Number) -> io::Result<()> {
        // The resume suspends a running volume as LVM does for linear volumes: in-flight requests complete,
        // and no filesystem is frozen.
        self.message.begin(device, flag::SKIP_LOCKFS, 0);
        self.call(command::DEV_SUSPEND)
    }

    fn set_read_only(&mut self, device: Number, read_only: bool) -> io::Result<bool> {
        self.channel.set_read_only(device, read_only)
    }
}
