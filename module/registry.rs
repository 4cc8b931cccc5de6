// SPDX-License-Identifier: GPL-2.0

//! Whose counters they are: one set for each mapped device that has dmp lines.
//!
//! A table reload makes the new table's lines while the old table is still there, so counters that
//! live as long as any line of their device survive it, and go when the device is removed.

use crate::{
    counters::{Counters, Sums},
    stat::{All, Volume},
    wrappers::{
        dm::{DeviceNumber, MappedDevice},
        sysfs::{Directory, Parent},
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{Arc, Mutex},
};

/// The mapped devices that have dmp lines, and the directory that shows them.
pub(crate) struct Registry(Arc<Shared>);

struct Shared {
    devices: Arc<Devices>,
    stat: Directory<All>,
}

/// The mapped devices that have dmp lines.
#[pin_data]
pub(crate) struct Devices {
    /// Held while a device's directory comes or goes, so that no two of a name are made at once.
    /// Whatever is shown in a device's own directory must not take it.
    #[pin]
    entries: Mutex<RBTree<DeviceNumber, Entry>>,
}

/// One mapped device.
struct Entry {
    /// How many dmp lines it has, over all of its tables.
    lines: usize,
    volume: Directory<Volume>,
}

/// A dmp line's hold on the counters of its mapped device.
pub(crate) struct Counted {
    counters: Arc<Counters>,
    device: DeviceNumber,
    registry: Arc<Shared>,
}

impl Registry {
    /// No devices yet, shown in `stat` in the module's directory.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        let devices = Arc::pin_init(
            pin_init!(Devices {
                entries <- new_mutex!(RBTree::new()),
            }),
            GFP_KERNEL,
        )?;
        let stat = Directory::new(
            Parent::<All>::Module(module),
            c"stat",
            All::new(devices.clone()),
        )?;
        Ok(Self(Arc::new(Shared { devices, stat }, GFP_KERNEL)?))
    }

    /// The counters of a mapped device, for one more of its lines. May sleep.
    pub(crate) fn counted(&self, device: &MappedDevice<'_>) -> Result<Counted> {
        let number = device.number();
        let mut entries = self.0.devices.entries.lock();
        let counters = match entries.get_mut(&number) {
            Some(entry) => {
                entry.lines += 1;
                entry.volume.data().counters().clone()
            }
            None => {
                let counters = Arc::pin_init(Counters::new(), GFP_KERNEL)?;
                let volume = Directory::new(
                    Parent::Directory(&self.0.stat),
                    device.disk_name(),
                    Volume::new(number, counters.clone()),
                )?;
                entries.try_create_and_insert(number, Entry { lines: 1, volume }, GFP_KERNEL)?;
                counters
            }
        };
        Ok(Counted {
            counters,
            device: number,
            registry: self.0.clone(),
        })
    }
}

impl Counted {
    /// The counters.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut entries = self.registry.devices.entries.lock();
        if let Some(entry) = entries.get_mut(&self.device) {
            entry.lines -= 1;
            if entry.lines == 0 {
                entries.remove(&self.device);
            }
        }
    }
}

impl Devices {
    /// What was counted of all of them together.
    pub(crate) fn sums(&self) -> Sums {
        let entries = self.entries.lock();
        entries.values().fold(Sums::default(), |sums, entry| {
            sums.plus(entry.volume.data().counters().sums())
        })
    }
}
