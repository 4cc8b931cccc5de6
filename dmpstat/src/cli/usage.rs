// SPDX-License-Identifier: GPL-2.0

//! The outcome of a command line that asks for no work.

use std::io::Write;

use clap::error::ErrorKind;

/// Help, the version, or the error of wrong arguments.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Usage(#[from] clap::Error);

impl Usage {
    /// Returns the kind of the outcome.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// Prints help or the version to standard output. Prints an error to standard error, with the program's
    /// own prefix. Returns the exit status.
    pub fn print(&self) -> u8 {
        // Errors are ignored, because nobody has to read the text.
        let _ = match self.0.use_stderr() {
            true => {
                let text = self.0.render().ansi().to_string();
                let text = text.replacen("error:", "dmpstat:", 1);
                write!(anstream::stderr(), "{text}")
            }
            false => self.0.print(),
        };
        u8::try_from(self.0.exit_code()).unwrap_or(2)
    }
}
