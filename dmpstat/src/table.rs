// SPDX-License-Identifier: GPL-2.0

//! A table for people: one line a device, as iostat's.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Zoned;
use unicode_width::UnicodeWidthStr;

use crate::arguments::{Columns, Reports};
use crate::column::{Column, Quantity, Unit};
use crate::interval::Interval;
use crate::report::{Report, Row, timestamp};
use crate::units;

const HEADER: Style = Style::new().bold();
const ERRORS: Style = AnsiColor::Red.on_default().bold();
const MARK: Style = AnsiColor::Yellow.on_default();
/// Of the devices' names at least, and of what is between two columns.
const NAME_WIDTH: usize = 12;

/// What columns say. Their widths only grow, so that they do not jump.
pub struct Grid {
    /// The columns.
    pub columns: Vec<&'static Column>,
    /// How wide each is.
    pub widths: Vec<usize>,
    human: bool,
    unit: Unit,
}

impl Grid {
    /// Of these columns, in the units that were asked for.
    pub fn new(columns: Vec<&'static Column>, options: &Columns) -> Self {
        let unit = options.unit();
        let name = |column: &&Column| column.name_in(unit).len().max(column.width);
        Self {
            widths: columns.iter().map(name).collect(),
            columns,
            human: options.human,
            unit,
        }
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name_in(self.unit))
    }

    /// What they say of an interval.
    pub fn cells(&mut self, interval: &Interval) -> Vec<String> {
        let cells = self.columns.iter();
        let cells: Vec<String> = cells.map(|column| self.cell(column, interval)).collect();
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.len());
        }
        cells
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

/// Whether a cell says that requests failed.
pub fn says_failed(column: &Column, cell: &str) -> bool {
    column.quantity == Quantity::Errors && cell.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// A table that has been begun.
pub struct Table {
    grid: Grid,
    numbers: bool,
    timestamps: bool,
    name_width: usize,
}

impl Table {
    /// As it was asked for.
    pub fn new(columns: &Columns, reports: &Reports) -> Self {
        Self {
            grid: Grid::new(columns.chosen(false), columns),
            numbers: reports.numbers,
            timestamps: reports.timestamps,
            name_width: NAME_WIDTH,
        }
    }

    fn line(&mut self, row: &Row<'_>) -> (String, Vec<String>) {
        let name = row.title(self.numbers);
        self.name_width = self.name_width.max(name.width());
        (name, self.grid.cells(&row.interval))
    }
}

impl Report for Table {
    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let lines: Vec<(String, Vec<String>)> = rows.iter().map(|row| self.line(row)).collect();
        let Grid {
            columns, widths, ..
        } = &self.grid;
        if self.timestamps {
            writeln!(out, "{}", timestamp(time))?;
        }
        write!(out, "{HEADER}{:<1$}", "Device", self.name_width)?;
        for (name, width) in self.grid.names().zip(widths) {
            write!(out, " {name:>width$}")?;
        }
        writeln!(out, "{HEADER:#}")?;
        for ((name, cells), row) in lines.iter().zip(rows) {
            let padding = self.name_width - name.width();
            write!(out, "{name}{:padding$}", "")?;
            for ((cell, width), column) in cells.iter().zip(widths).zip(columns) {
                let failed = says_failed(column, cell);
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
