// SPDX-License-Identifier: GPL-2.0

//! CSV: a header, and then a line for each device and interval.

use std::io::{self, Write};

use jiff::Zoned;

use crate::format::columns::Columns;
use crate::format::report::{Count, Report, Row, precise_timestamp};
use crate::model::column::{Column, Unit};
use crate::model::escape;
use crate::model::operation::Operation;

/// The columns that identify a line: device, time and state.
const KEYS: [&str; 11] = [
    "time",
    "device",
    "name",
    "uuid",
    "diskseq",
    "since",
    "taken",
    "seconds",
    "latency_seconds",
    "anew",
    "state",
];

/// The columns, and whether the header is written.
pub struct Csv {
    columns: Vec<&'static Column>,
    unit: Unit,
    counts: bool,
    started: bool,
}

impl Csv {
    /// Makes reports with these columns, and with the counts of each operation if `counts` is set.
    pub fn new(columns: &Columns, counts: bool) -> Self {
        Self {
            columns: columns.for_programs(),
            unit: columns.unit,
            counts,
            started: false,
        }
    }

    /// Returns the counts of each operation, if they were requested.
    fn counts(&self) -> impl Iterator<Item = (Operation, Count)> + use<> {
        let operations: &'static [Operation] = if self.counts { &Operation::ALL } else { &[] };
        let of = |operation: &'static Operation| Count::all().map(|count| (*operation, count));
        operations.iter().flat_map(of)
    }
}

impl Report for Csv {
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        if !self.started {
            let names = self.columns.iter().map(|column| column.name_in(self.unit));
            let names = KEYS.into_iter().chain(names).map(str::to_owned);
            let counts = self
                .counts()
                .map(|(operation, count)| format!("{}_{}", operation.name(), count.name()));
            csv.write_record(names.chain(counts))?;
            self.started = true;
        }
        for Row { device, interval } in rows {
            let latency_seconds = interval.latency_length.map(|time| time.as_secs_f64());
            let keys = [
                precise_timestamp(time),
                device.device.clone(),
                device.shown_name(),
                escape::show(&device.uuid),
                match device.is_group() {
                    true => String::new(),
                    false => device.diskseq.to_string(),
                },
                device.since.to_string(),
                device.taken.to_string(),
                interval.length.as_secs_f64().to_string(),
                latency_seconds.map_or_else(String::new, |seconds| seconds.to_string()),
                interval
                    .restart
                    .map_or("", |restart| restart.word())
                    .to_owned(),
                interval.state.word().to_owned(),
            ];
            let numbers = self.columns.iter().map(|column| {
                let value = column.value(interval, self.unit);
                value.map_or_else(String::new, |value| value.to_string())
            });
            let counts = self.counts().map(|(operation, count)| {
                let counters = interval.of(operation);
                let count = counters.and_then(|counters| count.of(counters));
                count.map_or_else(String::new, |count| count.to_string())
            });
            csv.write_record(keys.into_iter().chain(numbers).chain(counts))?;
        }
        csv.flush()
    }
}
