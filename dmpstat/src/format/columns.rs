// SPDX-License-Identifier: GPL-2.0

//! The choice of columns, their order and their units.

use crate::model::column::{COLUMNS, Column, Level, Unit};

/// The columns, their order and their units.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The columns that were named; empty for those of the level.
    pub named: Vec<&'static Column>,
    /// The level that was asked for.
    pub level: Level,
    /// The column by which devices are sorted, the largest numbers first.
    pub sort: Option<&'static Column>,
    /// The unit of amounts.
    pub unit: Unit,
    /// Amounts are in the unit that suits each.
    pub human: bool,
}

impl Columns {
    /// Returns the columns that were named, or those of a level.
    pub fn chosen(&self, level: Level) -> Vec<&'static Column> {
        match self.named.as_slice() {
            [] => COLUMNS
                .iter()
                .filter(|column| column.level <= level)
                .collect(),
            columns => columns.to_vec(),
        }
    }

    /// Returns the columns of the forms for programs: all, if none were chosen.
    pub fn for_programs(&self) -> Vec<&'static Column> {
        self.chosen(match self.level {
            Level::Usual => Level::Extended,
            level => level,
        })
    }

    /// Tells if columns may be left out when there is no room for all.
    pub fn may_shorten(&self) -> bool {
        self.named.is_empty() && self.level == Level::Usual
    }

    /// Tells if one of the named columns needs latencies.
    pub fn asks_for_latencies(&self) -> bool {
        self.named
            .iter()
            .chain(&self.sort)
            .any(|column| column.quantity.is_of_latencies())
    }
}
