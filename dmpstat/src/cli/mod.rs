// SPDX-License-Identifier: GPL-2.0

//! The command line, its manual and its completions.
//!
//! [`arguments`] has the words of the command line, as clap reads them. [`parse`] turns them into an
//! [`invocation`]: the options that the commands define.

pub mod arguments;
pub mod complete;
pub mod invocation;
pub mod manual;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::arguments::Arguments;
use crate::cli::invocation::Invocation;
use crate::error::Error;

/// Returns the definition of the command line, from which man pages and completions are made.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the command line.
pub fn parse<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
) -> Result<Invocation, Error> {
    let help = format!("{}\n\n{}", arguments::NOTES, manual::text());
    let matches = command()
        .after_long_help(help)
        .try_get_matches_from(arguments)?;
    let parsed = Arguments::from_arg_matches(&matches)?;
    Ok(parsed.into_options()?)
}
