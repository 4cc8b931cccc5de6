// SPDX-License-Identifier: GPL-2.0

//! The calls of device mapper.

use std::io;

use crate::model::escape;
use crate::source::kernel::line::Line;
use crate::source::kernel::number::Number;
use crate::source::lvm;

/// The calls of device mapper. They name devices by number, because names can change.
pub trait DeviceMapper {
    /// Lists all mapped devices: number and name.
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>>;
    /// Reads a device's names and flags.
    fn status(&mut self, device: Number) -> io::Result<Status>;
    /// Reads a table as the kernel shows it.
    fn table(&mut self, device: Number, which: Which) -> io::Result<Vec<Line>>;
    /// Returns the version of a target, or `None` if there is no such target. Loads its module.
    fn target_version(&mut self, target: &str) -> io::Result<Option<[u32; 3]>>;
    /// Creates a device without a table.
    fn create(&mut self, name: &str, uuid: &str) -> io::Result<Number>;
    /// Activates a new device, and tells udev to leave it alone.
    fn start_hidden(&mut self, device: Number) -> io::Result<()>;
    /// Removes a device. If the device is open, a deferred removal waits for its last user, and any other
    /// fails.
    fn remove(&mut self, device: Number, deferred: bool) -> io::Result<()>;

    /// Reserves memory for these tables, so that the calls below allocate nothing: a volume may be suspended
    /// during those calls, and then nothing may wait for memory.
    fn reserve(&mut self, tables: &[&[Line]]);
    /// Reads a device's flags.
    fn state(&mut self, device: Number) -> io::Result<State>;
    /// Compares a table, as the kernel shows it, with this one.
    fn has_table(&mut self, device: Number, which: Which, table: &[Line]) -> io::Result<bool>;
    /// Loads an inactive table.
    fn load(&mut self, device: Number, table: &[Line], read_only: bool) -> io::Result<()>;
    /// Drops the inactive table, if there is one.
    fn clear(&mut self, device: Number) -> io::Result<()>;
    /// Makes the inactive table live, if there is one, and resumes the device. The kernel itself suspends a
    /// running device for the exchange, so dmpstat never suspends a device that its death could leave
    /// suspended.
    fn resume(&mut self, device: Number) -> io::Result<()>;

    /// Sets or clears a device's read-only flag, as `blockdev --setro` and `--setrw` do. Returns false if the
    /// device has no node, which this call needs.
    fn set_read_only(&mut self, device: Number, read_only: bool) -> io::Result<bool>;
}

/// One of a device's two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The table for its requests.
    Live,
    /// A loaded table that waits for a resume.
    Inactive,
}

/// A device's names and flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Status {
    pub name: Vec<u8>,
    pub uuid: Vec<u8>,
    pub state: State,
}

impl Status {
    /// Returns VG/LV of a volume of LVM's.
    pub fn logical_volume(&self) -> Option<Vec<u8>> {
        lvm::logical_volume(&escape::undo(&self.name)).filter(|_| lvm::made(&self.uuid))
    }
}

/// A device's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct State {
    pub read_only: bool,
    pub suspended: bool,
    pub has_inactive: bool,
    /// The kernel removes the device as soon as nobody has it open.
    pub to_be_removed: bool,
}
