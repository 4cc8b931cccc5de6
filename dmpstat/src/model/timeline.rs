// SPDX-License-Identifier: GPL-2.0

//! Devices over a long time, in columns that a picture can show.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::interval::{Interval, Restart};
use crate::model::snapshot::Snapshot;

/// Devices over a time that is divided into columns.
#[derive(Debug)]
pub struct Timeline {
    /// The time of the begin, in nanoseconds since 1970.
    pub begin: i64,
    /// The time of a column.
    pub step: Duration,
    /// Number of columns.
    pub columns: usize,
    /// The devices, in the order of their first snapshots.
    pub tracks: Vec<Track>,
    places: HashMap<(Vec<u8>, Vec<u8>), usize>,
    /// The time of the first snapshot, in nanoseconds since its boot.
    first: Option<u64>,
}

/// A device of a timeline: all devices that had its name and uuid, one after the other.
#[derive(Debug)]
pub struct Track {
    /// The last snapshot.
    pub last: Snapshot,
    /// The counts of each column; `None` in columns without snapshots.
    pub intervals: Vec<Option<Interval>>,
    /// The column of the last snapshot.
    column: usize,
    /// The snapshot up to which counts are in `intervals`; `None` if that is the last one.
    counted: Option<Snapshot>,
}

/// Steps of a timeline, in seconds: those that divide a day.
const STEPS: [u64; 20] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 86400,
];

impl Timeline {
    /// Makes a timeline from `begin` to `end`, both in nanoseconds since 1970, of at most `most` columns. A
    /// column begins at a whole number of steps.
    pub fn new(begin: i64, end: i64, most: usize) -> Self {
        let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let fits = |step: i64| columns(begin, end, step) <= most;
        let seconds = |seconds: u64| i64::try_from(seconds * 1_000_000_000).unwrap_or(i64::MAX);
        let days = (1..).map(|days| seconds(86400).saturating_mul(days));
        let mut steps = STEPS.into_iter().map(seconds).chain(days);
        let step = steps.find(|step| fits(*step)).unwrap_or(i64::MAX);
        Self {
            begin: begin.div_euclid(step) * step,
            step: Duration::from_nanos(step.unsigned_abs()),
            columns: usize::try_from(columns(begin, end, step)).unwrap_or(1),
            tracks: Vec::new(),
            places: HashMap::new(),
            first: None,
        }
    }

    /// Adds the devices at a time, in nanoseconds since 1970. Times must not fall.
    pub fn add(&mut self, time: i64, devices: Vec<Snapshot>) {
        let column = self.column(time);
        let is_first = self.first.is_none();
        for (at, device) in devices.into_iter().enumerate() {
            let first = *self.first.get_or_insert(device.taken);
            if let Some(place) = self.place(at, &device) {
                self.tracks[place].add(column, device);
                continue;
            }
            let mut intervals = vec![None; self.columns];
            // A device from before the recording counted much that was not recorded.
            if !is_first && device.since >= first {
                intervals[column] = Some(Interval::between(None, &device));
            }
            self.places.insert(key(&device), self.tracks.len());
            self.tracks.push(Track {
                last: device,
                intervals,
                column,
                counted: None,
            });
        }
    }

    /// Returns the place of a device's track. Devices usually come in the same order, so `at` is tried first.
    fn place(&self, at: usize, device: &Snapshot) -> Option<usize> {
        let has_place = self.tracks.get(at).is_some_and(|of| of.is_of(device));
        match has_place {
            true => Some(at),
            false => self.places.get(&key(device)).copied(),
        }
    }

    /// Counts what was added last. Call this once after all devices.
    pub fn finish(&mut self) {
        self.tracks.iter_mut().for_each(Track::count);
    }

    /// Returns the column of an interval that ended at this time.
    fn column(&self, time: i64) -> usize {
        let since = time.saturating_sub(self.begin).saturating_sub(1);
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX);
        let column = usize::try_from(since / step).unwrap_or(0);
        column.min(self.columns - 1)
    }

    /// Returns the time of a column's begin, in nanoseconds since 1970.
    pub fn time(&self, column: usize) -> i64 {
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX);
        let column = i64::try_from(column).unwrap_or(i64::MAX);
        self.begin.saturating_add(step.saturating_mul(column))
    }
}

fn key(device: &Snapshot) -> (Vec<u8>, Vec<u8>) {
    (device.name.clone(), device.uuid.clone())
}

/// Returns the number of columns of a step that cover a time.
fn columns(begin: i64, end: i64, step: i64) -> i64 {
    let last = end.max(begin + 1) - 1;
    last.div_euclid(step) - begin.div_euclid(step) + 1
}

impl Track {
    /// Returns whether a device has this track's name and uuid.
    fn is_of(&self, device: &Snapshot) -> bool {
        self.last.name == device.name && self.last.uuid == device.uuid
    }

    /// Adds the next snapshot. Counts only grow, so one difference a column is enough, unless counting restarts.
    fn add(&mut self, column: usize, device: Snapshot) {
        let start = |of: &Snapshot| (of.diskseq, of.since, of.latency, of.latency_since);
        let restarts = start(&self.last) != start(&device) || self.last.device != device.device;
        if restarts || column != self.column {
            self.count();
        }
        self.column = column;
        let before = std::mem::replace(&mut self.last, device);
        self.counted.get_or_insert(before);
        if restarts {
            self.count();
        }
    }

    /// Adds the counts up to the last snapshot to its column.
    fn count(&mut self) {
        let Some(before) = self.counted.take() else {
            return;
        };
        let interval = Interval::between(Some(&before), &self.last);
        match &mut self.intervals[self.column] {
            Some(sum) => sum.extend(&interval),
            none => *none = Some(interval),
        }
    }

    /// Returns what was counted in all columns.
    pub fn total(&self) -> Option<Interval> {
        sum(self.intervals.iter())
    }

    /// Returns what was counted in each `columns` columns.
    pub fn coarse(&self, columns: usize) -> Vec<Option<Interval>> {
        let parts = self.intervals.chunks(columns.max(1));
        parts.map(|part| sum(part.iter())).collect()
    }

    /// Returns the columns in which counting restarted, with the reasons.
    pub fn restarts(&self) -> impl Iterator<Item = (usize, Restart)> {
        let columns = self.intervals.iter().enumerate();
        columns.filter_map(|(at, interval)| Some((at, interval.as_ref()?.restart?)))
    }
}

fn sum<'a>(intervals: impl Iterator<Item = &'a Option<Interval>>) -> Option<Interval> {
    let mut intervals = intervals.flatten();
    let mut sum = intervals.next()?.clone();
    intervals.for_each(|next| sum.extend(next));
    Some(sum)
}
