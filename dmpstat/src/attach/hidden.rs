// SPDX-License-Identifier: GPL-2.0

//! Hidden devices. A volume that is attached above has its table on a hidden device, and a dmp line over it.

use std::io;

use serde::{Deserialize, Serialize};

use crate::source::kernel::line::Line;
use crate::source::kernel::mapper::{DeviceMapper, Status};
use crate::source::kernel::number::Number;
use crate::source::lvm;

/// The prefix of each hidden device's name, before 16 hexadecimal digits.
const NAME: &str = "dmp-";
/// The suffix of the name and uuid of a hidden device under an LVM volume. LVM itself gives this suffix to
/// the device with a volume's own table, and treats such a device as a part of the volume: LVM suspends it
/// with the volume, finds the thin pool below it, and removes it once the volume has lines of its own again.
/// So LVM's messages still reach the pool.
const LVM_LAYER: &str = "-real";
/// The prefix of the uuid of a hidden device under another volume. LVM and libblkid take devices whose uuid
/// begins with `stratis-1-private` for private: they search them for no volume group and no filesystem.
const PRIVATE: &str = "stratis-1-private-";

/// The number of attempts to remove a device. A device that remains does no harm.
const TRIES: usize = 3;

/// A hidden device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Its name, without the volume's name, because volumes are renamed.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// The kernel removes the device with the last line over it. LVM itself removes those under its own
    /// volumes.
    pub deferred: bool,
}

impl Hidden {
    /// Returns a hidden device for a volume, with a name that no device has had before.
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

    /// Removes an older hidden device of the same uuid. Such a device remains if another program has replaced
    /// the volume's table with dmsetup.
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
                // The removal fails if the device is open, and then the creation fails as well.
                let _ = kernel.remove(device, false);
            }
        }
        Ok(())
    }

    /// Makes the kernel remove the device after the last line that has it open, even if another program drops
    /// that line. A line must be loaded before this call, because the kernel immediately removes a device that
    /// is not open.
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
            // The removal fails if the device is open.
            Some((device, _)) => kernel.remove(device, self.deferred),
            None => Ok(()),
        }
    }
}

impl From<Status> for Hidden {
    /// Returns the hidden device of this status.
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

/// Activates the device with a volume's table. Two live instances of a thin or striped target do no harm: a
/// thin target keeps its state in its pool, and a striped target has none.
pub fn start(
    kernel: &mut dyn DeviceMapper,
    device: Number,
    table: &[Line],
    read_only: bool,
) -> io::Result<()> {
    kernel.load(device, table, read_only)?;
    kernel.start_hidden(device)
}
