// SPDX-License-Identifier: GPL-2.0

//! The state of the screen: the devices, and the user's choices.

use std::ffi::OsString;

use jiff::Zoned;

use crate::clock::Repeat;
use crate::commands::groups::By;
use crate::commands::sampling::{Sample, Sampling};
use crate::commands::top::history::{History, Identity, identity};
use crate::error::Error;
use crate::format::columns::Columns;
use crate::format::table::Grid;
use crate::model::column::{COLUMNS, Column, Level};
use crate::model::interval::Interval;
use crate::model::measure::Measure;
use crate::model::snapshot::Snapshot;
use crate::source::devices::Devices;
use crate::source::lvm::logical_volume;

/// The options of the screen.
#[derive(Debug)]
pub struct Options {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// The interval and the number of reports.
    pub repeat: Option<Repeat>,
    /// The screen starts without idle devices.
    pub omit_idle: bool,
    /// The screen starts with dm-N instead of names.
    pub numbers: bool,
    /// The columns.
    pub columns: Columns,
    /// Devices are added up in these groups.
    pub by: Option<By>,
}

/// A device in the last sample.
pub struct Device {
    /// The device.
    pub snapshot: Snapshot,
    /// Its last interval.
    pub interval: Interval,
}

impl Device {
    /// Returns the device's title: its name, or dm-N.
    pub fn title(&self, numbers: bool) -> String {
        match numbers {
            true => self.snapshot.device.clone(),
            false => self.snapshot.shown_name(),
        }
    }

    /// Returns whether one of the device's names contains the filter, a text in lower case. The case of names
    /// is ignored.
    fn is_called(&self, filter: &str) -> bool {
        let volume = logical_volume(&self.snapshot.plain_name()).unwrap_or_default();
        let names = [
            self.snapshot.shown_name(),
            self.snapshot.device.clone(),
            String::from_utf8_lossy(&volume).into_owned(),
        ];
        let mut names = names.iter().map(|name| name.to_lowercase());
        names.any(|name| name.contains(filter))
    }
}

/// The state of the screen.
pub struct App {
    sampling: Sampling,
    by: Option<By>,
    /// The devices of the sample's groups.
    members: Vec<Snapshot>,
    columns: Columns,
    /// The columns' level when not all are shown.
    reduced: Level,
    pub(super) devices: Vec<Device>,
    pub(super) history: History,
    /// The error about missing devices.
    pub(super) problem: Option<Error>,
    /// The time of the last sample; empty before the first.
    pub(super) time: String,
    /// The last sample covers all time since the reset.
    pub(super) since_reset: bool,

    pub(super) grid: Grid,
    /// The level of the grid's columns, unless they were named.
    level: Level,
    pub(super) colours: bool,
    pub(super) omit_idle: bool,
    pub(super) numbers: bool,
    pub(super) sort: Option<&'static Column>,
    pub(super) reversed: bool,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) typing: bool,
    pub(super) help: bool,
    pub(super) details: bool,
    pub(super) measure: Measure,
    pub(super) since_reset_details: bool,
    pub(super) paused: bool,
    /// The next interval begins later than at the last sample.
    is_rebased: bool,

    /// The chosen device, and its place among the shown devices.
    chosen: Option<Identity>,
    place: usize,
    /// The part of the devices and columns that the last frame showed.
    pub(super) first_row: usize,
    pub(super) rows: usize,
    pub(super) first_column: usize,
    pub(super) name_width: usize,
    /// Number of columns without room on the screen.
    pub(super) hidden: usize,
}

impl App {
    /// Returns the state at the start.
    pub fn new(options: &Options, colours: bool) -> Self {
        let columns = options.columns.clone();
        Self {
            sampling: Sampling::new(&options.devices, true),
            by: options.by.clone(),
            members: Vec::new(),
            grid: Grid::new(columns.chosen(columns.level), &columns),
            level: columns.level,
            reduced: columns.level.min(Level::Default),
            sort: columns.sort,
            columns,
            devices: Vec::new(),
            history: History::default(),
            problem: None,
            time: String::new(),
            since_reset: true,
            colours,
            omit_idle: options.omit_idle,
            numbers: options.numbers,
            reversed: false,
            filter: String::new(),
            typing: false,
            help: false,
            details: true,
            measure: Measure::Latency,
            since_reset_details: false,
            paused: false,
            is_rebased: false,
            chosen: None,
            place: 0,
            first_row: 0,
            rows: 1,
            first_column: 0,
            name_width: 0,
            hidden: 0,
        }
    }

    /// Begins the next interval now, instead of at the last sample.
    pub fn rebase(&mut self, source: &dyn Devices) -> Result<(), Error> {
        let Sample { devices, .. } = self.sampling.sample(source)?;
        self.sampling.keep(devices);
        self.is_rebased = true;
        Ok(())
    }

    /// Takes the next sample. Only the first one can fail.
    pub fn sample(&mut self, source: &dyn Devices, now: &Zoned) -> Result<(), Error> {
        if !self.time.is_empty() && !std::mem::take(&mut self.is_rebased) {
            let before = match self.by {
                Some(_) => std::mem::take(&mut self.members),
                None => self
                    .devices
                    .drain(..)
                    .map(|device| device.snapshot)
                    .collect(),
            };
            self.sampling.keep(before);
        }
        self.time = now.strftime("%H:%M:%S").to_string();
        self.since_reset = self.sampling.is_first();
        let Sample { devices, problems } = self.sampling.sample(source)?;
        let interval = |snapshot: &Snapshot| self.sampling.interval(snapshot);
        self.devices = match &self.by {
            None => devices
                .into_iter()
                .map(|snapshot| Device {
                    interval: interval(&snapshot),
                    snapshot,
                })
                .collect(),
            Some(by) => {
                let rows = by.rows(&devices, interval).into_iter();
                self.members = devices;
                rows.map(|(snapshot, interval)| Device { snapshot, interval })
                    .collect()
            }
        };
        self.problem = problems.into_iter().next();
        if !self.since_reset {
            let devices = self.devices.iter();
            self.history
                .add(devices.map(|device| (&device.snapshot, &device.interval)));
        }
        Ok(())
    }

    /// Returns the shown devices in their order, as places in the sample.
    pub fn shown(&self) -> Vec<usize> {
        let filter = self.filter.to_lowercase();
        let wanted = |at: &usize| {
            let device = &self.devices[*at];
            let called = filter.is_empty() || device.is_called(&filter);
            called && !(self.omit_idle && device.interval.is_idle())
        };
        let mut shown: Vec<usize> = (0..self.devices.len()).filter(wanted).collect();
        if let Some(column) = self.sort {
            let interval = |at: &usize| &self.devices[*at].interval;
            shown.sort_by(|one, other| column.most_first(interval(one), interval(other)));
        }
        if self.reversed {
            shown.reverse();
        }
        shown
    }

    /// Returns the place of the chosen device among the shown ones. If the chosen device was removed, chooses
    /// the device that is now at its place.
    pub fn place(&mut self, shown: &[usize]) -> usize {
        let of = |at: &usize| identity(&self.devices[*at].snapshot);
        let found = shown.iter().position(|at| Some(of(at)) == self.chosen);
        self.place = found.unwrap_or(self.place.min(shown.len().saturating_sub(1)));
        self.chosen = shown.get(self.place).map(of);
        self.place
    }

    /// Chooses another device, `by` places away.
    pub(super) fn go(&mut self, by: isize) {
        let shown = self.shown();
        let last = shown.len().saturating_sub(1);
        let place = self.place(&shown).saturating_add_signed(by).min(last);
        let device = shown.get(place).map(|at| &self.devices[*at].snapshot);
        self.chosen = device.map(identity);
        self.place = place;
    }

    /// Sorts by the next column to the left or right. Left of the first column is the order of the devices'
    /// numbers.
    pub(super) fn sort_by_next(&mut self, left: bool) {
        let columns = &self.grid.columns;
        let at = self
            .sort
            .and_then(|sort| columns.iter().position(|column| *column == sort));
        let next = match (at, left) {
            (None, true) => None,
            (None, false) => Some(0),
            (Some(at), true) => at.checked_sub(1),
            (Some(at), false) => Some((at + 1).min(columns.len() - 1)),
        };
        self.sort = next.map(|at| columns[at]);
        self.choose_first();
    }

    /// Reverses the order.
    /// Returns whether a device counts the distances of its requests.
    pub(super) fn measures_pattern(&self) -> bool {
        let mut devices = self.devices.iter();
        devices.any(|device| device.snapshot.pattern_since.is_some())
    }

    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.choose_first();
    }

    /// Chooses the first device, because the interesting rows are there after a sort.
    fn choose_first(&mut self) {
        self.go(isize::MIN);
    }

    /// Toggles between all columns and the requested ones.
    pub(super) fn toggle_columns(&mut self) {
        self.columns.level = match self.columns.level {
            Level::Extended => self.reduced,
            _ => Level::Extended,
        };
        self.set_level(self.columns.level);
    }

    /// Leaves out columns on a screen that is too narrow for the default ones.
    pub(super) fn fit(&mut self, width: usize) {
        if !self.columns.may_shorten() {
            return;
        }
        let default = Grid::new(self.columns.chosen(Level::Default), &self.columns);
        let is_too_wide = self.name_width + default.width() > width;
        let level = if is_too_wide {
            Level::Short
        } else {
            Level::Default
        };
        if level != self.level {
            self.set_level(level);
        }
    }

    fn set_level(&mut self, level: Level) {
        self.level = level;
        // `Columns::chosen` would return the named columns only.
        let chosen = match level {
            Level::Extended => COLUMNS.iter().collect(),
            level => self.columns.chosen(level),
        };
        self.grid = Grid::new(chosen, &self.columns);
        self.first_column = 0;
    }

    /// Pauses sampling.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Forgets the numbers of earlier intervals, because they are later than the next one.
    pub fn forget_history(&mut self) {
        self.history = History::default();
    }

    /// Returns whether sampling is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }
}
