// SPDX-License-Identifier: GPL-2.0

//! Devices with their names in metrics, and the disks under them.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::time::Instant;

use crate::commands::export::listed::{self, Listed};
use crate::commands::export::mounts::{Mount, Mounts};
use crate::commands::export::totals::Totals;
use crate::error::Error;
use crate::model::escape;
use crate::model::snapshot::Snapshot;
use crate::source::devices::Devices;
use crate::source::lvm;
use crate::source::selection::Selection;
use crate::source::sysfs::{Machine, Readings};

/// The volumes at one time.
#[derive(Debug)]
pub struct Volumes {
    /// The volumes, in the order of the arguments that match them, and then of their numbers.
    pub all: Vec<Volume>,
    /// The devices that attach.conf lists; none if volumes are added up.
    pub listed: Vec<Listed>,
    /// The module is loaded.
    pub loaded: bool,
    /// Number of unreadable volumes; 1 if their list was unreadable.
    pub failures: usize,
    /// Duration of the reading, in seconds.
    pub seconds: f64,
}

/// The outcome of reading the volumes.
#[derive(Debug)]
pub struct Reading {
    /// The readable volumes.
    pub volumes: Volumes,
    /// Errors about the others.
    pub problems: Vec<Error>,
    /// Errors about lines of attach.conf. They do not fail an export.
    pub invalid_lines: Vec<Error>,
}

/// A device and its names.
#[derive(Debug)]
pub struct Volume {
    /// Its counters.
    pub device: Snapshot,
    /// Its name. No other device has the same name and uuid.
    pub name: String,
    /// Its uuid; empty if it has none.
    pub uuid: String,
    /// Another volume has the same name, and another uuid.
    pub shares_name: bool,
    /// The volume group; empty if the device is not LVM's.
    pub vg_name: String,
    /// The logical volume; empty if the device is not LVM's.
    pub lv_name: String,
    /// The disks directly under it.
    pub underlying: Vec<String>,
    /// The other volumes of [`Volumes::all`] below it at any depth, separated by commas.
    pub stacked_on: String,
    /// The mount points of its file system.
    pub mounts: Vec<Mount>,
}

impl Reading {
    /// Reads the selected volumes. A missing device or module is a problem of the reading, not an error.
    pub fn next(machine: &Machine, selection: &Selection, totals: Option<&Totals>) -> Self {
        let begin = Instant::now();
        Self::of(selection.next(machine), machine, selection, totals, begin)
    }

    /// Reads the selected volumes the first time, and the disks below them on a machine. Fails if an argument
    /// matches no device; with `waits`, a pattern may match nothing.
    pub fn first(
        devices: &dyn Devices,
        machine: &Machine,
        selection: &Selection,
        totals: Option<&Totals>,
        waits: bool,
    ) -> Result<Self, Error> {
        let begin = Instant::now();
        let readings = match selection.first(devices, waits) {
            Err(Error::NoDevices(wanted)) if wanted.is_empty() || waits && selection.may_wait() => {
                Ok(Readings::default())
            }
            Err(error @ (Error::NoDevices(_) | Error::NoSuchDevice { .. })) => return Err(error),
            readings => readings,
        };
        Ok(Self::of(
            readings.map(|of| (of, Vec::new())),
            machine,
            selection,
            totals,
            begin,
        ))
    }

    /// Takes all errors of the reading.
    pub fn all_problems(&mut self) -> Vec<Error> {
        let mut problems = mem::take(&mut self.problems);
        problems.append(&mut self.invalid_lines);
        problems
    }

    fn of(
        readings: Result<(Readings, Vec<Error>), Error>,
        machine: &Machine,
        selection: &Selection,
        totals: Option<&Totals>,
        begin: Instant,
    ) -> Self {
        let (mut loaded, mut failures) = (true, 0);
        let (readings, mut problems) = readings.unwrap_or_else(|error| {
            loaded = !matches!(error, Error::NotLoaded);
            failures = usize::from(loaded);
            (Readings::default(), vec![error])
        });
        // An empty list is no problem, because volumes may come later.
        problems.retain(|problem| !matches!(problem, Error::NoDevices(_)));
        failures += readings.failures.len();
        let mut unreadable = Vec::new();
        for failure in readings.failures {
            unreadable.push(failure.device);
            problems.push(failure.error);
        }
        let (groups, alone) = match totals {
            None => (Vec::new(), readings.snapshots),
            Some(totals) => totals.add(readings.snapshots),
        };
        let mut all: Vec<Volume> = groups.into_iter().map(Volume::group).collect();
        all.extend(Volume::all(alone, machine));
        // A group has no information about its volumes, so each would seem to be unattached.
        let (listed, invalid_lines) = match totals {
            None => listed::read(machine, selection, &all, &unreadable),
            Some(_) => Default::default(),
        };
        Self {
            volumes: Volumes {
                all,
                listed,
                loaded,
                failures,
                seconds: begin.elapsed().as_secs_f64(),
            },
            problems,
            invalid_lines,
        }
    }
}

impl Volume {
    /// Finds the names of devices, and the disks under them.
    fn all(devices: Vec<Snapshot>, machine: &Machine) -> Vec<Self> {
        let mut disks = Disks {
            machine,
            under: HashMap::new(),
        };
        let names = names(&devices);
        let named = devices.into_iter().zip(names);
        let named: Vec<(Snapshot, String)> = named
            .filter_map(|(device, name)| Some((device, name?)))
            .collect();
        let exported: BTreeSet<String> = named.iter().map(|(of, _)| of.device.clone()).collect();
        let mut bearers: HashMap<String, usize> = HashMap::new();
        for (_, name) in &named {
            *bearers.entry(name.clone()).or_default() += 1;
        }
        let mounts = Mounts::read(machine);
        let volumes = named.into_iter();
        volumes
            .map(|(device, name)| {
                let underlying = disks.under(&device.device);
                let all_under = disks.all_under(&device.device).into_iter();
                let stacked_on = all_under.filter(|disk| exported.contains(disk)).collect();
                Self {
                    shares_name: bearers[&name] > 1,
                    mounts: mounts.of(&device),
                    ..Self::new(device, name, underlying, stacked_on)
                }
            })
            .collect()
    }

    /// Makes the volume of a group.
    fn group(group: Snapshot) -> Self {
        let name = group.shown_name();
        Self::new(group, name, Vec::new(), Vec::new())
    }

    fn new(
        device: Snapshot,
        name: String,
        mut underlying: Vec<String>,
        mut stacked_on: Vec<String>,
    ) -> Self {
        let (vg_name, lv_name) = lvm::names(&device).unwrap_or_default();
        for disks in [&mut underlying, &mut stacked_on] {
            // dm-2 comes before dm-10.
            disks.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
        }
        Self {
            uuid: escape::show(&device.uuid),
            underlying,
            stacked_on: stacked_on.join(","),
            shares_name: false,
            mounts: Vec::new(),
            device,
            name,
            vg_name,
            lv_name,
        }
    }
}

/// Returns the name of each device in the metrics: the name in the form for users, or the kernel's name if
/// two devices have the same form. `None` if a device that was read later has the same name.
fn names(devices: &[Snapshot]) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = devices
        .iter()
        .map(|device| Some(device.shown_name()))
        .collect();
    loop {
        let mut last: HashMap<_, usize> = HashMap::new();
        let mut clashes = BTreeSet::new();
        for (at, (device, name)) in devices.iter().zip(&names).enumerate() {
            let Some(name) = name else { continue };
            if let Some(before) = last.insert((name.as_str(), device.uuid.as_slice()), at) {
                clashes.extend([before, at]);
            }
        }
        let exact = |at: &usize| escape::show(&devices[*at].name);
        let (done, shown): (BTreeSet<usize>, BTreeSet<usize>) = clashes
            .into_iter()
            .partition(|at| names[*at] == Some(exact(at)));
        if shown.is_empty() {
            let kept: BTreeSet<usize> = last.into_values().collect();
            for at in done.difference(&kept) {
                names[*at] = None;
            }
            return names;
        }
        for at in shown {
            names[at] = Some(exact(&at));
        }
    }
}

/// The disks under disks, as far as they are known.
struct Disks<'a> {
    machine: &'a Machine,
    under: HashMap<String, Vec<String>>,
}

impl Disks<'_> {
    /// Returns the disks directly under this one.
    fn under(&mut self, disk: &str) -> Vec<String> {
        if let Some(under) = self.under.get(disk) {
            return under.clone();
        }
        let under = self.machine.slaves(disk);
        self.under.insert(disk.to_owned(), under.clone());
        under
    }

    /// Returns the disks under this one at any depth.
    fn all_under(&mut self, disk: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut rest = self.under(disk);
        while let Some(next) = rest.pop() {
            if !all.contains(&next) {
                rest.extend(self.under(&next));
                all.insert(next);
            }
        }
        all
    }
}
