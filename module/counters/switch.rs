// SPDX-License-Identifier: GPL-2.0

//! Resets, and switches of latencies.

use super::{
    period::{
        Latency,
        Now,
        Period, //
    },
    Counters, //
};
use crate::{
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

/// A switch of latencies, with the memory that it needs.
pub(crate) struct LatencySetting {
    spare: Spare<Now>,
    latency: Option<Latency>,
}

impl LatencySetting {
    /// Allocates the memory of the switch. May sleep.
    pub(crate) fn new(on: bool, wait: Wait) -> Result<Self> {
        let latency = if on { Some(Latency::new(wait)?) } else { None };
        let spare = Spare::new()?;
        Ok(Self { spare, latency })
    }

    /// Tells if it switches latencies on.
    pub(crate) fn is_on(&self) -> bool {
        self.latency.is_some()
    }
}

/// Reasons why a period could not start.
enum Refused {
    /// A concurrent switch turned latencies on or off.
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
            let latency = match self.measures_latency() {
                true => Some(Latency::new(wait)?),
                false => None,
            };
            let period = Period::new(wait)?;
            let replaced = self.now.replace(Spare::new()?, |now| {
                if now.latency.is_some() != latency.is_some() {
                    return Err(Refused::Switched);
                }
                let generation = now.free_generation().ok_or(Refused::NoGeneration)?;
                let mut older = now.older.clone();
                older[now.period.tag().generation()] = Some(now.period.clone());
                let latency = latency.map(|latency| latency.with_since(period.since()));
                Ok(Now::new(period.with_generation(generation), latency, older))
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
            let (period, latency) = (now.period.clone(), now.latency.clone());
            Ok::<_, Refused>(Now::new(period, latency, older))
        });
        drop(replaced);
        Ok(())
    }

    /// Tells if latencies are measured.
    pub(crate) fn measures_latency(&self) -> bool {
        let section = rcu::read_lock();
        self.now.get(&section).latency.is_some()
    }

    /// Starts or stops measuring latencies. A stop drops the measured ones. Sleeps.
    pub(crate) fn measure_latency(&self, on: bool, wait: Wait) -> Result {
        if self.measures_latency() != on {
            let _no_io = NoIo::new();
            drop(self.measure_latency_with(LatencySetting::new(on, wait)?));
        }
        Ok(())
    }

    /// Starts or stops measuring latencies without sleeping, with memory that was allocated before. A resume
    /// needs that: while the device is suspended, an allocation could wait for I/O that waits for the resume.
    /// Returns the replaced value, which the caller drops where it may sleep.
    pub(crate) fn measure_latency_with(&self, setting: LatencySetting) -> Option<Replaced> {
        let LatencySetting { spare, latency } = setting;
        let on = latency.is_some();
        let replaced = self.now.replace(spare, |now| {
            if now.latency.is_some() == on {
                return Err(());
            }
            // A request that gets its stamp during the switch finds at its end its period, or that latencies
            // are off.
            self.limit
                .set(if on { Self::MEASURED } else { Self::UNMEASURED });
            let latency = latency.map(|latency| latency.with_since(time::since_boot()));
            Ok(Now::new(now.period.clone(), latency, now.older.clone()))
        });
        replaced.ok().map(|now| Replaced { _now: now })
    }
}
