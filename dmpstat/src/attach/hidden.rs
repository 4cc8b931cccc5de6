// SPDX-License-Identifier: GPL-2.0

//! Hidden devices: a volume that is attached above has its table on one, and a dmp line over it.

use std::io;

use serde::{Deserialize, Serialize};

use crate::attach::kernel::{DeviceMapper, Number, Status};
use crate::attach::line::Line;
use crate::lvm;

/// The beginning of each hidden device's name, with 16 hexadecimal digits behind it.
const NAME: &str = "dmp-";
/// The end of the name and the uuid of one that is under a volume of LVM's. LVM calls the device under a
/// volume so that has the volume's own table, and keeps it in its tree of the volume: it suspends the
/// device with the volume, finds the thin pool below it, and removes it when the volume has lines of its
/// own again. So LVM reaches a pool with the messages for it.
const LVM_LAYER: &str = "-real";
/// The beginning of the uuid of one that is under another volume. LVM and libblkid call devices private
/// whose uuid begins with `stratis-1-private`, and never look for volume groups and filesystems on them.
const PRIVATE: &str = "stratis-1-private-";

/// The number of tries to remove a device that is in nobody's way.
const TRIES: usize = 3;

/// A hidden device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Its name. The volume's is no part of it, since volumes are renamed.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// It goes with the last line over it. LVM removes its own.
    pub deferred: bool,
}

impl Hidden {
    /// Returns names for the hidden device of a volume that no device has had.
    pub fn new(volume: &Status) -> io::Result<Self> {
        let mut random = [0; 8];
        rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
        let name = format!("{NAME}{:016x}", u64::from_ne_bytes(random));
        match std::str::from_utf8(&volume.uuid) {
            Ok(uuid) if lvm::made(&volume.uuid) => Ok(Self {
                name: name + LVM_LAYER,
                uuid: format!("{uuid}{LVM_LAYER}"),
                deferred: false,
            }),
            _ => Ok(Self {
                uuid: format!("{PRIVATE}{name}"),
                name,
                deferred: true,
            }),
        }
    }

    /// Makes the device, without a table.
    pub fn make(&self, kernel: &mut dyn DeviceMapper) -> io::Result<Number> {
        self.remove_left_over(kernel)?;
        kernel.create(&self.name, &self.uuid)
    }

    /// Removes a device of the same uuid whose volume another program has given a table of its own with
    /// dmsetup.
    fn remove_left_over(&self, kernel: &mut dyn DeviceMapper) -> io::Result<()> {
        if self.deferred {
            return Ok(());
        }
        for (device, name) in kernel.devices()? {
            let mut is_ours = || {
                let status = kernel.status(device);
                status.is_ok_and(|status| status.uuid == self.uuid.as_bytes())
            };
            if is_name(&name) && is_ours() {
                // It fails if the device is open, and then so does the creation.
                let _ = kernel.remove(device, false);
            }
        }
        Ok(())
    }

    /// Has the device go with the loaded line that has it open, whoever drops that. Before it was open it
    /// would go at once.
    pub fn leave(&self, kernel: &mut dyn DeviceMapper, device: Number) -> io::Result<()> {
        match self.deferred {
            true => kernel.remove(device, true),
            false => Ok(()),
        }
    }

    /// Removes the device if no line is over it.
    pub fn remove(&self, kernel: &mut dyn DeviceMapper) {
        for _ in 0..TRIES {
            if self.try_to_remove(kernel).is_ok() {
                return;
            }
        }
    }

    fn try_to_remove(&self, kernel: &mut dyn DeviceMapper) -> io::Result<()> {
        let devices = kernel.devices()?;
        let mut devices = devices.into_iter();
        match devices.find(|(_, name)| name == self.name.as_bytes()) {
            // It fails if the device is open.
            Some((device, _)) => kernel.remove(device, self.deferred),
            None => Ok(()),
        }
    }
}

impl From<Status> for Hidden {
    /// The hidden device with these names.
    fn from(status: Status) -> Self {
        Self {
            name: String::from_utf8_lossy(&status.name).into_owned(),
            uuid: String::from_utf8_lossy(&status.uuid).into_owned(),
            deferred: status.state.to_be_removed,
        }
    }
}

/// Returns whether a device is a hidden one.
pub fn is_hidden(name: &[u8], uuid: &[u8]) -> bool {
    is_name(name) && (uuid.starts_with(PRIVATE.as_bytes()) || uuid.ends_with(LVM_LAYER.as_bytes()))
}

fn is_name(name: &[u8]) -> bool {
    let digits = name
        .strip_prefix(NAME.as_bytes())
        .map(|digits| digits.strip_suffix(LVM_LAYER.as_bytes()).unwrap_or(digits));
    digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Brings the device to life with a volume's table. Two live instances of a thin or striped target do no
/// harm: all that they know is in their pool, or nothing.
pub fn start(
    kernel: &mut dyn DeviceMapper,
    device: Number,
    table: &[Line],
    read_only: bool,
) -> io::Result<()> {
    kernel.load(device, table, read_only)?;
    kernel.start_hidden(device)
}
