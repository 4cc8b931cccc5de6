// SPDX-License-Identifier: GPL-2.0

//! The program on the command line.

use std::env;
use std::process::ExitCode;

use dmpstat::clock::System;
use dmpstat::error::Error;
use dmpstat::sysfs::Machine;

fn main() -> ExitCode {
    // Another machine's files, for who has them: a copy, or a host's as its containers see them.
    let machine = Machine::new(env::var_os("DMPSTAT_ROOT").unwrap_or_else(|| "/".into()));
    let (mut out, mut notes) = (anstream::stdout(), anstream::stderr());
    let result = System::new().map_err(Error::Output).and_then(|mut clock| {
        dmpstat::run(env::args_os(), &machine, &mut clock, &mut out, &mut notes)
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
