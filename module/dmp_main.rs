// SPDX-License-Identifier: GPL-2.0

//! dmp: a device-mapper target that passes every request on and keeps statistics of them.
//!
//! The way of a request, and of its statistics, file by file:
//!
//! - `table_line.rs`: what `<device> [<offset> [<#options> <option>...]]` means;
//! - `target.rs`: the target that the line makes, and what it does with each bio;
//! - `operation.rs`, `counters.rs`, `histogram.rs`: as what the bio is counted, and where;
//! - `registry.rs`: whose counters they are;
//! - `lines.rs`: how many dmp lines a device's tables have;
//! - `stat.rs`, `summary.rs`: the files in sysfs that show them, and their text;
//! - `wrappers/`: the kernel's C interfaces, made safe. No other file has `unsafe`.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

#[forbid(unsafe_code)]
mod counters;
#[forbid(unsafe_code)]
mod histogram;
#[forbid(unsafe_code)]
mod lines;
#[forbid(unsafe_code)]
mod operation;
#[forbid(unsafe_code)]
mod registry;
#[forbid(unsafe_code)]
mod snapshot;
#[forbid(unsafe_code)]
mod stamp;
#[forbid(unsafe_code)]
mod stat;
#[forbid(unsafe_code)]
mod summary;
#[forbid(unsafe_code)]
mod table_line;
#[forbid(unsafe_code)]
mod target;
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
    // What device mapper asks for when a table names the target.
    alias: ["dm-dmp"],
}
