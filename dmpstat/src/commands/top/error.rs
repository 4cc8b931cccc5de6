// SPDX-License-Identifier: GPL-2.0

//! Errors of the whole screen.

use std::io;

use crate::error::Error;

/// Reasons why the screen ended early.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ScreenError {
    #[error(
        "\"dmpstat top\" needs a terminal. Use \"dmpstat 1\" for a file or a pipe, and \"dmpstat -j 1\" \
         for a program"
    )]
    NoTerminal,
    #[error("cannot use the terminal: {0}")]
    Terminal(io::Error),
    /// An error of reading devices.
    #[error(transparent)]
    Read(#[from] Error),
}

impl From<ScreenError> for Error {
    fn from(failed: ScreenError) -> Self {
        match failed {
            ScreenError::Read(error) => error,
            failed => Self::command(failed),
        }
    }
}
