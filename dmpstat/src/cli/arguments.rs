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
use crate::clock::Repeat;
use crate::commands::export::address::Address;
use crate::commands::export::exporter;
use crate::commands::export::metrics::Series;
use crate::commands::hist;
use crate::commands::report::{self, Form};
use crate::commands::sampling::Request;
use crate::commands::top::app;
use crate::format::columns;
use crate::format::report::Look;
use crate::model::column::{COLUMNS, Column, Level, Unit};
use crate::model::escape;
use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::model::units::number;

/// The notes of the manual.
pub const NOTES: &str = "\
Rates are by the clock of the counters: that dmpstat is late shows in no number. r/s and the like count \
requests where they arrive.

r_await and the like are the average duration of requests that ended, whether they succeeded or not; with a \
module that does not count the others, of successes only.

Percentiles are upper bounds: the bound of a histogram's bucket, or the slowest request if that is less. Each \
bound is twice the one before, so the true value is more than half of it, or anything below the first, 0.001 ms. \
They are rounded up to two digits. Percentiles and r_max are of successes. r_max is exact if the slowest \
request since the last reset ended in the interval, and an upper bound otherwise. Above the last bound, 69 s, \
percentiles are the slowest request since the last reset.

aqu-sz is exact: the nanoseconds that all measured requests were in flight in the interval, by its \
length, whether or not they have ended. If a disk hangs, aqu-sz is the number of requests in flight. \
iostat's counts a request where it ends, with all of its time: 0 while a disk hangs, and too much afterwards. \
So does dmpstat's with a module that does not measure ages. In a report since a reset, aqu-sz is \"-\" if \
requests that were in flight at the reset could change it by more than 0.005.

inflight is never less than the kernel's own count in /sys/block/dm-N/inflight, which is all that there is where \
latencies are not measured. r_age, w_age and so on are the mean age, in milliseconds, of the measured requests \
in flight at the interval's end, and age that of all operations; 0 with none in flight. With \"-S age\" the \
device that hangs is the first.

errs, r_err and so on are failed requests in the interval, in the first report since the last reset.

A \"-\" is what was not measured: latencies where \"dmpstat latency on\" has not been said, \
flushes where all lines have flush_bypass, percentiles without a request, rates of no time. Totals (aqu-sz, \
inflight, age, errs, err/s, again/s) are of the operations that are measured. Averages of no request are 0, as iostat's are.

Behind the numbers of a device stands why they are not of the whole interval, or not all there: \"new\" \
(the device was not there before, or another one was), \"reset\" (they are of the time since the \
reset), \"latency\" (latencies were switched, and their columns are of the time since they were last \
switched on; all others are of the whole interval). Then its state, and the row is red: \"hung\" (requests \
are in flight, and none has ended for a second or more), \"suspended\" (requests are deferred until the \
device is resumed, and the kernel counts none in flight).

Without an INTERVAL, each DEVICE must be there. With one, a DEVICE that is no pattern must be there at first; \
devices of a pattern, or any at all, may come later. After the first report nothing ends the program but its \
COUNT or a signal: a device or module that goes, or cannot be read, is told once and waited for.

A line of -j is an object with \"time\" and \"devices\", a list of objects. Each has \"device\", \"name\", \
\"uuid\", \"diskseq\", \"since\" and \"taken\" (nanoseconds since boot: of the last reset, and of the \
counters), \"anew\", which is the mark, \"state\" (running, hung or suspended), \"seconds\", the interval's, \
\"latency_seconds\", those in which latencies were measured, and each column by its name, in its unit. What is \
not measured is null. CSV has the same, and nothing in the place of null. --counts adds \"counts\": for each \
operation the interval's requests, bytes, errors, again, inflight, age_ns, latency_ns, latencies_count, \
latency_max_ns, rest_ns and rest, and the histograms sizes and latencies; in CSV without histograms, as \
OPERATION_requests and so on. All but inflight, age_ns and latency_max_ns can be added up over intervals.

A device whose name is a number or a command's is /dev/mapper/NAME.

^C ends it behind the report that is being written. The exit status is 0, 1 if something failed, 2 if the \
command line is wrong.";

/// The notes of the page about the full screen.
const KEYS: &str = "\
Keys: up, down, page up and down, home and end choose a device; left and right the column by which \
devices are sorted, r turns the order round. Space pauses. A slash filters by name: enter keeps the \
filter, escape drops it. Tab shows how large requests were in the place of how long they took, a those \
since the last reset in the place of the last interval's, and enter hides or shows all of that. z hides \
idle devices, n shows dm-N in the place of names, x shows all columns, ^L draws all anew. q \
and ^C end it. ? shows the keys.

Reports are a second apart if no INTERVAL is given. The sparklines are of the last 120.";

/// The notes of the page about metrics.
const METRICS: &str = "\
Of each operation of each volume: dmp_request_duration_seconds and dmp_request_size_bytes, which are \
histograms with the module's own bounds, dmp_requests_total, dmp_request_bytes_total, dmp_request_errors_total, \
dmp_request_retries_total, dmp_inflight_requests and dmp_inflight_age_seconds, which is the sum of the ages of those \
in flight. Their labels are name, uuid and operation.

Of each volume: dmp_volume_info has its device, its volume group and logical volume, and the exported volumes under it: \
a sum takes those whose stacked_on is empty, or it counts twice. There is a dmp_volume_underlying_info for each disk \
right under it, and dmp_volume_latency_enabled says whether latencies are measured.

Of the exporter: dmp_exporter_module_loaded, dmp_exporter_read_errors, dmp_exporter_scrape_duration_seconds and \
dmp_exporter_build_info; of a server also process_cpu_seconds_total, process_resident_memory_bytes and so on.

What is not measured has no series. With all bounds there are 62 of each operation of a volume, 37 with \
bounds four times the one before, 12 without bounds.

A name that no device has is an error at the start; a pattern waits for devices. A server, or a file with an INTERVAL, \
then goes on whatever is missing, also the module: each problem is told once on stderr, the metrics are those of all \
volumes that can be read, and the others come back by themselves.

A server ends at SIGTERM or ^C. It answers a request for /metrics in OpenMetrics or in the classic form of \
Prometheus, whichever is liked best, with gzip if that is taken; /-/healthy says that it runs. It takes 64 connections \
at once, and a minute for each; for one more, that which did nothing for the longest time is closed.";

/// Shows the requests that pass through dmp devices: rates, sizes and latencies.
///
/// The first report covers the time since the last reset of a device, each next report the interval before
/// it.
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
    /// Histograms of the sizes or latencies of requests
    #[command(
        override_usage = "dmpstat hist [OPTIONS] size|latency [DEVICE...] [INTERVAL [COUNT]]"
    )]
    Hist(Hist),
    /// The table and a chosen device's histogram on the whole screen
    #[command(
        override_usage = "dmpstat top [OPTIONS] [DEVICE...] [INTERVAL [COUNT]]",
        after_long_help = KEYS
    )]
    Top(Top),
    /// All counters of a device, in words
    Show {
        /// Devices, as of the table
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Count the requests of volumes while they run: root only
    ///
    /// Each linear line of the volume's table becomes a dmp line, which does the same and counts; the
    /// table of a thin or striped volume moves to a hidden device, and a dmp line over that takes its
    /// place. Nothing is lost, and nothing has to be unmounted. In every failure the volume runs on as
    /// before.
    ///
    /// LVM writes its own tables when it changes a volume, and then the counting ends: volumes that are
    /// listed in /etc/dmp/attach.conf are attached again by themselves, and --keep lists them.
    Attach(Attach),
    /// Stop counting the requests of attached volumes: root only
    ///
    /// Each dmp line becomes a linear line, and the counters go. A volume that /etc/dmp/attach.conf
    /// lists is not attached again by itself until it is made anew.
    Detach {
        /// Volumes, as devices of the table
        #[arg(required = true, value_name = "VOLUME", add = complete::devices())]
        volumes: Vec<OsString>,
    },
    /// State of each attached or listed volume: since when, and how often it was attached again
    Status,
    /// Brings a volume back if dmpstat dies while it exchanges a table
    #[command(hide = true)]
    Guard,
    /// Set the counters of devices to zero: root only
    Reset {
        /// Devices, as of the table
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Switch the measuring of latencies on or off: root only
    Latency {
        /// The position of the switch
        #[arg(value_enum)]
        switch: Switch,
        /// Devices, as of the table
        #[arg(required = true, value_name = "DEVICE", add = complete::devices())]
        devices: Vec<OsString>,
    },
    /// Metrics for Prometheus: on stdout, in a file or by HTTP
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
    /// Volumes, as devices of the table: linear, thin or striped ones
    #[arg(
        value_name = "VOLUME",
        add = complete::volumes(),
        required_unless_present_any = ["all", "queue", "queued"],
        conflicts_with_all = ["all", "queue", "queued"]
    )]
    pub volumes: Vec<OsString>,
    /// Measure no latencies: a request then costs 24 instructions in the place of 93
    #[arg(long)]
    pub no_latency: bool,
    /// Measure latencies, as without this option
    #[arg(long, hide = true, conflicts_with = "no_latency")]
    pub latency: bool,
    /// Have flushes go past the counters, as dm-linear passes them
    #[arg(long)]
    pub flush_bypass: bool,
    /// The target's name in "dmsetup table": without this option linear for LVM's volumes, because LVM
    /// compares it with its own, and dmp for all others
    #[arg(long = "as", value_name = "TARGET", value_enum)]
    pub shown: Option<TableName>,
    /// List the volumes in /etc/dmp/attach.conf, so that they are attached again whenever they come or
    /// LVM has changed them
    #[arg(long, conflicts_with_all = ["dry_run", "all"])]
    pub keep: bool,
    /// Print the tables, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// All volumes that /etc/dmp/attach.conf lists, with the options that it gives them
    #[arg(long, conflicts_with_all = ["no_latency", "latency", "flush_bypass", "shown"])]
    pub all: bool,
    /// For udev's rule: have dmp-attach.service attach dm-N, if /etc/dmp/attach.conf lists it and it is not
    /// attached
    #[arg(long, value_name = "DEVICE", hide_short_help = true)]
    pub queue: Option<String>,
    /// For dmp-attach.service: attach the volumes that udev's rule has put into /run/dmp/queue
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
    /// The property of requests
    #[arg(value_enum)]
    pub what: Measure,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub reports: Reports,
    /// JSON: one line a report
    #[arg(short = 'j', long)]
    pub json: bool,
}

/// Metrics for Prometheus.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Devices, as of the table. With --textfile, the seconds between two writes of the file may follow, and
    /// the number of writes.
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Write the metrics into this file, whole or not at all: for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "listen")]
    pub textfile: Option<PathBuf>,
    /// Serve the metrics by HTTP at HOST:PORT, or at PORT to this machine only. Sockets that systemd hands
    /// over are taken in the place of ADDRESS; if they have another address, a note on stderr says so
    #[arg(long, value_name = "ADDRESS", overrides_with = "listen")]
    pub listen: Option<Address>,
    /// Only metrics of these operations
    #[arg(long, value_name = "OPERATION", value_delimiter = ',', value_enum)]
    operations: Vec<Operation>,
    /// Bounds of buckets are each 2^N times the one before: 1 for all, 0 for none
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(..=8))]
    buckets: u32,
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
        let (name, help) = match self {
            Self::Size => ("size", "Sizes of requests"),
            Self::Latency => ("latency", "Latencies of requests"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// The devices, and the times of reports.
#[derive(Debug, clap::Args)]
pub struct Reports {
    /// Devices: the name that dmsetup has, VG/LV, /dev/mapper/NAME, /dev/VG/LV, dm-N, or a pattern such as
    /// 'vg-*'; all if none is given. Then the seconds between two reports, and the number of reports; without
    /// an INTERVAL one report, without a COUNT until ^C.
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Leave out idle devices: without any request in the interval, and none in flight
    #[arg(short = 'z', long)]
    pub omit_idle: bool,
    /// dm-N in the place of names
    #[arg(short = 'N', long)]
    pub numbers: bool,
    /// The time of each report
    #[arg(short = 't', long)]
    pub timestamps: bool,
    /// Leave out the first report, which covers the time before
    #[arg(short = 'y', long)]
    pub omit_first: bool,
}

/// The whole screen: its devices, columns and times.
#[derive(Debug, clap::Args)]
pub struct Top {
    /// Devices, the seconds between two reports, and the number of reports, as of the table; without a COUNT
    /// until a key or a signal ends the program.
    #[arg(value_name = "DEVICE|INTERVAL [COUNT]", add = complete::devices())]
    operands: Vec<OsString>,
    /// Begin without devices that are idle
    #[arg(short = 'z', long)]
    pub omit_idle: bool,
    /// Begin with dm-N in the place of names
    #[arg(short = 'N', long)]
    pub numbers: bool,
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
    /// JSON: one line a report, with all columns if none are chosen
    #[arg(short = 'j', long, group = "format", conflicts_with = "human")]
    pub json: bool,
    /// JSON as sysstat's "iostat -x -o JSON" writes it, with its keys and those of -j
    #[arg(short = 'J', long, group = "format", conflicts_with_all = ["columns", "human"])]
    pub sysstat: bool,
    /// CSV, with all columns if none are chosen
    #[arg(short = 'c', long, group = "format", conflicts_with = "human")]
    pub csv: bool,
    /// With -j or -c, also the counts of each operation, which can be added up over intervals; with -j the
    /// histograms as well
    #[arg(long, requires = "format", conflicts_with = "sysstat")]
    pub counts: bool,
}

/// The columns, their order and their units.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Columns {
    /// All columns
    #[arg(short = 'x', long, conflicts_with_all = ["columns", "short"])]
    pub extended: bool,
    /// Fewer columns, which fit 80 characters: the default on a terminal that is too narrow for more
    #[arg(short = 's', long, conflicts_with = "columns")]
    pub short: bool,
    /// These columns only, in this order
    #[arg(short = 'o', long, value_name = "COLUMN", value_delimiter = ',', value_parser = column())]
    pub columns: Vec<&'static Column>,
    /// Sort by this column, one of those of -o: the devices with the most come first
    #[arg(
        short = 'S',
        long,
        value_name = "COLUMN",
        value_parser = column(),
        hide_possible_values = true
    )]
    pub sort: Option<&'static Column>,
    /// Amounts in kilobytes: the default
    #[arg(short = 'k', long, group = "unit")]
    pub kilobytes: bool,
    /// Amounts in megabytes
    #[arg(short = 'm', long, group = "unit")]
    pub megabytes: bool,
    /// Amounts in the unit that suits each
    #[arg(short = 'h', long, group = "unit")]
    pub human: bool,
}

/// The longest interval, in seconds: more than anybody waits, and less than clocks can count.
const LONGEST: f64 = 1e9;

impl Arguments {
    /// Returns the options that the commands take. Fails if the numbers behind the devices are wrong.
    pub fn into_options(self) -> Result<Invocation, clap::Error> {
        self.options()
            .map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))
    }

    fn options(self) -> Result<Invocation, String> {
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
        Ok(Invocation { report, command })
    }
}

impl Command {
    fn options(self) -> Result<invocation::Command, String> {
        Ok(match self {
            Self::Hist(hist) => invocation::Command::Hist(hist.options()?),
            Self::Top(top) => invocation::Command::Top(top.options()?),
            Self::Show { devices } => invocation::Command::Show { devices },
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
    ) -> Result<(Request, Look), String> {
        let (devices, repeat) = split(self.operands)?;
        let request = Request {
            devices,
            repeat,
            omit_idle: self.omit_idle,
            omit_first: self.omit_first,
            sort,
            latencies,
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
                (false, false) => Level::Usual,
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
        let wanted = |operation: &Operation| {
            self.operations.is_empty() || self.operations.contains(operation)
        };
        Ok(exporter::Options {
            devices,
            repeat,
            series: Series {
                operations: Operation::ALL.into_iter().filter(wanted).collect(),
                buckets: self.buckets,
            },
            textfile: self.textfile,
            listen: self.listen,
        })
    }
}

/// Splits operands into devices and the numbers behind them. A device whose name is a number has other names
/// as well, such as /dev/mapper/NAME.
fn split(mut operands: Vec<OsString>) -> Result<(Vec<OsString>, Option<Repeat>), String> {
    let numbers = operands.iter().rev().map_while(|word| number(word));
    let numbers = numbers.take(2).count();
    let behind = operands.split_off(operands.len() - numbers);
    let Some(interval) = behind.first() else {
        return Ok((operands, None));
    };
    let seconds = number(interval).filter(|seconds| *seconds <= LONGEST);
    let interval = seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|interval| !interval.is_zero())
        .ok_or_else(|| {
            format!(
                "the interval is {}: it must be some seconds",
                shown(interval)
            )
        })?;
    let count = match behind.get(1) {
        None => None,
        Some(count) => match count.to_str().and_then(|count| count.parse().ok()) {
            Some(0) | None => {
                return Err(format!(
                    "the count of reports is {}: it must be 1 or more",
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
