// SPDX-License-Identifier: GPL-2.0

//! /run/dmp/dm-N: facts about attached and detached volumes, until the next boot.
//!
//! Times are seconds of CLOCK_BOOTTIME, because nobody can set this clock. Shown times are computed from
//! them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Zoned};

use crate::attach::files;
use crate::clock::Clock;
use crate::model::escape;
use crate::source::sysfs::{self, Machine};

/// The directory.
pub const DIRECTORY: &str = "/run/dmp";
/// Limit of attaches of a volume within [`WHILE`]. A program that restores the volume's table more often than
/// this is not LVM, and without a limit the two would replace each other's table for ever.
pub const OFTEN: usize = 10;
/// The period of [`OFTEN`], in seconds.
pub const WHILE: u64 = 60;

/// Facts about a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The device's diskseq: a later device with the same minor number has another one.
    pub diskseq: u64,
    /// Name in device mapper, in the kernel's bytes.
    pub name: Vec<u8>,
    /// UUID in device mapper; empty if the device has none.
    pub uuid: Vec<u8>,
    /// Time of the first attach, or of the detach.
    pub since: u64,
    /// Number of attaches after the first, each after a change of the table.
    pub again: u64,
    /// Times of the last attaches, at most [`OFTEN`].
    pub recent: Vec<u64>,
    /// The dmp line is above the volume's own table, which is on a hidden device.
    pub above: bool,
    /// A user detached the volume, so it is not attached automatically.
    pub detached: bool,
}

impl State {
    /// Returns the state of a volume that was attached now. `facts` has its diskseq, name, uuid and `above`;
    /// `before` is the former state of the same minor number.
    pub fn attached(before: Option<&Self>, facts: Self, now: u64) -> Self {
        let before = before.filter(|state| state.diskseq == facts.diskseq && !state.detached);
        let (since, again, mut recent) = match before {
            Some(state) => (state.since, state.again + 1, state.recent.clone()),
            None => (now, 0, Vec::new()),
        };
        recent.push(now);
        let old = recent.len().saturating_sub(OFTEN);
        recent.drain(..old);
        Self {
            since,
            again,
            recent,
            detached: false,
            ..facts
        }
    }

    /// Returns the state of a volume that was detached now. `facts` has its diskseq, name and uuid.
    pub fn detached(facts: Self, now: u64) -> Self {
        Self {
            since: now,
            detached: true,
            ..facts
        }
    }

    /// Returns whether there were too many recent attaches for another one now.
    pub fn is_too_often(&self, now: u64) -> bool {
        // A time in the future comes from an older dmpstat, which used another clock.
        let is_recent = |time: &&u64| now.checked_sub(**time).is_some_and(|age| age < WHILE);
        self.recent.iter().filter(is_recent).count() >= OFTEN
    }

    /// Returns the time of day of `since`; `None` if it is unknown.
    pub fn since_by(&self, clock: &dyn Clock) -> Option<Zoned> {
        let since = Some(self.since).filter(|since| *since != 0)?;
        let since = Duration::from_secs(since);
        let age = clock.boottime().checked_sub(since)?;
        clock
            .now()
            .checked_sub(SignedDuration::try_from(age).ok()?)
            .ok()
    }

    /// Reads the file's text. Skips unknown lines.
    pub fn parse(text: &str) -> Self {
        let mut state = Self::default();
        for line in text.lines() {
            let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
            let words = rest.split_ascii_whitespace();
            let mut numbers = words.filter_map(|word| word.parse::<u64>().ok());
            match keyword {
                "diskseq" => state.diskseq = numbers.next().unwrap_or(0),
                "name" => state.name = escape::undo(rest.as_bytes()),
                "uuid" => state.uuid = escape::undo(rest.as_bytes()),
                "since" => state.since = numbers.next().unwrap_or(0),
                "again" => state.again = numbers.next().unwrap_or(0),
                "recent" => state.recent = numbers.collect(),
                "above" => state.above = true,
                "detached" => state.detached = true,
                _ => {}
            }
        }
        state
    }

    /// Returns the file's text.
    pub fn text(&self) -> String {
        let recent: Vec<String> = self.recent.iter().map(u64::to_string).collect();
        let mut text = format!(
            "diskseq {}\nname {}\nuuid {}\nsince {}\nagain {}\nrecent {}\n",
            self.diskseq,
            escape::show(&self.name),
            escape::show(&self.uuid),
            self.since,
            self.again,
            recent.join(" ")
        );
        for (is_set, keyword) in [(self.above, "above\n"), (self.detached, "detached\n")] {
            text.push_str(if is_set { keyword } else { "" });
        }
        text
    }

    /// Reads the state of a minor number, dm-N.
    pub fn read(directory: &Path, device: &str) -> Option<Self> {
        let text = fs::read_to_string(directory.join(device)).ok()?;
        Some(Self::parse(&text))
    }

    /// Returns the state of a device; `None` if the diskseq is that of an earlier device with this minor
    /// number.
    pub fn of(machine: &Machine, device: &str, diskseq: u64) -> Option<Self> {
        let state = Self::read(&machine.path(DIRECTORY), device)?;
        (state.diskseq == diskseq).then_some(state)
    }

    /// Reads the states of all minor numbers, in their order.
    pub fn all(directory: &Path) -> Vec<(String, Self)> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let states = sysfs::mapped_devices(names)
            .into_iter()
            .filter_map(|device| {
                let state = Self::read(directory, &device)?;
                Some((device, state))
            });
        states.collect()
    }

    /// Writes the state for everybody to read, and makes the directory if it is missing.
    pub fn write(&self, directory: &Path, device: &str) -> io::Result<()> {
        files::make_directory(directory, files::DIRECTORY)?;
        files::replace(&directory.join(device), self.text().as_bytes(), files::FILE)
    }
}
