// SPDX-License-Identifier: GPL-2.0

//! Plans: the steps of a volume's change.

use crate::attach::exchange::{Exchange, Table};
use crate::attach::kind::Way;
use crate::attach::request::Change;
use crate::attach::volume::{Refusal, Volume};
use crate::model::measurement::Measurement;
use crate::source::kernel::line::{Line, LineOptions};
use crate::source::kernel::mapper::{DeviceMapper, Which};
use crate::source::kernel::number::Number;
use crate::source::lvm;
use crate::source::sysfs::Machine;

/// The steps for one volume.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing changes.
    Already,
    /// These measurements are switched on or off.
    Measure(Vec<(Measurement, bool)>),
    /// This table replaces the volume's.
    Table(Vec<Line>),
    /// The table moves to a new hidden device, and a dmp line over that device replaces it.
    Hide(LineOptions),
}

impl Plan {
    /// Returns whether the volume has its table on a hidden device after the change.
    pub fn is_above(&self, volume: &Volume) -> bool {
        match self {
            Self::Hide(_) => true,
            _ => volume.attachment.is_some_and(|is| is.hidden.is_some()),
        }
    }
}

/// Returns the steps for a change.
pub fn plan(
    volume: &Volume,
    change: Change,
    kernel: &mut dyn DeviceMapper,
    machine: &Machine,
) -> Result<Plan, Refusal> {
    match change {
        Change::Attach(options) => {
            let way = volume
                .way()
                .map_err(|kind| volume.refusal(kind, kernel, machine))?;
            // LVM recognizes a hidden device only by the uuid of a whole volume.
            if way == Way::Above && lvm::is_inner(&volume.status.name, &volume.status.uuid) {
                return Err(Refusal::Inner);
            }
            Ok(attach(volume, way, volume.wanted(way, options)))
        }
        Change::Detach => detach(volume, kernel),
    }
}

fn attach(volume: &Volume, way: Way, wanted: LineOptions) -> Plan {
    let now = volume.options().filter(|_| volume.is_attached());
    match now {
        Some(now) if now == wanted => return Plan::Already,
        Some(now)
            if now
                == (LineOptions {
                    measurements: now.measurements,
                    ..wanted
                }) =>
        {
            let switches = Measurement::ALL.iter().filter_map(|of| {
                let on = wanted.measurements.has(*of);
                (on != now.measurements.has(*of)).then_some((*of, on))
            });
            return Plan::Measure(switches.collect());
        }
        _ => {}
    }
    match way {
        Way::Above => Plan::Hide(wanted),
        Way::InPlace => {
            let lines = volume.table.iter();
            Plan::Table(lines.map(|line| line.attached(wanted)).collect())
        }
    }
}

fn detach(volume: &Volume, kernel: &mut dyn DeviceMapper) -> Result<Plan, Refusal> {
    let Some(attachment) = volume.attachment else {
        return Ok(Plan::Already);
    };
    match attachment.hidden {
        Some(hidden) => Ok(Plan::Table(kernel.table(hidden, Which::Live)?)),
        None => {
            let lines = volume.table.iter();
            Ok(Plan::Table(lines.map(Line::detached).collect()))
        }
    }
}

/// Returns the exchange of a volume's table for a new one.
pub fn exchange(volume: &Volume, new: Vec<Line>, read_only: bool) -> Exchange {
    Exchange {
        device: volume.number,
        name: volume.status.name.clone(),
        uuid: volume.status.uuid.clone(),
        old: Table {
            loaded: volume.loadable(),
            shown: volume.table.clone(),
        },
        new: Table {
            shown: new.iter().map(Line::shown).collect(),
            loaded: new,
        },
        read_only,
    }
}

/// Returns the new table of a volume whose own table is on a hidden device: a dmp line over that device.
pub fn above(volume: &Volume, hidden: Number, options: LineOptions) -> Vec<Line> {
    vec![Line::over(Some(hidden), volume.length(), options)]
}
