// SPDX-License-Identifier: GPL-2.0

//! Kinds of volumes: the way to count each, or the reason why it cannot be.

use std::collections::BTreeSet;

use crate::model::escape;
use crate::source::kernel::line::{DMP, LINEAR, Line};
use crate::source::kernel::mapper::{DeviceMapper, Status, Which};
use crate::source::lvm;
use crate::source::sysfs::{self, Machine};

/// Targets that a dmp line goes over: two live instances of them do no harm.
const ABOVE: [&str; 2] = ["thin", "striped"];
/// Targets that keep nothing and stay as they are.
const PLAIN: [&str; 2] = ["error", "zero"];

/// The way to count a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// dmp lines take the place of linear lines.
    InPlace,
    /// The table moves to a hidden device, and a dmp line over it takes its place.
    Above,
}

/// A kind of volume that cannot be attached.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing passes through it.
    Nothing,
    /// It has lines of a target that cannot be given another live instance.
    Target {
        /// The target's name.
        name: String,
        /// The reason.
        reason: &'static str,
        /// The way out.
        next: Next,
    },
}

/// The way out for a volume that cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The linear volumes below it, if a user has any there, or else a dmp device over it.
    Below,
    /// The volumes on it.
    On,
    /// A dmp device over it, which the user makes.
    Own,
}

/// The targets that are refused: name, reason, way out.
const REFUSED: [(&str, &str, Next); 15] = [
    ("raid", METADATA, Next::Own),
    ("mirror", METADATA, Next::Own),
    ("cache", DIRTY, Next::Own),
    ("writecache", DIRTY, Next::Own),
    ("era", METADATA, Next::Own),
    ("clone", METADATA, Next::Own),
    (
        "integrity",
        "two live instances would write the same journal",
        Next::Own,
    ),
    ("snapshot", EXCEPTIONS, Next::Own),
    ("snapshot-merge", EXCEPTIONS, Next::Own),
    ("snapshot-origin", EXCEPTIONS, Next::Below),
    (
        "crypt",
        "the key cannot be loaded again, and cryptsetup does not know dmp",
        Next::Below,
    ),
    ("multipath", "multipathd owns the table", Next::On),
    ("thin-pool", "only thin volumes use a pool", Next::On),
    (
        "vdo",
        "two live instances would write the same index",
        Next::Own,
    ),
    ("verity", "the table cannot be loaded again", Next::Own),
];
const METADATA: &str = "two live instances would write the same metadata";
const DIRTY: &str = "each of two live instances would have its own dirty blocks";
const EXCEPTIONS: &str = "each of two live instances would have its own list of copied blocks";
const OTHER: &str = "only linear, thin and striped volumes can be attached";

/// Returns the way to count a volume of this table.
pub fn way(table: &[Line]) -> Result<Way, Kind> {
    let is = |line: &Line, targets: &[&str]| targets.contains(&line.target.as_str());
    let other = table
        .iter()
        .find(|line| !is(line, &[DMP, LINEAR]) && !is(line, &ABOVE) && !is(line, &PLAIN));
    if let Some(line) = other {
        let known = REFUSED.iter().find(|(name, ..)| *name == line.target);
        let (_, reason, next) = known.copied().unwrap_or(("", OTHER, Next::Own));
        return Err(Kind::Target {
            name: line.target.clone(),
            reason,
            next,
        });
    }
    if table.iter().any(|line| is(line, &ABOVE)) {
        return Ok(Way::Above);
    }
    match table.iter().any(|line| is(line, &[DMP, LINEAR])) {
        true => Ok(Way::InPlace),
        false => Err(Kind::Nothing),
    }
}

/// Says what to attach in a volume's place. `device` is the volume's name in the kernel, and `status` has its
/// names.
pub fn advice(
    next: Next,
    device: &str,
    status: &Status,
    kernel: &mut dyn DeviceMapper,
    machine: &Machine,
) -> String {
    let own = || own_device(&path(status));
    match next {
        Next::On => "Attach the volumes on top".to_owned(),
        Next::Own => own(),
        Next::Below => {
            let below = linear_below(device, kernel, machine);
            match below.is_empty() {
                false => format!(
                    "Attach the underlying volume: {}",
                    Vec::from_iter(below).join(", ")
                ),
                true => own(),
            }
        }
    }
}

/// Says how to make a dmp device over another device.
pub fn own_device(path: &str) -> String {
    format!(
        "Create a dmp device on top, and mount the new device instead: \
         dmsetup create NAME --table \"0 $(blockdev --getsz {path}) dmp {path}\""
    )
}

/// Returns the path by which people name a mapped device.
fn path(status: &Status) -> String {
    match status.logical_volume() {
        Some(volume) => format!("/dev/{}", escape::show(&volume)),
        None => format!("/dev/mapper/{}", escape::shown(&status.name)),
    }
}

/// Returns the nearest devices below one that can be attached and that a user may touch. Of LVM's inner
/// volumes a user may touch only whole volumes under a snapshot.
fn linear_below(top: &str, kernel: &mut dyn DeviceMapper, machine: &Machine) -> BTreeSet<String> {
    let devices = kernel.devices().unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next = machine.slaves(top);
    while let Some(below) = next.pop() {
        if !seen.insert(below.clone()) {
            continue;
        }
        let minor = sysfs::minor(&below).map(u64::from);
        let known = devices
            .iter()
            .find(|(number, _)| Some(number.minor()) == minor);
        let table = known.and_then(|(number, _)| kernel.table(*number, Which::Live).ok());
        let uuid = known.and_then(|(number, _)| Some(kernel.status(*number).ok()?.uuid));
        match (known, table) {
            (Some((_, name)), Some(table)) if way(&table).is_ok() => {
                let uuid = uuid.unwrap_or_default();
                if !lvm::is_inner(name, &uuid) || name.ends_with(b"-real") {
                    found.insert(escape::shown(name));
                }
            }
            _ => next.extend(machine.slaves(&below)),
        }
    }
    found
}
