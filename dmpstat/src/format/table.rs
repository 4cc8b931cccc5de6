// SPDX-License-Identifier: GPL-2.0

//! A table for people: one line a device, like iostat's.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Index;

use anstyle::{AnsiColor, Style};
use jiff::Zoned;
use unicode_width::UnicodeWidthStr;

use crate::format::columns::Columns;
use crate::format::report::{Look, Report, Row, marks, timestamp};
use crate::model::column::{Column, Level, Quantity, Unit};
use crate::model::interval::{Interval, State};
use crate::model::units;

const HEADER: Style = Style::new().bold();
const ERRORS: Style = AnsiColor::Red.on_default().bold();
const MARK: Style = AnsiColor::Yellow.on_default();
/// The least width of the devices' names.
const NAME_WIDTH: usize = 12;

/// Columns and their widths. A width never shrinks, so that columns do not jump.
pub struct Grid {
    /// The columns.
    pub columns: Vec<&'static Column>,
    /// The width of each column.
    pub widths: Vec<usize>,
    human: bool,
    unit: Unit,
}

impl Grid {
    /// Makes a grid of these columns, in the units of `options`.
    pub fn new(columns: Vec<&'static Column>, options: &Columns) -> Self {
        let unit = options.unit;
        let name = |column: &&Column| column.name_in(unit).len().max(column.width);
        Self {
            widths: columns.iter().map(name).collect(),
            columns,
            human: options.human,
            unit,
        }
    }

    /// Returns the width of all columns, with the spaces before them.
    pub fn width(&self) -> usize {
        self.widths.iter().map(|width| 1 + width).sum()
    }

    /// Returns the columns' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name_in(self.unit))
    }

    /// Formats the columns' numbers of an interval.
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

/// The cells of a line, in one text, because one text a cell would take one allocation each.
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

    /// Returns the cells from left to right.
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
    // The result is ignored, because a write to a String cannot fail.
    let _ = match column.quantity {
        _ if amount => text.write_str(&units::bytes(value)),
        Quantity::Percentile(..) | Quantity::Max(_) => text.write_str(&units::bound(value)),
        Quantity::Inflight | Quantity::Errors(_) => write!(text, "{value}"),
        // Most numbers are 0, and this is faster than the formatting below.
        _ if value == 0.0 => text.write_str("0.00"),
        _ => write!(text, "{value:.2}"),
    };
}

fn pad(line: &mut Vec<u8>, spaces: usize) {
    line.resize(line.len() + spaces, b' ');
}

/// The table over all reports.
pub struct Table {
    grid: Grid,
    /// The grid for a terminal that is too narrow for the first grid.
    short: Option<Grid>,
    /// The terminal's width.
    width: Option<usize>,
    look: Look,
    name_width: usize,
}

impl Table {
    /// Makes the table of these columns.
    pub fn new(columns: &Columns, look: Look) -> Self {
        let grid = |level| Grid::new(columns.chosen(level), columns);
        Self {
            grid: grid(columns.level),
            short: columns.may_shorten().then(|| grid(Level::Short)),
            width: None,
            look,
            name_width: NAME_WIDTH,
        }
    }
}

impl Report for Table {
    fn fit(&mut self, width: Option<usize>) {
        self.width = width;
    }

    fn needs_devices(&self) -> bool {
        true
    }

    fn write(&mut self, out: &mut dyn Write, time: &Zoned, rows: &[Row<'_>]) -> io::Result<()> {
        let names: Vec<String> = rows
            .iter()
            .map(|row| row.title(self.look.numbers))
            .collect();
        let widest = names.iter().map(|name| name.width()).max();
        self.name_width = self.name_width.max(widest.unwrap_or(0));
        let name_width = self.name_width;
        let cells = |grid: &mut Grid| -> Vec<Cells> {
            rows.iter().map(|row| grid.cells(&row.interval)).collect()
        };
        let mut lines = cells(&mut self.grid);
        let mut grid = &self.grid;
        let is_too_wide = self
            .width
            .is_some_and(|width| name_width + grid.width() > width);
        if let Some(short) = self.short.as_mut().filter(|_| is_too_wide) {
            lines = cells(short);
            grid = short;
        }

        if self.look.timestamps {
            writeln!(out, "{}", timestamp(time))?;
        }
        write!(out, "{HEADER}{:<name_width$}", "Device")?;
        for (name, width) in grid.names().zip(&grid.widths) {
            write!(out, " {name:>width$}")?;
        }
        writeln!(out, "{HEADER:#}")?;
        for ((name, cells), row) in names.iter().zip(&lines).zip(rows) {
            let mut title = Vec::from(name.as_bytes());
            pad(&mut title, name_width - name.width());
            grid.write_row(out, title, cells, &row.interval)?;
        }
        writeln!(out)
    }
}

impl Grid {
    /// Writes a row after its title.
    fn write_row(
        &self,
        out: &mut dyn Write,
        title: Vec<u8>,
        cells: &Cells,
        interval: &Interval,
    ) -> io::Result<()> {
        let is_stuck = interval.state != State::Running;
        let mut line = Vec::new();
        if is_stuck {
            write!(line, "{ERRORS}")?;
        }
        line.extend_from_slice(&title);
        let columns = self.columns.iter().zip(&self.widths);
        for (cell, (column, width)) in cells.iter().zip(columns) {
            pad(&mut line, 1 + width - cell.len());
            match column.quantity.has_failures(interval) && !is_stuck {
                true => write!(line, "{ERRORS}{cell}{ERRORS:#}")?,
                false => line.extend_from_slice(cell.as_bytes()),
            }
        }
        if is_stuck {
            write!(line, "{ERRORS:#}")?;
        }
        let marks = marks(interval);
        if !marks.is_empty() {
            write!(line, "  {MARK}{marks}{MARK:#}")?;
        }
        line.push(b'\n');
        out.write_all(&line)
    }
}
