// SPDX-License-Identifier: GPL-2.0

//! Devices of a machine or of a recording.

use std::ffi::OsString;

use crate::error::Error;
use crate::model::snapshot::Snapshot;
use crate::source::selection::Choice;
use crate::source::sysfs::{Machine, Readings};

/// Devices at one time.
pub trait Devices {
    /// Reads the wanted devices. Reads the others even if one is unreadable.
    fn readings(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Readings, Error>;
    /// Returns the name of an unreadable device, if it is known.
    fn name(&self, device: &str) -> Option<Vec<u8>>;
    /// Returns the kernel name of the device to which an argument is a path.
    fn target(&self, choice: &Choice) -> Option<OsString>;
    /// Adds the kernel's own numbers to the devices, if they are not there yet.
    fn add_disks(&self, devices: &mut [Snapshot]);
}

impl Devices for Machine {
    fn readings(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Readings, Error> {
        self.read(wanted)
    }

    fn name(&self, device: &str) -> Option<Vec<u8>> {
        self.attribute(device, "name")
    }

    fn target(&self, choice: &Choice) -> Option<OsString> {
        choice.target(self)
    }

    fn add_disks(&self, devices: &mut [Snapshot]) {
        for device in devices {
            device.disk = self.disk(&device.device);
        }
    }
}
