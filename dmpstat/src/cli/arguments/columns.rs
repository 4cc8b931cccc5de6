// SPDX-License-Identifier: GPL-2.0

//! Arguments of tables: columns, their units, and the form.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::commands::report::Form;
use crate::format::columns;
use crate::model::column::{COLUMNS, Column, Level, Unit};

/// The table: its columns and its form.
#[derive(Debug, clap::Args)]
pub struct Table {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub columns: Columns,
    /// Write JSON, one line a report, with all columns unless some are chosen
    #[arg(short = 'j', long, group = "format", conflicts_with = "human")]
    pub json: bool,
    /// Write JSON in the form of sysstat's "iostat -x -o JSON", with its keys and those of -j
    #[arg(short = 'J', long, group = "format", conflicts_with_all = ["columns", "human"])]
    pub sysstat: bool,
    /// Write CSV, with all columns unless some are chosen
    #[arg(short = 'c', long, group = "format", conflicts_with = "human")]
    pub csv: bool,
    /// With -j or -c, add the counts of each operation, which add up over intervals; with -j also the
    /// histograms
    #[arg(long, requires = "format", conflicts_with = "sysstat")]
    pub counts: bool,
}

/// The columns, their order and their units.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Columns {
    /// Show all columns
    #[arg(short = 'x', long, conflicts_with_all = ["columns", "short"])]
    pub extended: bool,
    /// Show fewer columns, which fit 80 characters: the default on a narrow terminal
    #[arg(short = 's', long, conflicts_with = "columns")]
    pub short: bool,
    /// Show these columns only, in this order
    #[arg(short = 'o', long, value_name = "COLUMN", value_delimiter = ',', value_parser = column())]
    pub columns: Vec<&'static Column>,
    /// Sort by this column, one of those of -o, with the largest numbers first
    #[arg(
        short = 'S',
        long,
        value_name = "COLUMN",
        value_parser = column(),
        hide_possible_values = true
    )]
    pub sort: Option<&'static Column>,
    /// Show amounts in kilobytes (the default)
    #[arg(short = 'k', long, group = "unit")]
    pub kilobytes: bool,
    /// Show amounts in megabytes
    #[arg(short = 'm', long, group = "unit")]
    pub megabytes: bool,
    /// Show each amount in a suitable unit
    #[arg(short = 'h', long, group = "unit")]
    pub human: bool,
}

impl Table {
    pub(super) fn form(&self) -> Form {
        match (self.json, self.sysstat, self.csv) {
            (true, ..) => Form::JsonLines,
            (_, true, _) => Form::Sysstat,
            (.., true) => Form::Csv,
            _ => Form::Table,
        }
    }
}

impl Columns {
    pub(super) fn options(self) -> columns::Columns {
        columns::Columns {
            named: self.columns,
            level: match (self.extended, self.short) {
                (true, _) => Level::Extended,
                (false, true) => Level::Short,
                (false, false) => Level::Default,
            },
            sort: self.sort,
            unit: match self.megabytes {
                true => Unit::Megabytes,
                false => Unit::Kilobytes,
            },
            human: self.human,
        }
    }
}

fn column() -> impl TypedValueParser<Value = &'static Column> {
    let values = COLUMNS.iter().map(|column| {
        let megabytes = column.name_in(Unit::Megabytes);
        let value = PossibleValue::new(column.name).help(column.help);
        if megabytes == column.name {
            value
        } else {
            value.alias(megabytes)
        }
    });
    PossibleValuesParser::new(values).try_map(|name| Column::named(&name).ok_or("no such column"))
}
