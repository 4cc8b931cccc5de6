// SPDX-License-Identifier: GPL-2.0

//! The words of the command line, as clap reads them.
//!
//! [`Arguments`] and [`Command`] are the whole command line, and become an [`Invocation`]. Each other file has
//! the arguments of some commands, and converts them into the options that those commands define: [`reports`]
//! and their [`columns`], [`recordings`], [`check`], [`attach`] and [`export`]. `operands` reads
//! intervals.

pub mod attach;
pub mod check;
pub mod columns;
pub mod export;
mod operands;
pub mod recordings;
pub mod reports;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::arguments::attach::Attach;
use crate::cli::arguments::check::Check;
use crate::cli::arguments::columns::Table;
use crate::cli::arguments::export::Export;
use crate::cli::arguments::recordings::{Heatmap, Record, Recorded, Report};
use crate::cli::arguments::reports::{Hist, Reports, Top};
use crate::cli::complete;
use crate::cli::invocation::{self, Invocation};
use crate::cli::notes::{CHECK, KEYS, METRICS, NOTES};
use crate::commands::report;
use crate::model::measurement::Measurement;
use crate::record::player::Request;

/// Show rates, sizes and latencies of the requests to dmp devices
///
/// The first report covers the time since the last reset of a device, each later report the interval since
/// the report before.
#[derive(Debug, Parser)]
#[command(
    name = "dmpstat",
    version,
    disable_help_flag = true,
    args_conflicts_with_subcommands = true,
    override_usage = "dmpstat [OPTIONS] [DEVICE...] [INTERVAL [COUNT]]\n       dmpstat COMMAND",
    after_long_help = NOTES
)]
pub struct Arguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub reports: Reports,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub table: Table,
    /// Print help
    #[arg(long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The command; without one the table is shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands besides the table.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show histograms of the sizes, latencies or distances of requests
    #[command(
        override_usage = "dmpstat hist [OPTIONS] size|latency|seek [DEVICE...] [INTERVAL [COUNT]]"
    )]
    Hist(Hist),
    /// Show heatmaps of a recording: the sizes, latencies or distances of requests over time
    ///
    /// A column is a part of the time, a row a bucket of the histogram, and a colour the number of requests, by
    /// its logarithm. Without a terminal that has colours and UTF-8, characters of ASCII take the place of
    /// colours. "!" marks columns with failed requests, or in which counting restarted.
    #[command(override_usage = "dmpstat heatmap [OPTIONS] size|latency|seek FILE|DIR [DEVICE...]")]
    Heatmap(Heatmap),
    /// Show the table and a chosen device's histogram on the whole screen
    #[command(
        override_usage = "dmpstat top [OPTIONS] [DEVICE...] [INTERVAL [COUNT]]",
        after_long_help = KEYS
    )]
    Top(Top),
    /// Record samples of the devices over time, which other commands read in place of the machine
    ///
    /// A block of samples is written each minute, and at the end. A file can be cut off or damaged anywhere: all
    /// other blocks stay readable. Recorded numbers are exact, so a report of a recording equals that of the
    /// machine. 20 busy volumes take at most 50 MB a day.
    ///
    /// SIGTERM or ^C ends the recording. If the disk is full, blocks wait in memory, and dmpstat says so once.
    Record(Record),
    /// Write a page of a recording: pictures and percentiles of each device, for mail and tickets
    ///
    /// The page is one file of HTML that needs no network: heatmaps of latency and size over time, lines of
    /// requests, throughput and percentiles, and tables of all numbers. It has at most 1,200 columns of time.
    #[command(override_usage = "dmpstat report [OPTIONS] FILE|DIR [DEVICE...]")]
    Report(Report),
    /// Compare columns with limits, for Nagios, Icinga, Zabbix and Checkmk
    ///
    /// A call covers the interval since the last call with the same options. It prints a line with performance
    /// data, and exits with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN).
    #[command(after_long_help = CHECK)]
    Check(Check),
    /// Show all counters of a device in words
    Show {
        #[command(flatten)]
        #[allow(missing_docs)]
        recorded: Recorded,
        /// Devices: names, VG/LV, paths, dm-N or patterns
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Count the requests of running volumes (root only)
    ///
    /// Each linear line of the volume's table becomes a dmp line, which does the same and counts. The table
    /// of a thin or striped volume moves to a hidden device, and a dmp line on top takes its place. No
    /// request is lost, and nothing has to be unmounted. After a failure the volume runs as before.
    ///
    /// LVM writes its own table when it changes a volume, and counting ends. Volumes listed in
    /// /etc/dmp/attach.conf are attached again automatically; --keep lists a volume there.
    Attach(Attach),
    /// Stop counting the requests of attached volumes (root only)
    ///
    /// Each dmp line becomes a linear line, and the counters are lost. A volume listed in
    /// /etc/dmp/attach.conf stays detached until its device is created again.
    Detach {
        /// Volumes: names, VG/LV, paths, dm-N or patterns
        #[arg(required = true, value_name = "VOLUME", add = complete::devices())]
        volumes: Vec<OsString>,
    },
    /// Show the attached and listed volumes: state, time of the attach, number of repeated attaches
    Status,
    /// Restore a volume if dmpstat dies during the exchange of its table
    #[command(hide = true)]
    Guard,
    /// Reset the counters of devices to zero (root only)
    Reset {
        /// Devices: names, VG/LV, paths, dm-N or patterns
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Switch the measuring of latency on or off (root only)
    Latency {
        /// The new position of the switch
        #[arg(value_enum)]
        switch: Switch,
        /// Devices: names, VG/LV, paths, dm-N or patterns
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Switch measurements on or off (root only)
    ///
    /// A measurement costs nothing while it is off. Switching one off drops its counts, and leaves the others as
    /// they are. An attach, or an option of the table line, can switch it on from the start.
    Measure {
        /// Measurements, separated by commas: latency, pattern
        #[arg(value_name = "MEASUREMENT,...", value_parser = List::parse)]
        measurements: List,
        /// The new position of the switch
        #[arg(value_enum)]
        switch: Switch,
        /// Devices: names, VG/LV, paths, dm-N or patterns
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Write metrics for Prometheus to stdout or a file, or serve them by HTTP
    #[command(
        override_usage = "dmpstat export [OPTIONS] [DEVICE...]\n       \
            dmpstat export [OPTIONS] --textfile FILE [DEVICE...] [INTERVAL [COUNT]]\n       \
            dmpstat export [OPTIONS] --listen ADDRESS [DEVICE...]",
        after_long_help = METRICS
    )]
    Export(Export),
}

/// The position of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs)]
pub enum Switch {
    On,
    Off,
}

/// Measurements in one word.
#[derive(Clone, Debug)]
pub struct List(pub(crate) Vec<Measurement>);

impl List {
    /// Reads names that commas separate.
    fn parse(text: &str) -> Result<Self, String> {
        let names = Measurement::ALL.iter().map(|of| of.name());
        let measurement = |name: &str| {
            let found = Measurement::from_name(name.as_bytes());
            found.ok_or_else(|| {
                let names: Vec<&str> = names.clone().collect();
                format!(
                    "\"{name}\" is not a measurement: expected {}",
                    names.join(" or ")
                )
            })
        };
        text.split(',')
            .map(measurement)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Arguments {
    /// Converts the arguments into the options of the commands. Fails if the numbers after the devices are
    /// invalid.
    pub fn into_options(self) -> Result<Invocation, clap::Error> {
        self.options()
            .map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))
    }

    fn options(self) -> Result<Invocation, String> {
        let recording = match &self.command {
            None => self.reports.recorded.request(false),
            Some(command) => command.recording(),
        };
        let form = self.table.form();
        let columns = self.table.columns.options();
        let latencies = columns.asks_for_latencies();
        let (request, look) = self.reports.options(columns.sort, latencies)?;
        let report = report::Options {
            request,
            form,
            columns,
            counts: self.table.counts,
            look,
        };
        let command = self.command.map(Command::options).transpose()?;
        Ok(Invocation {
            report,
            command,
            recording,
        })
    }
}

impl Command {
    /// Returns the recording that the command reads.
    fn recording(&self) -> Option<Request> {
        match self {
            Self::Hist(hist) => hist.reports.recorded.request(false),
            Self::Top(top) => top.recorded.request(false),
            Self::Show { recorded, .. } => recorded.request(true),
            Self::Export(export) => export.recorded.request(true),
            _ => None,
        }
    }

    fn options(self) -> Result<invocation::Command, String> {
        Ok(match self {
            Self::Hist(hist) => invocation::Command::Hist(hist.options()?),
            Self::Top(top) => invocation::Command::Top(top.options()?),
            Self::Show { devices, .. } => invocation::Command::Show { devices },
            Self::Record(record) => invocation::Command::Record(record.options()),
            Self::Heatmap(heatmap) => invocation::Command::Heatmap(heatmap.options()),
            Self::Report(report) => invocation::Command::Report(report.options()),
            Self::Check(check) => invocation::Command::Check(check.options()),
            Self::Attach(attach) => invocation::Command::Attach(attach.options()),
            Self::Detach { volumes } => invocation::Command::Detach { volumes },
            Self::Status => invocation::Command::Status,
            Self::Guard => invocation::Command::Guard,
            Self::Reset { devices } => invocation::Command::Reset { devices },
            Self::Latency { switch, devices } => invocation::Command::Measure {
                measurements: vec![Measurement::Latency],
                on: switch == Switch::On,
                devices,
            },
            Self::Measure {
                measurements,
                switch,
                devices,
            } => invocation::Command::Measure {
                measurements: measurements.0,
                on: switch == Switch::On,
                devices,
            },
            Self::Export(export) => invocation::Command::Export(export.options()?),
        })
    }
}
