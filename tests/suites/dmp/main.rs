// SPDX-License-Identifier: GPL-2.0

//! Tests of the dmp target from user space. Each test boots its own machine, and fails on any
//! complaint in the kernel's log.

#[path = "../common/mod.rs"]
mod common;

mod abilities;
mod access;
mod again;
mod ages;
mod as_linear;
mod attach;
mod attach_listed;
mod attach_lvm;
mod attach_steps;
mod attach_stopped;
mod counters;
mod data;
mod dax;
mod description;
mod dmpstat;
mod held_sysfs;
mod io_sizes;
mod latency;
mod lvm;
mod many;
mod memory;
mod messages;
mod operations;
mod pattern;
mod periods;
mod requests;
mod resume;
mod samples;
mod snapshot;
mod stacking;
mod table;
mod transparent;
mod under_load;
mod wrappers;
mod zoned;

/// Tests of lifetimes, locks and failures, which the debug kernel runs as well. Other modules have
/// more of them in a submodule `debug`.
mod debug {
    mod errors;
    mod lifecycle;
    mod names;
    mod ownership;
    mod readers;
    mod reset;
}
