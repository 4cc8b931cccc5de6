// SPDX-License-Identifier: GPL-2.0

//! Volumes that were attached earlier in this boot, for errors about volumes that are not counted.

use std::error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::attach::queue::{self, Queue};
use crate::attach::state::{self, State};
use crate::attach::volume;
use crate::environment::Environment;
use crate::error::Error;
use crate::model::escape;
use crate::source::lvm;
use crate::source::selection::{self, Choice};

/// A volume that was attached, and is no longer counted.
#[derive(Debug, PartialEq, Eq)]
pub struct Former {
    /// Its name, in the form for users.
    pub name: String,
    /// The time of the attach, or of the detach.
    pub since: Option<String>,
    /// The reason that it is not counted.
    pub end: End,
}

/// Reasons that a volume is no longer counted.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// A user detached it.
    Detached,
    /// Its table has no dmp line.
    Table,
    /// The device was removed; another device may have its name.
    Gone,
    /// It waits to be attached again. The reason, if there is one.
    Waiting(Option<String>),
}

impl fmt::Display for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let word = match self.end {
            End::Detached => "detached",
            _ => "attached",
        };
        write!(f, "{name} was {word}")?;
        if let Some(since) = &self.since {
            write!(f, " at {since}")?;
        }
        let end = match &self.end {
            End::Detached => {
                return write!(
                    f,
                    ". Attach the volume again with \"dmpstat attach {name}\""
                );
            }
            End::Waiting(None) => {
                return write!(f, ", lost its dmp table, and waits to be attached again");
            }
            End::Waiting(Some(reason)) => {
                return write!(
                    f,
                    ", lost its dmp table, and waits to be attached again: {reason}"
                );
            }
            End::Table => "LVM or another program has replaced the table since",
            End::Gone => "the volume was deactivated or removed since",
        };
        write!(
            f,
            ", and counting has ended: {end}. Attach the volume again with \"dmpstat attach {name}\", \
             or for good with \"dmpstat attach --keep {name}\""
        )
    }
}

impl error::Error for Former {}

/// Replaces the error "no such device" by an error about a volume that was attached.
pub fn explain(error: Error, environment: &Environment<'_>) -> Error {
    let wanted: Vec<OsString> = match &error {
        Error::NoDevices(wanted) if wanted.is_empty() => vec!["*".into()],
        Error::NoDevices(wanted) => wanted.clone(),
        Error::NoSuchDevice { wanted, .. } | Error::Gone(wanted) => vec![wanted.clone()],
        _ => return error,
    };
    let mut wanted = wanted.iter();
    match wanted.find_map(|written| former(written, environment)) {
        Some(former) => Error::command(former),
        None => error,
    }
}

/// Finds the formerly attached volume that matches a user's argument.
fn former(written: &OsStr, environment: &Environment<'_>) -> Option<Former> {
    let choice = Choice::checked(written).ok()?;
    let machine = environment.machine;
    let target = choice.target(machine);
    let states = State::all(&machine.path(state::DIRECTORY));
    // An existing device comes before a removed one.
    let mut found: Option<(bool, String, State, Vec<u8>)> = None;
    for (device, state) in states {
        let is_same = state.diskseq == volume::diskseq(&device, machine);
        // The device may have been renamed.
        let current = machine.attribute(&device, "name").filter(|_| is_same);
        let is_there = current.is_some();
        let name = current.unwrap_or_else(|| state.name.clone());
        // After the device's removal another device can have its number, so the number matches nothing.
        let device_is = if is_there { device.as_str() } else { "" };
        let names = selection::names(device_is, &name);
        let is_better = found.as_ref().is_none_or(|found| is_there && !found.0);
        if is_better && choice.is(device_is, &names, target.as_deref()) {
            found = Some((is_there, device, state, name));
        }
    }
    let (is_there, device, state, name) = found?;
    let queue = Queue::new(machine.path(queue::PATH));
    let is_waiting = || {
        queue
            .waiting()
            .is_ok_and(|waiting| waiting.contains(&device))
    };
    let end = match is_there {
        _ if state.detached => End::Detached,
        true if is_waiting() => End::Waiting(queue.reason(&device)),
        true => End::Table,
        false => End::Gone,
    };
    let now = environment.clock.now();
    let since = state.since_by(environment.clock).map(|since| {
        let form = match since.date() == now.date() {
            true => "%H:%M:%S",
            false => "%Y-%m-%d %H:%M:%S",
        };
        since.strftime(form).to_string()
    });
    let name = match choice.is_pattern() {
        true => {
            let plain = escape::undo(&name);
            escape::show(&lvm::logical_volume(&plain).unwrap_or(plain))
        }
        false => escape::show(written.as_bytes()),
    };
    Some(Former { name, since, end })
}
