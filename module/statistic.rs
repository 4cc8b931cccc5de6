// SPDX-License-Identifier: GPL-2.0

//! The table of the statistics of an operation.
//!
//! `snapshot` follows from the table, and so do dmpstat's parser, intervals, counts and metrics, because
//! dmpstat includes this file. Tests compare the sysfs files and the documents with it.
//!
//! Plain Rust without kernel types.

/// Makes [`Statistic`] from a table of descriptions.
macro_rules! statistics {
    ($($statistic:ident { meaning: $meaning:literal, $($field:tt)* })*) => {
        /// A statistic of each operation. Histograms are not among these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Statistic {
            $(#[doc = $meaning] $statistic,)*
        }

        impl Statistic {
            /// All statistics, in the order of `snapshot`.
            pub const ALL: [Self; [$($meaning),*].len()] = [$(Self::$statistic),*];

            /// Returns the row of the table.
            pub const fn description(self) -> Description {
                match self {
                    $(Self::$statistic => Description { meaning: $meaning, $($field)* },)*
                }
            }
        }
    };
}

// This is the order of the words in `snapshot`, so a new one comes last.
statistics! {
    Requests {
        meaning: "requests that arrived",
        name: "requests",
        kind: Kind::Counter,
        unit: Unit::Requests,
        needs_latency: false,
        has_file: true,
        metric: Some(Metric { name: "dmp_requests", help: "Requests received.", shown: Shown::Full }),
    }
    Bytes {
        meaning: "bytes of the requests that arrived",
        name: "bytes",
        kind: Kind::Counter,
        unit: Unit::Bytes,
        needs_latency: false,
        has_file: true,
        metric: Some(Metric {
            name: "dmp_request",
            help: "Bytes of requests received.",
            shown: Shown::Full,
        }),
    }
    Errors {
        meaning: "requests that failed",
        name: "errors",
        kind: Kind::Counter,
        unit: Unit::Requests,
        needs_latency: false,
        has_file: true,
        metric: Some(Metric {
            name: "dmp_request_errors",
            help: "Requests failed.",
            shown: Shown::Always,
        }),
    }
    Again {
        meaning: "requests that ended with \"try again\"",
        name: "again",
        kind: Kind::Counter,
        unit: Unit::Requests,
        needs_latency: false,
        has_file: true,
        metric: Some(Metric {
            name: "dmp_request_retries",
            help: "Requests returned to the sender to retry (BLK_STS_AGAIN), which are not errors.",
            shown: Shown::Full,
        }),
    }
    Inflight {
        meaning: "measured requests that have not ended",
        name: "inflight",
        kind: Kind::Gauge,
        unit: Unit::Requests,
        needs_latency: true,
        has_file: true,
        metric: Some(Metric {
            name: "dmp_inflight_requests",
            help: "Requests in flight, where latency is measured.",
            shown: Shown::Always,
        }),
    }
    LatencySum {
        meaning: "sum of the latencies",
        name: "latency_ns",
        kind: Kind::Counter,
        unit: Unit::Nanoseconds,
        needs_latency: true,
        has_file: true,
        metric: None,
    }
    LatencyMax {
        meaning: "highest latency",
        name: "latency_max_ns",
        kind: Kind::Maximum,
        unit: Unit::Nanoseconds,
        needs_latency: true,
        has_file: true,
        metric: None,
    }
    AgeSum {
        meaning: "sum of the ages of the requests in flight",
        name: "age_ns",
        kind: Kind::Gauge,
        unit: Unit::Nanoseconds,
        needs_latency: true,
        has_file: false,
        metric: Some(Metric {
            name: "dmp_inflight_age",
            help: "Sum of the ages of requests in flight, where latency is measured. Divide by \
                   dmp_inflight_requests for the mean age.",
            shown: Shown::CommonOperations,
        }),
    }
    RestSum {
        meaning: "sum of the durations of measured requests that ended without a latency",
        name: "rest_ns",
        kind: Kind::Counter,
        unit: Unit::Nanoseconds,
        needs_latency: true,
        has_file: false,
        metric: None,
    }
    Rest {
        meaning: "measured requests that ended without a latency",
        name: "rest",
        kind: Kind::Counter,
        unit: Unit::Requests,
        needs_latency: true,
        has_file: false,
        metric: None,
    }
}

/// The description of a statistic.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its meaning, for the documents.
    pub meaning: &'static str,
    /// Its word in `snapshot`, and in dmpstat's counts.
    pub name: &'static str,
    /// Its behaviour over time.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// It is measured only while latencies are.
    pub needs_latency: bool,
    /// The operation's directory in sysfs has a file of its name.
    pub has_file: bool,
    /// Its metric in dmpstat's exporter.
    pub metric: Option<Metric>,
}

/// The behaviour of a statistic over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows until a reset, so the values of two times have a difference, and intervals add up.
    Counter,
    /// It describes one moment.
    Gauge,
    /// It is the highest value since a reset.
    Maximum,
}

/// The unit of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unit {
    Requests,
    Bytes,
    Nanoseconds,
}

/// A metric of Prometheus.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Its name, to which the exporter adds the unit and `total`.
    pub name: &'static str,
    /// Its help text.
    pub help: &'static str,
    /// The operations that have it by default.
    pub shown: Shown,
}

/// The operations that have a metric in dmpstat's exporter, unless all metrics are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All operations.
    Always,
    /// Reads and writes.
    CommonOperations,
    /// None: the metric is rarely needed, or a histogram's sum or count has the same value.
    Full,
}

impl Statistic {
    /// Number of statistics.
    pub const COUNT: usize = Self::ALL.len();

    /// Returns its word in `snapshot`.
    pub const fn name(self) -> &'static str {
        self.description().name
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Tells if it begins at zero when latencies are switched on.
    pub const fn begins_with_latency(self) -> bool {
        let Description {
            needs_latency,
            kind,
            ..
        } = self.description();
        needs_latency && !matches!(kind, Kind::Gauge)
    }
}

/// A value of each statistic that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// The values; 0 for a statistic that was not measured.
    values: [u64; Statistic::COUNT],
    /// A bit for each statistic that was measured. An array of `Option` would be twice as large, and dmpstat's
    /// exporter has many of them.
    measured: u32,
}

impl Values {
    /// No statistic was measured.
    pub const NONE: Self = Self {
        values: [0; Statistic::COUNT],
        measured: 0,
    };

    /// Returns a statistic, if it was measured.
    pub fn get(&self, statistic: Statistic) -> Option<u64> {
        let is_measured = self.measured & statistic.bit() != 0;
        is_measured.then_some(self.values[statistic as usize])
    }

    /// Sets a statistic; `None` if it was not measured.
    pub fn set(&mut self, statistic: Statistic, value: Option<u64>) {
        self.values[statistic as usize] = value.unwrap_or(0);
        match value {
            Some(_) => self.measured |= statistic.bit(),
            None => self.measured &= !statistic.bit(),
        }
    }
}
