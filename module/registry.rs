// SPDX-License-Identifier: GPL-2.0

//! One set of counters for each mapped device that has dmp lines.
//!
//! A reload of a table makes the new lines while the old ones still exist. So counters that live as long as
//! any line of their device survive a reload, and go with the last line.
//!
//! The requests of a suspended device wait for its resume, so the resume must not wait for those requests.
//! Therefore each line holds all data that a resume needs, and neither a resume nor a reader takes a lock
//! under which a task may sleep.
//!
//! A directory's removal waits for the readers of its files. So no lock is held while a directory is made or
//! removed: in that time the device's entry has no directory, and only lines of that device wait.

use crate::{
    counters::{
        switch::{
            Change,
            Replaced, //
        },
        Counters, //
    },
    lines::{
        Count,
        DeviceLines,
        TableLines, //
    },
    measurement::Measurements,
    operation::Operation,
    stat::Volume,
    summary::{
        write_volumes,
        Sum, //
    },
    wrappers::{
        dm::{
            DeviceNumber,
            MappedDevice,
            TableId, //
        },
        memalloc::NoIo,
        output::Output,
        percpu::Wait,
        sched,
        sysfs::{
            self,
            Directory,
            Parent, //
        }, //
    }, //
};
use core::mem;
use kernel::{
    new_condvar,
    new_spinlock,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode,
        RBTreeNodeReservation, //
    },
    sync::{
        Arc,
        CondVar,
        SpinLock, //
    }, //
};

/// The mapped devices that have dmp lines, and the directory that shows them.
pub(crate) struct Registry(Arc<Shared>);

struct Shared {
    devices: Arc<Devices>,
    stat: Directory<All>,
}

/// The data of stat/: all devices.
struct All(Arc<Devices>);

sysfs::attributes! {
    All {
        c"volumes": read_only(All::show_volumes),
    }
}

/// The mapped devices that have dmp lines.
#[pin_data]
struct Devices {
    #[pin]
    known: SpinLock<Known>,
    /// Wait queue for a directory to be made or removed.
    #[pin]
    changed: CondVar,
}

struct Known {
    devices: RBTree<DeviceNumber, Entry>,
    tables: RBTree<TableId, TableEntry>,
}

/// One mapped device.
struct Entry {
    /// Number of lines in all tables: in the live table, in a loaded one, and for a moment in one whose load
    /// or destruction is in progress.
    lines: usize,
    /// Counts of the lines, without those whose creation or destruction is in progress.
    counted: DeviceLines<TableId>,
    /// The directory. `None` while the first line makes it or the last line removes it; no other line exists
    /// during that time.
    volume: Option<Directory<Volume>>,
}

/// One table with dmp lines.
struct TableEntry {
    lines: usize,
    counted: TableLines,
    table: Arc<Table>,
}

/// State that the dmp lines of one table share.
#[pin_data]
struct Table {
    /// The request for measurements, made by all lines together.
    #[pin]
    request: SpinLock<Request>,
    /// The underlying devices of the lines so far.
    #[pin]
    disks: SpinLock<RBTree<DeviceNumber, ()>>,
}

/// A table's request for measurements.
enum Request {
    /// The table has not been resumed yet.
    Pending(Change),
    /// The first resume is handling the request.
    Switching(Measurements),
    /// The first resume has handled the request. The value that it replaced is kept here, because a resume
    /// may not sleep to drop it.
    Done { _replaced: Option<Replaced> },
}

/// One dmp line's part in the statistics of its mapped device.
pub(crate) struct Line {
    device: DevicePart,
    table: TablePart,
    /// The line's share of the counts.
    count: Count,
}

struct DevicePart {
    counters: Arc<Counters>,
    number: DeviceNumber,
    registry: Arc<Shared>,
}

struct TablePart {
    table: Arc<Table>,
    id: TableId,
    devices: Arc<Devices>,
}

impl Registry {
    /// Makes an empty registry, shown as `stat` in the module's directory.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        let devices = Arc::pin_init(
            pin_init!(Devices {
                known <- new_spinlock!(Known {
                    devices: RBTree::new(),
                    tables: RBTree::new(),
                }),
                changed <- new_condvar!(),
            }),
            GFP_KERNEL,
        )?;
        let stat = Directory::new(Parent::<All>::Module(module), c"stat", All(devices.clone()))?;
        Ok(Self(Arc::new(Shared { devices, stat }, GFP_KERNEL)?))
    }

    /// Adds a line of `table`, which is being loaded for `device`. May sleep.
    ///
    /// Fails with `ERESTARTSYS` if a signal arrives while this waits for the readers of an earlier directory
    /// of the device.
    pub(crate) fn line(
        &self,
        device: &MappedDevice<'_>,
        table: TableId,
        measurements: Measurements,
        count: Count,
    ) -> Result<Line> {
        let _no_io = NoIo::new();
        let table = TablePart::new(self.0.devices.clone(), table, measurements)?;
        let device = DevicePart::new(self.0.clone(), device)?;
        let line = Line {
            device,
            table,
            count,
        };
        line.counted(|device, table| device.add(table, count));
        Ok(line)
    }
}

impl All {
    fn show_volumes(&self, out: &mut Output<'_>) -> Result {
        let sums = self.0.volumes();
        Ok(write_volumes(out, Operation::NAMES.into_iter().zip(sums))?)
    }
}

impl DevicePart {
    fn new(registry: Arc<Shared>, device: &MappedDevice<'_>) -> Result<Self> {
        let number = device.number();
        let counters = match registry.devices.enter(number, None)? {
            Some(counters) => counters,
            None => registry.make(number, device)?,
        };
        Ok(Self {
            counters,
            number,
            registry,
        })
    }
}

impl Drop for DevicePart {
    fn drop(&mut self) {
        let devices = &self.registry.devices;
        if let Some(volume) = devices.leave(self.number) {
            // Waits for the readers of the device's files.
            let hidden = volume.hide();
            devices.forget(self.number);
            // The name is free now, so the wait for the directory's last reference delays no other line.
            drop(hidden);
        }
    }
}

impl Shared {
    /// Makes the counters and the directory of a device with one line, unless another line made them first.
    fn make(&self, number: DeviceNumber, device: &MappedDevice<'_>) -> Result<Arc<Counters>> {
        let counters = Arc::pin_init(Counters::new()?, GFP_KERNEL)?;
        let entry = Entry {
            lines: 1,
            counted: DeviceLines::NONE,
            volume: None,
        };
        let entry = RBTreeNode::new(number, entry, GFP_KERNEL)?;
        if let Some(counters) = self.devices.enter(number, Some(entry))? {
            return Ok(counters);
        }
        let made = Directory::new(
            Parent::Directory(&self.stat),
            device.disk_name(),
            Volume::new(number, counters.clone()),
        );
        match made {
            Ok(volume) => {
                self.devices.show(number, volume);
                Ok(counters)
            }
            Err(unmade) => {
                self.devices.forget(number);
                // The name is free now, so the wait for the directory's last reference delays no other line.
                Err(unmade.into())
            }
        }
    }
}

impl Devices {
    /// Adds a line to a known device, and returns the device's counters. Adds `entry` for an unknown device.
    ///
    /// Waits while the device's directory is made or removed. Fails with `ERESTARTSYS` if a signal arrives
    /// meanwhile.
    fn enter(
        &self,
        number: DeviceNumber,
        entry: Option<RBTreeNode<DeviceNumber, Entry>>,
    ) -> Result<Option<Arc<Counters>>> {
        let mut known = self.known.lock();
        while let Some(entry) = known.devices.get_mut(&number) {
            if let Some(volume) = &entry.volume {
                entry.lines += 1;
                return Ok(Some(volume.data().counters().clone()));
            }
            if self.changed.wait_interruptible(&mut known) {
                return Err(ERESTARTSYS);
            }
        }
        if let Some(entry) = entry {
            known.devices.insert(entry);
        }
        Ok(None)
    }

    /// Removes a line. Returns the directory if the line was the last one: then the caller has to remove the
    /// directory and forget the device.
    fn leave(&self, number: DeviceNumber) -> Option<Directory<Volume>> {
        let mut known = self.known.lock();
        let entry = known.devices.get_mut(&number)?;
        entry.lines -= 1;
        if entry.lines > 0 {
            return None;
        }
        entry.volume.take()
    }

    /// Enters the directory that the device's first line made, and wakes the lines that wait for it.
    fn show(&self, number: DeviceNumber, volume: Directory<Volume>) {
        let mut known = self.known.lock();
        if let Some(entry) = known.devices.get_mut(&number) {
            entry.volume = Some(volume);
        }
        drop(known);
        self.changed.notify_all();
    }

    /// Forgets a device that no longer has a directory.
    fn forget(&self, number: DeviceNumber) {
        let gone = self.known.lock().devices.remove_node(&number);
        self.changed.notify_all();
        drop(gone);
    }

    /// Returns the sums of reads and of writes over all devices. May sleep.
    fn volumes(&self) -> [Sum; Operation::COMMON_COUNT] {
        let mut sums = [Sum::default(); Operation::COMMON_COUNT];
        let mut next = self.first_from(DeviceNumber::FIRST);
        while let Some((number, counters)) = next {
            if let Some(counters) = counters {
                for (sum, more) in sums.iter_mut().zip(counters.volumes()) {
                    *sum = sum.plus(more);
                }
            }
            sched::cond_resched();
            next = number.next().and_then(|number| self.first_from(number));
        }
        sums
    }

    /// Finds the first device from a number on. Returns its counters as well if it has a directory.
    fn first_from(&self, number: DeviceNumber) -> Option<(DeviceNumber, Option<Arc<Counters>>)> {
        // `mut` is for older kernels, where a cursor borrows the tree mutably.
        #[allow(unused_mut)]
        let mut known = self.known.lock();
        let cursor = known.devices.cursor_lower_bound(&number)?;
        let (number, entry) = cursor.current();
        let volume = entry.volume.as_ref();
        Some((
            *number,
            volume.map(|volume| volume.data().counters().clone()),
        ))
    }
}

impl Table {
    /// Adds measurements to the request. All lines of a table are made one after the other, before its first
    /// resume.
    fn request(&self, more: Measurements) -> Result {
        let requested = match &*self.request.lock() {
            Request::Pending(change) => change.measurements(),
            _ => return Ok(()),
        };
        let all = requested.and(more);
        if all != requested {
            let all = Request::Pending(Change::new(all, Wait::Allowed)?);
            let replaced = mem::replace(&mut *self.request.lock(), all);
            drop(replaced);
        }
        Ok(())
    }
}

impl TablePart {
    fn new(devices: Arc<Devices>, id: TableId, measurements: Measurements) -> Result<Self> {
        let change = Change::new(measurements, Wait::Allowed)?;
        // The first line of the table uses this value; any further line drops it.
        let made = Arc::pin_init(
            pin_init!(Table {
                request <- new_spinlock!(Request::Pending(change)),
                disks <- new_spinlock!(RBTree::new()),
            }),
            GFP_KERNEL,
        )?;
        let reservation = RBTreeNodeReservation::new(GFP_KERNEL)?;
        let mut known = devices.known.lock();
        let table = match known.tables.get_mut(&id) {
            Some(entry) => {
                entry.lines += 1;
                entry.table.clone()
            }
            None => {
                let entry = TableEntry {
                    lines: 1,
                    counted: TableLines::default(),
                    table: made.clone(),
                };
                let node = reservation.into_node(id, entry);
                known.tables.insert(node);
                made.clone()
            }
        };
        drop(known);
        let part = Self { table, id, devices };
        if !Arc::ptr_eq(&part.table, &made) {
            part.table.request(measurements)?;
        }
        Ok(part)
    }
}

impl Drop for TablePart {
    fn drop(&mut self) {
        let mut known = self.devices.known.lock();
        let Some(entry) = known.tables.get_mut(&self.id) else {
            return;
        };
        entry.lines -= 1;
        if entry.lines == 0 {
            let gone = known.tables.remove_node(&self.id);
            drop(known);
            drop(gone);
        }
    }
}

impl Line {
    /// Returns the counters of the mapped device.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &Counters {
        &self.device.counters
    }

    /// Returns the measurements that the printed line includes: the requested ones until the table's first
    /// resume, and the present ones afterwards.
    pub(crate) fn measurements(&self) -> Measurements {
        let request = self.table.table.request.lock();
        match &*request {
            Request::Pending(change) => change.measurements(),
            Request::Switching(measurements) => *measurements,
            Request::Done { .. } => self.counters().measurements(),
        }
    }

    /// Tells if no earlier line of the table has this underlying device. Call it once for each line.
    pub(crate) fn is_first_on(&self, disk: DeviceNumber) -> Result<bool> {
        let _no_io = NoIo::new();
        let node = RBTreeNode::new(disk, (), GFP_KERNEL)?;
        let mut disks = self.table.table.disks.lock();
        let known = disks.insert(node);
        drop(disks);
        Ok(known.is_none())
    }

    /// Makes the line's table the live one at its first resume, and switches the measurements as the table
    /// requests. Allocates nothing and waits for nothing.
    pub(crate) fn resumed(&self) {
        let request = &self.table.table.request;
        let mut present = request.lock();
        let Request::Pending(change) = &*present else {
            return;
        };
        // The table also prints its options during this time.
        let measurements = change.measurements();
        let asked = mem::replace(&mut *present, Request::Switching(measurements));
        drop(present);
        if let Request::Pending(change) = asked {
            self.counted(|device, table| device.resume(self.table.id, table));
            let _replaced = self.counters().measure_exactly(change);
            *request.lock() = Request::Done { _replaced };
        }
    }

    /// Changes the counts of lines, and publishes the result.
    fn counted(&self, change: impl FnOnce(&mut DeviceLines<TableId>, &mut TableLines)) {
        let (number, id) = (&self.device.number, &self.table.id);
        let mut known = self.table.devices.known.lock();
        let Known { devices, tables } = &mut *known;
        // Both entries exist, because the line belongs to both.
        if let (Some(device), Some(table)) = (devices.get_mut(number), tables.get_mut(id)) {
            change(&mut device.counted, &mut table.counted);
            if let Some(volume) = &device.volume {
                volume.data().counters().set_lines(device.counted.shown());
            }
        }
    }
}

impl Drop for Line {
    /// Removes the line from the counts before its parts are dropped, because the device's number may belong
    /// to another device afterwards.
    fn drop(&mut self) {
        self.counted(|device, table| device.remove(self.table.id, table, self.count));
    }
}
