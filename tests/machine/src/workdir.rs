// SPDX-License-Identifier: GPL-2.0

//! The machine's private directory, and the cleanup after a signal.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use crate::error::{Doing, Error};

struct Mess {
    directories: Vec<PathBuf>,
    terminal: Option<Termios>,
}

static MESS: Mutex<Mess> = Mutex::new(Mess {
    directories: Vec::new(),
    terminal: None,
});

fn mess() -> MutexGuard<'static, Mess> {
    MESS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes SIGINT, SIGTERM and SIGHUP end the process with 128 plus the signal's number, after the
/// removal of its directories and the restoration of its terminal. The kernel kills QEMU with
/// the process.
pub fn clean_up_on_signals() -> Result<(), Error> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).doing(|| "handle signals".into())?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let mess = mess();
            restore(mess.terminal.as_ref());
            for directory in &mess.directories {
                let _ = std::fs::remove_dir_all(directory);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// A directory that is removed when this is dropped, or at a signal.
#[derive(Debug)]
pub(crate) struct Workdir(TempDir);

impl Workdir {
    pub(crate) fn new() -> Result<Self, Error> {
        Self::within(&std::env::temp_dir()).doing(|| "make a temporary directory".into())
    }

    pub(crate) fn within(parent: &Path) -> io::Result<Self> {
        let mut mess = mess();
        let directory = tempfile::Builder::new()
            .prefix("dmp-vm-")
            .tempdir_in(parent)?;
        mess.directories.push(directory.path().to_owned());
        Ok(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        mess().directories.retain(|path| path != self.0.path());
    }
}

/// A guard that restores the terminal on standard input when it is dropped, or at a signal.
#[derive(Debug)]
pub(crate) struct KeepTerminal;

impl KeepTerminal {
    pub(crate) fn new() -> Self {
        mess().terminal = tcgetattr(io::stdin()).ok();
        Self
    }
}

impl Drop for KeepTerminal {
    fn drop(&mut self) {
        restore(mess().terminal.take().as_ref());
    }
}

fn restore(terminal: Option<&Termios>) {
    if let Some(terminal) = terminal {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, terminal);
    }
}
