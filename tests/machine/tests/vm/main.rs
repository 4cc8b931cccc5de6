// SPDX-License-Identifier: GPL-2.0

//! Tests of dmp-vm and of the library under it.

mod boots;
mod command;
mod common;
mod disks;
mod failures;
mod library;
mod shell;
mod signals;
mod tools;
