// SPDX-License-Identifier: GPL-2.0

//! The program on the command line.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use dmpstat::clock::System;
use dmpstat::error::Error;
use dmpstat::output;
use dmpstat::outside::Outside;
use dmpstat::sysfs::Machine;
use rustix::termios::tcgetwinsize;

fn main() -> ExitCode {
    // Another machine's files, for who has them: a copy, or a host's as its containers see them.
    let machine = Machine::new(env::var_os("DMPSTAT_ROOT").unwrap_or_else(|| "/".into()));
    let (mut out, mut notes) = (output::stdout(), anstream::stderr());
    let width = io::stdout()
        .is_terminal()
        .then(|| tcgetwinsize(io::stdout()).ok())
        .flatten();
    let result = System::new().map_err(Error::Signals).and_then(|mut clock| {
        let mut outside = Outside {
            machine: &machine,
            clock: &mut clock,
            out: &mut out,
            notes: &mut notes,
            width: width.map(|size| size.ws_col.into()),
        };
        dmpstat::run(env::args_os(), &mut outside)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Usage(error)) => error.exit(),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("dmpstat: {error}");
            ExitCode::FAILURE
        }
    }
}
