// SPDX-License-Identifier: GPL-2.0

//! The sources of data about devices.
//!
//! [`sysfs`] finds the devices and reads their files, and [`selection`] finds the devices of a command line.
//! [`likeness`] finds a name similar to a wrong one. [`devices`] come from a machine or from a recording. [`lvm`]
//! reads LVM's names, and [`host`] the machine's. [`kernel`] reads and changes device mapper's tables.

pub mod devices;
pub mod host;
pub mod kernel;
pub mod likeness;
pub mod lvm;
pub mod selection;
pub mod sysfs;
