// SPDX-License-Identifier: GPL-2.0

//! Resets, and switches of measurements.

use super::{
    period::{
        Measured,
        Now,
        Period, //
    },
    Counters, //
};
use crate::{
    measurement::{
        Measurement,
        Measurements, //
    },
    stamp::GENERATIONS,
    wrappers::{
        memalloc::NoIo,
        percpu::Wait,
        rcu::{
            self,
            Spare, //
        },
        time, //
    }, //
};
use kernel::prelude::*;

/// Replaced counters. Their drop sleeps.
pub(crate) struct Replaced {
    _now: rcu::Replaced<Now>,
}

/// A switch of measurements, with the memory that it needs.
pub(crate) struct Change {
    spare: Spare<Now>,
    fresh: Measured,
}

impl Change {
    /// Allocates the memory of a switch to these measurements. May sleep.
    pub(crate) fn new(measurements: Measurements, wait: Wait) -> Result<Self> {
        let fresh = Measured::new(measurements, wait)?;
        let spare = Spare::new()?;
        Ok(Self { spare, fresh })
    }

    /// Returns the measurements that the memory is for.
    pub(crate) fn measurements(&self) -> Measurements {
        self.fresh.measurements()
    }
}

/// Reasons why a period could not start.
enum Refused {
    /// A concurrent switch changed the measurements.
    Switched,
    /// Every other generation has a request in flight.
    NoGeneration,
}

impl Counters {
    /// Restarts all counters at zero. Sleeps. Fails with `EBUSY` if every former period still has a request
    /// in flight, so that no generation is free.
    pub(crate) fn reset(&self, wait: Wait) -> Result {
        let _no_io = NoIo::new();
        if !self.begin_period(wait)? {
            self.forget_drained()?;
            if !self.begin_period(wait)? {
                return Err(EBUSY);
            }
        }
        // Without memory, drained periods stay until the next reset.
        let _ = self.forget_drained();
        Ok(())
    }

    /// Replaces the present period by a new one. Returns false if no generation is free.
    fn begin_period(&self, wait: Wait) -> Result<bool> {
        loop {
            let fresh = Measured::new(self.measurements(), wait)?;
            let period = Period::new(wait)?;
            let replaced = self.now.replace(Spare::new()?, |now| {
                if now.measured.measurements() != fresh.measurements() {
                    return Err(Refused::Switched);
                }
                let generation = now.free_generation().ok_or(Refused::NoGeneration)?;
                let mut older = now.older.clone();
                older[now.period.tag().generation()] = Some(now.period.clone());
                let measured = fresh.with_since(period.since());
                Ok(Now::new(
                    period.with_generation(generation),
                    measured,
                    older,
                ))
            });
            match replaced {
                Ok(replaced) => {
                    drop(replaced);
                    return Ok(true);
                }
                Err(Refused::NoGeneration) => return Ok(false),
                Err(Refused::Switched) => {}
            }
        }
    }

    /// Drops the former periods that have no request in flight.
    fn forget_drained(&self) -> Result {
        let older = {
            let section = rcu::read_lock();
            self.now.get(&section).older.clone()
        };
        // After a grace period, all requests of the former periods have been counted as started.
        rcu::synchronize_rcu();
        let drained = older.map(|period| period.filter(Period::is_drained));
        if drained.iter().all(Option::is_none) {
            return Ok(());
        }
        let replaced = self.now.replace(Spare::new()?, |now| {
            let mut older = [const { None }; GENERATIONS];
            for ((place, period), gone) in older.iter_mut().zip(&now.older).zip(&drained) {
                let is_gone =
                    matches!((period, gone), (Some(period), Some(gone)) if period.is(gone));
                if !is_gone {
                    place.clone_from(period);
                }
            }
            let (period, measured) = (now.period.clone(), now.measured.clone());
            Ok::<_, Refused>(Now::new(period, measured, older))
        });
        drop(replaced);
        Ok(())
    }

    /// Returns the measurements that are on.
    pub(crate) fn measurements(&self) -> Measurements {
        let section = rcu::read_lock();
        self.now.get(&section).measured.measurements()
    }

    /// Switches a measurement on or off. Off drops its counts. Sleeps.
    pub(crate) fn measure(&self, measurement: Measurement, on: bool, wait: Wait) -> Result {
        let _no_io = NoIo::new();
        loop {
            let present = self.measurements();
            let wanted = present.with(measurement, on);
            if wanted == present {
                return Ok(());
            }
            let change = Change::new(wanted.without(present), wait)?;
            match self.replace(change, |now| now.with(measurement, on)) {
                Ok(replaced) => {
                    drop(replaced);
                    return Ok(());
                }
                Err(_) => continue,
            }
        }
    }

    /// Switches to the measurements of `change` without sleeping. A resume needs that: while the device is
    /// suspended, an allocation could wait for I/O that waits for the resume. Returns the replaced value, which
    /// the caller drops where it may sleep.
    pub(crate) fn measure_exactly(&self, change: Change) -> Option<Replaced> {
        let wanted = change.measurements();
        self.replace(change, |_| wanted).ok()
    }

    /// Switches to the measurements that `wanted` makes of the present ones. A measurement that stays on keeps
    /// its counts. Fails if nothing changes, or if `change` lacks the memory of a measurement.
    fn replace(
        &self,
        change: Change,
        wanted: impl FnOnce(Measurements) -> Measurements,
    ) -> Result<Replaced, Refused> {
        let Change { spare, fresh } = change;
        let replaced = self.now.replace(spare, |now| {
            let present = now.measured.measurements();
            let wanted = wanted(present);
            if wanted == present {
                return Err(Refused::Switched);
            }
            let fresh = fresh.with_since(time::since_boot());
            let measured = now.measured.with(wanted, fresh);
            if measured.measurements() != wanted {
                return Err(Refused::Switched);
            }
            // A request that gets its stamp during the switch finds at its end its period, or that latencies
            // are off.
            self.limit.set(Self::limit(wanted));
            Ok(Now::new(now.period.clone(), measured, now.older.clone()))
        });
        replaced.map(|now| Replaced { _now: now })
    }
}
