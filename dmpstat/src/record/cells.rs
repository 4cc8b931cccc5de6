// SPDX-License-Identifier: GPL-2.0

//! The numbers of a snapshot as cells, each with the key of its column. A cell of 0 is left out.
//!
//! Some numbers nearly follow from others, and their cells have the differences: the requests from the sizes,
//! say. A difference wraps, so no number is lost.

use crate::model::histogram::Histogram;
use crate::model::operation::Operation;
use crate::model::snapshot::{Counters, Disk, LineCount, Lines, Snapshot, Timing};
use crate::model::statistic::Statistic::{self, Bytes, Inflight, Requests};
use crate::model::statistic::Values;
use crate::record::header::{Bounds, Header};
use crate::record::predicted::{Predicted, completed, inflights};

/// The key of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// 0 for the device, and else the number of the operation in the header, from 1.
    pub operation: u32,
    /// The kind of the numbers.
    pub kind: u32,
    /// The place of the number among those of its kind.
    pub place: u32,
}

/// The kinds of numbers.
mod kind {
    /// The device's own numbers, or for an operation its flags and the masks of measured statistics.
    pub const STATE: u32 = 0;
    /// Statistics, by their places in the header.
    pub const VALUE: u32 = 1;
    /// Statistics that begin with the measuring of latencies.
    pub const TIMED: u32 = 2;
    /// Counts of sizes, by the places of their bounds.
    pub const SIZE: u32 = 3;
    /// Counts of latencies.
    pub const LATENCY: u32 = 4;
    /// Counts of distances.
    pub const SEEK: u32 = 5;
}

/// The number of the device's own numbers.
const OWN: usize = 14;
/// Flags of a device.
const LATENCY: u64 = 1;
const LATENCY_SINCE: u64 = 2;
const LINES: u64 = 4;
const SUSPENDED: u64 = 8;
const INFLIGHT: u64 = 16;
const COMPLETED: u64 = 32;
const PATTERN_SINCE: u64 = 64;
/// Flags of an operation.
const MEASURED: u64 = 1;
const TIMING: u64 = 2;
const SEEKS: u64 = 4;

/// Turns snapshots into cells.
#[derive(Debug)]
pub struct Writer {
    sizes: Bounds,
    latencies: Bounds,
    seeks: Bounds,
    /// A snapshot had a bound that the last header lacks.
    has_grown: bool,
    cells: Vec<(Key, u64)>,
}

impl Writer {
    /// Makes a writer of cells under a header.
    pub fn new(header: &Header) -> Self {
        Self {
            sizes: Bounds::new(&header.sizes),
            latencies: Bounds::new(&header.latencies),
            seeks: Bounds::signed(&header.seeks),
            has_grown: false,
            cells: Vec::new(),
        }
    }

    /// Adds new bounds to the header. Returns whether there are any.
    pub fn update(&mut self, header: &mut Header) -> bool {
        if self.has_grown {
            header.sizes = self.sizes.to_header();
            header.latencies = self.latencies.to_header();
            header.seeks = self.seeks.to_signed_header();
        }
        std::mem::take(&mut self.has_grown)
    }

    /// Returns the cells of a snapshot in the order of their keys. `boottime` is that of the sample.
    pub fn cells(&mut self, snapshot: &Snapshot, boottime: u64) -> &[(Key, u64)] {
        self.cells.clear();
        for (place, value) in own(snapshot, boottime).into_iter().enumerate() {
            self.put(0, kind::STATE, place, value);
        }
        for (operation, counters) in snapshot.operations.iter().enumerate() {
            if let Some(counters) = counters {
                self.counters(operation as u32 + 1, counters);
            }
        }
        if !self.cells.is_sorted_by_key(|(key, _)| *key) {
            self.cells.sort_unstable_by_key(|(key, _)| *key);
        }
        &self.cells
    }

    fn counters(&mut self, operation: u32, counters: &Counters) {
        let predicted = Predicted::of(counters);
        let timing = counters.timing.as_ref();
        let timed = timing.map_or(Values::NONE, |timing| timing.values);
        let flags =
            MEASURED | timing.map_or(0, |_| TIMING) | counters.seeks.as_ref().map_or(0, |_| SEEKS);
        let states = [flags, mask(&counters.values), mask(&timed)];
        for (place, state) in states.into_iter().enumerate() {
            self.put(operation, kind::STATE, place, state);
        }
        for statistic in Statistic::ALL {
            if let Some(value) = counters.values.get(statistic) {
                let value = value.wrapping_sub(predicted.value(statistic));
                self.put(operation, kind::VALUE, statistic as usize, value);
            }
        }
        for statistic in Statistic::ALL {
            if let Some(value) = timed.get(statistic) {
                let value = value.wrapping_sub(predicted.timed(statistic));
                self.put(operation, kind::TIMED, statistic as usize, value);
            }
        }
        self.histogram(operation, kind::SIZE, &counters.sizes);
        if let Some(timing) = timing {
            self.histogram(operation, kind::LATENCY, &timing.latencies);
        }
        if let Some(seeks) = &counters.seeks {
            self.histogram(operation, kind::SEEK, seeks);
        }
    }

    fn histogram(&mut self, operation: u32, kind: u32, histogram: &Histogram) {
        let mut from = 0;
        for (bound, count) in histogram.buckets() {
            let bounds = match kind {
                kind::SIZE => &mut self.sizes,
                kind::SEEK => &mut self.seeks,
                _ => &mut self.latencies,
            };
            let (place, is_new) = bounds.place(*bound, from);
            self.has_grown |= is_new;
            from = place;
            self.put(operation, kind, place, *count);
        }
    }

    fn put(&mut self, operation: u32, kind: u32, place: usize, value: u64) {
        if value != 0 {
            let key = Key {
                operation,
                kind,
                place: place as u32,
            };
            self.cells.push((key, value));
        }
    }
}

/// Returns the device's own numbers.
fn own(snapshot: &Snapshot, boottime: u64) -> [u64; OWN] {
    let flag = |flag: u64, is_set: bool| if is_set { flag } else { 0 };
    let (lines, disk) = (snapshot.lines, snapshot.disk);
    let flags = flag(LATENCY, snapshot.latency)
        | flag(LATENCY_SINCE, snapshot.latency_since.is_some())
        | flag(LINES, lines.is_some())
        | flag(SUSPENDED, disk.suspended)
        | flag(INFLIGHT, disk.inflight.is_some())
        | flag(COMPLETED, disk.completed.is_some())
        | flag(PATTERN_SINCE, snapshot.pattern_since.is_some());
    let Lines { live, loaded } = lines.unwrap_or_default();
    let inflight = disk.inflight.map(|inflight| {
        let predicted = inflights(&snapshot.operations);
        [0, 1].map(|at| inflight[at].wrapping_sub(predicted[at]))
    });
    let [reads, writes] = inflight.unwrap_or_default();
    let completed = disk.completed.map(|all| {
        let predicted = completed(&snapshot.operations);
        all.wrapping_sub(predicted)
    });
    [
        flags,
        snapshot.since,
        snapshot.taken.wrapping_sub(boottime),
        snapshot.latency_since.unwrap_or(0),
        live.all,
        live.as_linear,
        live.flush_bypass,
        loaded.all,
        loaded.as_linear,
        loaded.flush_bypass,
        reads,
        writes,
        completed.unwrap_or(0),
        snapshot.pattern_since.unwrap_or(0),
    ]
}

fn mask(values: &Values) -> u64 {
    let measured = Statistic::ALL
        .into_iter()
        .filter(|of| values.get(*of).is_some());
    measured.fold(0, |mask, of| mask | (1 << of as u32))
}

/// Turns cells into snapshots.
#[derive(Clone, Debug)]
pub struct Reader {
    operations: Vec<Option<usize>>,
    statistics: Vec<Option<Statistic>>,
    sizes: Bounds,
    latencies: Bounds,
    seeks: Bounds,
}

/// The cells of one operation.
#[derive(Default)]
struct Raw {
    states: [u64; 3],
    values: [u64; Statistic::COUNT],
    timed: [u64; Statistic::COUNT],
    sizes: Vec<(u64, u64)>,
    latencies: Vec<(u64, u64)>,
    seeks: Vec<(u64, u64)>,
}

impl Reader {
    /// Makes a reader of cells under a header. Operations and statistics that this program does not know are
    /// skipped.
    pub fn new(header: &Header) -> Self {
        let operation = |name: &String| Operation::NAMES.iter().position(|of| of == name);
        let statistic = |name: &String| Statistic::ALL.into_iter().find(|of| of.name() == name);
        Self {
            operations: header.operations.iter().map(operation).collect(),
            statistics: header.statistics.iter().map(statistic).collect(),
            sizes: Bounds::new(&header.sizes),
            latencies: Bounds::new(&header.latencies),
            seeks: Bounds::signed(&header.seeks),
        }
    }

    /// Sets the numbers of a snapshot from its cells, which are in the order of their keys.
    pub fn fill(
        &self,
        snapshot: &mut Snapshot,
        boottime: u64,
        cells: impl Iterator<Item = (Key, u64)>,
    ) {
        let mut own = [0; OWN];
        let mut raw: [Raw; Operation::COUNT] = Default::default();
        for (key, value) in cells {
            let place = key.place as usize;
            let Some(operation) = (key.operation as usize).checked_sub(1) else {
                if let Some(own) = own.get_mut(place).filter(|_| key.kind == kind::STATE) {
                    *own = value;
                }
                continue;
            };
            let known = self.operations.get(operation).copied().flatten();
            if let Some(raw) = known.and_then(|known| raw.get_mut(known)) {
                self.put(raw, key.kind, place, value);
            }
        }
        for (counters, raw) in snapshot.operations.iter_mut().zip(raw) {
            *counters = (raw.states[0] & MEASURED != 0).then(|| self.counters(raw));
        }
        set_own(snapshot, &own, boottime);
    }

    fn put(&self, raw: &mut Raw, kind: u32, place: usize, value: u64) {
        let statistic = || self.statistics.get(place).copied().flatten();
        match kind {
            kind::STATE => {
                if let Some(state) = raw.states.get_mut(place) {
                    *state = value;
                }
            }
            kind::VALUE => {
                if let Some(statistic) = statistic() {
                    raw.values[statistic as usize] = value;
                }
            }
            kind::TIMED => {
                if let Some(statistic) = statistic() {
                    raw.timed[statistic as usize] = value;
                }
            }
            kind::SIZE => raw
                .sizes
                .extend(self.sizes.get(place).map(|of| (of, value))),
            kind::LATENCY => {
                let bound = self.latencies.get(place);
                raw.latencies.extend(bound.map(|of| (of, value)));
            }
            kind::SEEK => raw
                .seeks
                .extend(self.seeks.get(place).map(|of| (of, value))),
            // This kind comes from a later dmpstat.
            _ => {}
        }
    }

    fn counters(&self, raw: Raw) -> Counters {
        let [flags, measured, timed] = raw.states;
        let mut counters = Counters {
            values: Values::NONE,
            sizes: Histogram::new(raw.sizes),
            timing: (flags & TIMING != 0).then(|| Timing {
                values: Values::NONE,
                latencies: Histogram::new(raw.latencies),
            }),
            seeks: (flags & SEEKS != 0).then(|| Histogram::new(raw.seeks)),
        };
        for statistic in self.measured(measured) {
            let value = raw.values[statistic as usize];
            counters.values.set(statistic, Some(value));
        }
        // The bytes and the requests in flight follow from numbers that are set before.
        for statistic in [Requests, Bytes, Inflight] {
            if let Some(value) = counters.values.get(statistic) {
                let predicted = Predicted::of(&counters).value(statistic);
                let value = value.wrapping_add(predicted);
                counters.values.set(statistic, Some(value));
            }
        }
        let predicted = Predicted::of(&counters);
        if let Some(timing) = &mut counters.timing {
            for statistic in self.measured(timed) {
                let value = raw.timed[statistic as usize];
                let value = value.wrapping_add(predicted.timed(statistic));
                timing.values.set(statistic, Some(value));
            }
        }
        counters
    }

    /// Returns the statistics of a mask.
    fn measured(&self, mask: u64) -> impl Iterator<Item = Statistic> {
        let statistics = self.statistics.iter().take(64).enumerate();
        statistics.filter_map(move |(place, of)| of.filter(|_| (mask >> place) & 1 == 1))
    }
}

fn set_own(snapshot: &mut Snapshot, own: &[u64; OWN], boottime: u64) {
    let flags = own[0];
    let is = |flag: u64| flags & flag != 0;
    let lines = |from: usize| LineCount {
        all: own[from],
        as_linear: own[from + 1],
        flush_bypass: own[from + 2],
    };
    snapshot.since = own[1];
    snapshot.taken = own[2].wrapping_add(boottime);
    snapshot.latency = is(LATENCY);
    snapshot.latency_since = is(LATENCY_SINCE).then_some(own[3]);
    snapshot.pattern_since = is(PATTERN_SINCE).then_some(own[13]);
    snapshot.lines = is(LINES).then(|| Lines {
        live: lines(4),
        loaded: lines(7),
    });
    let predicted = inflights(&snapshot.operations);
    snapshot.disk = Disk {
        suspended: is(SUSPENDED),
        inflight: is(INFLIGHT).then(|| [0, 1].map(|at| own[10 + at].wrapping_add(predicted[at]))),
        completed: is(COMPLETED).then(|| own[12].wrapping_add(completed(&snapshot.operations))),
    };
}
