// SPDX-License-Identifier: GPL-2.0

//! Arguments of `dmpstat check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueHint;

use crate::cli::arguments::reports::Grouping;
use crate::cli::complete;
use crate::commands::check;
use crate::commands::check::limit::{Limit, LimitError};

/// A check of limits.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Devices: names, VG/LV, paths, dm-N or patterns; without any, all devices
    #[arg(value_name = "DEVICE", add = complete::devices())]
    devices: Vec<OsString>,
    /// Exit with 1 if a column's number is above LIMIT (r_p99=20ms,errs=0) or outside a range (r/s=10:20).
    /// Times take ns, us, ms or s, and amounts K, M, G or T; without a unit, a number is in the column's own
    /// unit
    #[arg(short = 'w', long, value_name = "COLUMN=LIMIT", value_delimiter = ',', value_parser = limit, add = complete::limits())]
    warning: Vec<Option<Limit>>,
    /// Exit with 2 if a column's number is above LIMIT or outside a range
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

impl Check {
    pub(super) fn options(self) -> check::Options {
        check::Options {
            devices: self.devices,
            by: self.grouping.by,
            warning: self.warning.into_iter().flatten().collect(),
            critical: self.critical.into_iter().flatten().collect(),
            state: self.state,
        }
    }
}

/// Reads a limit. A monitor passes on an argument that its user left empty.
fn limit(text: &str) -> Result<Option<Limit>, LimitError> {
    Some(text)
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
}
