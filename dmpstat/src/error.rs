// SPDX-License-Identifier: GPL-2.0

//! Errors of reading devices and of writing output, and the commands that help. A command defines the errors
//! that only it has, and boxes them.

use std::error;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::model::escape;
use crate::model::snapshot::Malformed;
use crate::model::units::number;

/// An error of the program.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("the dmp module is not loaded: run \"modprobe dmp\"")]
    NotLoaded,
    #[error(
        "the loaded dmp module is older than 1.0.0: {0} has no file \"snapshot\". \
         Load version 1.0.0 or later with \"modprobe -r dmp\" and \"modprobe dmp\""
    )]
    TooOld(String),
    #[error(
        "there is no dmp device. Attach a running volume with\n  \
         dmpstat attach VOLUME\n\
         or create a device over a disk with\n  \
         dmsetup create NAME --table \"0 $(blockdev --getsz /dev/DISK) dmp /dev/DISK\""
    )]
    /// The arguments that match no device; empty if all devices were meant.
    NoDevices(Vec<OsString>),
    #[error(
        "there is no dmp device \"{}\"{}{}",
        escape::show(.wanted.as_bytes()),
        near_names(.near),
        place_of_numbers(.wanted)
    )]
    NoSuchDevice { wanted: OsString, near: Vec<String> },
    /// A device that existed at the start, as the user named it.
    #[error("the dmp device \"{}\" is gone; dmpstat waits for its return", escape::show(.0.as_bytes()))]
    Gone(OsString),
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    #[error("cannot {what} {}: {source}{}", .path.display(), advice(.source))]
    File {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("cannot parse {}: {source}", .path.display())]
    Snapshot { path: PathBuf, source: Malformed },
    /// An error of reading devices, from a recording.
    #[error("{0}")]
    Recorded(String),
    /// An error that a single command defines.
    #[error(transparent)]
    Command(Box<dyn error::Error + Send + Sync>),
    /// The output cannot be written, or its reader has closed it.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

impl Error {
    /// Wraps an error that a command defines.
    pub fn command(error: impl error::Error + Send + Sync + 'static) -> Self {
        Self::Command(Box::new(error))
    }

    /// Returns whether the output's reader has closed a pipe, which is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn place_of_numbers(wanted: &OsStr) -> &'static str {
    match number(wanted) {
        Some(_) => ". Write INTERVAL and COUNT after the devices",
        None => "",
    }
}

fn near_names(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!("; similar names: {}", names.join(", ")),
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => ". Run dmpstat as root",
        _ => "",
    }
}
