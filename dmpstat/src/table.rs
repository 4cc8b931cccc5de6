// SPDX-License-Identifier: GPL-2.0

//! A table for people: one line a device, as iostat's.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Index;

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
    pub fn cells(&mut self, interval: &Interval) -> Cells {
        let mut cells = Cells::for_columns(self.columns.len());
        for (column, width) in self.columns.iter().zip(&mut self.widths) {
            let begin = cells.text.len();
            write_cell(&mut cells.text, column, interval, self.unit, self.human);
            cells.ends.push(cells.text.len());
            *width = (*width).max(cells.text.len() - begin);
        }
        cells
    }
}

/// What a line says: one text, since each cell by itself would be an allocation.
pub struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    fn for_columns(count: usize) -> Self {
        Self {
            text: String::with_capacity(8 * count),
            ends: Vec::with_capacity(count),
        }
    }

    /// From the left to the right.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|at| &self[at])
    }
}

impl Index<usize> for Cells {
    type Output = str;

    fn index(&self, at: usize) -> &str {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[begin..self.ends[at]]
    }
}

fn write_cell(text: &mut String, column: &Column, interval: &Interval, unit: Unit, human: bool) {
    let amount = human && matches!(column.quantity, Quantity::Throughput(_) | Quantity::Size(_));
    let value = match amount {
        true => column.quantity.value(interval),
        false => column.value(interval, unit),
    };
    let Some(value) = value else {
        return text.push('-');
    };
    // A String takes all that is written.
    let _ = match column.quantity {
        _ if amount => text.write_str(&units::bytes(value)),
        Quantity::Percentile(..) => text.write_str(&units::bound(value)),
        Quantity::Inflight => write!(text, "{value}"),
        // Most numbers of most devices.
        _ if value == 0.0 => text.write_str("0.00"),
        _ => write!(text, "{value:.2}"),
    };
}

/// Whether a cell says that requests failed.
pub fn says_failed(column: &Column, cell: &str) -> bool {
    column.quantity == Quantity::Errors && cell.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

fn pad(line: &mut Vec<u8>, spaces: usize) {
    line.resize(line.len() + spaces, b' ');
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

    fn line(&mut self, row: &Row<'_>) -> (String, Cells) {
        let name = row.title(self.numbers);
        self.name_width = self.name_width.max(name.width());
        (name, self.grid.cells(&row.interval))
    }
}

impl Report for Table {
    fn needs_devices(&self) -> bool {
        true
    }

    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let lines: Vec<(String, Cells)> = rows.iter().map(|row| self.line(row)).collect();
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
        let mut line = Vec::new();
        for ((name, cells), row) in lines.iter().zip(rows) {
            line.clear();
            line.extend_from_slice(name.as_bytes());
            pad(&mut line, self.name_width - name.width());
            for ((cell, width), column) in cells.iter().zip(widths).zip(columns) {
                pad(&mut line, 1 + width - cell.len());
                match says_failed(column, cell) {
                    true => write!(line, "{ERRORS}{cell}{ERRORS:#}")?,
                    false => line.extend_from_slice(cell.as_bytes()),
                }
            }
            if let Some(anew) = row.interval.anew {
                write!(line, "  {MARK}{}{MARK:#}", anew.word())?;
            }
            line.push(b'\n');
            out.write_all(&line)?;
        }
        writeln!(out)
    }
}
