// SPDX-License-Identifier: GPL-2.0

//! `dmpstat hist`: reports of histograms.

use crate::commands::sampling::{self, Request};
use crate::environment::Environment;
use crate::error::Error;
use crate::format::histograms::Hist;
use crate::format::report::Look;
use crate::model::measure::Measure;

/// The options of reports of histograms.
#[derive(Debug)]
pub struct Options {
    /// The devices, and the times of reports.
    pub request: Request,
    /// The property of requests.
    pub what: Measure,
    /// JSON instead of text.
    pub json: bool,
    /// The look of the text.
    pub look: Look,
}

/// Writes reports until the last one or ^C.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let mut report = Hist::new(options.what, options.json, options.look);
    sampling::run(&options.request, &mut report, environment)
}
