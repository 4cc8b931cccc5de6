// SPDX-License-Identifier: GPL-2.0

//! Names of the machine and of its boot.

use std::ffi::CStr;
use std::fs;

use rustix::system::uname;
use serde::{Deserialize, Serialize};

use crate::source::sysfs::Machine;

/// The names of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// The boot, from /proc/sys/kernel/random/boot_id; empty if it is unknown.
    pub boot_id: String,
    /// The host name.
    pub name: String,
    /// The operating system: Linux.
    pub system: String,
    /// The kernel's release.
    pub release: String,
    /// The architecture.
    pub machine: String,
    /// The number of online processors; `None` if it is unknown.
    pub cpus: Option<u64>,
}

impl Host {
    /// Returns the names of a machine.
    pub fn of(machine: &Machine) -> Self {
        let system = uname();
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        let boot_id = fs::read_to_string(machine.path("/proc/sys/kernel/random/boot_id"));
        Self {
            boot_id: boot_id.unwrap_or_default().trim().to_owned(),
            name: text(system.nodename()),
            system: text(system.sysname()),
            release: text(system.release()),
            machine: text(system.machine()),
            cpus: machine.cpus(),
        }
    }
}
