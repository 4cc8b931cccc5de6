// SPDX-License-Identifier: GPL-2.0

//! A table for people: one line a device, as iostat's.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Zoned;
use unicode_width::UnicodeWidthStr;

use crate::arguments::{Reports, Table as Options};
use crate::column::{Column, Quantity, Unit};
use crate::interval::Interval;
use crate::report::{Report, Row, timestamp};
use crate::units;

const HEADER: Style = Style::new().bold();
const ERRORS: Style = AnsiColor::Red.on_default().bold();
const MARK: Style = AnsiColor::Yellow.on_default();
/// Of the devices' names at least, and of what is between two columns.
const NAME_WIDTH: usize = 12;

/// The widths of a table that has been begun: they only grow, so that columns do not jump.
pub struct Table {
    columns: Vec<&'static Column>,
    human: bool,
    numbers: bool,
    timestamps: bool,
    unit: Unit,
    name_width: usize,
    widths: Vec<usize>,
}

impl Table {
    /// As it was asked for.
    pub fn new(options: &Options, reports: &Reports) -> Self {
        let (columns, unit) = (options.chosen(), options.unit());
        let name = |column: &&Column| column.name_in(unit).len().max(column.width);
        Self {
            widths: columns.iter().map(name).collect(),
            columns,
            human: options.human,
            numbers: reports.numbers,
            timestamps: reports.timestamps,
            unit,
            name_width: NAME_WIDTH,
        }
    }

    fn line(&self, row: &Row<'_>) -> (String, Vec<String>) {
        let cells = self
            .columns
            .iter()
            .map(|column| self.cell(column, &row.interval));
        (row.title(self.numbers), cells.collect())
    }

    fn cell(&self, column: &Column, interval: &Interval) -> String {
        match column.quantity {
            Quantity::Throughput(_) | Quantity::Size(_) if self.human => {
                column.quantity.value(interval).map(units::bytes)
            }
            Quantity::Percentile(..) => column.value(interval, self.unit).map(units::bound),
            Quantity::Inflight => column
                .value(interval, self.unit)
                .map(|count| format!("{count}")),
            _ => column
                .value(interval, self.unit)
                .map(|value| format!("{value:.2}")),
        }
        .unwrap_or_else(|| "-".to_owned())
    }
}

impl Report for Table {
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let lines: Vec<(String, Vec<String>)> = rows.iter().map(|row| self.line(row)).collect();
        for (name, cells) in &lines {
            self.name_width = self.name_width.max(name.width());
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.len());
            }
        }

        if self.timestamps {
            writeln!(out, "{}", timestamp(time))?;
        }
        write!(out, "{HEADER}{:<1$}", "Device", self.name_width)?;
        for (column, width) in self.columns.iter().zip(&self.widths) {
            write!(out, " {:>width$}", column.name_in(self.unit))?;
        }
        writeln!(out, "{HEADER:#}")?;
        for ((name, cells), row) in lines.iter().zip(rows) {
            let padding = self.name_width - name.width();
            write!(out, "{name}{:padding$}", "")?;
            for ((cell, width), column) in cells.iter().zip(&self.widths).zip(&self.columns) {
                let failed = column.quantity == Quantity::Errors
                    && cell.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
                let style = if failed { ERRORS } else { Style::new() };
                write!(out, " {style}{cell:>width$}{style:#}")?;
            }
            match row.interval.anew {
                Some(anew) => writeln!(out, "  {MARK}{}{MARK:#}", anew.word())?,
                None => writeln!(out)?,
            }
        }
        writeln!(out)
    }
}
