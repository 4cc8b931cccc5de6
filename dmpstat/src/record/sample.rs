// SPDX-License-Identifier: GPL-2.0

//! All devices at one time.

use crate::model::snapshot::Snapshot;
use crate::source::sysfs::minor;

/// All devices at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The time of day, in nanoseconds since 1970.
    pub realtime: i64,
    /// The time since boot, in nanoseconds, with suspends.
    pub boottime: u64,
    /// Devices that were read, in the order of their numbers.
    pub snapshots: Vec<Snapshot>,
    /// Devices that could not be read.
    pub failures: Vec<Failure>,
}

impl Sample {
    /// Sorts the devices by their numbers.
    pub fn sort(&mut self) {
        let number = |device: &str| minor(device).unwrap_or(u32::MAX);
        self.snapshots.sort_by_key(|of| number(&of.device));
        self.failures.sort_by_key(|of| number(&of.device));
    }
}

/// A device that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Its kernel name; empty if no device could be read.
    pub device: String,
    /// The name in device mapper, if it is known.
    pub name: Vec<u8>,
    /// The message.
    pub message: String,
}
