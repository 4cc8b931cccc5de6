// SPDX-License-Identifier: GPL-2.0

//! `dmpstat status`: attached and listed volumes.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use unicode_width::UnicodeWidthStr;

use crate::attach::conf::Conf;
use crate::attach::queue::{self, Queue};
use crate::attach::state::State;
use crate::attach::volume;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::Error;
use crate::model::escape;
use crate::model::snapshot::Lines;
use crate::source::selection::Choice;
use crate::source::sysfs::Machine;

const HEADING: [&str; 7] = [
    "Volume", "Device", "State", "Table", "Since", "Again", "Note",
];

/// The cells of a volume.
type Row = [String; HEADING.len()];

/// Shows attached and listed volumes. This needs no root.
pub fn run(environment: &mut Environment<'_>) -> Result<(), Error> {
    let conf = Conf::read(environment.machine).unwrap_or_default();
    for wrong in &conf.wrong {
        environment.note(wrong);
    }
    let mut rows = vec![HEADING.map(str::to_owned)];
    rows.extend(Status::read(conf, environment.machine).rows(environment.clock));
    environment.print(|out| {
        for line in aligned(&rows) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    })
}

/// Returns one line for each row, each column as wide as its widest cell.
fn aligned(rows: &[Row]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max();
    let widths: Vec<usize> = (0..HEADING.len()).filter_map(width).collect();
    let line = |row: &Row| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell}{:1$}", "", width - cell.width()));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The data for the rows.
struct Status<'a> {
    /// The volumes of attach.conf, and the devices that its paths lead to.
    listed: Vec<(Choice, Option<OsString>)>,
    /// Devices with a directory of the module.
    counted: Vec<String>,
    /// Devices in the queue.
    waiting: BTreeSet<String>,
    queue: Queue,
    machine: &'a Machine,
}

/// An active mapped device.
struct Device {
    /// Its kernel name: dm-3.
    device: String,
    name: Vec<u8>,
    uuid: Vec<u8>,
}

impl Device {
    /// Returns whether a rule with this choice attaches the device. `target` is the device of the choice.
    fn is_of(&self, choice: &Choice, target: Option<&OsStr>) -> bool {
        choice.attaches(&self.device, &self.name, &self.uuid, target)
    }
}

impl<'a> Status<'a> {
    fn read(conf: Conf, machine: &'a Machine) -> Self {
        let queue = Queue::new(machine.path(queue::PATH));
        let listed = conf.rules.into_iter().map(|rule| {
            let target = rule.volumes.target(machine);
            (rule.volumes, target)
        });
        Self {
            listed: listed.collect(),
            counted: machine.devices().unwrap_or_default(),
            waiting: queue.waiting().unwrap_or_default().into_iter().collect(),
            queue,
            machine,
        }
    }

    fn rows(&self, clock: &dyn Clock) -> Vec<Row> {
        let devices = devices(self.machine);
        let active = devices.iter().filter_map(|device| self.row(device, clock));
        active.chain(self.missing(&devices)).collect()
    }

    /// Returns the row of a device; `None` if nobody asked for the device to be attached.
    fn row(&self, device: &Device, clock: &dyn Clock) -> Option<Row> {
        let diskseq = volume::diskseq(&device.device, self.machine);
        let state = State::of(self.machine, &device.device, diskseq).unwrap_or_default();
        let is_known = state != State::default();
        let lines = self.lines(&device.device);
        let (word, note) = match lines {
            Some(_) if is_known && !state.detached => ("attached", None),
            // The device was created with dmsetup.
            Some(_) => ("dmp", None),
            None if self.waiting.contains(&device.device) => {
                ("waiting", self.queue.reason(&device.device))
            }
            None if state.detached => ("detached", None),
            None if self.is_listed(device) || is_known => ("not attached", None),
            None => return None,
        };
        let is_attached = word == "attached";
        let since = (is_attached || word == "detached").then(|| state.since_by(clock));
        let since = since.flatten();
        let again = (is_known && !state.detached && word != "dmp").then_some(state.again);
        Some([
            escape::shown(&device.name),
            device.device.clone(),
            word.to_owned(),
            lines
                .map_or("-", |lines| table(lines, &state, is_attached))
                .to_owned(),
            since.map_or_else(dash, |since| {
                since.strftime("%Y-%m-%d %H:%M:%S").to_string()
            }),
            again.map_or_else(dash, |again| again.to_string()),
            note.map(|note| note.lines().collect::<Vec<_>>().join("; "))
                .unwrap_or_default(),
        ])
    }

    /// Returns the dmp lines of a device; `None` if none is live.
    fn lines(&self, device: &str) -> Option<Lines> {
        if !self.counted.iter().any(|counted| counted == device) {
            return None;
        }
        // An older module does not report the number of lines, but it removes a device's directory with its
        // last line.
        let lines = match self.machine.snapshot(device) {
            Ok(Some(snapshot)) => snapshot.lines,
            Ok(None) => return None,
            Err(_) => None,
        };
        match lines {
            Some(lines) => (lines.live.all > 0).then_some(lines),
            None => Some(Lines::default()),
        }
    }

    fn is_listed(&self, device: &Device) -> bool {
        let mut listed = self.listed.iter();
        listed.any(|(choice, target)| device.is_of(choice, target.as_deref()))
    }

    /// Returns a row for each listed name without an active device.
    fn missing(&self, devices: &[Device]) -> Vec<Row> {
        let mut seen: BTreeSet<&OsString> = BTreeSet::new();
        let names = self
            .listed
            .iter()
            .filter(|(choice, _)| !choice.is_pattern());
        let missing = names.filter_map(|(choice, target)| {
            let is = |device: &Device| device.is_of(choice, target.as_deref());
            (!devices.iter().any(is) && seen.insert(&choice.written)).then_some(choice)
        });
        let row = |choice: &Choice| {
            let name = escape::show(choice.written.as_bytes());
            let word = "missing".to_owned();
            [name, dash(), word, dash(), dash(), dash(), String::new()]
        };
        missing.map(row).collect()
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// Returns the word for the dmp lines in a table.
fn table(lines: Lines, state: &State, is_attached: bool) -> &'static str {
    match () {
        () if lines.live.as_linear > 0 => "linear",
        () if is_attached && state.above => "dmp above",
        () => "dmp",
    }
}

/// Returns all mapped devices, in the order of their minor numbers.
fn devices(machine: &Machine) -> Vec<Device> {
    let devices = machine.all_mapped_devices();
    let devices = devices.into_iter().filter_map(|device| {
        let (name, uuid) = machine.name_and_uuid(&device)?;
        Some(Device { device, name, uuid })
    });
    devices.collect()
}
