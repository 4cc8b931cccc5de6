// SPDX-License-Identifier: GPL-2.0

//! dmp: a device-mapper target that passes every request on and counts it.
//!
//! The path of a request and of its statistics, file by file:
//!
//! - `table_line.rs`: the parser of `<device> [<offset> [<#options> <option>...]]`;
//! - `target.rs`: the target of a table line, and its handling of each bio;
//! - `operation.rs`, `req_op.rs`: the operations, and the one of each bio;
//! - `counters.rs`, `histogram.rs`: the counters of each operation;
//! - `measurement.rs`: the measurements that can be switched;
//! - `stamp.rs`: the word that a request carries from its arrival to its end;
//! - `lines.rs`: counts of a device's dmp lines;
//! - `statistic.rs`: the table of the statistics of an operation;
//! - `stat.rs`, `summary.rs`, `snapshot.rs`: a mapped device's files in sysfs, and their text;
//! - `registry.rs`: the counters and files of each mapped device, and the sums over all of them;
//! - `version.rs`: the version of the target, from the file `VERSION`;
//! - `wrappers/`: safe wrappers of the kernel's C interfaces. No other file has `unsafe`.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

#[forbid(unsafe_code)]
mod counters;
#[forbid(unsafe_code)]
mod histogram;
#[forbid(unsafe_code)]
mod lines;
// dmpstat also includes this file.
#[allow(dead_code, unreachable_pub)]
#[forbid(unsafe_code)]
mod measurement;
// dmpstat also includes and exports this file and `statistic.rs`.
#[allow(dead_code, unreachable_pub)]
#[forbid(unsafe_code)]
mod operation;
#[forbid(unsafe_code)]
mod registry;
#[forbid(unsafe_code)]
mod req_op;
#[forbid(unsafe_code)]
mod snapshot;
#[forbid(unsafe_code)]
mod stamp;
#[forbid(unsafe_code)]
mod stat;
#[allow(dead_code, unreachable_pub)]
#[forbid(unsafe_code)]
mod statistic;
#[forbid(unsafe_code)]
mod summary;
#[forbid(unsafe_code)]
mod table_line;
#[forbid(unsafe_code)]
mod target;
#[forbid(unsafe_code)]
mod version;
mod wrappers;

use kernel::prelude::*;
use target::Proxy;
use wrappers::dm::TargetModule;

/// The loaded module.
type Dmp = TargetModule<Proxy>;

module! {
    type: Dmp,
    name: "dmp",
    description: "Device-mapper target that counts the requests it passes on",
    license: "GPL",
    // Device mapper requests this alias when a table names a target that is not registered.
    alias: ["dm-dmp"],
}
