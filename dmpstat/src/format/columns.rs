// SPDX-License-Identifier: GPL-2.0

//! The choice of columns, their order and their units.

use crate::model::column::{COLUMNS, Column, Level, Unit};

/// The columns, their order and their units.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The named columns; empty for those of the level.
    pub named: Vec<&'static Column>,
    /// The requested level.
    pub level: Level,
    /// The column by which devices are sorted, the largest numbers first.
    pub sort: Option<&'static Column>,
    /// The unit of amounts.
    pub unit: Unit,
    /// Each amount has a suitable unit.
    pub human: bool,
}

impl Columns {
    /// Returns the named columns, or those of a level.
    pub fn chosen(&self, level: Level) -> Vec<&'static Column> {
        match self.named.as_slice() {
            [] => COLUMNS
                .iter()
                .filter(|column| column.level <= level)
                .collect(),
            columns => columns.to_vec(),
        }
    }

    /// Returns the columns for JSON and CSV: all, if none were named.
    pub fn for_programs(&self) -> Vec<&'static Column> {
        self.chosen(match self.level {
            Level::Default => Level::Extended,
            level => level,
        })
    }

    /// Returns whether columns may be left out when there is no room for all.
    pub fn may_shorten(&self) -> bool {
        self.named.is_empty() && self.level == Level::Default
    }

    /// Returns whether one of the named columns needs latencies.
    pub fn asks_for_latencies(&self) -> bool {
        self.named
            .iter()
            .chain(&self.sort)
            .any(|column| column.quantity.is_of_latencies())
    }
}
