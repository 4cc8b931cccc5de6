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

/// Prints help, or an error with the usual prefix. Returns clap's exit status.
fn usage(error: &clap::Error) -> ExitCode {
    // Errors are ignored, because nobody may be reading.
    let _ = match error.use_stderr() {
        true => {
            let text = error.render().ansi().to_string();
            let text = text.replacen("error:", "dmpstat:", 1);
            write!(anstream::stderr(), "{text}")
        }
        false => error.print(),
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn main() -> ExitCode {
    // A process that a shell has started for a completion exits here.
    CompleteEnv::with_factory(cli::command).complete();
    let machine = Machine::from_environment();
    let (mut out, mut notes) = (output::stdout(), anstream::stderr());
    let width = || {
        let size = tcgetwinsize(io::stdout()).ok()?;
        Some(size.ws_col.into()).filter(|_| io::stdout().is_terminal())
    };
    let result = System::new().map_err(Error::Signals).and_then(|mut clock| {
        let mut environment = Environment {
            machine: &machine,
            clock: &mut clock,
            out: &mut out,
            notes: &mut notes,
            width: &width,
        };
        dmpstat::run(env::args_os(), &mut environment)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Usage(error)) => usage(&error),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // A macro such as eprintln! would panic if standard error is closed.
            let _ = writeln!(anstream::stderr(), "dmpstat: {error}");
            ExitCode::FAILURE
        }
    }
}
