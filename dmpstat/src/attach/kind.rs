// SPDX-License-Identifier: GPL-2.0

//! Kinds of volumes: the way to count each, or the reason not to.

use std::collections::BTreeSet;

use crate::model::escape;
use crate::source::kernel::line::{DMP, LINEAR, Line};
use crate::source::kernel::mapper::{DeviceMapper, Status, Which};
use crate::source::lvm;
use crate::source::sysfs::{self, Machine};

/// Targets that a dmp line goes over, because two live instances of them do no harm.
const ABOVE: [&str; 2] = ["thin", "striped"];
/// Targets without state, whose lines stay.
const PLAIN: [&str; 2] = ["error", "zero"];

/// The way to count a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// dmp lines replace linear lines.
    InPlace,
    /// The table moves to a hidden device, and a dmp line over that device replaces it.
    Above,
}

/// A kind of volume that cannot be attached.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// No request passes through it.
    Nothing,
    /// It has lines of a target that allows no second live instance.
    Target {
        /// The target's name.
        name: String,
        /// The reason.
        reason: &'static str,
        /// The advice.
        next: Next,
    },
}

/// Advice for a volume that cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Attach the linear volumes below it, if a user has access to any, or else use a dmp device over it.
    Below,
    /// Attach the volumes on top.
    On,
    /// Use a dmp device over it, which the user creates.
    Own,
}

/// The refused targets: name, reason, advice.
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

/// Returns the way to count a volume with this table.
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

/// Advises on another device to attach. `device` is the volume's kernel name, and `status` has its other
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

/// Tells how to create a dmp device over another device.
pub fn own_device(path: &str) -> String {
    format!(
        "Create a dmp device on top, and mount the new device instead: \
         dmsetup create NAME --table \"0 $(blockdev --getsz {path}) dmp {path}\""
    )
}

/// Returns the usual path of a mapped device.
fn path(status: &Status) -> String {
    match status.logical_volume() {
        Some(volume) => format!("/dev/{}", escape::show(&volume)),
        None => format!("/dev/mapper/{}", escape::shown(&status.name)),
    }
}

/// Returns the nearest devices below a volume that can be attached and that a user may change. Of LVM's inner
/// volumes a user may change only whole volumes under a snapshot.
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
