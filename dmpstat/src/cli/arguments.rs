// SPDX-License-Identifier: GPL-2.0

//! The words of the command line, as clap reads them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueHint};

use crate::attach;
use crate::attach::request::{Options, Shown};
use crate::cli::complete;
use crate::cli::invocation::{self, Invocation};
use crate::cli::notes::{CHECK, KEYS, METRICS, NOTES};
use crate::clock::Repeat;
use crate::commands::check::limit::{Limit, LimitError};
use crate::commands::export::address::Address;
use crate::commands::export::exporter;
use crate::commands::export::series::{self, Series};
use crate::commands::groups::By;
use crate::commands::record;
use crate::commands::report::{self, Form};
use crate::commands::sampling;
use crate::commands::top::app;
use crate::commands::{check, heatmap, hist, page};
use crate::format::columns;
use crate::format::report::Look;
use crate::model::column::{COLUMNS, Column, Level, Unit};
use crate::model::escape;
use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::model::units::number;
use crate::record::days::Limits;
use crate::record::player::Request;
use crate::record::when::When;

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
    /// Show histograms of the sizes or latencies of requests
    #[command(
        override_usage = "dmpstat hist [OPTIONS] size|latency [DEVICE...] [INTERVAL [COUNT]]"
    )]
    Hist(Hist),
    /// Show heatmaps of a recording: the sizes or latencies of requests over time
    ///
    /// A column is a part of the time, a row a bucket of the histogram, and a colour the number of requests, by
    /// its logarithm. Without a terminal that has colours and UTF-8, characters of ASCII take the place of
    /// colours. "!" marks columns with failed requests, or in which counting restarted.
    #[command(override_usage = "dmpstat heatmap [OPTIONS] size|latency FILE|DIR [DEVICE...]")]
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
    /// Write metrics for Prometheus to stdout or a file, or serve them by HTTP
    #[command(
        override_usage = "dmpstat export [OPTIONS] [DEVICE...]\n       \
            dmpstat export [OPTIONS] --textfile FILE [DEVICE...] [INTERVAL [COUNT]]\n       \
            dmpstat export [OPTIONS] --listen ADDRESS [DEVICE...]",
        after_long_help = METRICS
    )]
    Export(Export),
}

/// The volumes to attach, and the way.
#[derive(Debug, clap::Args)]
pub struct Attach {
    /// Linear, thin or striped volumes: names, VG/LV, paths, dm-N or patterns
    #[arg(
        value_name = "VOLUME",
        add = complete::volumes(),
        required_unless_present_any = ["all", "queue", "queued"],
        conflicts_with_all = ["all", "queue", "queued"]
    )]
    pub volumes: Vec<OsString>,
    /// Leave latency unmeasured: a request costs 24 instructions instead of 93
    #[arg(long)]
    pub no_latency: bool,
    /// Measure latency (the default)
    #[arg(long, hide = true, conflicts_with = "no_latency")]
    pub latency: bool,
    /// Pass flushes on uncounted, as dm-linear does
    #[arg(long)]
    pub flush_bypass: bool,
    /// Show this target in "dmsetup table". The default is linear for volumes of LVM, because LVM compares
    /// the table with its own, and dmp for all others
    #[arg(long = "as", value_name = "TARGET", value_enum)]
    pub shown: Option<TableName>,
    /// List the volumes in /etc/dmp/attach.conf, to attach them again after each activation and each change
    /// by LVM
    #[arg(long, conflicts_with_all = ["dry_run", "all"])]
    pub keep: bool,
    /// Print the tables without changing anything
    #[arg(long)]
    pub dry_run: bool,
    /// Attach all volumes listed in /etc/dmp/attach.conf, with the options there
    #[arg(long, conflicts_with_all = ["no_latency", "latency", "flush_bypass", "shown"])]
    pub all: bool,
    /// For udev's rule: queue dm-N for dmp-attach.service if /etc/dmp/attach.conf lists the device and dmp
    /// does not count it
    #[arg(long, value_name = "DEVICE", hide_short_help = true)]
    pub queue: Option<String>,
    /// For dmp-attach.service: attach the volumes queued in /run/dmp/queue
    #[arg(long, hide_short_help = true)]
    pub queued: bool,
}

/// The target's name in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs)]
pub enum TableName {
    Dmp,
    Linear,
}

/// The position of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs)]
pub enum Switch {
    On,
    Off,
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

/// Heatmaps of a recording.
#[derive(Debug, clap::Args)]
pub struct Heatmap {
    /// Property of requests
    #[arg(value_enum)]
    what: Measure,
    #[command(flatten)]
    #[allow(missing_docs)]
    part: Part,
}

/// The devices of a recording, and a part of its time.
#[derive(Debug, clap::Args)]
pub struct Part {
    /// The recording of "dmpstat record"
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    file: PathBuf,
    /// Devices: names, VG/LV, paths, dm-N or patterns; without any, all devices of the recording
    #[arg(value_name = "DEVICE")]
    devices: Vec<OsString>,
    #[command(flatten)]
    #[allow(missing_docs)]
    times: Times,
}

/// A recording.
#[derive(Debug, clap::Args)]
pub struct Record {
    /// Devices: names, VG/LV, paths, dm-N or patterns; without any, all devices
    #[arg(value_name = "DEVICE", add = complete::devices())]
    devices: Vec<OsString>,
    /// The time between two samples, in seconds
    #[arg(
        short = 'i',
        long,
        value_name = "SECONDS",
        default_value = "1",
        overrides_with = "interval",
        value_parser = seconds
    )]
    interval: Duration,
    /// The file, or the directory of day files: a directory, or a name with a slash at its end. An existing
    /// file is continued
    #[arg(
        short = 'o',
        long,
        value_name = "FILE|DIR",
        default_value = record::DIRECTORY,
        overrides_with = "output",
        value_hint = ValueHint::AnyPath
    )]
    output: PathBuf,
    /// Keep the last DAYS day files, and delete older ones. Days without a recording do not count
    #[arg(
        long,
        value_name = "DAYS",
        overrides_with = "keep",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    keep: Option<u32>,
    /// Delete the oldest day files, and then the oldest blocks, so that all take at most SIZE: bytes, or a
    /// number with K, M, G or T
    #[arg(long, value_name = "SIZE", overrides_with = "max_size", value_parser = record::size)]
    max_size: Option<u64>,
}

/// A page of a recording.
#[derive(Debug, clap::Args)]
pub struct Report {
    #[command(flatten)]
    #[allow(missing_docs)]
    part: Part,
    /// Write the page into this file, in one step. Without it the page goes to standard output
    #[arg(
        short = 'o',
        long,
        value_name = "PAGE",
        overrides_with = "output",
        value_hint = ValueHint::FilePath
    )]
    output: Option<PathBuf>,
    /// Compare with another recording
    #[arg(
        long,
        value_name = "FILE|DIR",
        overrides_with = "compare",
        value_hint = ValueHint::AnyPath
    )]
    compare: Option<PathBuf>,
    /// Compare with the time between FROM and TO, of the same recording or that of --compare
    #[arg(long, value_names = ["FROM", "TO"], overrides_with = "compare_range")]
    compare_range: Vec<When>,
}

/// A check of limits.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Devices: names, VG/LV, paths, dm-N or patterns; without any, all devices
    #[arg(value_name = "DEVICE", add = complete::devices())]
    devices: Vec<OsString>,
    /// Exit with 1 if a column's number is above LIMIT: r_p99=20ms,errs=0. Times take ns, us, ms or s, and
    /// amounts K, M, G or T; without a unit, LIMIT is in the column's own unit
    #[arg(short = 'w', long, value_name = "COLUMN=LIMIT", value_delimiter = ',', value_parser = limit, add = complete::limits())]
    warning: Vec<Option<Limit>>,
    /// Exit with 2 if a column's number is above LIMIT
    #[arg(short = 'c', long, value_name = "COLUMN=LIMIT", value_delimiter = ',', value_parser = limit, add = complete::limits())]
    critical: Vec<Option<Limit>>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub grouping: Grouping,
    /// Keep the counters of the last call in this file, instead of one in /run/dmpstat or
    /// $XDG_RUNTIME_DIR/dmpstat whose name follows from the other options
    #[arg(
        long,
        value_name = "FILE",
        overrides_with = "state",
        value_hint = ValueHint::FilePath
    )]
    state: Option<PathBuf>,
}

/// Groups of devices.
#[derive(Debug, clap::Args)]
pub struct Grouping {
    /// Add up the devices of each volume group (vg), or those with the same match of a regular expression in
    /// their names: of its first group, or of all of it
    #[arg(long, value_name = "vg|REGEX", value_parser = By::parse)]
    by: Option<By>,
}

/// A part of a recording's time. The recording is the argument `file`.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct Times {
    /// Begin at this time of the recording: HH:MM[:SS] on its last day, "YYYY-MM-DD HH:MM", or RFC 3339
    #[arg(long, value_name = "TIME", requires = "file")]
    from: Option<When>,
    /// End at this time of the recording
    #[arg(long, value_name = "TIME", requires = "file")]
    to: Option<When>,
}

/// A recording in place of the machine.
#[derive(Debug, clap::Args)]
pub struct Recorded {
    /// Read a recording of "dmpstat record" in place of the machine. Without INTERVAL, reports show all its
    /// samples
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    file: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    times: Times,
}

/// Metrics for Prometheus.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub recorded: Recorded,
    /// Devices: names, VG/LV, paths, dm-N or patterns. With --textfile, INTERVAL is the number of seconds
    /// between two writes, and COUNT the number of writes
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Write the metrics into this file, in one step, for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "listen")]
    pub textfile: Option<PathBuf>,
    /// Serve the metrics by HTTP on HOST:PORT, or on PORT for this machine only. Sockets from systemd replace
    /// ADDRESS; a note on stderr tells if their address differs
    #[arg(long, value_name = "ADDRESS", overrides_with = "listen")]
    pub listen: Option<Address>,
    /// Write the metrics of these operations only, even before their first request
    #[arg(long, value_name = "OPERATION", value_delimiter = ',', value_enum)]
    operations: Vec<Operation>,
    /// Write all metrics of all operations, with all bounds of the module's histograms
    #[arg(long)]
    full: bool,
    /// Write the time at which each counter and histogram began (_created), in OpenMetrics
    #[arg(long)]
    created: bool,
    /// Keep the bucket bounds 2^N, 2^2N and so on: 1 keeps all, 0 keeps none
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(..=8))]
    buckets: u32,
    /// Bounds of durations, from the module's: seconds, or with ns, us, ms or s
    #[arg(long, value_name = "BOUND", value_delimiter = ',', value_parser = series::duration_bound)]
    duration_buckets: Vec<u64>,
    /// Bounds of sizes, from the module's: bytes, or with K, M or G
    #[arg(long, value_name = "BOUND", value_delimiter = ',', value_parser = series::size_bound)]
    size_buckets: Vec<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub grouping: Grouping,
}

impl clap::ValueEnum for Operation {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl clap::ValueEnum for Measure {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Size, Self::Latency]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Size => "Sizes of requests",
            Self::Latency => "Latencies of requests",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

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

/// The longest interval, in seconds: longer than any useful interval, and within the range of the clocks.
const LONGEST: f64 = 1e9;

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
            Self::Latency { switch, devices } => invocation::Command::Latency {
                on: switch == Switch::On,
                devices,
            },
            Self::Export(export) => invocation::Command::Export(export.options()?),
        })
    }
}

impl Reports {
    fn options(
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

impl Columns {
    fn options(self) -> columns::Columns {
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

impl Table {
    fn form(&self) -> Form {
        match (self.json, self.sysstat, self.csv) {
            (true, ..) => Form::JsonLines,
            (_, true, _) => Form::Sysstat,
            (.., true) => Form::Csv,
            _ => Form::Table,
        }
    }
}

impl Hist {
    fn options(self) -> Result<hist::Options, String> {
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
    fn options(self) -> Result<app::Options, String> {
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

impl Record {
    fn options(self) -> record::Options {
        record::Options {
            devices: self.devices,
            interval: self.interval,
            output: self.output,
            limits: Limits {
                days: self.keep.map(|days| days as usize),
                size: self.max_size,
            },
        }
    }
}

impl Report {
    fn options(self) -> page::Options {
        let range = match self.compare_range[..] {
            [from, to] => Some((from, to)),
            _ => None,
        };
        let is_compared = range.is_some() || self.compare.is_some();
        let file = self.part.file.clone();
        let other = is_compared.then(|| Request {
            path: self.compare.unwrap_or(file),
            from: range.map(|(from, _)| from),
            to: range.map(|(_, to)| to),
            last: false,
        });
        let (recording, devices) = self.part.options();
        page::Options {
            devices,
            recording,
            other,
            output: self.output,
        }
    }
}

impl Check {
    fn options(self) -> check::Options {
        check::Options {
            devices: self.devices,
            by: self.grouping.by,
            warning: self.warning.into_iter().flatten().collect(),
            critical: self.critical.into_iter().flatten().collect(),
            state: self.state,
        }
    }
}

impl Heatmap {
    fn options(self) -> heatmap::Options {
        let (recording, devices) = self.part.options();
        heatmap::Options {
            what: self.what,
            recording,
            devices,
        }
    }
}

impl Part {
    /// Returns the request for the recording, and the devices.
    fn options(self) -> (Request, Vec<OsString>) {
        let request = Request {
            path: self.file,
            from: self.times.from,
            to: self.times.to,
            last: false,
        };
        (request, self.devices)
    }
}

impl Recorded {
    /// Returns the request for the recording; with `last`, for its last sample.
    fn request(&self, last: bool) -> Option<Request> {
        let path = self.file.clone()?;
        Some(Request {
            path,
            from: self.times.from,
            to: self.times.to,
            last,
        })
    }
}

impl Attach {
    fn options(self) -> attach::request::Request {
        attach::request::Request {
            volumes: self.volumes,
            options: Options {
                latency: !self.no_latency,
                flush_bypass: self.flush_bypass,
                shown: match self.shown {
                    None => Shown::Auto,
                    Some(TableName::Dmp) => Shown::Dmp,
                    Some(TableName::Linear) => Shown::Linear,
                },
            },
            keep: self.keep,
            dry_run: self.dry_run,
            all: self.all,
            queue: self.queue,
            queued: self.queued,
        }
    }
}

impl Export {
    fn options(self) -> Result<exporter::Options, String> {
        let (devices, repeat) = split(self.operands)?;
        if repeat.is_some() && self.textfile.is_none() {
            return Err("INTERVAL needs a file: name one with --textfile".to_owned());
        }
        if self.recorded.file.is_some() && (repeat.is_some() || self.listen.is_some()) {
            return Err("a recording is exported once, without INTERVAL and --listen".to_owned());
        }
        Ok(exporter::Options {
            devices,
            repeat,
            series: Series {
                operations: self.operations,
                full: self.full,
                created: self.created,
                durations: self.duration_buckets,
                sizes: self.size_buckets,
                thinning: self.buckets,
            },
            by: self.grouping.by,
            textfile: self.textfile,
            listen: self.listen,
        })
    }
}

/// Reads an interval in seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    interval(OsStr::new(text))
        .ok_or_else(|| format!("expected seconds, more than 0 and at most {LONGEST}"))
}

fn interval(word: &OsStr) -> Option<Duration> {
    let seconds = number(word).filter(|seconds| *seconds <= LONGEST)?;
    let interval = Duration::try_from_secs_f64(seconds).ok();
    interval.filter(|interval| !interval.is_zero())
}

/// Splits operands into devices and the numbers after them. A device whose name is a number can be written in
/// another form, such as /dev/mapper/NAME.
fn split(mut operands: Vec<OsString>) -> Result<(Vec<OsString>, Option<Repeat>), String> {
    let numbers = operands.iter().rev().map_while(|word| number(word));
    let numbers = numbers.take(2).count();
    let behind = operands.split_off(operands.len() - numbers);
    let Some(word) = behind.first() else {
        return Ok((operands, None));
    };
    let interval = interval(word).ok_or_else(|| {
        format!(
            "invalid INTERVAL {}: expected seconds, more than 0 and at most {LONGEST}",
            shown(word)
        )
    })?;
    let count = match behind.get(1) {
        None => None,
        Some(count) => match count.to_str().and_then(|count| count.parse().ok()) {
            Some(0) | None => {
                return Err(format!(
                    "invalid COUNT {}: expected 1 or more",
                    shown(count)
                ));
            }
            count => count,
        },
    };
    Ok((operands, Some(Repeat { interval, count })))
}

fn shown(operand: &OsStr) -> String {
    escape::show(operand.as_bytes())
}

/// Reads a limit. A monitor passes on an argument that its user left empty.
fn limit(text: &str) -> Result<Option<Limit>, LimitError> {
    Some(text)
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
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
