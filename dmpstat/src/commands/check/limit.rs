// SPDX-License-Identifier: GPL-2.0

//! Limits of columns: `r_p99=20ms`, or with a range `r/s=10:`.

use std::ffi::OsStr;
use std::str::FromStr;

use crate::commands::check::range::Range;
use crate::model::column::{COLUMNS, Column, Dimension};
use crate::model::units::{self, NS_PER_MS, TIMES, number};
use crate::source::likeness::nearest;

/// A limit: the values of a column that raise no alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The column.
    pub column: &'static Column,
    /// The values, in the unit of [`crate::model::column::Quantity::value`].
    pub range: Range,
    /// The range, as the user wrote it. The column's unit is added to numbers without one.
    pub shown: String,
}

/// Reasons that a word is no limit.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LimitError {
    #[error("expected COLUMN=LIMIT, such as r_p99=20ms")]
    Form,
    #[error("there is no column \"{wanted}\"{}", similar(.near))]
    Column {
        wanted: String,
        near: Option<&'static str>,
    },
    #[error(
        "\"{number}\" is no value of {column}: write a number of 0 or more, {}",
        units_of(*.dimension)
    )]
    Number {
        number: String,
        column: String,
        dimension: Dimension,
    },
    #[error("the range \"{0}\" has no start: write START:END, START: or END")]
    NoStart(String),
    #[error(
        "the range \"{start}:~\" ends with \"~\", which is a start: write {start}: for a range without an end"
    )]
    EndlessEnd { start: String },
    #[error("the range \"{start}:{end}\" ends below its start: write {end}:{start}")]
    Order { start: String, end: String },
}

fn similar(near: &Option<&str>) -> String {
    match near {
        None => String::new(),
        Some(name) => format!(". A similar name: {name}"),
    }
}

fn units_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Time => "in ns, us, ms or s",
        Dimension::Bytes => "in K, M, G or T",
        Dimension::Requests => "without a unit",
        Dimension::Percentage => "in %, or without a unit",
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Reads `COLUMN=LIMIT`. LIMIT is a number or a range.
    fn from_str(word: &str) -> Result<Self, LimitError> {
        let (name, limit) = word.split_once('=').ok_or(LimitError::Form)?;
        let column = Column::named(name).ok_or_else(|| LimitError::Column {
            wanted: name.to_owned(),
            near: near(name),
        })?;
        let (at, range) = match limit.strip_prefix('@') {
            Some(range) => ("@", range),
            None => ("", limit),
        };
        let value = |text| End::value(text, column, name);
        let (start, end, shown) = match range.split_once(':') {
            None => {
                let end = value(range)?;
                (0.0, end.value, end.shown)
            }
            Some(("", _)) => return Err(LimitError::NoStart(range.to_owned())),
            Some((start, "~")) => {
                let start = start.to_owned();
                return Err(LimitError::EndlessEnd { start });
            }
            Some((from, to)) => {
                let start = match from {
                    "~" => End::open("~", f64::NEG_INFINITY),
                    number => value(number)?,
                };
                let end = match to {
                    "" => End::open("", f64::INFINITY),
                    number => value(number)?,
                };
                if end.value < start.value {
                    return Err(LimitError::Order {
                        start: from.to_owned(),
                        end: to.to_owned(),
                    });
                }
                let shown = format!("{}:{}", start.shown, end.shown);
                (start.value, end.value, shown)
            }
        };
        Ok(Self {
            column,
            range: Range {
                start,
                end,
                is_inverted: !at.is_empty(),
            },
            shown: format!("{at}{shown}"),
        })
    }
}

/// An end of a range.
struct End {
    value: f64,
    shown: String,
}

impl End {
    /// Makes an end without a bound.
    fn open(written: &str, value: f64) -> Self {
        Self {
            value,
            shown: written.to_owned(),
        }
    }

    /// Reads a number and its unit. `name` is the column's name, as the user wrote it.
    fn value(text: &str, column: &Column, name: &str) -> Result<Self, LimitError> {
        let (digits, unit) = units::split(text);
        let unit = match unit {
            "" => own_unit(column, name),
            unit => unit,
        };
        let dimension = column.quantity.dimension();
        let amount = number(OsStr::new(digits));
        let value = amount.and_then(|amount| in_base_unit(amount, unit, dimension));
        let value = value.filter(|value| value.is_finite() && *value >= 0.0);
        Ok(Self {
            value: value.ok_or_else(|| LimitError::Number {
                number: text.to_owned(),
                column: name.to_owned(),
                dimension,
            })?,
            shown: format!("{digits}{unit}"),
        })
    }
}

/// Returns the unit of a column's numbers. The name tells kilobytes from megabytes.
fn own_unit(column: &Column, name: &str) -> &'static str {
    match column.quantity.dimension() {
        Dimension::Time => "ms",
        Dimension::Bytes if name != column.name => "M",
        Dimension::Bytes => "k",
        Dimension::Requests => "",
        Dimension::Percentage => "%",
    }
}

/// Converts an amount into milliseconds, bytes or requests; `None` if the unit does not suit.
fn in_base_unit(amount: f64, unit: &str, dimension: Dimension) -> Option<f64> {
    match dimension {
        Dimension::Time => {
            let (_, nanoseconds) = TIMES.into_iter().find(|(name, _)| *name == unit)?;
            // Columns divide whole nanoseconds, too, so a value that is equal to its limit compares as equal.
            Some((amount * nanoseconds).round() / NS_PER_MS)
        }
        Dimension::Bytes => {
            let shift = match unit {
                "k" | "K" => 10,
                "M" => 20,
                "G" => 30,
                "T" => 40,
                _ => return None,
            };
            Some(amount * (1_u64 << shift) as f64)
        }
        Dimension::Requests => unit.is_empty().then_some(amount),
        Dimension::Percentage => matches!(unit, "" | "%").then_some(amount),
    }
}

/// Returns the column with the most similar name.
fn near(wanted: &str) -> Option<&'static str> {
    let names = COLUMNS.iter().map(|column| column.name);
    nearest(wanted, names).map(|(_, name)| name)
}
