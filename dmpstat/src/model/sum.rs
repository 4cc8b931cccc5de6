// SPDX-License-Identifier: GPL-2.0

//! Sums over devices. Buckets of histograms have the same bounds on all devices, so their sums are exact.

use std::time::Duration;

use crate::model::histogram::Histogram;
use crate::model::interval::{Interval, State};
use crate::model::operation::Operation;
use crate::model::snapshot::{Counters, Snapshot, Timing};
use crate::model::statistic::{Kind, Statistic, Values};

/// Returns the sum of devices under a name; `None` without devices. Its kernel name is empty.
pub fn snapshots(name: &str, devices: &[&Snapshot]) -> Option<Snapshot> {
    let first = devices.first()?;
    let operations = Operation::ALL.map(|operation| {
        let counters = devices.iter().map(|device| device.of(operation));
        sum(counters)
    });
    Some(Snapshot {
        device: String::new(),
        name: name.as_bytes().to_vec(),
        uuid: Vec::new(),
        diskseq: 0,
        since: devices.iter().map(|of| of.since).max()?,
        taken: devices.iter().map(|of| of.taken).max()?,
        latency: devices.iter().all(|of| of.latency),
        latency_since: latest(devices.iter().map(|of| of.latency_since)),
        pattern_since: latest(devices.iter().map(|of| of.pattern_since)),
        lines: None,
        operations,
        disk: first.disk,
    })
}

/// Returns the sum of the intervals of devices, which end at about the same time; `None` without intervals.
///
/// An operation that one of the devices did not measure is unmeasured, and so are all latencies if one of the
/// devices did not measure them.
pub fn intervals(intervals: &[&Interval]) -> Option<Interval> {
    let length = intervals.iter().map(|of| of.length).max()?;
    let latency_length = latest(intervals.iter().map(|of| of.latency_length));
    let states = || intervals.iter().map(|of| of.state);
    let has = |state| states().any(|of| of == state);
    Some(Interval {
        length,
        restart: intervals.iter().find_map(|of| of.restart),
        latency_length,
        pattern_length: latest(intervals.iter().map(|of| of.pattern_length)),
        inflight_ns: latency_length.and_then(|length| inflight(intervals, length)),
        operations: Operation::ALL
            .map(|operation| sum(intervals.iter().map(|interval| interval.of(operation)))),
        state: match (has(State::Hung), has(State::Suspended)) {
            (true, _) => State::Hung,
            (false, true) => State::Suspended,
            (false, false) => State::Running,
        },
        kernel_inflight: intervals
            .iter()
            .map(|of| of.kernel_inflight)
            .try_fold(0, |sum: u64, inflight| Some(sum.saturating_add(inflight?))),
    })
}

/// Returns the highest time; `None` if a device has none, or without devices.
fn latest<T: Ord>(times: impl Iterator<Item = Option<T>>) -> Option<T> {
    let times: Option<Vec<T>> = times.collect();
    times?.into_iter().max()
}

/// Returns the nanoseconds in flight within `length`. An interval of another length counts by its mean.
fn inflight(intervals: &[&Interval], length: Duration) -> Option<u128> {
    intervals.iter().try_fold(0, |sum: u128, interval| {
        let (ns, own) = (interval.inflight_ns?, interval.latency_length?);
        let ns = match own.as_nanos() {
            0 => ns,
            own => ns.saturating_mul(length.as_nanos()) / own,
        };
        Some(sum.saturating_add(ns))
    })
}

/// Returns the sum of counters; `None` if a device has none.
fn sum<'a>(mut all: impl Iterator<Item = Option<&'a Counters>>) -> Option<Counters> {
    let mut sum = all.next()??.clone();
    for counters in all {
        let counters = counters?;
        sum.values = values(&sum.values, &counters.values);
        sum.sizes = merged(&sum.sizes, &counters.sizes);
        let both = sum.timing.as_ref().zip(counters.timing.as_ref());
        sum.timing = both.map(|(sum, timing)| Timing {
            values: values(&sum.values, &timing.values),
            latencies: merged(&sum.latencies, &timing.latencies),
        });
        let both = sum.seeks.as_ref().zip(counters.seeks.as_ref());
        sum.seeks = both.map(|(sum, seeks)| merged(sum, seeks));
    }
    Some(sum)
}

/// Returns the sums of statistics, and the highest values of maxima. A statistic that one of the two lacks is
/// unmeasured.
fn values(one: &Values, other: &Values) -> Values {
    let mut sums = Values::NONE;
    for statistic in Statistic::ALL {
        let both = one.get(statistic).zip(other.get(statistic));
        sums.set(
            statistic,
            both.map(|(one, other)| joined(statistic, one, other)),
        );
    }
    sums
}

fn merged(one: &Histogram, other: &Histogram) -> Histogram {
    Histogram::new([one.buckets(), other.buckets()].concat())
}

impl Interval {
    /// Adds the next interval of the same device. What one of the two did not measure is the other's.
    pub fn extend(&mut self, next: &Self) {
        self.length += next.length;
        self.restart = self.restart.or(next.restart);
        self.latency_length = either(self.latency_length, next.latency_length, |one, other| {
            one + other
        });
        self.pattern_length = either(self.pattern_length, next.pattern_length, |one, other| {
            one + other
        });
        self.inflight_ns = either(self.inflight_ns, next.inflight_ns, u128::saturating_add);
        for (sum, counters) in self.operations.iter_mut().zip(&next.operations) {
            let Some(counters) = counters else { continue };
            let sum = sum.get_or_insert_default();
            sum.clear_gauges();
            sum.add(counters);
        }
        if next.state != State::Running {
            self.state = next.state;
        }
        self.kernel_inflight = next.kernel_inflight;
    }
}

/// Returns both values joined, or the one that is there.
fn either<T>(one: Option<T>, other: Option<T>, join: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(join(one, other)),
        (one, other) => one.or(other),
    }
}

impl Counters {
    /// Adds the counts of another device, or of a later interval. The highest value of a maximum stays.
    pub fn add(&mut self, other: &Self) {
        add(&mut self.values, &other.values);
        self.sizes = merged(&self.sizes, &other.sizes);
        if let Some(timing) = &other.timing {
            let sum = self.timing.get_or_insert_default();
            add(&mut sum.values, &timing.values);
            sum.latencies = merged(&sum.latencies, &timing.latencies);
        }
        if let Some(seeks) = &other.seeks {
            self.seeks = Some(merged(self.seeks.get_or_insert_default(), seeks));
        }
    }

    /// Sets all gauges to 0.
    pub fn clear_gauges(&mut self) {
        self.clear(|kind| kind == Kind::Gauge);
    }

    /// Sets all counters, maxima and histograms to 0.
    pub fn clear_counters(&mut self) {
        self.clear(|kind| kind != Kind::Gauge);
        self.sizes = Histogram::default();
        if let Some(timing) = &mut self.timing {
            timing.latencies = Histogram::default();
        }
        if let Some(seeks) = &mut self.seeks {
            *seeks = Histogram::default();
        }
    }

    fn clear(&mut self, wanted: impl Fn(Kind) -> bool) {
        let timing = self.timing.as_mut().map(|timing| &mut timing.values);
        for values in [Some(&mut self.values), timing].into_iter().flatten() {
            for statistic in Statistic::ALL {
                if wanted(statistic.description().kind) && values.get(statistic).is_some() {
                    values.set(statistic, Some(0));
                }
            }
        }
    }
}

/// Adds values to a sum. A statistic that one of the two lacks has the other's value.
fn add(sum: &mut Values, values: &Values) {
    for statistic in Statistic::ALL {
        let Some(value) = values.get(statistic) else {
            continue;
        };
        let before = sum.get(statistic).unwrap_or(0);
        sum.set(statistic, Some(joined(statistic, before, value)));
    }
}

/// Returns the sum of two values, or the higher one of a maximum.
fn joined(statistic: Statistic, one: u64, other: u64) -> u64 {
    match statistic.description().kind {
        Kind::Counter | Kind::Gauge => one.saturating_add(other),
        Kind::Maximum => one.max(other),
    }
}
