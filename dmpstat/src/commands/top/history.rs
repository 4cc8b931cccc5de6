// SPDX-License-Identifier: GPL-2.0

//! Numbers of the last intervals.

use std::collections::{HashMap, VecDeque};

use crate::model::column::Quantity;
use crate::model::interval::Interval;
use crate::model::operation::Operation::{Read, Write};
use crate::model::snapshot::Snapshot;

/// The recorded quantities, and their names.
pub const KEPT: [(&str, Quantity); 4] = [
    ("r/s", Quantity::Rate(Read)),
    ("w/s", Quantity::Rate(Write)),
    ("r_p99", Quantity::Percentile(Read, 990)),
    ("w_p99", Quantity::Percentile(Write, 990)),
];

/// The number of recorded intervals.
const LENGTH: usize = 120;

/// A device: its kernel name, and its diskseq, which differs for a later device of the same name.
pub type Identity = (String, u64);

/// Returns the identity of a device, or of a group of devices.
pub fn identity(device: &Snapshot) -> Identity {
    match device.is_group() {
        true => (device.shown_name(), 0),
        false => (device.device.clone(), device.diskseq),
    }
}

/// Numbers of one interval, as `f32` to halve the memory for a thousand devices.
type Numbers = [Option<f32>; KEPT.len()];

/// The numbers of each present device.
#[derive(Default)]
pub struct History(HashMap<Identity, VecDeque<Numbers>>);

impl History {
    /// Adds an interval of these devices, and forgets all others.
    pub fn add<'a>(&mut self, devices: impl Iterator<Item = (&'a Snapshot, &'a Interval)>) {
        let mut before = std::mem::take(&mut self.0);
        for (device, interval) in devices {
            let identity = identity(device);
            let mut past = before.remove(&identity).unwrap_or_default();
            if past.len() == LENGTH {
                past.pop_front();
            }
            past.push_back(KEPT.map(|(_, kept)| kept.value(interval).map(|value| value as f32)));
            self.0.insert(identity, past);
        }
    }

    /// Returns the device's recorded numbers of one quantity, the oldest first.
    pub fn of(&self, device: &Snapshot, kept: usize) -> Vec<Option<f32>> {
        let past = self.0.get(&identity(device)).into_iter().flatten();
        past.map(|numbers| numbers[kept]).collect()
    }
}
