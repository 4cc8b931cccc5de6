// SPDX-License-Identifier: GPL-2.0

//! The files in /sys/module/dmp/stat.

use crate::{
    counters::{Counters, Operation, Sum, Sums},
    registry::Devices,
    wrappers::{
        dm::DeviceNumber,
        output::Output,
        sysfs::{Attribute, AttributeList, Attributes, Group, GroupList, Kind},
    },
};
use core::fmt::Write;
use kernel::{prelude::*, sync::Arc};

/// What stat/ is about: all devices.
pub(crate) struct All {
    devices: Arc<Devices>,
}

impl All {
    pub(crate) fn new(devices: Arc<Devices>) -> Self {
        Self { devices }
    }
}

/// What stat/dm-N/ is about: one mapped device.
pub(crate) struct Volume {
    device: DeviceNumber,
    counters: Arc<Counters>,
}

impl Volume {
    pub(crate) fn new(device: DeviceNumber, counters: Arc<Counters>) -> Self {
        Self { device, counters }
    }

    /// The device's counters.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    fn sum(&self, operation: Operation) -> Sum {
        self.counters.sums().of(operation)
    }

    fn show_volumes(&self, out: &mut Output<'_>) -> Result {
        show_volumes(out, self.counters.sums())
    }

    fn show_name(&self, out: &mut Output<'_>) -> Result {
        self.device
            .with_name(|name| out.write_bytes(name.to_bytes()))??;
        Ok(out.write_char('\n')?)
    }

    fn store_reset(&self, text: &str) -> Result {
        if text != "1" {
            return Err(EINVAL);
        }
        self.counters.reset();
        Ok(())
    }
}

/// The files of one operation: how many requests, how many bytes, and their average.
macro_rules! operation_files {
    ($operation:expr) => {
        [
            Attribute::read_only(c"requests", |volume, out| {
                show_number(out, volume.sum($operation).requests)
            }),
            Attribute::read_only(c"bytes", |volume, out| {
                show_number(out, volume.sum($operation).bytes)
            }),
            Attribute::read_only(c"avg_size", |volume, out| {
                show_number(out, volume.sum($operation).avg_size())
            }),
        ]
    };
}

fn show_volumes(out: &mut Output<'_>, sums: Sums) -> Result {
    Ok(write!(out, "{sums}")?)
}

fn show_number(out: &mut Output<'_>, number: u64) -> Result {
    Ok(writeln!(out, "{number}")?)
}

static READ: [Attribute<Volume>; 3] = operation_files!(Operation::Read);
static WRITE: [Attribute<Volume>; 3] = operation_files!(Operation::Write);
static VOLUME: [Attribute<Volume>; 3] = [
    Attribute::read_only(c"volumes", Volume::show_volumes),
    Attribute::read_only(c"name", Volume::show_name),
    Attribute::write_only(c"reset", Volume::store_reset),
];
static ALL: [Attribute<All>; 1] = [Attribute::read_only(c"volumes", |all, out| {
    show_volumes(out, all.devices.sums())
})];

// The same as the kernel's C structures have it: each list ends in a null pointer.
static READ_LIST: AttributeList<Volume, 3> = AttributeList::new(&READ);
static WRITE_LIST: AttributeList<Volume, 3> = AttributeList::new(&WRITE);
static VOLUME_LIST: AttributeList<Volume, 3> = AttributeList::new(&VOLUME);
static VOLUME_GROUPS: [Group<Volume>; 3] = [
    Group::new(None, &VOLUME_LIST),
    Group::new(Some(c"read"), &READ_LIST),
    Group::new(Some(c"write"), &WRITE_LIST),
];
static VOLUME_GROUP_LIST: GroupList<Volume, 3> = GroupList::new(&VOLUME_GROUPS);
static VOLUME_KIND: Kind<Volume> = Kind::new(&VOLUME_GROUP_LIST);

static ALL_LIST: AttributeList<All, 1> = AttributeList::new(&ALL);
static ALL_GROUPS: [Group<All>; 1] = [Group::new(None, &ALL_LIST)];
static ALL_GROUP_LIST: GroupList<All, 1> = GroupList::new(&ALL_GROUPS);
static ALL_KIND: Kind<All> = Kind::new(&ALL_GROUP_LIST);

impl Attributes for Volume {
    fn kind() -> &'static Kind<Self> {
        &VOLUME_KIND
    }
}

impl Attributes for All {
    fn kind() -> &'static Kind<Self> {
        &ALL_KIND
    }
}
