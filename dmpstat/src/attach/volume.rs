// SPDX-License-Identifier: GPL-2.0

//! A volume, and reasons not to change it.

use std::fs;
use std::io;

use crate::attach::exchange::is_gone;
use crate::attach::hidden;
use crate::attach::kind::{self, Kind, Way};
use crate::attach::request::{Options, Shown};
use crate::error::Error;
use crate::model::escape;
use crate::model::measurement::Measurements;
use crate::model::snapshot::LineCount;
use crate::source::kernel::line::{Line, LineOptions};
use crate::source::kernel::mapper::{DeviceMapper, Status, Which};
use crate::source::kernel::number::Number;
use crate::source::lvm;
use crate::source::sysfs::Machine;

/// A mapped device, its live table, and its dmp lines.
pub struct Volume {
    /// Its number.
    pub number: Number,
    /// Its kernel name: dm-3.
    pub device: String,
    /// Its diskseq: a later device with the same minor number has another one. 0 if the kernel does not
    /// report it.
    pub diskseq: u64,
    /// Its names and flags.
    pub status: Status,
    /// The live table, as the kernel shows it.
    pub table: Vec<Line>,
    /// Its counting, if it is counted.
    pub attachment: Option<Attachment>,
}

/// The counting of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The dmp lines of its live table.
    pub lines: LineCount,
    /// The measurements that are on.
    pub measurements: Measurements,
    /// The hidden device that its table is on, if it is attached above.
    pub hidden: Option<Number>,
}

/// Reasons not to change a volume.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refusal {
    #[error("the volume was removed meanwhile")]
    Gone,
    #[error("another volume has taken the name or number meanwhile")]
    Another,
    #[error("cannot attach {target} volumes: {reason}. {advice}")]
    Kind {
        target: String,
        reason: &'static str,
        advice: String,
    },
    #[error("the volume has no table, or only error and zero lines")]
    NoTable,
    #[error("the device is dmpstat's own hidden device: detach the volume on top")]
    Hidden,
    #[error("the volume is a part of another volume, and not linear: attach the other volume")]
    Inner,
    #[error(
        "the volume is suspended. Wait for the program that suspended the volume, or run \
         \"dmsetup resume {0}\""
    )]
    Suspended(String),
    #[error(
        "another program has loaded an inactive table. Wait for the other program, or drop the \
         table with \"dmsetup clear {0}\""
    )]
    HasInactive(String),
    #[error("the volume has a deferred removal pending")]
    ToBeRemoved,
    #[error(
        "another program keeps changing the table back, so dmpstat has stopped attaching the volume. \
         Attach the volume by hand with \"dmpstat attach\""
    )]
    TooOften,
    #[error("cannot read the counters: {0}")]
    Snapshot(Box<Error>),
    #[error("an ioctl of device mapper failed: {0}")]
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
    /// Reads the volume of this number.
    pub fn read(
        kernel: &mut dyn DeviceMapper,
        number: Number,
        machine: &Machine,
    ) -> Result<Self, Refusal> {
        let device = device(number);
        let mut volume = Self {
            diskseq: diskseq(&device, machine),
            number,
            status: kernel.status(number)?,
            table: kernel.table(number, Which::Live)?,
            attachment: None,
            device,
        };
        volume.attachment = volume.read_attachment(kernel, machine)?;
        Ok(volume)
    }

    /// Reads the volume's counting from sysfs, because a table can show dmp lines as linear.
    fn read_attachment(
        &self,
        kernel: &mut dyn DeviceMapper,
        machine: &Machine,
    ) -> Result<Option<Attachment>, Refusal> {
        let snapshot = machine
            .snapshot(&self.device)
            .map_err(|error| Refusal::Snapshot(Box::new(error)))?;
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.diskseq == self.diskseq) else {
            return Ok(None);
        };
        // A module without the line "lines" in its snapshots shows all its dmp lines in the table.
        let shown = || LineCount {
            all: self.table.iter().filter(|line| line.is_dmp()).count() as u64,
            ..LineCount::default()
        };
        let lines = snapshot.lines.map_or_else(shown, |lines| lines.live);
        if lines.all == 0 {
            return Ok(None);
        }
        Ok(Some(Attachment {
            lines,
            measurements: snapshot.measurements(),
            hidden: self.hidden_below(kernel)?,
        }))
    }

    /// Returns the hidden device under the volume's dmp line, if there is one.
    fn hidden_below(&self, kernel: &mut dyn DeviceMapper) -> Result<Option<Number>, Refusal> {
        let underlying = match self.table.as_slice() {
            [line] => line.underlying(),
            _ => None,
        };
        let Some(below) = underlying.filter(|below| below.major() == self.number.major()) else {
            return Ok(None);
        };
        let status = kernel.status(below)?;
        Ok(hidden::is_hidden(&status.name, &status.uuid).then_some(below))
    }

    /// Returns the name in the form for users, which dmsetup accepts as well.
    pub fn shown_name(&self) -> String {
        escape::shown(&self.status.name)
    }

    /// Returns the device's end in sectors.
    pub fn length(&self) -> u64 {
        let ends = self.table.iter().map(|line| line.start + line.length);
        ends.max().unwrap_or(0)
    }

    /// Returns the options that the volume's dmp lines have.
    pub fn options(&self) -> Option<LineOptions> {
        self.attachment.map(|attachment| LineOptions {
            measurements: attachment.measurements,
            flush_bypass: attachment.lines.flush_bypass > 0,
            as_linear: attachment.lines.as_linear == attachment.lines.all,
        })
    }

    /// Returns the options to give the volume's dmp lines.
    pub fn wanted(&self, way: Way, options: Options) -> LineOptions {
        let is_above = way == Way::Above || self.attachment.is_some_and(|is| is.hidden.is_some());
        LineOptions {
            measurements: options.measurements,
            flush_bypass: options.flush_bypass,
            as_linear: match options.shown {
                // Neither a thin volume nor a striped one has a single linear line.
                _ if is_above => false,
                Shown::Auto => lvm::made(&self.status.uuid),
                Shown::Dmp => false,
                Shown::Linear => true,
            },
        }
    }

    /// Returns whether all countable lines are counted.
    pub fn is_attached(&self) -> bool {
        let Some(attachment) = self.attachment else {
            return false;
        };
        let count =
            |is: fn(&Line) -> bool| self.table.iter().filter(|line| is(line)).count() as u64;
        attachment.hidden.is_some() || count(Line::is_linear) <= attachment.lines.as_linear
    }

    /// Returns the table that recreates the device. The live table is not enough, because it does not show
    /// the option as_linear.
    pub fn loadable(&self) -> Vec<Line> {
        match self.options().filter(|options| options.as_linear) {
            Some(options) => self
                .table
                .iter()
                .map(|line| line.attached(options))
                .collect(),
            None => self.table.clone(),
        }
    }

    /// Returns the way to count the volume.
    pub fn way(&self) -> Result<Way, Kind> {
        kind::way(&self.table)
    }

    /// Checks that the volume can be given another table.
    pub fn check(&self) -> Result<(), Refusal> {
        if hidden::is_hidden(&self.status.name, &self.status.uuid) {
            return Err(Refusal::Hidden);
        }
        if self.status.state.suspended {
            return Err(Refusal::Suspended(self.shown_name()));
        }
        if self.status.state.to_be_removed {
            return Err(Refusal::ToBeRemoved);
        }
        Ok(())
    }

    /// Returns the refusal for a kind that cannot be attached.
    pub fn refusal(&self, kind: Kind, kernel: &mut dyn DeviceMapper, machine: &Machine) -> Refusal {
        match kind {
            Kind::Nothing => Refusal::NoTable,
            Kind::Target { name, reason, next } => Refusal::Kind {
                target: name,
                reason,
                advice: kind::advice(next, &self.device, &self.status, kernel, machine),
            },
        }
    }
}

/// Returns the diskseq of a device with this kernel name; 0 if the kernel does not report it.
pub fn diskseq(device: &str, machine: &Machine) -> u64 {
    let text = fs::read_to_string(machine.path(format!("/sys/block/{device}/diskseq")));
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// Returns a device's kernel name.
pub fn device(number: Number) -> String {
    format!("dm-{}", number.minor())
}

/// Returns a device's name in the form for users, or dm-N if the device was removed.
pub fn shown(kernel: &mut dyn DeviceMapper, number: Number) -> String {
    match kernel.status(number) {
        Ok(status) => escape::shown(&status.name),
        Err(_) => device(number),
    }
}

/// Returns the volume group that LVM locks before it changes the device. `None` if the device is not LVM's.
pub fn group(status: &Status) -> Option<String> {
    if !lvm::made(&status.uuid) {
        return None;
    }
    let group = lvm::parts(&escape::undo(&status.name)).swap_remove(0);
    String::from_utf8(group)
        .ok()
        .filter(|group| !group.contains('/'))
}
