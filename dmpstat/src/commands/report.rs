// SPDX-License-Identifier: GPL-2.0

//! `dmpstat` without a command: reports of columns.

use crate::commands::sampling::{self, Request};
use crate::environment::Environment;
use crate::error::Error;
use crate::format::columns::Columns;
use crate::format::csv::Csv;
use crate::format::json::{Lines, Sysstat};
use crate::format::report::{Look, Report};
use crate::format::table::Table;
use crate::source::host::Host;

/// The options of reports of columns.
#[derive(Debug)]
pub struct Options {
    /// The devices, and the times of reports.
    pub request: Request,
    /// The form of reports.
    pub form: Form,
    /// The columns.
    pub columns: Columns,
    /// JSON and CSV include the counts of each operation.
    pub counts: bool,
    /// The look of the table.
    pub look: Look,
}

/// The form of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Form {
    Table,
    JsonLines,
    Sysstat,
    Csv,
}

/// Writes reports until the last one or ^C.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let mut report = report(options, environment);
    sampling::run(&options.request, report.as_mut(), environment)
}

/// Makes reports of the requested form.
fn report(options: &Options, environment: &Environment<'_>) -> Box<dyn Report> {
    let (columns, look) = (&options.columns, options.look);
    match options.form {
        Form::Table => Box::new(Table::new(columns, look)),
        Form::JsonLines => Box::new(Lines::new(columns, options.counts)),
        Form::Sysstat => {
            let host = match environment.recording {
                Some(recording) => recording.host().clone(),
                None => Host::of(environment.machine),
            };
            Box::new(Sysstat::new(columns.unit, look.numbers, host))
        }
        Form::Csv => Box::new(Csv::new(columns, options.counts)),
    }
}
