// SPDX-License-Identifier: GPL-2.0

//! The exchange of a running volume's table, and the mending of one that failed.
//!
//! Between a failed resume and the next one that succeeds the volume may stand still, and with it all
//! that is on it: the programs' files, the swap space. Nothing here may then need memory, a page of a
//! file or another process. So room is made before, and [`mend`] allocates nothing.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::attach::kernel::{DeviceMapper, Number, Which};
use crate::attach::line::Line;

/// The number of times that a volume is brought back.
const TRIES: usize = 3;

/// A volume, its table, and the table that takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Exchange {
    pub device: Number,
    pub name: Vec<u8>,
    pub uuid: Vec<u8>,
    pub old: Table,
    pub new: Table,
    pub read_only: bool,
}

/// A table, as it is loaded and as the kernel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Table {
    pub loaded: Vec<Line>,
    pub shown: Vec<Line>,
}

/// Reasons why a volume has no new table. But for the last, it runs with its old one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Failure {
    #[error("the volume was removed meanwhile")]
    Gone,
    #[error(
        "the new table was not loaded: {0}. The kernel's log (dmesg) says why. The volume runs as before"
    )]
    Load(io::Error),
    #[error(
        "another program changed the table meanwhile. The volume runs with that program's: try again"
    )]
    Changed,
    #[error("another program suspended the volume meanwhile, and has to resume it: try again then")]
    Suspended,
    #[error("a signal came while in-flight requests were waited for. The volume runs as before")]
    Interrupted,
    #[error("the new table did not come to life: {0}. The volume runs as before")]
    Resume(io::Error),
    #[error("device mapper does not answer: {0}. The volume runs as before")]
    Kernel(io::Error),
    #[error(
        "the new table did not come to life ({0}), and the old one neither ({1}): THE VOLUME STANDS \
         STILL. Its old table is\n{2}\nLoad it with \"dmsetup load\", and try \"dmsetup resume\""
    )]
    Stuck(io::Error, io::Error, String),
}

/// The end of a mending.
#[derive(Debug)]
pub enum Mended {
    /// The volume runs, and has no table loaded of ours.
    Runs,
    /// There is no such volume any more.
    Gone,
    /// The volume stands still.
    Stuck(io::Error),
}

impl Exchange {
    /// Makes room for all that comes.
    pub fn reserve(&self, kernel: &mut dyn DeviceMapper) {
        let tables = [&self.old, &self.new];
        for Table { loaded, shown } in tables {
            kernel.reserve(&[loaded, shown]);
        }
    }
}

/// Loads the new table.
pub fn load(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> Result<(), Failure> {
    plan.reserve(kernel);
    check(kernel, plan, false)?;
    kernel
        .load(plan.device, &plan.new.loaded, plan.read_only)
        .map_err(|error| or_gone(error, Failure::Load))
}

/// Gives the volume its new table, which [`load`] has loaded.
pub fn exchange(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> Result<(), Failure> {
    // LVM is kept away by its lock; dmsetup and cryptsetup know none.
    if let Err(failure) = check(kernel, plan, true) {
        drop_loaded(kernel, plan);
        return Err(failure);
    }
    let Err(error) = kernel.resume(plan.device) else {
        return Ok(());
    };
    // From here on until it is mended the volume may stand still.
    let mended = mend(kernel, plan);
    match mended {
        Mended::Runs if is(&error, Errno::INTR) => Err(Failure::Interrupted),
        Mended::Runs => Err(or_gone(error, Failure::Resume)),
        Mended::Gone => Err(Failure::Gone),
        Mended::Stuck(again) => {
            let old: Vec<String> = plan.old.loaded.iter().map(Line::to_string).collect();
            Err(Failure::Stuck(error, again, old.join("\n")))
        }
    }
}

/// Checks right before a load or a resume that nobody else has changed the volume.
fn check(kernel: &mut dyn DeviceMapper, plan: &Exchange, loaded: bool) -> Result<(), Failure> {
    let device = plan.device;
    let status = kernel.status(device).map_err(unknown)?;
    if (status.name.as_slice(), status.uuid.as_slice()) != (&plan.name, &plan.uuid) {
        return Err(Failure::Changed);
    }
    let same = kernel.has_table(device, Which::Live, &plan.old.shown);
    if !same.map_err(unknown)? || status.state.has_inactive != loaded {
        return Err(Failure::Changed);
    }
    if loaded {
        let same = kernel.has_table(device, Which::Inactive, &plan.new.shown);
        if !same.map_err(unknown)? {
            return Err(Failure::Changed);
        }
    }
    // Last: a resume would end another program's suspension.
    match kernel.state(device).map_err(unknown)?.suspended {
        true => Err(Failure::Suspended),
        false => Ok(()),
    }
}

/// Drops the inactive table if it is the new one.
pub fn drop_loaded(kernel: &mut dyn DeviceMapper, plan: &Exchange) {
    // Each fails if the device is gone, and then there is nothing to drop.
    if let Ok(true) = kernel.has_table(plan.device, Which::Inactive, &plan.new.shown) {
        let _ = kernel.clear(plan.device);
    }
}

/// Has the volume run after a resume that failed, or whose program died, wherever it had come to; and
/// drops the loaded table. Allocates nothing.
pub fn mend(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> Mended {
    let mut failed = None;
    for _ in 0..TRIES {
        match bring_back(kernel, plan) {
            Ok(()) => return Mended::Runs,
            Err(error) if is_gone(&error) => return Mended::Gone,
            Err(error) => failed = Some(error),
        }
    }
    Mended::Stuck(failed.unwrap_or_else(|| Errno::IO.into()))
}

fn bring_back(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> io::Result<()> {
    let device = plan.device;
    let state = kernel.state(device)?;
    if state.has_inactive {
        if kernel.has_table(device, Which::Inactive, &plan.new.shown)? {
            kernel.clear(device)?;
        } else {
            // A resume would bring another program's table to life: its own resume is to come.
            return Ok(());
        }
    }
    if !state.suspended {
        return Ok(());
    }
    // Whichever of the two tables is live: this takes no memory, while a load does.
    let Err(error) = kernel.resume(device) else {
        return Ok(());
    };
    if !kernel.has_table(device, Which::Live, &plan.new.shown)? {
        // The old one, or a third, which is not to be written over.
        return Err(error);
    }
    kernel.load(device, &plan.old.loaded, plan.read_only)?;
    kernel.resume(device)
}

fn unknown(error: io::Error) -> Failure {
    or_gone(error, Failure::Kernel)
}

fn or_gone(error: io::Error, otherwise: fn(io::Error) -> Failure) -> Failure {
    if is_gone(&error) {
        Failure::Gone
    } else {
        otherwise(error)
    }
}

/// Returns whether an ioctl said that its number is no device's.
pub fn is_gone(error: &io::Error) -> bool {
    is(error, Errno::NXIO)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}
