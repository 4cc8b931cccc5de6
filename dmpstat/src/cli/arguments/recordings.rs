// SPDX-License-Identifier: GPL-2.0

//! Arguments of recordings: one that is written, and those that commands read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;

use crate::cli::arguments::operands::seconds;
use crate::cli::complete;
use crate::commands::{heatmap, page, record};
use crate::model::measure::Measure;
use crate::record::days::Limits;
use crate::record::player::Request;
use crate::record::when::When;

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
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    times: Times,
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

impl Record {
    pub(super) fn options(self) -> record::Options {
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

impl Recorded {
    /// Returns the request for the recording; with `last`, for its last sample.
    pub(super) fn request(&self, last: bool) -> Option<Request> {
        let path = self.file.clone()?;
        Some(Request {
            path,
            from: self.times.from,
            to: self.times.to,
            last,
        })
    }
}

impl Part {
    /// Returns the request for the recording, and the devices.
    pub(super) fn options(self) -> (Request, Vec<OsString>) {
        let request = Request {
            path: self.file,
            from: self.times.from,
            to: self.times.to,
            last: false,
        };
        (request, self.devices)
    }
}

impl Heatmap {
    pub(super) fn options(self) -> heatmap::Options {
        let (recording, devices) = self.part.options();
        heatmap::Options {
            what: self.what,
            recording,
            devices,
        }
    }
}

impl Report {
    pub(super) fn options(self) -> page::Options {
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
