// SPDX-License-Identifier: GPL-2.0

//! Mapped devices that attach.conf lists, attached or not.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;

use crate::attach::conf::{Conf, Rule};
use crate::attach::jobs;
use crate::commands::export::volumes::Volume;
use crate::error::Error;
use crate::model::escape;
use crate::source::selection::{self, Selection};
use crate::source::sysfs::Machine;

/// A listed device.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name; that of its volume if it is exported.
    pub name: String,
    /// Its uuid, if another device has the same name.
    pub uuid: Option<String>,
    /// Its line asks for latencies.
    pub latency: bool,
}

/// Returns the listed devices among the selected ones, in the order of their numbers, and an error for each
/// invalid line. `unreadable` are attached devices whose counters could not be read. Without a readable
/// attach.conf no device is listed.
pub fn read(
    machine: &Machine,
    selection: &Selection,
    volumes: &[Volume],
    unreadable: &[String],
) -> (Vec<Listed>, Vec<Error>) {
    let conf = Conf::read(machine).unwrap_or_default();
    let wrong = conf.wrong.into_iter().map(Error::command).collect();
    if conf.rules.is_empty() {
        return (Vec::new(), wrong);
    }
    let rules: Vec<(Rule, Option<OsString>)> = conf
        .rules
        .into_iter()
        .map(|rule| {
            let target = rule.volumes.target(machine);
            (rule, target)
        })
        .collect();
    let exported: HashMap<&str, &Volume> = volumes
        .iter()
        .map(|volume| (volume.device.device.as_str(), volume))
        .collect();
    let is_selected = selection.filter(machine);
    let mut listed = Vec::new();
    // Prometheus refuses a scrape with two equal series.
    let mut taken: BTreeSet<(String, Option<String>)> = volumes
        .iter()
        .map(|volume| identity(&volume.name, volume.shares_name.then_some(&volume.uuid)))
        .collect();
    for device in machine.all_mapped_devices() {
        if unreadable.contains(&device) {
            continue;
        }
        let volume = exported.get(device.as_str());
        let found = match volume {
            Some(volume) => Some((volume.device.name.clone(), volume.device.uuid.clone())),
            None => machine.name_and_uuid(&device),
        };
        // The device was removed.
        let Some((name, uuid)) = found else { continue };
        let names = selection::names(&device, &name);
        if !is_selected(&device, &names) {
            continue;
        }
        let applies = |(rule, target): &&(Rule, Option<OsString>)| {
            let choice = &rule.volumes;
            choice.is(&device, &names, target.as_deref())
                && !(choice.leaves_out(&name, &uuid)
                    || choice.is_pattern() && is_private(&device, machine))
        };
        let Some((rule, _)) = rules.iter().find(applies) else {
            continue;
        };
        let (name, uuid) = match volume {
            Some(volume) => identity(&volume.name, volume.shares_name.then_some(&volume.uuid)),
            None => {
                let plain = identity(&escape::shown(&name), None);
                let unique = identity(&plain.0, Some(&escape::show(&uuid)));
                match [plain, unique].into_iter().find(|of| !taken.contains(of)) {
                    Some(free) => free,
                    None => continue,
                }
            }
        };
        taken.insert((name.clone(), uuid.clone()));
        listed.push(Listed {
            name,
            uuid,
            latency: rule.options.measurements.latency,
        });
    }
    (listed, wrong)
}

fn identity(name: &str, uuid: Option<&String>) -> (String, Option<String>) {
    (name.to_owned(), uuid.cloned())
}

/// Returns whether another program's device asks to be left alone.
fn is_private(device: &str, machine: &Machine) -> bool {
    let number = machine.number(device);
    number.is_some_and(|number| jobs::is_private(number, machine))
}
