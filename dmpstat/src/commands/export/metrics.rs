// SPDX-License-Identifier: GPL-2.0

//! Volumes as metrics of Prometheus: their names, labels and values.

use std::io::{self, Write};

use crate::commands::export::process::Process;
use crate::commands::export::series::{Scale, Series};
use crate::commands::export::text::{Bounds, Family, Form, Kind, Labels, Text, Unit, Value};
use crate::commands::export::volumes::{Volume, Volumes};
use crate::model::histogram::{Histogram, from_signed};
use crate::model::operation::Operation;
use crate::model::snapshot::{Counters, Snapshot};
use crate::model::statistic::{self, Kind as Behaviour, Statistic};

const NANOSECONDS: f64 = 1e9;

/// Writes the metrics of the volumes and of the exporter's process. `boot` is the time of the boot, in seconds
/// since 1970.
pub fn write(
    volumes: &Volumes,
    process: Option<Process>,
    series: &Series,
    form: Form,
    boot: f64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut metrics = Metrics {
        volumes,
        rows: Row::all(volumes, series),
        series,
        form,
        boot,
        text: Text::new(form, out),
    };
    metrics.durations()?;
    metrics.sizes()?;
    for statistic in Statistic::ALL {
        metrics.statistic(statistic)?;
    }
    metrics.pattern(&LOCATED, Histogram::count)?;
    metrics.pattern(&SEQUENTIAL, |seeks| seeks.of(from_signed(0)))?;
    metrics.volumes()?;
    if let Some(process) = process {
        metrics.process(process)?;
    }
    metrics.exporter()?;
    metrics.text.finish()
}

const DURATIONS: Family = Family {
    name: "dmp_request_duration",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    help: "Latencies of successful requests, where latency is measured.",
};
const REQUEST_SIZES: Family = Family {
    name: "dmp_request_size",
    kind: Kind::Histogram,
    unit: Some(Unit::Bytes),
    help: "Sizes of requests received.",
};
const LOCATED: Family = Family {
    name: "dmp_pattern_requests",
    kind: Kind::Counter,
    unit: None,
    help: "Reads or writes whose distance from earlier ones is known, where the pattern is measured.",
};
const SEQUENTIAL: Family = Family {
    name: "dmp_pattern_sequential_requests",
    kind: Kind::Counter,
    unit: None,
    help: "Sequential reads or writes among them.",
};
const VOLUME: Family = Family {
    name: "dmp_volume",
    kind: Kind::Info,
    unit: None,
    help: "Device, LVM names and underlying volumes of a volume. Its requests count again in the volumes of \
           stacked_on.",
};
const UNDERLYING: Family = Family {
    name: "dmp_volume_underlying",
    kind: Kind::Info,
    unit: None,
    help: "Underlying disk of a volume, named by the label device.",
};
const MOUNT: Family = Family {
    name: "dmp_volume_mount",
    kind: Kind::Info,
    unit: None,
    help: "Mount point and file system of a volume.",
};
const ATTACH: Family = Family {
    name: "dmp_volume_attach",
    kind: Kind::Info,
    unit: None,
    help: "Existing volume that /etc/dmp/attach.conf lists, attached or not, and whether its line asks for \
           latencies.",
};
const LATENCY: Family = Family {
    name: "dmp_volume_latency_enabled",
    kind: Kind::Gauge,
    unit: None,
    help: "1 if the volume measures latency, 0 otherwise.",
};
const CPU: Family = Family {
    name: "process_cpu",
    kind: Kind::Counter,
    unit: Some(Unit::Seconds),
    help: "Total user and system CPU time spent in seconds.",
};
const START: Family = Family {
    name: "process_start_time",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    help: "Start time of the process since unix epoch in seconds.",
};
const VIRTUAL_MEMORY: Family = Family {
    name: "process_virtual_memory",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    help: "Virtual memory size in bytes.",
};
const RESIDENT_MEMORY: Family = Family {
    name: "process_resident_memory",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    help: "Resident memory size in bytes.",
};
const OPEN_FILES: Family = Family {
    name: "process_open_fds",
    kind: Kind::Gauge,
    unit: None,
    help: "Number of open file descriptors.",
};
const MAX_FILES: Family = Family {
    name: "process_max_fds",
    kind: Kind::Gauge,
    unit: None,
    help: "Maximum number of open file descriptors.",
};
const LOADED: Family = Family {
    name: "dmp_exporter_module_loaded",
    kind: Kind::Gauge,
    unit: None,
    help: "1 if the dmp module is loaded, 0 otherwise.",
};
const FAILURES: Family = Family {
    name: "dmp_exporter_read_errors",
    kind: Kind::Gauge,
    unit: None,
    help: "Volumes that this scrape could not read, or 1 if their list was unreadable.",
};
const SCRAPE: Family = Family {
    name: "dmp_exporter_scrape_duration",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    help: "Time to read all volumes.",
};
const BUILD: Family = Family {
    name: "dmp_exporter_build",
    kind: Kind::Info,
    unit: None,
    help: "Version of dmpstat, the exporter.",
};

/// An operation of a volume.
struct Row<'a> {
    device: &'a Snapshot,
    operation: Operation,
    counters: &'a Counters,
    labels: Labels,
}

impl<'a> Row<'a> {
    /// Returns the operations of all volumes that have series.
    fn all(volumes: &'a Volumes, series: &Series) -> Vec<Self> {
        let mut rows = Vec::new();
        for volume in &volumes.all {
            for operation in series.operations() {
                let Some(counters) = volume.device.of(operation) else {
                    continue;
                };
                if counters.is_idle() && !series.has_idle(operation) {
                    continue;
                }
                let labels = identity(volume).chain([("operation", operation.name())]);
                rows.push(Self {
                    device: &volume.device,
                    operation,
                    counters,
                    labels: Labels::new(labels),
                });
            }
        }
        rows
    }

    /// Returns the time at which the row's counters began at zero, in nanoseconds since boot.
    fn since(&self, begins_with_latency: bool) -> u64 {
        // Older modules do not report the time of a switch.
        let latency = self.device.latency_since.filter(|_| begins_with_latency);
        latency.unwrap_or(self.device.since)
    }
}

/// Returns the labels that join the series of a volume.
fn identity(volume: &Volume) -> impl Iterator<Item = (&str, &str)> {
    let label = if volume.device.is_group() {
        "group"
    } else {
        "name"
    };
    let uuid = volume.shares_name.then_some(("uuid", volume.uuid.as_str()));
    [(label, volume.name.as_str())].into_iter().chain(uuid)
}

/// A writer of all metrics.
struct Metrics<'a> {
    volumes: &'a Volumes,
    rows: Vec<Row<'a>>,
    series: &'a Series,
    form: Form,
    boot: f64,
    text: Text<'a>,
}

impl Metrics<'_> {
    fn durations(&mut self) -> io::Result<()> {
        let scale = self.series.durations();
        let bounds = self.bounds(&scale, NANOSECONDS);
        let mut counts = Vec::new();
        self.text.family(&DURATIONS);
        for row in &self.rows {
            let Some(timing) = &row.counters.timing else {
                continue;
            };
            scale.count(&timing.latencies, &mut counts);
            let sum = Value::Nanoseconds(timing.sum());
            let created = self.created(row.since(true));
            self.text
                .histogram(&row.labels, &bounds, &counts, sum, created)?;
        }
        Ok(())
    }

    fn sizes(&mut self) -> io::Result<()> {
        let scales = Operation::ALL.map(|operation| {
            let scale = self.series.sizes(operation);
            let bounds = self.bounds(&scale, 1.0);
            (scale, bounds)
        });
        self.text.family(&REQUEST_SIZES);
        let mut counts = Vec::new();
        for row in &self.rows {
            let (scale, bounds) = &scales[row.operation as usize];
            scale.count(&row.counters.sizes, &mut counts);
            let sum = Value::Count(row.counters.bytes());
            let created = self.created(row.since(false));
            self.text
                .histogram(&row.labels, bounds, &counts, sum, created)?;
        }
        Ok(())
    }

    fn bounds(&self, scale: &Scale, unit: f64) -> Bounds {
        Bounds::new(scale.0.iter().map(|bound| *bound as f64 / unit), self.form)
    }

    /// Returns the time of day at which a counter or histogram began at zero, if it is wanted. `since` is in
    /// nanoseconds since boot.
    fn created(&self, since: u64) -> Option<f64> {
        let since = since as f64 / NANOSECONDS;
        self.series.created.then_some(self.boot + since)
    }

    /// Writes the family of a statistic, if it is a metric.
    fn statistic(&mut self, statistic: Statistic) -> io::Result<()> {
        let description = statistic.description();
        let Some(metric) = description.metric else {
            return Ok(());
        };
        let family = Family {
            name: metric.name,
            kind: match description.kind {
                Behaviour::Counter => Kind::Counter,
                Behaviour::Gauge | Behaviour::Maximum => Kind::Gauge,
            },
            unit: match description.unit {
                statistic::Unit::Requests => None,
                statistic::Unit::Bytes => Some(Unit::Bytes),
                statistic::Unit::Nanoseconds => Some(Unit::Seconds),
            },
            help: metric.help,
        };
        self.text.family(&family);
        for row in &self.rows {
            let value = row.counters.of(statistic);
            let Some(value) = value.filter(|_| self.series.has(statistic, row.operation)) else {
                continue;
            };
            let value = match description.unit {
                statistic::Unit::Nanoseconds => Value::Nanoseconds(value),
                statistic::Unit::Requests | statistic::Unit::Bytes => Value::Count(value),
            };
            let created = self.created(row.since(statistic.begins_with_latency()));
            let created = created.filter(|_| family.kind == Kind::Counter);
            self.text.metric(&row.labels, value, created)?;
        }
        Ok(())
    }

    /// Writes a family of counts of distances.
    fn pattern(&mut self, family: &Family, count: fn(&Histogram) -> u64) -> io::Result<()> {
        self.text.family(family);
        for row in &self.rows {
            let Some(seeks) = &row.counters.seeks else {
                continue;
            };
            let since = row.device.pattern_since.unwrap_or(row.device.since);
            let value = Value::Count(count(seeks));
            self.text.metric(&row.labels, value, self.created(since))?;
        }
        Ok(())
    }

    /// Writes the metrics that a volume has once.
    fn volumes(&mut self) -> io::Result<()> {
        let volumes = &self.volumes.all[..];
        self.infos(
            &VOLUME,
            volumes
                .iter()
                .filter(|volume| !volume.device.is_group())
                .map(|volume| {
                    let diskseq = volume.device.diskseq.to_string();
                    Labels::new([
                        ("device", volume.device.device.as_str()),
                        ("name", &volume.name),
                        ("uuid", &volume.uuid),
                        ("diskseq", &diskseq),
                        ("vg_name", &volume.vg_name),
                        ("lv_name", &volume.lv_name),
                        ("stacked_on", &volume.stacked_on),
                    ])
                }),
        )?;
        self.infos(
            &UNDERLYING,
            volumes.iter().flat_map(|volume| {
                let disks = volume.underlying.iter();
                disks.map(|disk| Labels::new(identity(volume).chain([("device", disk.as_str())])))
            }),
        )?;
        self.infos(
            &MOUNT,
            volumes.iter().flat_map(|volume| {
                volume.mounts.iter().map(|mount| {
                    let labels = [
                        ("mountpoint", mount.point.as_str()),
                        ("fstype", &mount.kind),
                    ];
                    Labels::new(identity(volume).chain(labels))
                })
            }),
        )?;
        self.infos(
            &ATTACH,
            self.volumes.listed.iter().map(|listed| {
                let uuid = listed.uuid.as_ref().map(|uuid| ("uuid", uuid.as_str()));
                let latency = if listed.latency { "on" } else { "off" };
                let name = [("name", listed.name.as_str())].into_iter();
                Labels::new(name.chain(uuid).chain([("latency", latency)]))
            }),
        )?;
        self.text.family(&LATENCY);
        for volume in volumes {
            let value = Value::Count(volume.device.latency.into());
            self.text
                .metric(&Labels::new(identity(volume)), value, None)?;
        }
        Ok(())
    }

    /// Writes a family of information.
    fn infos(&mut self, family: &Family, infos: impl Iterator<Item = Labels>) -> io::Result<()> {
        self.text.family(family);
        for labels in infos {
            self.text.metric(&labels, Value::Count(1), None)?;
        }
        Ok(())
    }

    fn process(&mut self, process: Process) -> io::Result<()> {
        let start = self.boot + process.start;
        for (family, value) in [
            (&CPU, Some(Value::Number(process.cpu))),
            (&START, Some(Value::Number(start))),
            (&VIRTUAL_MEMORY, Some(Value::Count(process.virtual_memory))),
            (
                &RESIDENT_MEMORY,
                Some(Value::Count(process.resident_memory)),
            ),
            (&OPEN_FILES, Some(Value::Count(process.open_files))),
            (&MAX_FILES, process.max_files.map(Value::Count)),
        ] {
            if let Some(value) = value {
                self.single(family, &Labels::default(), value)?;
            }
        }
        Ok(())
    }

    fn exporter(&mut self) -> io::Result<()> {
        let none = Labels::default();
        let failures = u64::try_from(self.volumes.failures).unwrap_or(u64::MAX);
        self.single(&LOADED, &none, Value::Count(self.volumes.loaded.into()))?;
        self.single(&FAILURES, &none, Value::Count(failures))?;
        self.single(&SCRAPE, &none, Value::Number(self.volumes.seconds))?;
        let version = Labels::new([("version", env!("CARGO_PKG_VERSION"))]);
        self.single(&BUILD, &version, Value::Count(1))
    }

    /// Writes a family with one metric.
    fn single(&mut self, family: &Family, labels: &Labels, value: Value) -> io::Result<()> {
        self.text.family(family);
        self.text.metric(labels, value, None)
    }
}
