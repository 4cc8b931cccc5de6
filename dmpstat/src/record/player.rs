// SPDX-License-Identifier: GPL-2.0

//! A recording in the place of a machine: its devices, and its clock.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::clock::Clock;
use crate::error::Error;
use crate::model::snapshot::Snapshot;
use crate::record::block::Block;
use crate::record::index::{Index, Problem};
use crate::record::sample::{self, Sample};
use crate::record::when::{When, zoned};
use crate::source::devices::Devices;
use crate::source::host::Host;
use crate::source::selection::Choice;
use crate::source::sysfs::{Failure, Readings};

/// A request for a part of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The file, or the directory of day files.
    pub path: PathBuf,
    /// The first time.
    pub from: Option<When>,
    /// The last time.
    pub to: Option<When>,
    /// The last sample is enough.
    pub last: bool,
}

/// Errors of recordings.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordingError {
    #[error("{} has no sample{}", .0.display(), between(*.1))]
    Empty(PathBuf, bool),
    #[error("the time does not exist on this day: a clock was set forward")]
    NoTime,
    #[error("{} changed while dmpstat read it", .0.display())]
    Changed(PathBuf),
}

fn between(has_range: bool) -> &'static str {
    match has_range {
        true => " between --from and --to",
        false => "",
    }
}

/// The place of a sample: its block, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    block: usize,
    sample: usize,
}

/// A recording that is played.
#[derive(Debug)]
pub struct Player {
    index: Index,
    zone: TimeZone,
    /// The samples between the first and the last time.
    places: Vec<Place>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The current sample, as a number in [`Player::places`].
    at: usize,
    sample: Sample,
    /// The end of the interval, in nanoseconds since boot.
    target: u64,
    /// The block that was read last, and its number.
    block: Option<(usize, Block)>,
}

impl Player {
    /// Opens a recording at its first sample. Times are in this time zone.
    pub fn open(request: &Request, zone: TimeZone) -> Result<Self, Error> {
        let path = &request.path;
        let index = Index::read(path).map_err(|source| read_failed(path, source))?;
        let empty = |has_range| Error::command(RecordingError::Empty(path.clone(), has_range));
        let Some(last) = index.blocks.last() else {
            return Err(empty(false));
        };
        let last = zoned(last.times.realtime(last.times.count - 1), &zone).date();
        let bound = |when: Option<When>, without: i64| match when {
            None => Ok(without),
            Some(when) => when
                .nanoseconds(last, &zone)
                .ok_or_else(|| Error::command(RecordingError::NoTime)),
        };
        let range = bound(request.from, i64::MIN)?..=bound(request.to, i64::MAX)?;
        let mut places = Vec::new();
        for (block, entry) in index.blocks.iter().enumerate() {
            let samples = 0..entry.times.count;
            let wanted = samples.filter(|at| range.contains(&entry.times.realtime(*at)));
            places.extend(wanted.map(|sample| Place { block, sample }));
        }
        if places.is_empty() {
            return Err(empty(true));
        }
        let first = if request.last { places.len() - 1 } else { 0 };
        let player = Self {
            index,
            zone,
            places,
            state: RefCell::default(),
        };
        player.go(first);
        Ok(player)
    }

    /// Returns the damaged parts of the files.
    pub fn problems(&self) -> &[Problem] {
        &self.index.problems
    }

    /// Returns the machine that was recorded.
    pub fn host(&self) -> &Host {
        &self.index.host
    }

    /// Returns the number of the current sample, and the number of all samples.
    pub fn position(&self) -> (usize, usize) {
        (self.state.borrow().at, self.places.len())
    }

    /// Returns the times of the first and of the last sample, in nanoseconds since 1970.
    pub fn range(&self) -> (i64, i64) {
        let realtime = |place: &Place| self.index.blocks[place.block].times.realtime(place.sample);
        let times = self.places.iter().map(realtime);
        // Set clocks can make a later sample the earlier one.
        times.fold((i64::MAX, i64::MIN), |(least, most), time| {
            (least.min(time), most.max(time))
        })
    }

    /// Returns the current sample's time of day.
    pub fn now(&self) -> Zoned {
        zoned(self.state.borrow().sample.realtime, &self.zone)
    }

    /// Returns the current sample's time since boot.
    pub fn boottime(&self) -> Duration {
        Duration::from_nanos(self.state.borrow().sample.boottime)
    }

    /// Goes to a sample, or to the last one.
    pub fn go(&self, at: usize) {
        let at = at.min(self.places.len() - 1);
        let sample = self.sample(at);
        let state = &mut *self.state.borrow_mut();
        state.at = at;
        state.target = sample.boottime;
        state.sample = sample;
    }

    /// Returns a sample by its number, without going there.
    pub fn sample(&self, at: usize) -> Sample {
        let state = &mut *self.state.borrow_mut();
        let Place { block, sample } = self.places[at];
        let entry = &self.index.blocks[block];
        if state.block.as_ref().is_none_or(|(of, _)| *of != block) {
            state.block = self.index.block(entry).map(|of| (block, of));
        }
        match &state.block {
            Some((_, block)) if sample < block.times().count => {
                block.sample(sample, self.index.reader(entry))
            }
            _ => Sample {
                realtime: entry.times.realtime(sample),
                boottime: entry.times.boottime(sample),
                snapshots: Vec::new(),
                failures: vec![sample::Failure {
                    device: String::new(),
                    name: Vec::new(),
                    message: RecordingError::Changed(self.index.file(entry).to_owned()).to_string(),
                }],
            },
        }
    }

    /// Goes to the sample at the end of an interval, or to the next one if the interval is zero. Returns false
    /// at the end of the recording.
    ///
    /// Samples are not exactly as far apart as intervals, so this is the nearest sample.
    fn advance(&self, interval: Duration) -> bool {
        let (at, target) = {
            let state = self.state.borrow();
            (state.at, state.target)
        };
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let target = target.saturating_add(interval);
        let boot = self.boot(at);
        let mut next = at + 1;
        // The times of another boot begin again.
        while next < self.places.len() && self.boot(next) == boot && self.time(next) < target {
            next += 1;
        }
        let is_nearer = |one: usize, other: usize| {
            self.time(one).abs_diff(target) < self.time(other).abs_diff(target)
        };
        let same = next < self.places.len() && self.boot(next) == boot;
        if next > at + 1 && same && is_nearer(next - 1, next) {
            next -= 1;
        }
        if next >= self.places.len() {
            // The last sample is near enough if it is later than the middle of the interval.
            let last = self.places.len() - 1;
            if last <= at || target - self.time(last).min(target) > interval / 2 {
                return false;
            }
            next = last;
        }
        self.go(next);
        let time = self.time(next);
        // The grid of intervals goes on, unless samples are missing.
        if self.boot(next) == boot && interval > 0 && time.abs_diff(target) <= interval / 2 {
            self.state.borrow_mut().target = target;
        }
        true
    }

    fn time(&self, at: usize) -> u64 {
        let Place { block, sample } = self.places[at];
        self.index.blocks[block].times.boottime(sample)
    }

    fn boot(&self, at: usize) -> u32 {
        self.index.blocks[self.places[at].block].times.boot
    }
}

fn read_failed(path: &Path, source: io::Error) -> Error {
    Error::File {
        what: "read",
        path: path.to_owned(),
        source,
    }
}

impl Devices for Player {
    fn readings(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Readings, Error> {
        let sample = &self.state.borrow().sample;
        let recorded = |message: &String| Error::Recorded(message.clone());
        if let Some(all) = sample.failures.iter().find(|of| of.device.is_empty()) {
            return Err(recorded(&all.message));
        }
        let snapshots = sample.snapshots.iter();
        let failures = sample.failures.iter().filter(|of| wanted(&of.device));
        Ok(Readings {
            snapshots: snapshots.filter(|of| wanted(&of.device)).cloned().collect(),
            failures: failures
                .map(|of| Failure {
                    device: of.device.clone(),
                    error: recorded(&of.message),
                })
                .collect(),
        })
    }

    fn name(&self, device: &str) -> Option<Vec<u8>> {
        let sample = &self.state.borrow().sample;
        let failure = sample.failures.iter().find(|of| of.device == device)?;
        Some(failure.name.clone())
    }

    /// Links of the recorded machine are unknown. Paths that contain a name do not need them.
    fn target(&self, _: &Choice) -> Option<OsString> {
        None
    }

    fn add_disks(&self, _: &mut [Snapshot]) {}
}

/// The clock of a recording.
pub struct Playing<'a> {
    player: &'a Player,
    /// The machine's clock, for signals.
    clock: &'a mut dyn Clock,
}

impl<'a> Playing<'a> {
    /// Makes the clock of a recording.
    pub fn new(player: &'a Player, clock: &'a mut dyn Clock) -> Self {
        Self { player, clock }
    }
}

impl Clock for Playing<'_> {
    fn now(&self) -> Zoned {
        self.player.now()
    }

    fn boottime(&self) -> Duration {
        self.player.boottime()
    }

    fn wait(&mut self, interval: Duration) -> bool {
        !self.clock.has_ended() && self.player.advance(interval)
    }

    fn hand_over(&mut self) {
        self.clock.hand_over();
    }

    fn hold(&mut self) {
        self.clock.hold();
    }

    fn has_ended(&self) -> bool {
        self.clock.has_ended()
    }
}
