// SPDX-License-Identifier: GPL-2.0

//! Devices and columns that a shell completes on the command line.

use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use crate::model::column::COLUMNS;
use crate::model::escape;
use crate::model::units::number;
use crate::source::lvm;
use crate::source::selection::names;
use crate::source::sysfs::Machine;

/// Completes devices that dmp counts.
pub fn devices() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let machine = Machine::from_environment();
        let devices = machine.devices().unwrap_or_default();
        candidates(word, &machine, devices)
    })
}

/// Completes volumes that dmp does not count yet, without parts of volumes.
pub fn volumes() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let machine = Machine::from_environment();
        let counted = machine.devices().unwrap_or_default();
        let mut devices = machine.all_mapped_devices();
        devices.retain(|device| !counted.contains(device));
        candidates(word, &machine, devices)
    })
}

/// Completes the columns of limits, up to the number.
pub fn limits() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let word = word.to_str().unwrap_or_default();
        let columns = COLUMNS
            .iter()
            .filter(|column| column.name.starts_with(word));
        let candidates = columns.map(|column| {
            let candidate = CompletionCandidate::new(format!("{}=", column.name));
            candidate.help(Some(column.help.into()))
        });
        candidates.collect::<Vec<_>>()
    })
}

fn candidates(word: &OsStr, machine: &Machine, devices: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(word) = word.to_str() else {
        return Vec::new();
    };
    let candidate = |device: String| {
        let (name, uuid) = machine.name_and_uuid(&device)?;
        if lvm::is_private(&name, &uuid) {
            return None;
        }
        let completed = completed(word, &device, &name, &uuid)?;
        Some(CompletionCandidate::new(completed).help(Some(device.into())))
    };
    devices.into_iter().filter_map(candidate).collect()
}

/// Returns a name of a device that begins with `word` and is one word to a shell, preferably the name that users know.
fn completed(word: &str, device: &str, name: &[u8], uuid: &[u8]) -> Option<String> {
    let shown = escape::shown(name);
    let volume = lvm::logical_volume(&escape::undo(name)).filter(|_| lvm::made(uuid));
    let preferred = match volume {
        Some(volume) => escape::show(&volume),
        // The bare name would be read as an interval or an option.
        None if number(shown.as_ref()).is_some() || shown.starts_with('-') => {
            format!("/dev/mapper/{shown}")
        }
        None => shown,
    };
    let others = names(device, name).into_iter();
    let others = others.filter_map(|name| name.into_string().ok());
    // dm-N is left out if the device has a better name, because otherwise "d" would match all devices.
    let is_named = is_plain(&preferred) && !word.starts_with("dm-");
    let mut all = [preferred].into_iter().chain(others);
    all.find(|name| name.starts_with(word) && is_plain(name) && !(is_named && name == device))
}

/// Tells if a name is one word to a shell.
fn is_plain(name: &str) -> bool {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/-_.+:@%".contains(character);
    name.chars().all(is_plain)
}
