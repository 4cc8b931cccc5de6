// SPDX-License-Identifier: GPL-2.0

//! The program on the command line.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap_complete::CompleteEnv;
use dmpstat::cli;
use dmpstat::clock::System;
use dmpstat::environment::Environment;
use dmpstat::error::Error;
use dmpstat::output;
use dmpstat::source::sysfs::Machine;
use rustix::termios::tcgetwinsize;

fn main() -> ExitCode {
    // A process that a shell has started for a completion exits here.
    CompleteEnv::with_factory(cli::command).complete();
    let invocation = match cli::parse(env::args_os()) {
        Ok(invocation) => invocation,
        Err(usage) => return ExitCode::from(usage.print()),
    };
    let machine = Machine::from_environment();
    let (mut out, mut notes) = (output::stdout(), anstream::stderr());
    let width = || {
        let size = tcgetwinsize(io::stdout()).ok()?;
        Some(size.ws_col.into()).filter(|_| io::stdout().is_terminal())
    };
    let result = System::new().map_err(Error::Signals).and_then(|mut clock| {
        let mut environment = Environment {
            machine: &machine,
            recording: None,
            clock: &mut clock,
            out: &mut out,
            notes: &mut notes,
            has_blocks: output::has_blocks(),
            width: &width,
        };
        dmpstat::run(&invocation, &mut environment)
    });
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // A macro such as eprintln! would panic if standard error is closed.
            let _ = writeln!(anstream::stderr(), "dmpstat: {error}");
            ExitCode::from(invocation.failure())
        }
    }
}
