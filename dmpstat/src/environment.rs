// SPDX-License-Identifier: GPL-2.0

//! The program's environment.

use std::fmt::Display;
use std::io::{self, Write};

use crate::clock::Clock;
use crate::error::Error;
use crate::record::player::{Player, Request};
use crate::source::devices::Devices;
use crate::source::sysfs::Machine;

/// The program's environment.
pub struct Environment<'a> {
    /// The machine whose devices are read.
    pub machine: &'a Machine,
    /// The recording that is read in place of the machine.
    pub recording: Option<&'a Player>,
    /// The clock.
    pub clock: &'a mut dyn Clock,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error, for notes.
    pub notes: &'a mut dyn Write,
    /// Standard output is a terminal with colours and UTF-8, which shows half blocks.
    pub has_blocks: bool,
    /// The terminal's width at the time of the call; `None` without a terminal.
    pub width: &'a dyn Fn() -> Option<usize>,
}

impl<'a> Environment<'a> {
    /// Returns the devices of the recording or of the machine.
    pub fn devices(&self) -> &'a dyn Devices {
        match self.recording {
            Some(recording) => recording,
            None => self.machine,
        }
    }

    /// Opens a recording, and notes its damaged parts.
    pub fn open(&mut self, request: &Request) -> Result<Player, Error> {
        let zone = self.clock.now().time_zone().clone();
        let player = Player::open(request, zone)?;
        for problem in player.problems() {
            self.note(problem);
        }
        Ok(player)
    }

    /// Prints a text in one write, so that a pipe's reader gets whole reports.
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

    /// Writes a note to standard error; ignores errors.
    pub fn note(&mut self, note: &dyn Display) {
        let _ = writeln!(self.notes, "dmpstat: {note}");
    }
}
