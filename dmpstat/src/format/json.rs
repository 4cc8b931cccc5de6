// SPDX-License-Identifier: GPL-2.0

//! JSON: a line each interval, or the document that sysstat's iostat writes.

use std::io::{self, Write};

use jiff::Zoned;
use serde_json::{Map, Value, json};

use crate::format::columns::Columns;
use crate::format::report::{Count, Report, Row, precise_timestamp, timestamp};
use crate::model::column::{COLUMNS, Column, Unit};
use crate::model::escape;
use crate::model::histogram::{Histogram, INFINITE, to_signed};
use crate::model::interval::Interval;
use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::source::host::Host;

/// A line each interval.
pub struct Lines {
    columns: Vec<&'static Column>,
    unit: Unit,
    counts: bool,
}

impl Lines {
    /// Makes reports with these columns, and with the counts of each operation if `counts` is set.
    pub fn new(columns: &Columns, counts: bool) -> Self {
        Self {
            columns: columns.for_programs(),
            unit: columns.unit,
            counts,
        }
    }
}

impl Report for Lines {
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let devices: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut device = identity(row);
                device.extend(numbers(&self.columns, self.unit, row));
                if self.counts {
                    device.insert("counts".into(), counts(&row.interval));
                }
                Value::Object(device)
            })
            .collect();
        let line = json!({ "time": precise_timestamp(time), "devices": devices });
        writeln!(out, "{line}")
    }
}

/// Returns the keys that identify an object: its device, time and state.
pub fn identity(row: &Row<'_>) -> Map<String, Value> {
    let mut identity = Map::new();
    let uuid = escape::show(&row.device.uuid);
    // A group has neither of the numbers that identify a device.
    let is_device = !row.device.is_group();
    let device = is_device.then(|| row.device.device.clone());
    identity.insert("device".into(), device.into());
    identity.insert("name".into(), row.device.shown_name().into());
    identity.insert(
        "uuid".into(),
        Some(uuid).filter(|uuid| !uuid.is_empty()).into(),
    );
    let diskseq = is_device.then_some(row.device.diskseq);
    identity.insert("diskseq".into(), diskseq.into());
    identity.insert("since".into(), row.device.since.into());
    identity.insert("taken".into(), row.device.taken.into());
    let interval = &row.interval;
    identity.insert("seconds".into(), interval.length.as_secs_f64().into());
    identity.insert(
        "latency_seconds".into(),
        interval
            .latency_length
            .map(|time| time.as_secs_f64())
            .into(),
    );
    identity.insert(
        "anew".into(),
        interval.restart.map(|restart| restart.word()).into(),
    );
    identity.insert("state".into(), interval.state.word().into());
    identity
}

/// Returns the counts of an interval, by operation. They can be added up over intervals.
fn counts(interval: &Interval) -> Value {
    let of = |operation: Operation| {
        let counters = interval.of(operation);
        let mut counts = Map::new();
        for count in Count::all() {
            let value = counters.and_then(|counters| count.of(counters));
            counts.insert(count.name().to_owned(), value.into());
        }
        let histograms = [
            ("sizes", Measure::Size),
            ("latencies", Measure::Latency),
            ("seeks", Measure::Seek),
        ];
        for (name, measure) in histograms {
            let histogram = counters.and_then(|counters| measure.of(counters));
            let buckets = histogram.as_deref().map(|of| buckets(measure, of));
            counts.insert(name.to_owned(), buckets.into());
        }
        (operation.name().to_owned(), Value::Object(counts))
    };
    Value::Object(Operation::ALL.into_iter().map(of).collect())
}

/// Returns the buckets that are not empty. `null` is the bound of the module's last bucket.
pub fn buckets(measure: Measure, histogram: &Histogram) -> Vec<Value> {
    let buckets = histogram.buckets().iter();
    buckets
        .map(|(bound, count)| {
            let bound = match measure {
                _ if *bound == INFINITE => Value::Null,
                Measure::Size | Measure::Latency => (*bound).into(),
                Measure::Seek => to_signed(*bound).into(),
            };
            json!({ "up_to": bound, "count": count })
        })
        .collect()
}

/// Returns the numbers by their columns' names, which contain the units.
fn numbers(
    columns: &[&'static Column],
    unit: Unit,
    row: &Row<'_>,
) -> impl Iterator<Item = (String, Value)> {
    columns.iter().map(move |column| {
        (
            column.name_in(unit).to_owned(),
            column.value(&row.interval, unit).into(),
        )
    })
}

/// Keys of iostat's that mean nothing for bios, because bios are not merged before they reach a target.
const NOT_MEASURED: [&str; 7] = ["rrqm/s", "wrqm/s", "drqm/s", "rrqm", "wrqm", "drqm", "util"];

/// One document, with the form and keys of `iostat -x -o JSON`.
pub struct Sysstat {
    unit: Unit,
    numbers: bool,
    host: Host,
    started: bool,
}

impl Sysstat {
    /// Makes a document in this unit, for this machine. dm-N replaces names if `numbers` is set.
    pub fn new(unit: Unit, numbers: bool, host: Host) -> Self {
        Self {
            unit,
            numbers,
            host,
            started: false,
        }
    }

    fn begin(&mut self, out: &mut dyn Write, time: &Zoned) -> io::Result<()> {
        let host = json!({
            "nodename": self.host.name,
            "sysname": self.host.system,
            "release": self.host.release,
            "machine": self.host.machine,
            "number-of-cpus": self.host.cpus,
            "date": time.strftime("%Y-%m-%d").to_string(),
        })
        .to_string();
        let host = host.strip_suffix('}').unwrap_or(&host);
        self.started = true;
        write!(out, "{{\"sysstat\":{{\"hosts\":[{host},\"statistics\":[")
    }
}

impl Report for Sysstat {
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let separator = if self.started { "," } else { "" };
        if !self.started {
            self.begin(out, time)?;
        }
        let columns: Vec<&'static Column> = COLUMNS.iter().collect();
        let disks: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut disk =
                    Map::from_iter([("disk_device".to_owned(), row.title(self.numbers).into())]);
                disk.extend(numbers(&columns, self.unit, row));
                disk.extend(NOT_MEASURED.map(|key| (key.to_owned(), Value::Null)));
                disk.extend(identity(row));
                Value::Object(disk)
            })
            .collect();
        let report = json!({ "timestamp": timestamp(time), "disk": disks });
        writeln!(out, "{separator}")?;
        write!(out, "{report}")
    }

    fn end(&mut self, out: &mut dyn Write, time: &Zoned) -> io::Result<()> {
        if !self.started {
            self.begin(out, time)?;
        }
        writeln!(out, "\n]}}]}}}}")
    }
}
