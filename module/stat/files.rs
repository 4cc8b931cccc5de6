// SPDX-License-Identifier: GPL-2.0

//! Which files there are, and what shows them.

use super::{show_number, All, Volume};
use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    wrappers::sysfs::{
        Attribute, AttributeList, Attributes, BinaryAttribute, Group, GroupList, Kind,
    },
};

static ALL: [Attribute<All>; 1] = [Attribute::read_only(c"volumes", All::show_volumes)];

static VOLUME: [Attribute<Volume>; 5] = [
    Attribute::read_only(c"volumes", Volume::show_volumes),
    Attribute::read_only(c"name", Volume::show_name),
    Attribute::read_only(c"uuid", Volume::show_uuid),
    Attribute::write_only(c"reset", Volume::store_reset),
    Attribute::read_write(c"latency", Volume::show_latency, Volume::store_latency),
];

static BINARY: [BinaryAttribute<Volume>; 1] = [BinaryAttribute::new(c"snapshot", Volume::snapshot)];

/// How many files an operation has.
const OPERATION_FILES: usize = 10;

/// The files of one operation, listed in `$list`.
macro_rules! operation_files {
    ($files:ident, $list:ident, $operation:expr) => {
        static $files: [Attribute<Volume>; OPERATION_FILES] = [
            Attribute::read_only(c"requests", |volume, out| {
                show_number(out, volume.counters.counted($operation).requests())
            }),
            Attribute::read_only(c"bytes", |volume, out| {
                show_number(out, volume.counters.counted($operation).bytes)
            }),
            Attribute::read_only(c"avg_size", |volume, out| {
                show_number(out, volume.counters.counted($operation).sum().avg_size())
            }),
            Attribute::read_only(c"errors", |volume, out| {
                show_number(out, volume.counters.counted($operation).errors)
            }),
            Attribute::read_only(c"again", |volume, out| {
                show_number(out, volume.counters.counted($operation).again)
            }),
            Attribute::read_only(c"inflight", |volume, out| {
                show_number(out, volume.counters.counted($operation).inflight)
            }),
            Attribute::read_only(c"size_histogram", |volume, out| {
                let sizes = volume.counters.counted($operation).sizes;
                Ok(Sizes::write(out, sizes.into_iter())?)
            }),
            Attribute::read_only(c"latency_ns", |volume, out| {
                show_number(out, volume.counters.counted($operation).latency_sum)
            }),
            Attribute::read_only(c"latency_max_ns", |volume, out| {
                show_number(out, volume.counters.counted($operation).latency_max)
            }),
            Attribute::read_only(c"latency_histogram", |volume, out| {
                let latencies = volume.counters.counted($operation).latencies;
                Ok(Latencies::write(out, latencies.into_iter())?)
            }),
        ];
        static $list: AttributeList<Volume, OPERATION_FILES> = AttributeList::new(&$files);
    };
}

operation_files!(READ, READ_LIST, Operation::Read);
operation_files!(WRITE, WRITE_LIST, Operation::Write);
operation_files!(DISCARD, DISCARD_LIST, Operation::Discard);
operation_files!(FLUSH, FLUSH_LIST, Operation::Flush);
operation_files!(WRITE_ZEROES, WRITE_ZEROES_LIST, Operation::WriteZeroes);
operation_files!(OTHER, OTHER_LIST, Operation::Other);

static ALL_LIST: AttributeList<All, 1> = AttributeList::new(&ALL);
static ALL_GROUPS: [Group<All>; 1] = [Group::new(None, &ALL_LIST)];
static ALL_GROUP_LIST: GroupList<All, 1> = GroupList::new(&ALL_GROUPS);
static ALL_KIND: Kind<All> = Kind::new(&ALL_GROUP_LIST);

static VOLUME_LIST: AttributeList<Volume, 5> = AttributeList::new(&VOLUME);
static VOLUME_GROUPS: [Group<Volume>; 7] = [
    Group::new(None, &VOLUME_LIST),
    Group::new(Some(c"read"), &READ_LIST),
    Group::new(Some(c"write"), &WRITE_LIST),
    Group::new(Some(c"discard"), &DISCARD_LIST),
    Group::new(Some(c"flush"), &FLUSH_LIST),
    Group::new(Some(c"write_zeroes"), &WRITE_ZEROES_LIST),
    Group::new(Some(c"other"), &OTHER_LIST),
];
static VOLUME_GROUP_LIST: GroupList<Volume, 7> = GroupList::new(&VOLUME_GROUPS);
static VOLUME_KIND: Kind<Volume> = Kind::new(&VOLUME_GROUP_LIST);

impl Attributes for All {
    fn kind() -> &'static Kind<Self> {
        &ALL_KIND
    }
}

impl Attributes for Volume {
    fn kind() -> &'static Kind<Self> {
        &VOLUME_KIND
    }

    fn binary() -> &'static [BinaryAttribute<Self>] {
        &BINARY
    }
}
