// SPDX-License-Identifier: GPL-2.0

//! Arguments of `dmpstat export`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::PossibleValue;

use crate::cli::arguments::operands::split;
use crate::cli::arguments::recordings::Recorded;
use crate::cli::arguments::reports::Grouping;
use crate::cli::complete;
use crate::commands::export::address::Address;
use crate::commands::export::exporter;
use crate::commands::export::series::{self, Series};
use crate::model::operation::Operation;

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

impl Export {
    pub(super) fn options(self) -> Result<exporter::Options, String> {
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
