// SPDX-License-Identifier: GPL-2.0

//! The outcome of a command line that asks for no work.

use std::io::Write;

use clap::error::ErrorKind;

use crate::commands::check::line::Line;

/// Help, the version, or the error of wrong arguments.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Usage {
    error: clap::Error,
    is_check: bool,
}

impl Usage {
    /// Wraps clap's error. The error of a check has the form that monitors read.
    pub fn new(error: clap::Error, is_check: bool) -> Self {
        Self { error, is_check }
    }

    /// Returns the kind of the outcome.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Prints help or the version to standard output. Prints an error to standard error, with the program's
    /// own prefix, or that of a check as its line. Returns the exit status.
    pub fn print(&self) -> u8 {
        if self.is_check && self.error.use_stderr() {
            let line = Line::unknown(&self.first_paragraph());
            let _ = writeln!(anstream::stdout(), "{line}");
            return line.status().code();
        }
        // Errors are ignored, because nobody has to read the text.
        let _ = match self.error.use_stderr() {
            true => {
                let text = self.error.render().ansi().to_string();
                let text = text.replacen("error:", "dmpstat:", 1);
                write!(anstream::stderr(), "{text}")
            }
            false => self.error.print(),
        };
        u8::try_from(self.error.exit_code()).unwrap_or(2)
    }

    /// Returns an error without its prefix, the usage and tips.
    fn first_paragraph(&self) -> String {
        let text = self.error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        text.split("\n\n").next().unwrap_or_default().to_owned()
    }
}
