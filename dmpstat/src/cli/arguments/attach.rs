// SPDX-License-Identifier: GPL-2.0

//! Arguments of `dmpstat attach`.

use std::ffi::OsString;

use crate::attach::request::{Options, Request, Shown};
use crate::cli::arguments::List;
use crate::cli::complete;
use crate::model::measurement::{Measurement, Measurements};

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
    /// Switch these measurements on as well, separated by commas: pattern
    #[arg(long, value_name = "MEASUREMENT,...", value_parser = List::parse)]
    pub measure: Option<List>,
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
    #[arg(long, conflicts_with_all = ["no_latency", "latency", "measure", "flush_bypass", "shown"])]
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

/// Returns the set of measurements.
fn measurements(list: Option<&List>, latency: bool) -> Measurements {
    let set = Measurements::NONE.with(Measurement::Latency, latency);
    let more = list.into_iter().flat_map(|list| &list.0);
    more.fold(set, |set, of| set.with(*of, true))
}

impl Attach {
    pub(super) fn options(self) -> Request {
        Request {
            volumes: self.volumes,
            options: Options {
                measurements: measurements(self.measure.as_ref(), !self.no_latency),
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
