// SPDX-License-Identifier: GPL-2.0

//! What the program finds around it.

use std::fmt::Display;
use std::io::{self, Write};

use crate::clock::Clock;
use crate::error::Error;
use crate::sysfs::Machine;

/// What the program finds around it.
pub struct Outside<'a> {
    /// Whose devices.
    pub machine: &'a Machine,
    /// When.
    pub clock: &'a mut dyn Clock,
    /// Where what was asked for goes.
    pub out: &'a mut dyn Write,
    /// Where goes what has to be said besides.
    pub notes: &'a mut dyn Write,
    /// Returns the terminal's width of now, if there is a terminal.
    pub width: &'a dyn Fn() -> Option<usize>,
}

impl Outside<'_> {
    /// Writes it all at once, so that who reads a pipe gets whole reports.
    pub fn print(
        &mut self,
        what: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut text = Vec::new();
        what(&mut text)
            .and_then(|()| self.out.write_all(&text))
            .and_then(|()| self.out.flush())
            .map_err(Error::Output)
    }

    /// Says something besides. Nobody has to listen.
    pub fn note(&mut self, note: &dyn Display) {
        let _ = writeln!(self.notes, "dmpstat: {note}");
    }
}
