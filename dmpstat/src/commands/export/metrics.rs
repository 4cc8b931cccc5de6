// SPDX-License-Identifier: GPL-2.0

//! Volumes as metrics of Prometheus: their names, labels and values, in both of its text forms.

use std::fmt::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::commands::export::created::{self, Created, Times};
use crate::commands::export::process::Process;
use crate::commands::export::volumes::{Volume, Volumes};
use crate::model::histogram::{Histogram, INFINITE};
use crate::model::operation::Operation;
use crate::model::scale::{Latencies, Sizes};
use crate::model::snapshot::{Counters, Snapshot};
use crate::model::statistic::{self, Kind, Statistic};

/// A text form of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text form from before OpenMetrics, which all programs read.
    Classic,
}

impl Form {
    /// Returns the form's media type in HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => prometheus_text::CONTENT_TYPE,
        }
    }
}

const NANOSECONDS: f64 = 1e9;

/// The series to write of each volume.
#[derive(Clone, Debug)]
pub struct Series {
    /// The operations.
    pub operations: Vec<Operation>,
    /// Bounds of buckets are powers of 2^`buckets`; 0 for no bounds.
    pub buckets: u32,
}

/// Writes the metrics of the volumes and of the exporter's process. `boot` is the time of the boot, in seconds
/// since 1970.
pub fn encode(
    volumes: Volumes,
    process: Option<Process>,
    series: &Series,
    form: Form,
    boot: f64,
    out: &mut dyn Write,
) -> fmt::Result {
    let created = Times::default();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics {
        volumes,
        process,
        operations: series.operations.clone(),
        sizes: Scale::new(Sizes::bound, series.buckets, 1.0),
        latencies: Scale::new(Latencies::bound, series.buckets, NANOSECONDS),
        created: (form == Form::OpenMetrics).then(|| created.clone()),
        boot,
    }));
    match form {
        Form::Classic => prometheus_text::encode(&mut Sink(out), &registry),
        Form::OpenMetrics => {
            let mut out = Created::new(created, out);
            text::encode(&mut out, &registry)
        }
    }
}

/// A writer with a sized type, because the encoder takes no `dyn Write`.
struct Sink<'a>(&'a mut dyn Write);

impl Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(text)
    }
}

/// All metrics.
#[derive(Debug)]
struct Metrics {
    volumes: Volumes,
    process: Option<Process>,
    operations: Vec<Operation>,
    sizes: Scale,
    latencies: Scale,
    /// The creation times of the counters and histograms, in the order of their encoding.
    created: Option<Times>,
    boot: f64,
}

/// A family of metrics.
struct Family {
    name: &'static str,
    kind: MetricType,
    /// Its unit, which is also the end of the name.
    unit: Option<Unit>,
    help: &'static str,
    /// The time at which counting of a device began, in nanoseconds since boot.
    since: fn(&Snapshot) -> u64,
}

fn since_reset(device: &Snapshot) -> u64 {
    device.since
}

/// Returns the time at which latencies began at zero. Falls back to the last reset if the module does not
/// report it.
fn since_latency(device: &Snapshot) -> u64 {
    device.latency_since.unwrap_or(device.since)
}

static DURATIONS: Family = Family {
    name: "dmp_request_duration",
    kind: MetricType::Histogram,
    unit: Some(Unit::Seconds),
    help: "Latencies of successful requests, where latency is measured.",
    since: since_latency,
};
static REQUEST_SIZES: Family = Family {
    name: "dmp_request_size",
    kind: MetricType::Histogram,
    unit: Some(Unit::Bytes),
    help: "Sizes of requests received.",
    since: since_reset,
};
static VOLUME: Family = Family {
    name: "dmp_volume",
    kind: MetricType::Info,
    unit: None,
    help: "Device, LVM names and underlying volumes of a volume. Its requests count again in the volumes of \
           stacked_on.",
    since: since_reset,
};
static UNDERLYING: Family = Family {
    name: "dmp_volume_underlying",
    kind: MetricType::Info,
    unit: None,
    help: "Underlying disk of a volume, named by the label device.",
    since: since_reset,
};
static LATENCY: Family = Family {
    name: "dmp_volume_latency_enabled",
    kind: MetricType::Gauge,
    unit: None,
    help: "1 if the volume measures latency, 0 otherwise.",
    since: since_reset,
};
static CPU: Family = Family {
    name: "process_cpu",
    kind: MetricType::Counter,
    unit: Some(Unit::Seconds),
    help: "Total user and system CPU time spent in seconds.",
    since: since_reset,
};
static START: Family = Family {
    name: "process_start_time",
    kind: MetricType::Gauge,
    unit: Some(Unit::Seconds),
    help: "Start time of the process since unix epoch in seconds.",
    since: since_reset,
};
static VIRTUAL_MEMORY: Family = Family {
    name: "process_virtual_memory",
    kind: MetricType::Gauge,
    unit: Some(Unit::Bytes),
    help: "Virtual memory size in bytes.",
    since: since_reset,
};
static RESIDENT_MEMORY: Family = Family {
    name: "process_resident_memory",
    kind: MetricType::Gauge,
    unit: Some(Unit::Bytes),
    help: "Resident memory size in bytes.",
    since: since_reset,
};
static OPEN_FILES: Family = Family {
    name: "process_open_fds",
    kind: MetricType::Gauge,
    unit: None,
    help: "Number of open file descriptors.",
    since: since_reset,
};
static MAX_FILES: Family = Family {
    name: "process_max_fds",
    kind: MetricType::Gauge,
    unit: None,
    help: "Maximum number of open file descriptors.",
    since: since_reset,
};
static LOADED: Family = Family {
    name: "dmp_exporter_module_loaded",
    kind: MetricType::Gauge,
    unit: None,
    help: "1 if the dmp module is loaded, 0 otherwise.",
    since: since_reset,
};
static FAILURES: Family = Family {
    name: "dmp_exporter_read_errors",
    kind: MetricType::Gauge,
    unit: None,
    help: "Volumes that this scrape could not read, or 1 if their list was unreadable.",
    since: since_reset,
};
static SCRAPE: Family = Family {
    name: "dmp_exporter_scrape_duration",
    kind: MetricType::Gauge,
    unit: Some(Unit::Seconds),
    help: "Time to read all volumes.",
    since: since_reset,
};
static BUILD: Family = Family {
    name: "dmp_exporter_build",
    kind: MetricType::Info,
    unit: None,
    help: "Version of dmpstat, the exporter.",
    since: since_reset,
};

impl Family {
    fn begin<'a>(
        &'a self,
        out: &'a mut DescriptorEncoder<'_>,
    ) -> Result<MetricEncoder<'a>, fmt::Error> {
        out.encode_descriptor(self.name, self.help, self.unit.as_ref(), self.kind)
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        let mut buckets = Vec::new();
        self.family(
            out,
            &DURATIONS,
            |counters| counters.timing.as_ref(),
            |timing, metric| {
                let count = self.latencies.fill(&timing.latencies, &mut buckets);
                let sum = timing.sum() as f64 / NANOSECONDS;
                metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
            },
        )?;
        self.family(out, &REQUEST_SIZES, Some, |counters, metric| {
            let count = self.sizes.fill(&counters.sizes, &mut buckets);
            let sum = counters.bytes() as f64;
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })?;
        for statistic in Statistic::ALL {
            self.statistic(out, statistic)?;
        }
        self.info(out)?;
        self.underlying(out)?;
        self.latency(out)?;
        self.process(out)?;
        let loaded = u64::from(self.volumes.loaded);
        LOADED.begin(out)?.encode_gauge(&loaded)?;
        let failures = u64::try_from(self.volumes.failures).unwrap_or(u64::MAX);
        FAILURES.begin(out)?.encode_gauge(&failures)?;
        SCRAPE.begin(out)?.encode_gauge(&self.volumes.seconds)?;
        BUILD
            .begin(out)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

/// Returns the labels that join the series of a volume.
fn identity(volume: &Volume) -> [(&'static str, &str); 2] {
    [("name", &volume.name), ("uuid", &volume.uuid)]
}

impl Metrics {
    /// Writes a family with a metric for each measured operation of each volume. Leaves the family out if
    /// there is no value.
    fn family<'a, T>(
        &'a self,
        out: &mut DescriptorEncoder<'_>,
        family: &Family,
        of: impl Fn(&'a Counters) -> Option<T>,
        mut encode: impl FnMut(T, &mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let of = &of;
        let mut metrics = self
            .volumes
            .all
            .iter()
            .flat_map(|volume| {
                let operations = self.operations.iter();
                operations.filter_map(move |operation| {
                    let value = of(volume.device.of(*operation)?)?;
                    Some((volume, operation.name(), value))
                })
            })
            .peekable();
        if metrics.peek().is_none() {
            return Ok(());
        }
        let mut encoder = family.begin(out)?;
        for (volume, operation, value) in metrics {
            if let (Some(created), MetricType::Counter | MetricType::Histogram) =
                (&self.created, family.kind)
            {
                let since = (family.since)(&volume.device);
                created::push(created, self.boot + since as f64 / NANOSECONDS);
            }
            let labels = [
                ("name", volume.name.as_str()),
                ("uuid", volume.uuid.as_str()),
                ("operation", operation),
            ];
            encode(value, &mut encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Writes the family of a statistic, if it is a metric.
    fn statistic(&self, out: &mut DescriptorEncoder<'_>, statistic: Statistic) -> fmt::Result {
        let description = statistic.description();
        let Some(metric) = description.metric else {
            return Ok(());
        };
        let is_counter = description.kind == Kind::Counter;
        let family = Family {
            name: metric.name,
            kind: match is_counter {
                true => MetricType::Counter,
                false => MetricType::Gauge,
            },
            unit: match description.unit {
                statistic::Unit::Requests => None,
                statistic::Unit::Bytes => Some(Unit::Bytes),
                statistic::Unit::Nanoseconds => Some(Unit::Seconds),
            },
            help: metric.help,
            since: match statistic.begins_with_latency() {
                true => since_latency,
                false => since_reset,
            },
        };
        let is_time = description.unit == statistic::Unit::Nanoseconds;
        let of = |counters: &Counters| counters.of(statistic);
        self.family(out, &family, of, |value, metric| {
            let seconds = value as f64 / NANOSECONDS;
            match (is_counter, is_time) {
                (true, true) => metric.encode_counter::<NoLabelSet, f64, f64>(&seconds, None),
                (true, false) => metric.encode_counter::<NoLabelSet, u64, f64>(&value, None),
                (false, true) => metric.encode_gauge(&seconds),
                (false, false) => metric.encode_gauge(&value),
            }
        })
    }

    fn info(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.volumes.all.is_empty() {
            return Ok(());
        }
        let mut encoder = VOLUME.begin(out)?;
        for volume in &self.volumes.all {
            let diskseq = volume.device.diskseq.to_string();
            encoder.encode_info(&[
                ("device", volume.device.device.as_str()),
                ("name", &volume.name),
                ("uuid", &volume.uuid),
                ("diskseq", &diskseq),
                ("vg_name", &volume.vg_name),
                ("lv_name", &volume.lv_name),
                ("stacked_on", &volume.stacked_on),
            ])?;
        }
        Ok(())
    }

    fn underlying(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let volumes = self.volumes.all.iter();
        let mut disks = volumes
            .flat_map(|volume| volume.underlying.iter().map(move |disk| (volume, disk)))
            .peekable();
        if disks.peek().is_none() {
            return Ok(());
        }
        let mut encoder = UNDERLYING.begin(out)?;
        for (volume, disk) in disks {
            let [name, uuid] = identity(volume);
            encoder.encode_info(&[name, uuid, ("device", disk.as_str())])?;
        }
        Ok(())
    }

    fn latency(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.volumes.all.is_empty() {
            return Ok(());
        }
        let mut encoder = LATENCY.begin(out)?;
        for volume in &self.volumes.all {
            let labels = identity(volume);
            let mut metric = encoder.encode_family(&labels)?;
            metric.encode_gauge(&u64::from(volume.device.latency))?;
        }
        Ok(())
    }

    fn process(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(process) = &self.process else {
            return Ok(());
        };
        let mut cpu = CPU.begin(out)?;
        cpu.encode_counter::<NoLabelSet, f64, f64>(&process.cpu, None)?;
        let start = self.boot + process.start;
        START.begin(out)?.encode_gauge(&start)?;
        for (family, value) in [
            (&VIRTUAL_MEMORY, Some(process.virtual_memory)),
            (&RESIDENT_MEMORY, Some(process.resident_memory)),
            (&OPEN_FILES, Some(process.open_files)),
            (&MAX_FILES, process.max_files),
        ] {
            if let Some(value) = value {
                family.begin(out)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

/// The bounds of the shown buckets. The last one is infinite.
#[derive(Debug)]
struct Scale {
    bounds: Vec<u64>,
    /// The number of counted units in a shown one, such as nanoseconds in a second.
    unit: f64,
}

impl Scale {
    /// Makes a scale of the module's bounds that are powers of 2^`buckets`.
    fn new(bound: fn(usize) -> Option<u64>, buckets: u32, unit: f64) -> Self {
        let bounds = (0..).map_while(bound);
        let shown = bounds.filter(|bound| buckets > 0 && bound.ilog2() % buckets == 0);
        Self {
            bounds: shown.chain([INFINITE]).collect(),
            unit,
        }
    }

    /// Makes the buckets of a histogram. Returns the number of values in them.
    fn fill(&self, histogram: &Histogram, buckets: &mut Vec<(f64, u64)>) -> u64 {
        buckets.clear();
        let shown = |bound: &u64| match *bound {
            INFINITE => f64::INFINITY,
            bound => bound as f64 / self.unit,
        };
        buckets.extend(self.bounds.iter().map(|bound| (shown(bound), 0)));
        let mut all = 0_u64;
        for (bound, count) in histogram.buckets() {
            // The counts are limited so that the encoder can hold their sum, even if the file has larger
            // ones.
            let count = (*count).min(u64::MAX - all);
            all += count;
            buckets[self.bounds.partition_point(|shown| shown < bound)].1 += count;
        }
        all
    }
}
