// SPDX-License-Identifier: GPL-2.0

//! Volumes: which are meant, and whether they can be attached.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::attach::exchange::is_gone;
use crate::attach::kernel::{DeviceMapper, Number, Status, Which};
use crate::attach::line::{Line, Options};
use crate::escape;
use crate::lvm;
use crate::selection::{self, Choice};
use crate::sysfs::{self, Machine};

/// A mapped device, and its live table.
pub struct Volume {
    /// Its number.
    pub number: Number,
    /// Its name in the kernel: dm-3.
    pub device: String,
    /// Everything but the table.
    pub status: Status,
    /// The table of its requests.
    pub table: Vec<Line>,
}

/// Why a volume is left alone.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refusal {
    #[error("it went meanwhile")]
    Gone,
    #[error("it has no linear lines for dmp to take the place of, but {targets}. {advice}")]
    NotLinear { targets: String, advice: String },
    #[error("it has no table")]
    NoTable,
    #[error(
        "it is suspended. Let the program end that suspended it, or resume it with \
         \"dmsetup resume {0}\""
    )]
    Suspended(String),
    #[error(
        "another program has loaded a table for it that is not live yet. Let that program end, or drop \
         the table with \"dmsetup clear {0}\""
    )]
    HasInactive(String),
    #[error("it is to be removed as soon as nobody has it open")]
    ToBeRemoved,
    #[error(
        "something changes its table back again and again: it is left as it is. \
         \"dmpstat attach\" attaches it all the same"
    )]
    TooOften,
    #[error("device mapper does not answer: {0}")]
    Kernel(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match is_gone(&error) {
            true => Self::Gone,
            false => Self::Kernel(error),
        }
    }
}

impl Volume {
    /// Reads all of it.
    pub fn read(kernel: &mut dyn DeviceMapper, number: Number) -> Result<Self, Refusal> {
        Ok(Self {
            number,
            device: device(number),
            status: kernel.status(number)?,
            table: kernel.table(number, Which::Live)?,
        })
    }

    /// Its name as people are shown it, which dmsetup takes.
    pub fn shown_name(&self) -> String {
        escape::shown(&self.status.name)
    }

    /// Whether there is nothing left to attach, and something is.
    pub fn is_attached(&self) -> bool {
        let mut lines = self.table.iter();
        lines.any(Line::is_dmp) && !self.table.iter().any(Line::is_linear)
    }

    /// Whether another table can be given to it.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.status.suspended {
            return Err(Refusal::Suspended(self.shown_name()));
        }
        if self.status.to_be_removed {
            return Err(Refusal::ToBeRemoved);
        }
        Ok(())
    }

    /// Its table with dmp lines for linear lines.
    pub fn attached(
        &self,
        options: Options,
        kernel: &mut dyn DeviceMapper,
        machine: &Machine,
    ) -> Result<Vec<Line>, Refusal> {
        if self.table.is_empty() {
            return Err(Refusal::NoTable);
        }
        if !self.table.iter().any(Line::is_linear) {
            let targets: BTreeSet<&str> =
                self.table.iter().map(|line| line.target.as_str()).collect();
            return Err(Refusal::NotLinear {
                targets: Vec::from_iter(targets).join(" and "),
                advice: self.advice(kernel, machine),
            });
        }
        Ok(self
            .table
            .iter()
            .map(|line| line.attached(options))
            .collect())
    }

    /// What to do in the place of attaching it.
    fn advice(&self, kernel: &mut dyn DeviceMapper, machine: &Machine) -> String {
        let below = linear_below(&self.device, kernel, machine);
        match below.is_empty() {
            false => format!("Attach what it is on: {}", Vec::from_iter(below).join(", ")),
            true => own_device(&format!("/dev/{}", self.device)),
        }
    }

    /// Tells it from the next device of its number. 0 if the kernel does not say.
    pub fn diskseq(&self, machine: &Machine) -> u64 {
        diskseq(&self.device, machine)
    }
}

/// The same of a device of this name in the kernel.
pub fn diskseq(device: &str, machine: &Machine) -> u64 {
    let text = fs::read_to_string(machine.path(format!("/sys/block/{device}/diskseq")));
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

fn own_device(path: &str) -> String {
    format!(
        "Have a dmp device over it, and use that from the next mount on: \
         dmsetup create NAME --table \"0 $(blockdev --getsz {path}) dmp {path}\""
    )
}

fn device(number: Number) -> String {
    format!("dm-{}", number.minor())
}

/// The name of a device as people are shown it, or its number if it has gone.
pub fn shown(kernel: &mut dyn DeviceMapper, number: Number) -> String {
    match kernel.status(number) {
        Ok(status) => escape::shown(&status.name),
        Err(_) => device(number),
    }
}

/// The devices of these that are meant.
pub fn find(choice: &Choice, devices: &[(Number, Vec<u8>)], machine: &Machine) -> Vec<Number> {
    let target = choice.target(machine);
    let meant = devices.iter().filter(|(number, name)| {
        let device = device(*number);
        choice.is(&device, &selection::names(&device, name), target.as_deref())
    });
    meant.map(|(number, _)| *number).collect()
}

/// What is wrong with a choice that means none of the devices.
pub fn unknown(choice: &Choice, devices: &[(Number, Vec<u8>)], machine: &Machine) -> String {
    let written = escape::show(choice.written.as_bytes());
    let target = choice
        .target(machine)
        .unwrap_or_else(|| choice.written.clone());
    let class = machine.path("/sys/class/block").join(&target);
    if target != "." && class.join("dev").exists() {
        let advice = own_device(&format!("/dev/{}", escape::show(target.as_bytes())));
        return format!("{written}: it is no volume of device mapper's. {advice}");
    }
    let names = devices
        .iter()
        .map(|(number, name)| selection::names(&device(*number), name));
    match choice.near(names).as_slice() {
        [] => format!("there is no volume \"{written}\""),
        near => format!(
            "there is no volume \"{written}\"; there is {}",
            near.join(", ")
        ),
    }
}

/// The nearest devices below one that have lines to attach, or that are attached.
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
        let usable = |line: &Line| line.is_linear() || line.is_dmp();
        match (known, table) {
            (Some((_, name)), Some(table)) if table.iter().any(usable) => {
                found.insert(escape::shown(name));
            }
            _ => next.extend(machine.slaves(&below)),
        }
    }
    found
}

/// The volume group that LVM locks when it works on the device, if it is LVM's.
pub fn group(status: &Status) -> Option<String> {
    if !lvm::made(&status.uuid) {
        return None;
    }
    let group = lvm::parts(&escape::undo(&status.name)).swap_remove(0);
    String::from_utf8(group)
        .ok()
        .filter(|group| !group.contains('/'))
}
