// SPDX-License-Identifier: GPL-2.0

//! What is remembered of a volume until the next boot, in /run/dmp/dm-N.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where.
pub const DIRECTORY: &str = "/run/dmp";
/// How often within [`WHILE`] a volume is attached again. What takes it off more often than that is
/// no LVM, and the two would go on for ever.
pub const OFTEN: usize = 10;
/// In seconds.
pub const WHILE: i64 = 60;

/// What is remembered of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Tells it from the next device of the same number.
    pub diskseq: u64,
    /// When it was attached, in seconds since 1970.
    pub since: i64,
    /// How often it was attached again after its table had been changed.
    pub again: u64,
    /// When it was last attached, of the last [`OFTEN`] times.
    pub recent: Vec<i64>,
    /// It was taken off by who asked for that, and is not attached again by itself.
    pub detached: bool,
}

impl State {
    /// A device that is attached now, after what is remembered of its number.
    pub fn attached(before: Option<&Self>, diskseq: u64, now: i64) -> Self {
        let before = before.filter(|state| state.diskseq == diskseq && !state.detached);
        let mut state = match before {
            Some(state) => Self {
                again: state.again + 1,
                ..state.clone()
            },
            None => Self {
                diskseq,
                since: now,
                ..Self::default()
            },
        };
        state.recent.push(now);
        let old = state.recent.len().saturating_sub(OFTEN);
        state.recent.drain(..old);
        state
    }

    /// Whether it was attached so often in the last time that it is not done again now.
    pub fn is_too_often(&self, now: i64) -> bool {
        let recent = self.recent.iter();
        recent.filter(|time| now - **time < WHILE).count() >= OFTEN
    }

    /// Reads the file's text. What is not known is skipped.
    pub fn parse(text: &str) -> Self {
        let mut state = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let keyword = words.next().unwrap_or_default();
            let mut numbers = words.filter_map(|word| word.parse::<i64>().ok());
            match keyword {
                "diskseq" => state.diskseq = numbers.next().unwrap_or(0) as u64,
                "since" => state.since = numbers.next().unwrap_or(0),
                "again" => state.again = numbers.next().unwrap_or(0) as u64,
                "recent" => state.recent = numbers.collect(),
                "detached" => state.detached = true,
                _ => {}
            }
        }
        state
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let recent: Vec<String> = self.recent.iter().map(i64::to_string).collect();
        let detached = if self.detached { "detached\n" } else { "" };
        format!(
            "diskseq {}\nsince {}\nagain {}\nrecent {}\n{detached}",
            self.diskseq,
            self.since,
            self.again,
            recent.join(" ")
        )
    }

    /// What is remembered of a number, in this directory.
    pub fn read(directory: &Path, device: &str) -> Option<Self> {
        let text = fs::read_to_string(directory.join(device)).ok()?;
        Some(Self::parse(&text))
    }

    /// Remembers it.
    pub fn write(&self, directory: &Path, device: &str) -> io::Result<()> {
        // No reader sees half of it.
        let new: PathBuf = directory.join(format!(".{device}"));
        fs::write(&new, self.text())?;
        fs::rename(new, directory.join(device))
    }
}
