// SPDX-License-Identifier: GPL-2.0

//! Histograms of the sizes, latencies or distances of requests, as `zpool iostat -r` and `-w` show them.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Zoned;
use serde_json::{Value, json};

use crate::format::json::{buckets, identity};
use crate::format::report::{Look, Report, Row, marks, precise_timestamp, timestamp};
use crate::model::histogram::Histogram;
use crate::model::measure::Measure;
use crate::model::operation::Operation;

const HEADER: Style = Style::new().bold();
const MARK: Style = AnsiColor::Yellow.on_default();
const BAR: Style = AnsiColor::Cyan.on_default();
/// The width of a bound.
pub const BOUND: usize = 8;
/// The width of a count.
pub const COUNT: usize = 12;
/// The largest width of a bar.
const LONGEST_BAR: usize = 40;

/// The report of histograms.
pub struct Hist {
    what: Measure,
    json: bool,
    look: Look,
    /// The terminal's width. Without a terminal there are no bars, because programs do not need them.
    width: Option<usize>,
}

impl Hist {
    /// Makes a report in text or JSON.
    pub fn new(what: Measure, json: bool, look: Look) -> Self {
        Self {
            what,
            json,
            look,
            width: None,
        }
    }

    /// Returns each operation's histogram of a device; `None` for an unmeasured operation.
    fn histograms<'a>(
        &'a self,
        row: &'a Row<'_>,
    ) -> impl Iterator<Item = (Operation, Option<Cow<'a, Histogram>>)> {
        Operation::ALL.into_iter().map(move |operation| {
            let counters = row.interval.of(operation);
            (
                operation,
                counters.and_then(|counters| self.what.of(counters)),
            )
        })
    }

    fn write_json(&self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let key = match self.what {
            Measure::Size => "size_bytes",
            Measure::Latency => "latency_ns",
            Measure::Seek => "seek_sectors",
        };
        let devices: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut device = identity(row);
                for (operation, histogram) in self.histograms(row) {
                    let buckets = histogram.as_deref().map(|of| buckets(self.what, of)).into();
                    device.insert(format!("{}_{key}", operation.name()), buckets);
                }
                Value::Object(device)
            })
            .collect();
        writeln!(
            out,
            "{}",
            json!({ "time": precise_timestamp(time), "devices": devices })
        )
    }

    fn write_text(&self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let (measure, unmeasured) = (self.what.name(), self.what.unmeasured());
        let seconds = self.what.length(&row.interval).as_secs_f64();
        write!(
            out,
            "{HEADER}{}{HEADER:#}, {measure}, {seconds:.1} s",
            row.title(self.look.numbers)
        )?;
        let marks = marks(&row.interval);
        if !marks.is_empty() {
            write!(out, "  {MARK}{marks}{MARK:#}")?;
        }
        writeln!(out)?;
        let histograms: Vec<(Operation, Cow<'_, Histogram>)> = self
            .histograms(row)
            .filter_map(|(operation, histogram)| Some((operation, histogram?)))
            // Operations without a request are left out: most devices have several.
            .filter(|(operation, histogram)| {
                matches!(operation, Operation::Read | Operation::Write) || histogram.count() > 0
            })
            .collect();
        if histograms.is_empty() {
            return writeln!(out, "{unmeasured}\n");
        }

        let bar = self.width.map_or(0, |width| {
            let each = width.saturating_sub(BOUND) / histograms.len();
            each.saturating_sub(COUNT + 2).min(LONGEST_BAR)
        });
        let gap = |out: &mut dyn Write| match bar {
            0 => Ok(()),
            _ => write!(out, " {:bar$}", ""),
        };
        write!(out, "{HEADER}{:>BOUND$}", "up to")?;
        for (at, (operation, _)) in histograms.iter().enumerate() {
            write!(out, " {:>COUNT$}", operation.name())?;
            if at + 1 < histograms.len() {
                gap(out)?;
            }
        }
        writeln!(out, "{HEADER:#}")?;
        // All bars have one scale.
        let most = histograms.iter().map(|(_, of)| largest(of)).max();
        let most = u128::from(most.unwrap_or(0).max(1));
        let all = histograms.iter().map(|(_, histogram)| &**histogram);
        for bound in self.what.bounds(all) {
            write!(out, "{:>BOUND$}", self.what.label(bound))?;
            for (at, (_, histogram)) in histograms.iter().enumerate() {
                let count = histogram.of(bound);
                write!(out, " {count:>COUNT$}")?;
                let length = (bar as u128 * u128::from(count)).div_ceil(most) as usize;
                let last = at + 1 == histograms.len();
                let padding = if last { 0 } else { bar - length };
                if length > 0 || (bar > 0 && !last) {
                    write!(out, " {BAR}{:#<length$}{BAR:#}{:padding$}", "", "")?;
                }
            }
            writeln!(out)?;
        }
        writeln!(out)
    }
}

impl Report for Hist {
    fn fit(&mut self, width: Option<usize>) {
        self.width = width;
    }

    fn needs_devices(&self) -> bool {
        !self.json
    }

    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        if self.json {
            return self.write_json(out, time, rows);
        }
        if self.look.timestamps {
            writeln!(out, "{}", timestamp(time))?;
        }
        rows.iter().try_for_each(|row| self.write_text(out, row))
    }
}

fn largest(histogram: &Histogram) -> u64 {
    let counts = histogram.buckets().iter().map(|(_, count)| *count);
    counts.max().unwrap_or(0)
}
