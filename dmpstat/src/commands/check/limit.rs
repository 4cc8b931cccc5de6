// SPDX-License-Identifier: GPL-2.0

//! Limits of columns: `r_p99=20ms`.

use std::ffi::OsStr;
use std::str::FromStr;

use crate::model::column::{COLUMNS, Column, Dimension};
use crate::model::likeness::nearest;
use crate::model::units::{self, NS_PER_MS, TIMES, number};

/// A limit: the highest value of a column that raises no alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The column.
    pub column: &'static Column,
    /// The value, in the unit of [`crate::model::column::Quantity::value`].
    pub value: f64,
    /// The number and its unit, as the user wrote them. The column's unit is added if there was none.
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
        "a limit of {} is the highest value without an alarm: a number of 0 or more{}",
        .0.name,
        units_of(.0.quantity.dimension())
    )]
    Value(&'static Column),
}

fn similar(near: &Option<&str>) -> String {
    match near {
        None => String::new(),
        Some(name) => format!(". A similar name: {name}"),
    }
}

fn units_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Time => ", in ns, us, ms or s",
        Dimension::Bytes => ", in K, M, G or T",
        Dimension::Requests => ", without a unit",
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Reads `COLUMN=LIMIT`.
    fn from_str(word: &str) -> Result<Self, LimitError> {
        let (name, limit) = word.split_once('=').ok_or(LimitError::Form)?;
        let column = Column::named(name).ok_or_else(|| LimitError::Column {
            wanted: name.to_owned(),
            near: near(name),
        })?;
        let (digits, unit) = units::split(limit);
        let unit = match unit {
            "" => own_unit(column, name),
            unit => unit,
        };
        let invalid = || LimitError::Value(column);
        let amount = number(OsStr::new(digits)).ok_or_else(invalid)?;
        let value = in_base_unit(amount, unit, column.quantity.dimension());
        Ok(Self {
            column,
            value: value
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(invalid)?,
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
    }
}

/// Returns the column with the most similar name.
fn near(wanted: &str) -> Option<&'static str> {
    let names = COLUMNS.iter().map(|column| column.name);
    nearest(wanted, names).map(|(_, name)| name)
}
