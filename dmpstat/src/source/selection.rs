// SPDX-License-Identifier: GPL-2.0

//! The selection of devices by name, path, number or pattern.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use glob::{MatchOptions, Pattern, PatternError};

use crate::error::Error;
use crate::model::escape;
use crate::model::snapshot::Snapshot;
use crate::source::devices::Devices;
use crate::source::likeness::nearest;
use crate::source::lvm::{self, logical_volume};
use crate::source::sysfs::{Machine, Readings, minor};

/// The most similar names in an error about an unknown one.
const MOST: usize = 3;

/// The shell's rules for patterns: wildcards match no slash.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The devices of a command line: all if it names none.
#[derive(Debug)]
pub struct Selection(Vec<Choice>);

/// An argument for one or more devices: a name, path, number or pattern.
#[derive(Debug)]
pub struct Choice {
    /// The text, as the user wrote it.
    pub written: OsString,
    pattern: Option<Pattern>,
}

impl Selection {
    /// Makes the selection of a command line's devices.
    pub fn new(devices: &[OsString]) -> Self {
        Self(devices.iter().map(|device| Choice::new(device)).collect())
    }

    /// Returns whether a device may be selected, judged by its kernel name alone.
    pub fn may_have(&self, device: &str) -> bool {
        let numbers = || self.0.iter().map(Choice::number);
        self.0.is_empty()
            || numbers().any(|number| number.is_none())
            || numbers().any(|number| number == Some(device))
    }

    /// Returns a function that tells whether a device with these names is selected.
    pub fn filter(&self, machine: &Machine) -> impl Fn(&str, &[OsString]) -> bool {
        let targets = self.targets(machine);
        move |device, names| {
            let mut choices = self.0.iter().zip(&targets);
            self.0.is_empty()
                || choices.any(|(choice, target)| choice.is(device, names, target.as_deref()))
        }
    }

    /// Returns the devices to which the arguments are paths. Follow the paths at each reading, because a path
    /// may lead to another device later.
    fn targets(&self, devices: &dyn Devices) -> Vec<Option<OsString>> {
        self.0.iter().map(|choice| devices.target(choice)).collect()
    }

    /// Reads the selected devices. Fails if there is none, or if an argument matches nothing; with `waits`, a
    /// pattern may match nothing.
    pub fn first(&self, devices: &dyn Devices, waits: bool) -> Result<Readings, Error> {
        let all = devices.readings(&|_| true)?;
        let found = self.check(&all, devices, waits)?;
        Ok(self.select(all, &found))
    }

    /// Finds the selected devices among these. Fails as [`Self::first`] does.
    pub fn check(
        &self,
        all: &Readings,
        devices: &dyn Devices,
        waits: bool,
    ) -> Result<Found, Error> {
        if all.is_empty() {
            return Err(Error::NoDevices(self.written()));
        }
        let found = self.find(all, devices);
        if let Some(choice) = self.missing(&found, waits).next() {
            return Err(Error::NoSuchDevice {
                wanted: choice.written.clone(),
                near: choice.near(all.names(devices)),
            });
        }
        Ok(found)
    }

    /// Reads the selected devices that exist. Returns an error for each argument that matches none of them.
    pub fn next(&self, devices: &dyn Devices) -> Result<(Readings, Vec<Error>), Error> {
        let all = devices.readings(&|device| self.may_have(device))?;
        let found = self.find(&all, devices);
        let missing = self.missing(&found, true);
        let mut missing: Vec<Error> = missing
            .map(|choice| Error::Gone(choice.written.clone()))
            .collect();
        if self.may_wait() && all.is_empty() {
            missing.push(Error::NoDevices(self.written()));
        }
        Ok((self.select(all, &found), missing))
    }

    /// Returns those of these devices that are selected.
    pub fn among(&self, all: Readings, devices: &dyn Devices) -> Readings {
        let found = self.find(&all, devices);
        self.select(all, &found)
    }

    /// Returns whether all arguments are patterns, so that their devices may come later.
    pub fn may_wait(&self) -> bool {
        self.0.iter().all(Choice::is_pattern)
    }

    fn written(&self) -> Vec<OsString> {
        self.0.iter().map(|choice| choice.written.clone()).collect()
    }

    /// Finds the devices that each argument matches.
    fn find(&self, all: &Readings, devices: &dyn Devices) -> Found {
        let mut found = Found {
            places: Vec::new(),
            matched: vec![false; self.0.len()],
        };
        // Finding names takes time, and without arguments no names are needed.
        if self.0.is_empty() {
            return found;
        }
        let targets = self.targets(devices);
        for (device, names) in all.devices().zip(all.names(devices)) {
            let mut place = None;
            for (at, (choice, target)) in self.0.iter().zip(&targets).enumerate() {
                if choice.is(device, &names, target.as_deref()) {
                    found.matched[at] = true;
                    place = place.or(Some(at));
                }
            }
            found.places.push(place);
        }
        found
    }

    /// Returns the arguments that match nothing; with `waits`, without the patterns.
    fn missing(&self, found: &Found, waits: bool) -> impl Iterator<Item = &Choice> {
        let choices = self.0.iter().zip(&found.matched);
        let missing = choices.filter(|(_, matched)| !**matched);
        let missing = missing.map(|(choice, _)| choice);
        missing.filter(move |choice| !waits || !choice.is_pattern())
    }

    /// Selects devices, in the order of the arguments, and by number within an argument.
    fn select(&self, all: Readings, found: &Found) -> Readings {
        if self.0.is_empty() {
            return all;
        }
        let (of_snapshots, of_failures) = found.places.split_at(all.snapshots.len());
        let snapshots = all.snapshots.into_iter().zip(of_snapshots);
        let mut snapshots: Vec<(usize, Snapshot)> = snapshots
            .filter_map(|(of, place)| Some(((*place)?, of)))
            .collect();
        snapshots.sort_by_key(|(place, _)| *place);
        let failures = all.failures.into_iter().zip(of_failures);
        let failures = failures.filter(|(_, place)| place.is_some());
        Readings {
            snapshots: snapshots.into_iter().map(|(_, of)| of).collect(),
            failures: failures.map(|(failure, _)| failure).collect(),
        }
    }
}

/// Devices that arguments match.
pub struct Found {
    /// For each device, the index of the first argument that matches it: first the devices that were read,
    /// then the unreadable ones.
    places: Vec<Option<usize>>,
    /// For each argument, true if it matches a device.
    matched: Vec<bool>,
}

impl Readings {
    fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.failures.is_empty()
    }

    /// Returns the kernel names of all devices.
    fn devices(&self) -> impl Iterator<Item = &str> {
        let read = self.snapshots.iter().map(|of| of.device.as_str());
        read.chain(self.failures.iter().map(|failure| failure.device.as_str()))
    }

    /// Returns all names of each device. The name of an unreadable device comes from device mapper.
    fn names(&self, devices: &dyn Devices) -> impl Iterator<Item = Vec<OsString>> {
        let read = self.snapshots.iter();
        let failures = self.failures.iter().map(|failure| {
            let name = devices.name(&failure.device);
            names(&failure.device, &name.unwrap_or_default())
        });
        read.map(|of| names(&of.device, &of.name)).chain(failures)
    }
}

impl Choice {
    fn new(written: &OsStr) -> Self {
        Self::checked(written).unwrap_or_else(|_| Self {
            written: written.to_owned(),
            pattern: None,
        })
    }

    /// Makes the choice of a text. Fails if the text looks like a pattern but is not a valid one.
    pub fn checked(written: &OsStr) -> Result<Self, PatternError> {
        let text = written
            .to_str()
            .filter(|text| text.contains(['*', '?', '[']));
        Ok(Self {
            written: written.to_owned(),
            pattern: text.map(Pattern::new).transpose()?,
        })
    }

    /// Returns whether the choice is a pattern, which can match several devices.
    pub fn is_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    /// Returns dm-N if the text is dm-N or /dev/dm-N.
    fn number(&self) -> Option<&str> {
        let text = self.written.to_str()?;
        let device = text.strip_prefix("/dev/").unwrap_or(text);
        minor(device).is_some().then_some(device)
    }

    /// Returns the kernel name of the block device that a path leads to. The number of the device's node
    /// decides, so a plain file with the name dm-0 is not a device.
    ///
    /// In a copy of a machine the nodes can be plain files. Files directly in its /dev count as nodes.
    pub fn target(&self, machine: &Machine) -> Option<OsString> {
        let path = Path::new(&self.written);
        if !path.is_absolute() {
            return None;
        }
        let node = fs::canonicalize(machine.path(path)).ok()?;
        let metadata = fs::metadata(&node).ok()?;
        if metadata.file_type().is_block_device() {
            return machine.block_device(metadata.rdev());
        }
        let dev = fs::canonicalize(machine.path("/dev")).ok()?;
        let name = node.file_name().filter(|_| node.parent() == Some(&dev));
        name.map(OsStr::to_owned)
    }

    /// Returns whether a rule of attach.conf with this choice attaches a device of this name and uuid. A
    /// pattern leaves out devices that are parts of other volumes; a whole name does not.
    pub fn attaches(&self, device: &str, name: &[u8], uuid: &[u8], target: Option<&OsStr>) -> bool {
        !self.leaves_out(name, uuid) && self.is(device, &names(device, name), target)
    }

    /// Returns whether a device is left out because it is a part of another volume.
    pub fn leaves_out(&self, name: &[u8], uuid: &[u8]) -> bool {
        self.is_pattern() && lvm::is_private(name, uuid)
    }

    /// Returns whether a device matches the choice. `device` is its kernel name, `names` are all its names,
    /// and `target` is the choice's own target.
    pub fn is(&self, device: &str, names: &[OsString], target: Option<&OsStr>) -> bool {
        if let Some(number) = self.number() {
            return number == device;
        }
        target == Some(OsStr::new(device))
            || names.contains(&self.written)
            || self.pattern.as_ref().is_some_and(|pattern| {
                let mut names = names.iter().filter_map(|name| name.to_str());
                names.any(|name| pattern.matches_with(name, MATCHING))
            })
    }

    /// Returns the names most similar to the choice, at most one for each device.
    pub fn near(&self, devices: impl Iterator<Item = Vec<OsString>>) -> Vec<String> {
        let wanted = escape::show(self.written.as_bytes());
        let of_device = |names: Vec<OsString>| {
            let names = names.iter().map(|name| escape::show(name.as_bytes()));
            nearest(&wanted, names)
        };
        let mut near: Vec<(f64, String)> = devices.filter_map(of_device).collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        near.truncate(MOST);
        near.into_iter().map(|(_, name)| name).collect()
    }
}

/// Returns all names of a device, from its kernel name and its device-mapper name.
pub fn names(device: &str, name: &[u8]) -> Vec<OsString> {
    let plain = escape::undo(name);
    let shown = escape::show(&plain).into_bytes();
    let volume = logical_volume(&plain);
    let mut names = vec![device.as_bytes().to_vec()];
    names.extend(
        [name, plain.as_slice(), shown.as_slice()].map(|name| [b"/dev/mapper/", name].concat()),
    );
    names.extend(
        volume
            .iter()
            .map(|volume| [b"/dev/", volume.as_slice()].concat()),
    );
    names.extend(volume);
    names.extend([name.to_vec(), plain, shown]);
    names.into_iter().map(OsString::from_vec).collect()
}
