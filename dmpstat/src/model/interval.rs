// SPDX-License-Identifier: GPL-2.0

//! Intervals: the counters of a device between two snapshots.

use std::time::Duration;

use crate::model::operation::Operation;
use crate::model::snapshot::{Counters, Snapshot, Timing};
use crate::model::statistic::Statistic::{
    self, Again, AgeSum, Errors, Inflight, LatencyMax, LatencySum, Requests, Rest, RestSum,
};
use crate::model::statistic::{Kind, Values};

/// Time without a completed request after which requests in flight count as hung.
const LONG: Duration = Duration::from_secs(1);

/// The counters of a device over some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// The interval's length, by the clock of the snapshots.
    pub length: Duration,
    /// The reason that counting restarted within the interval.
    pub restart: Option<Restart>,
    /// The time with measured latencies; `None` if latencies are off, or the time is unknown.
    pub latency_length: Option<Duration>,
    /// The time with measured distances; `None` if they are off.
    pub pattern_length: Option<Duration>,
    /// Sum of the nanoseconds in flight of all measured requests within `latency_length`; `None` if a part of
    /// it is unknown.
    pub inflight_ns: Option<u128>,
    /// Differences of the counters, and the number of requests in flight at the interval's end.
    pub operations: [Option<Counters>; Operation::COUNT],
    /// State of the device at the interval's end.
    pub state: State,
    /// Requests in flight at the interval's end, by the kernel's own count.
    pub kernel_inflight: Option<u64>,
}

/// The state of a device, judged by its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Requests complete, or there are none.
    Running,
    /// Requests are in flight, and none has completed for a second or more.
    Hung,
    /// The device is suspended: requests are deferred.
    Suspended,
}

impl State {
    /// Returns the state in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Hung => "hung",
            Self::Suspended => "suspended",
        }
    }
}

/// The reason that counting restarted within an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The device is new, or another device had its number before.
    Device,
    /// The counters were reset.
    Reset,
    /// Latencies were switched. They cover the time since they were last switched on, and all other counters
    /// cover the whole interval.
    Latency,
}

impl Restart {
    /// Returns the reason in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Device => "new",
            Self::Reset => "reset",
            Self::Latency => "latency",
        }
    }
}

impl Interval {
    /// Returns the interval of all counters: since the last reset, or since the creation of the device.
    pub fn since_reset(now: &Snapshot) -> Self {
        let length = length(now.since, now);
        let all_timed = || now.latency && now.operations.iter().flatten().all(all_timed);
        Self {
            length,
            restart: None,
            latency_length: match now.latency_since {
                Some(since) => Some(self::length(since, now)),
                None => all_timed().then_some(length),
            },
            pattern_length: now.pattern_since.map(|since| self::length(since, now)),
            inflight_ns: match now.latency_since {
                Some(since) => inflight_since(since, now),
                None => total(now.operations.iter().flatten().map(success_ns)),
            },
            operations: now.operations.clone(),
            state: State::Running,
            kernel_inflight: None,
        }
        .with_state(None, now)
    }

    /// Returns the interval since `before`, or since a later restart of counting.
    pub fn between(before: Option<&Snapshot>, now: &Snapshot) -> Self {
        let since_restart = |why| Self {
            restart: Some(why),
            ..Self::since_reset(now)
        };
        let same =
            before.filter(|before| (&before.device, before.diskseq) == (&now.device, now.diskseq));
        let Some(before) = same else {
            return since_restart(Restart::Device);
        };
        if before.since != now.since {
            return since_restart(Restart::Reset);
        }
        let latency = |of: &Snapshot| (of.latency, of.latency_since);
        let mut switched = latency(before) != latency(now);
        let restarted = now.latency_since.filter(|_| switched);
        let mut operations = [const { None }; Operation::COUNT];
        for operation in Operation::ALL {
            // An operation that only one of the snapshots has gets no difference.
            let (Some(counters), Some(earlier)) = (now.of(operation), before.of(operation)) else {
                continue;
            };
            let Some(mut difference) = counters.since(earlier) else {
                return since_restart(Restart::Reset);
            };
            difference.seeks = match now.pattern_since == before.pattern_since {
                true => both(&counters.seeks, &earlier.seeks)
                    .and_then(|(seeks, earlier)| seeks.since(earlier)),
                false => counters.seeks.clone(),
            };
            if restarted.is_some() {
                difference.timing = counters.timing.clone();
            } else if let (Some(timing), Some(earlier)) = (&counters.timing, &earlier.timing) {
                difference.timing = timing.since(earlier);
                // An older module does not report that latencies were switched off and on again.
                switched |= difference.timing.is_none();
            }
            operations[operation as usize] = Some(difference);
        }
        if switched && restarted.is_none() {
            for counters in operations.iter_mut().flatten() {
                counters.timing = None;
            }
        }
        let whole = length(before.taken, now);
        Self {
            length: whole,
            restart: switched.then_some(Restart::Latency),
            latency_length: match restarted {
                Some(since) => Some(length(since, now)),
                None => (now.latency && !switched).then_some(whole),
            },
            pattern_length: now.pattern_since.map(|since| match before.pattern_since {
                Some(before) if before == since => whole,
                _ => length(since, now),
            }),
            inflight_ns: match restarted {
                Some(since) => inflight_since(since, now),
                None if switched => None,
                None => inflight_between(before, now),
            },
            operations,
            state: State::Running,
            kernel_inflight: None,
        }
        .with_state(kernel_completed(before, now), now)
    }

    /// Sets the state at the interval's end. `kernel_completed` is the number of completed requests in the
    /// interval, by the kernel's own count.
    fn with_state(mut self, kernel_completed: Option<u64>, now: &Snapshot) -> Self {
        self.kernel_inflight = now
            .disk
            .inflight
            .map(|[reads, writes]| reads.saturating_add(writes));
        let counters = || self.operations.iter().flatten();
        let is_measured = counters().all(|of| of.timing.is_some());
        let has_ended = counters()
            .any(|counters| completed(counters) > 0 || counters.of(Rest).unwrap_or(0) > 0)
            || kernel_completed.map_or(!is_measured, |completed| completed > 0);
        let is_old = |age: f64| age >= LONG.as_nanos() as f64;
        let is_long = self.length >= LONG || self.mean_age().is_some_and(is_old);
        self.state = match self.inflight() {
            _ if now.disk.suspended => State::Suspended,
            Some(1..) if is_long && !has_ended => State::Hung,
            _ => State::Running,
        };
        self
    }

    /// Returns the number of requests in flight at the interval's end: the larger of dmp's count, which has
    /// measured requests only, and the kernel's own. `None` if both are unknown.
    pub fn inflight(&self) -> Option<u64> {
        let counted = self.total(Inflight);
        counted.max(self.kernel_inflight)
    }

    /// Returns the counters of an operation, if it was measured.
    pub fn of(&self, operation: Operation) -> Option<&Counters> {
        self.operations[operation as usize].as_ref()
    }

    /// Returns a count per second; `None` if no time has passed.
    pub fn rate(&self, count: u64) -> Option<f64> {
        let seconds = self.length.as_secs_f64();
        (seconds > 0.0).then(|| count as f64 / seconds)
    }

    /// Returns the mean number of measured requests in flight. `None` if it is unknown, or if the interval is
    /// empty.
    pub fn mean_inflight(&self) -> Option<f64> {
        let (requests, time) = (self.inflight_ns?, self.latency_length?.as_nanos());
        (time > 0).then(|| requests as f64 / time as f64)
    }

    /// Returns the mean age, in nanoseconds, of the measured requests in flight at the interval's end: 0
    /// without any. `None` if it is unknown.
    pub fn mean_age(&self) -> Option<f64> {
        Some(average(self.total(AgeSum)?, self.total(Inflight)?))
    }

    /// Sums a statistic over the measured operations; `None` if one of them lacks the statistic, or no
    /// operation is measured.
    pub fn total(&self, statistic: Statistic) -> Option<u64> {
        let mut operations = self.operations.iter().flatten().peekable();
        operations.peek()?;
        operations.try_fold(0, |sum: u64, counters| {
            Some(sum.saturating_add(counters.of(statistic)?))
        })
    }

    /// Returns whether no request arrived, completed or is in flight, and the device is not suspended.
    pub fn is_idle(&self) -> bool {
        self.operations.iter().flatten().all(Counters::is_idle)
            && self.inflight().unwrap_or(0) == 0
            && self.state != State::Suspended
    }
}

/// Returns both values, if both are there.
fn both<'a, T>(one: &'a Option<T>, other: &'a Option<T>) -> Option<(&'a T, &'a T)> {
    one.as_ref().zip(other.as_ref())
}

/// Returns a mean; 0 without values, as in iostat.
pub fn average(sum: u64, count: u64) -> f64 {
    if count == 0 {
        0.0
    } else {
        sum as f64 / count as f64
    }
}

/// Returns the number of requests that completed between two snapshots, by the kernel's own count.
fn kernel_completed(before: &Snapshot, now: &Snapshot) -> Option<u64> {
    now.disk.completed?.checked_sub(before.disk.completed?)
}

/// Sums nanoseconds over the measured operations; `None` if one of them is unknown, or no operation is
/// measured.
fn total(operations: impl Iterator<Item = Option<i128>>) -> Option<u128> {
    let mut operations = operations.peekable();
    operations.peek()?;
    let sum: i128 = operations.sum::<Option<_>>()?;
    Some(u128::try_from(sum).unwrap_or(0))
}

/// Returns the nanoseconds in flight of successful requests, the only ones that an older module measures.
fn success_ns(counters: &Counters) -> Option<i128> {
    Some(counters.of(LatencySum)?.into())
}

/// Returns the nanoseconds in flight of all requests until the snapshot: the durations of completed requests,
/// and the ages of the others.
fn until_now(counters: &Counters) -> Option<i128> {
    let (rest, age) = (counters.of(RestSum)?, counters.of(AgeSum)?);
    Some(success_ns(counters)? + i128::from(rest) + i128::from(age))
}

/// Returns the nanoseconds in flight of all requests between two snapshots. With an older module, returns the
/// durations of the successful requests between them.
fn inflight_between(before: &Snapshot, now: &Snapshot) -> Option<u128> {
    let nanoseconds = match now.latency_since {
        Some(_) => until_now,
        None => success_ns,
    };
    let both = before.operations.iter().zip(&now.operations);
    let both = both.filter_map(|(before, now)| before.as_ref().zip(now.as_ref()));
    total(both.map(|(before, now)| Some(nanoseconds(now)? - nanoseconds(before)?)))
}

/// Returns the nanoseconds in flight of all requests since `since`, the time at which latencies began at
/// zero.
///
/// Requests in flight at a reset were partly in flight before it, and no counter has that part. Returns
/// `None` if the part could change the mean by more than 0.005, half of the last digit in tables.
fn inflight_since(since: u64, now: &Snapshot) -> Option<u128> {
    let length = i128::from(now.taken.saturating_sub(since));
    let mut unknown = 0;
    let sum = total(now.operations.iter().flatten().map(|counters| {
        let all = until_now(counters)?;
        let age = i128::from(counters.of(AgeSum)?);
        let inflight = counters.of(Inflight)?;
        // No request has been in flight for longer than `length` since then.
        let within = age.min(i128::from(inflight) * length);
        if since == now.since {
            unknown += i128::from(counters.of(RestSum)?);
            // A request from before the reset is older than `length`, and is not counted as arrived.
            let arrived = counters.requests().saturating_sub(completed(counters));
            if age > length && (1..inflight).contains(&arrived) {
                unknown += within;
            }
        }
        Some(all - age + within)
    }))?;
    (unknown * 200 <= length).then_some(sum)
}

/// Returns the number of completed requests among those that arrived since the last reset.
fn completed(counters: &Counters) -> u64 {
    let latencies = counters
        .timing
        .as_ref()
        .map(|timing| timing.latencies.count());
    let ends = [latencies, counters.of(Errors), counters.of(Again)];
    ends.into_iter().flatten().fold(0, u64::saturating_add)
}

/// Returns the time from `begin`, in nanoseconds since boot, to the snapshot.
fn length(begin: u64, now: &Snapshot) -> Duration {
    Duration::from_nanos(now.taken.saturating_sub(begin))
}

/// Returns whether each request was measured or is in flight.
fn all_timed(counters: &Counters) -> bool {
    let inflight = counters.of(Inflight).unwrap_or(0);
    counters.timing.is_some() && completed(counters).saturating_add(inflight) >= counters.requests()
}

impl Counters {
    /// Returns the differences since `before`, without the measurements; `None` if a counter is lower than in
    /// `before`.
    fn since(&self, before: &Self) -> Option<Self> {
        Some(Self {
            values: differences(&self.values, &before.values)?,
            sizes: self.sizes.since(&before.sizes)?,
            timing: None,
            seeks: None,
        })
    }

    /// Returns whether no request arrived, completed or is in flight.
    pub fn is_idle(&self) -> bool {
        completed(self) == 0
            && [Requests, Inflight]
                .into_iter()
                .all(|statistic| self.of(statistic).unwrap_or(0) == 0)
    }
}

impl Timing {
    /// Returns the number of measured requests that completed, and the sum of their durations in nanoseconds.
    /// With an older module these are only the successful requests.
    pub fn completed(&self) -> (u64, u64) {
        let rest = self.values.get(Rest).zip(self.values.get(RestSum));
        let (rest, rest_sum) = rest.unwrap_or_default();
        (
            self.latencies.count().saturating_add(rest),
            self.sum().saturating_add(rest_sum),
        )
    }

    /// Returns the differences since `before`; `None` if a counter is lower than in `before`.
    fn since(&self, before: &Self) -> Option<Self> {
        let latencies = self.latencies.since(&before.latencies)?;
        let mut values = differences(&self.values, &before.values)?;
        let max = self.values.get(LatencyMax);
        // If the highest latency grew, the slowest request of all completed in the interval.
        if max <= before.values.get(LatencyMax) {
            values.set(LatencyMax, max.map(|max| max.min(latencies.highest())));
        }
        Some(Self { values, latencies })
    }
}

/// Subtracts the earlier values of counters, and keeps the other statistics. Returns `None` if a counter is
/// lower than before. A counter that one of the two lacks has no difference.
fn differences(now: &Values, before: &Values) -> Option<Values> {
    let mut differences = *now;
    for statistic in Statistic::ALL {
        if statistic.description().kind == Kind::Counter {
            let difference = match (now.get(statistic), before.get(statistic)) {
                (Some(now), Some(before)) => Some(now.checked_sub(before)?),
                _ => None,
            };
            differences.set(statistic, difference);
        }
    }
    Some(differences)
}
