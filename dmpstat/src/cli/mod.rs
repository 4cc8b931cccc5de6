// SPDX-License-Identifier: GPL-2.0

//! The command line, its manual and its completions.
//!
//! [`arguments`] has the words of the command line, as clap reads them. [`parse`] turns them into an
//! [`invocation`]: the options that the commands define. [`notes`] end the manual's pages. Help and wrong
//! arguments are [`usage`].

pub mod arguments;
pub mod complete;
pub mod invocation;
pub mod manual;
pub mod notes;
pub mod usage;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::arguments::Arguments;
use crate::cli::invocation::Invocation;
use crate::cli::usage::Usage;

/// Returns the definition of the command line, from which man pages and completions are made.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the command line. The first argument is the program's name.
pub fn parse<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
) -> Result<Invocation, Usage> {
    let arguments: Vec<OsString> = arguments.into_iter().map(A::into).collect();
    // A command is the first argument, because options of reports cannot precede a command.
    let is_check = arguments.get(1).is_some_and(|word| word == "check");
    options(arguments).map_err(|error| Usage::new(error, is_check))
}

fn options(arguments: Vec<OsString>) -> Result<Invocation, clap::Error> {
    let help = format!("{}\n\n{}", notes::NOTES, manual::text());
    let matches = command()
        .after_long_help(help)
        .try_get_matches_from(arguments)?;
    let parsed = Arguments::from_arg_matches(&matches)?;
    parsed.into_options()
}
