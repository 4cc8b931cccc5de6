// SPDX-License-Identifier: GPL-2.0

//! Whose counters they are: one set for each mapped device that has dmp lines.
//!
//! A table reload makes the new table's lines while the old table is still there, so counters that
//! live as long as any line of their device survive it, and go when the device is removed.

use crate::{
    counters::{Counters, LatencySetting},
    operation::Operation,
    stat::{All, Volume},
    summary::Sum,
    wrappers::{
        dm::{DeviceNumber, MappedDevice, TableId},
        memalloc::NoIo,
        sysfs::{Directory, Hidden, Parent},
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
    /// Whatever is shown in a device's own directory must not take it. A resume takes it, so
    /// whoever holds it must not wait for I/O.
    #[pin]
    entries: Mutex<RBTree<DeviceNumber, Entry>>,
}

/// One mapped device.
struct Entry {
    /// The tables that have dmp lines for it: the live one, one that is loaded, and for a moment
    /// one that is being loaded or destroyed.
    tables: RBTree<TableId, Lines>,
    volume: Directory<Volume>,
}

/// The dmp lines of one table.
struct Lines {
    count: usize,
    /// Whether any of them asks for latencies; `None` when that was done, at the first resume.
    latency: Option<LatencySetting>,
}

/// One dmp line's part in the statistics of its mapped device.
pub(crate) struct Line {
    counters: Arc<Counters>,
    device: DeviceNumber,
    table: TableId,
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

    /// Adds a line of `table`, which is being loaded for `device`. May sleep.
    pub(crate) fn line(
        &self,
        device: &MappedDevice<'_>,
        table: TableId,
        latency: bool,
    ) -> Result<Line> {
        let number = device.number();
        let _no_io = NoIo::new();
        let mut entries = self.0.devices.entries.lock();
        if entries.get(&number).is_none() {
            let counters = Arc::pin_init(Counters::new(), GFP_KERNEL)?;
            let volume = Directory::new(
                Parent::Directory(&self.0.stat),
                device.disk_name(),
                Volume::new(number, counters),
            )?;
            let tables = RBTree::new();
            entries.try_create_and_insert(number, Entry { tables, volume }, GFP_KERNEL)?;
        }
        let Some(entry) = entries.get_mut(&number) else {
            return Err(EINVAL);
        };
        let added = entry.add(table, latency);
        let counters = entry.volume.data().counters().clone();
        if let Err(e) = added {
            let gone = take_if_unused(&mut entries, number);
            drop(entries);
            drop(gone);
            return Err(e);
        }
        Ok(Line {
            counters,
            device: number,
            table,
            registry: self.0.clone(),
        })
    }
}

impl Entry {
    fn add(&mut self, table: TableId, latency: bool) -> Result {
        if let Some(lines) = self.tables.get_mut(&table) {
            if latency {
                lines.latency = Some(LatencySetting::new(true)?);
            }
            lines.count += 1;
            return Ok(());
        }
        let lines = Lines {
            count: 1,
            latency: Some(LatencySetting::new(latency)?),
        };
        self.tables
            .try_create_and_insert(table, lines, GFP_KERNEL)?;
        Ok(())
    }
}

/// The directory of a device without lines, no longer in sysfs. It is to be dropped when the lock
/// is not held: that can wait, and others need not.
fn take_if_unused(
    entries: &mut RBTree<DeviceNumber, Entry>,
    device: DeviceNumber,
) -> Option<Hidden<Volume>> {
    let entry = entries.get(&device)?;
    if entry.tables.values().next().is_some() {
        return None;
    }
    Some(entries.remove(&device)?.volume.hide())
}

impl Line {
    /// The counters of the mapped device.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether the line, loaded again, has to ask for latencies: as long as its table has not come
    /// to life, what it asked for, and then whether they are measured.
    pub(crate) fn asks_for_latency(&self) -> bool {
        let entries = self.registry.devices.entries.lock();
        let pending = entries
            .get(&self.device)
            .and_then(|entry| entry.tables.get(&self.table))
            .and_then(|lines| lines.latency.as_ref());
        match pending {
            Some(setting) => setting.is_on(),
            None => self.counters.measures_latency(),
        }
    }

    /// Does what the table's options ask for, when its table first comes to life. Allocates
    /// nothing.
    pub(crate) fn resumed(&self) {
        let mut entries = self.registry.devices.entries.lock();
        let setting = entries
            .get_mut(&self.device)
            .and_then(|entry| entry.tables.get_mut(&self.table))
            .and_then(|lines| lines.latency.take());
        if let Some(setting) = setting {
            self.counters.measure_latency_with(setting);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut entries = self.registry.devices.entries.lock();
        let Some(entry) = entries.get_mut(&self.device) else {
            return;
        };
        if let Some(lines) = entry.tables.get_mut(&self.table) {
            lines.count -= 1;
            if lines.count == 0 {
                entry.tables.remove(&self.table);
            }
        }
        let gone = take_if_unused(&mut entries, self.device);
        drop(entries);
        drop(gone);
    }
}

impl Devices {
    /// What was counted of all of them together, for one operation.
    pub(crate) fn sum(&self, operation: Operation) -> Sum {
        let entries = self.entries.lock();
        entries.values().fold(Sum::default(), |sum, entry| {
            sum.plus(entry.volume.data().counters().sum(operation))
        })
    }
}
