// SPDX-License-Identifier: GPL-2.0

//! Counters of groups of volumes. A sum over volumes would fall when one of them is removed or reset, and
//! Prometheus would take that for a reset of all. So the exporter adds up what each volume counts between two
//! readings, from its own start on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::boottime;
use crate::commands::groups::By;
use crate::model::interval::{Interval, Restart};
use crate::model::operation::Operation;
use crate::model::snapshot::{Counters, Snapshot};
use crate::model::sum;

/// The groups of an exporter.
#[derive(Debug)]
pub struct Totals {
    by: By,
    /// The time of the exporter's start, in nanoseconds since boot; `None` to count since the volumes' resets.
    start: Option<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last snapshot of each volume that was ever read, by its kernel name: a volume that cannot be read
    /// for some time goes on where it was.
    before: HashMap<String, Snapshot>,
    /// The counters of each group.
    totals: HashMap<String, Snapshot>,
}

impl Totals {
    /// Makes groups that count from now on if `repeatedly`, and since the volumes' resets otherwise.
    pub fn new(by: By, repeatedly: bool) -> Self {
        Self {
            by,
            start: repeatedly.then(|| u64::try_from(boottime().as_nanos()).unwrap_or(u64::MAX)),
            state: Mutex::default(),
        }
    }

    /// Adds the counts of these volumes since the last call. Returns the groups, and the volumes that belong to
    /// none.
    pub fn add(&self, volumes: Vec<Snapshot>) -> (Vec<Snapshot>, Vec<Snapshot>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut groups = Vec::new();
        let mut is_alone = vec![true; volumes.len()];
        for (name, at) in self.by.all(&volumes) {
            let Some(name) = name else { continue };
            at.iter().for_each(|at| is_alone[*at] = false);
            let of_group: Vec<&Snapshot> = at.iter().map(|at| &volumes[*at]).collect();
            let mut total = match state.totals.remove(&name) {
                Some(total) => total,
                None => match sum::snapshots(&name, &of_group) {
                    Some(first) => Snapshot {
                        since: self.start.unwrap_or(first.since),
                        operations: Default::default(),
                        ..first
                    },
                    None => continue,
                },
            };
            total.taken = of_group.iter().map(|of| of.taken).max().unwrap_or(0);
            total.latency = of_group.iter().all(|of| of.latency);
            // Gauges are those of this reading.
            total
                .operations
                .iter_mut()
                .flatten()
                .for_each(Counters::clear_gauges);
            for volume in of_group {
                let interval = self.interval(state.before.get(&volume.device), volume);
                for (total, counted) in total.operations.iter_mut().zip(interval) {
                    if let Some(counted) = counted {
                        total.get_or_insert_default().add(&counted);
                    }
                }
            }
            state.totals.insert(name, total.clone());
            groups.push(total);
        }
        let mut alone = Vec::new();
        for (volume, is_alone) in volumes.into_iter().zip(is_alone) {
            if is_alone {
                alone.push(volume);
            } else {
                state.before.insert(volume.device.clone(), volume);
            }
        }
        (groups, alone)
    }

    /// Returns the counts of a volume since the reading before.
    fn interval(
        &self,
        before: Option<&Snapshot>,
        now: &Snapshot,
    ) -> [Option<Counters>; Operation::COUNT] {
        let interval = Interval::between(before, now);
        let is_new = interval.restart == Some(Restart::Device);
        match self.start {
            // The volume counted before the exporter started, and only gauges are known from then on.
            Some(start) if is_new && now.since < start => interval.operations.map(|counters| {
                let mut counters = counters?;
                counters.clear_counters();
                Some(counters)
            }),
            _ => interval.operations,
        }
    }
}
