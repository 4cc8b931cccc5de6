// SPDX-License-Identifier: GPL-2.0

//! The state of a check: the counters at its last call, as a recording with one sample.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rustix::process::geteuid;

use crate::attach::files;
use crate::commands::check::Options;
use crate::commands::groups::By;
use crate::model::snapshot::Snapshot;
use crate::output;
use crate::record::player::{Player, Request};
use crate::record::recorder;
use crate::record::sample::Sample;
use crate::source::host::Host;
use crate::source::sysfs::Machine;

/// The directory of states.
pub const DIRECTORY: &str = "/run/dmpstat";

/// The file of a state.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    /// The user has named the file.
    is_named: bool,
}

/// Reasons that there is no earlier sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Missing {
    #[error("first call")]
    First,
    #[error("first call since the boot")]
    Boot,
    #[error("the state of the last call was unreadable")]
    Unreadable,
}

/// An error of writing a state.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write the state {}: {source}{}",
    .path.display(),
    if *.is_named { "" } else { ". Name a file with --state" }
)]
pub struct WriteError {
    path: PathBuf,
    is_named: bool,
    source: io::Error,
}

impl State {
    /// Makes the state of a check.
    pub fn new(options: &Options, machine: &Machine) -> Self {
        match &options.state {
            Some(path) => Self {
                path: path.clone(),
                is_named: true,
            },
            None => Self {
                path: directory(machine).join(format!("check-{:08x}", checksum(options))),
                is_named: false,
            },
        }
    }

    /// Reads the devices of the last call, by their kernel names.
    pub fn read(&self, host: &Host, zone: TimeZone) -> Result<HashMap<String, Snapshot>, Missing> {
        if !self.path.exists() {
            return Err(Missing::First);
        }
        // Opening a pipe would wait for its writer.
        if !self.path.is_file() {
            return Err(Missing::Unreadable);
        }
        let request = Request {
            path: self.path.clone(),
            from: None,
            to: None,
            last: true,
        };
        let player = Player::open(&request, zone).map_err(|_| Missing::Unreadable)?;
        if player.host().boot_id != host.boot_id {
            return Err(Missing::Boot);
        }
        let snapshots = player.sample(player.position().0).snapshots.into_iter();
        Ok(snapshots.map(|of| (of.device.clone(), of)).collect())
    }

    /// Replaces the state, so that a call at the same time reads the old one or this one.
    pub fn write(&self, sample: &Sample, host: Host) -> Result<(), WriteError> {
        self.replace(sample, host).map_err(|source| WriteError {
            path: self.path.clone(),
            is_named: self.is_named,
            source,
        })
    }

    fn replace(&self, sample: &Sample, host: Host) -> io::Result<()> {
        // The rename would replace a device such as /dev/null by a file.
        if fs::metadata(&self.path).is_ok_and(|of| !of.is_file()) {
            return Err(io::Error::other("not a plain file"));
        }
        let parent = self.path.parent().filter(|_| !self.is_named);
        parent.map_or(Ok(()), |parent| {
            files::make_directory(parent, files::DIRECTORY)
        })?;
        let bytes = recorder::single(sample, host)?;
        output::replace(&self.path, None, |file| file.write_all(&bytes))
    }
}

/// Returns the directory of states. Users other than root have one of their own, if their session has.
fn directory(machine: &Machine) -> PathBuf {
    let own: Option<OsString> = env::var_os("XDG_RUNTIME_DIR");
    match own.filter(|own| !own.is_empty() && !geteuid().is_root()) {
        Some(own) => Path::new(&own).join("dmpstat"),
        None => machine.path(DIRECTORY),
    }
}

/// Returns a checksum of the options, so that checks with other options have other states.
fn checksum(options: &Options) -> u32 {
    let mut text = Vec::new();
    let mut add = |words: &[&[u8]]| {
        for word in words {
            text.extend_from_slice(word);
            text.push(0);
        }
        // No word is this byte.
        text.push(0xff);
    };
    let devices: Vec<&[u8]> = options.devices.iter().map(|of| of.as_bytes()).collect();
    add(&devices);
    add(&match &options.by {
        None => vec![],
        Some(By::VolumeGroup) => vec!["vg".as_bytes()],
        Some(By::Match(expression)) => vec![expression.as_str().as_bytes()],
    });
    for limits in [&options.warning, &options.critical] {
        let words = limits.iter().flat_map(|of| [of.column.name, &of.shown]);
        let words: Vec<&[u8]> = words.map(str::as_bytes).collect();
        add(&words);
    }
    crc32c::crc32c(&text)
}
