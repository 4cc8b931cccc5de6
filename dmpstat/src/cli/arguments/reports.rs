// SPDX-License-Identifier: GPL-2.0

//! Arguments of reports: devices, groups and times, in tables, histograms and on the whole screen.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::PossibleValue;

use crate::cli::arguments::columns::Columns;
use crate::cli::arguments::operands::split;
use crate::cli::arguments::recordings::Recorded;
use crate::cli::complete;
use crate::clock::Repeat;
use crate::commands::groups::By;
use crate::commands::top::app;
use crate::commands::{hist, sampling};
use crate::format::report::Look;
use crate::model::column::Column;
use crate::model::measure::Measure;

/// The devices, and the times of reports.
#[derive(Debug, clap::Args)]
pub struct Reports {
    /// Devices: the name in dmsetup, VG/LV, /dev/mapper/NAME, /dev/VG/LV, dm-N, or a pattern such as 'vg-*';
    /// without any, all devices. INTERVAL is the number of seconds between two reports; without INTERVAL
    /// there is one report. COUNT is the number of reports; without COUNT, ^C ends them
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Leave out idle devices: no request in the interval, and none in flight
    #[arg(short = 'z', long)]
    pub omit_idle: bool,
    /// Show dm-N instead of names
    #[arg(short = 'N', long)]
    pub numbers: bool,
    /// Print the time of each report
    #[arg(short = 't', long)]
    pub timestamps: bool,
    /// Leave out the first report, which covers the time since the last reset
    #[arg(short = 'y', long)]
    pub omit_first: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub grouping: Grouping,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub recorded: Recorded,
}

/// Groups of devices.
#[derive(Debug, clap::Args)]
pub struct Grouping {
    /// Add up the devices of each volume group (vg), or those with the same match of a regular expression in
    /// their names: of its first group, or of all of it
    #[arg(long, value_name = "vg|REGEX", value_parser = By::parse)]
    pub(super) by: Option<By>,
}

/// A histogram of each device.
#[derive(Debug, clap::Args)]
pub struct Hist {
    /// Property of requests
    #[arg(value_enum)]
    pub what: Measure,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub reports: Reports,
    /// Write JSON, one line a report
    #[arg(short = 'j', long)]
    pub json: bool,
}

/// The whole screen: its devices, columns and times.
#[derive(Debug, clap::Args)]
pub struct Top {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub recorded: Recorded,
    /// Devices: names, VG/LV, paths, dm-N or patterns. INTERVAL is the number of seconds between two reports,
    /// and COUNT the number of reports; without COUNT, a key or a signal ends the program
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Start without idle devices
    #[arg(short = 'z', long)]
    pub omit_idle: bool,
    /// Start with dm-N instead of names
    #[arg(short = 'N', long)]
    pub numbers: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub grouping: Grouping,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub columns: Columns,
}

impl clap::ValueEnum for Measure {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Size, Self::Latency, Self::Seek]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Size => "Sizes of requests",
            Self::Latency => "Latencies of requests",
            Self::Seek => "Signed distances of reads and writes from earlier ones, in sectors",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl Reports {
    pub(super) fn options(
        self,
        sort: Option<&'static Column>,
        latencies: bool,
    ) -> Result<(sampling::Request, Look), String> {
        let (devices, repeat) = split(self.operands)?;
        // Without an interval, a recording is read sample by sample.
        let all = Repeat {
            interval: Duration::ZERO,
            count: None,
        };
        let repeat = repeat.or(self.recorded.file.is_some().then_some(all));
        let request = sampling::Request {
            devices,
            repeat,
            omit_idle: self.omit_idle,
            omit_first: self.omit_first,
            sort,
            latencies,
            by: self.grouping.by,
        };
        let look = Look {
            numbers: self.numbers,
            timestamps: self.timestamps,
        };
        Ok((request, look))
    }
}

impl Hist {
    pub(super) fn options(self) -> Result<hist::Options, String> {
        let (request, look) = self.reports.options(None, self.what == Measure::Latency)?;
        Ok(hist::Options {
            request,
            what: self.what,
            json: self.json,
            look,
        })
    }
}

impl Top {
    pub(super) fn options(self) -> Result<app::Options, String> {
        let (devices, repeat) = split(self.operands)?;
        Ok(app::Options {
            devices,
            repeat,
            omit_idle: self.omit_idle,
            numbers: self.numbers,
            columns: self.columns.options(),
            by: self.grouping.by,
        })
    }
}
