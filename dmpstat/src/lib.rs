// SPDX-License-Identifier: GPL-2.0

//! dmpstat: what passes through dmp devices.
//!
//! From the kernel to the screen: [`sysfs`] finds the devices and reads their files, [`snapshot`] is
//! what one file says, [`interval`] is what lies between two of them, [`column`] is what of that can be
//! shown, and [`table`], [`json`] and [`csv`] show it. [`selection`] is which devices, and [`sampling`] goes
//! round.

#![warn(missing_docs)]

pub mod arguments;
pub mod clock;
pub mod column;
pub mod csv;
pub mod error;
pub mod escape;
pub mod histogram;
pub mod interval;
pub mod json;
pub mod operation;
pub mod report;
pub mod sampling;
pub mod selection;
pub mod snapshot;
pub mod sysfs;
pub mod table;

use std::ffi::OsString;
use std::io::Write;

use crate::clock::Clock;
use crate::error::Error;
use crate::sysfs::Machine;

/// Runs the program with these arguments, the first of which is its name.
///
/// What it prints goes to `out`, what it has to say besides to `notes`.
pub fn run<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    machine: &Machine,
    clock: &mut dyn Clock,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Error> {
    let arguments = arguments::parse(arguments)?;
    sampling::run(&arguments, machine, clock, out, notes)
}
