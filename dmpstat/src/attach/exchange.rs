// SPDX-License-Identifier: GPL-2.0

//! The exchange of a running volume's table, and the mending of a failed exchange.
//!
//! A volume may stay suspended from a failed resume until a resume succeeds, and so do the swap space and the
//! files on it. During that time this code may wait for no memory, no page of a file and no other process. So
//! memory is reserved before, and [`mend`] allocates nothing.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::source::kernel::line::Line;
use crate::source::kernel::mapper::{DeviceMapper, Which};
use crate::source::kernel::number::Number;

/// The number of attempts to resume a volume.
const TRIES: usize = 3;

/// A volume, its table, and the new table.
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

/// Reasons why a volume did not get its new table. Only [`Failure::Stuck`] and [`Failure::Theirs`] leave the
/// volume suspended.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Failure {
    #[error("the volume was removed meanwhile")]
    Gone,
    #[error("cannot load the new table: {0}. See dmesg for the reason. The volume runs as before")]
    Load(io::Error),
    #[error(
        "another program changed the table meanwhile. The volume runs with the other program's table: \
         try again"
    )]
    Changed,
    #[error("another program suspended the volume meanwhile: try again after the resume")]
    Suspended,
    #[error("a signal ended the wait for requests in flight. The volume runs as before")]
    Interrupted,
    #[error("cannot activate the new table: {0}. The volume runs as before")]
    Resume(io::Error),
    #[error(
        "cannot activate the new table: {0}. The volume is suspended, and another program has loaded a \
         table. Let the other program resume the volume, or run \"dmsetup resume\""
    )]
    Theirs(io::Error),
    #[error("an ioctl of device mapper failed: {0}. The volume runs as before")]
    Kernel(io::Error),
    #[error(
        "cannot activate the new table ({0}), nor the old one ({1}): THE VOLUME IS SUSPENDED. Its old \
         table is\n{2}\nLoad the old table with \"dmsetup load\", and run \"dmsetup resume\""
    )]
    Stuck(io::Error, io::Error, String),
}

/// The result of a mending.
#[derive(Debug)]
pub enum Mended {
    /// The volume runs. Its inactive table is not dmpstat's.
    Runs,
    /// The volume is suspended, and another program has loaded a table: that program has to resume the
    /// volume.
    Theirs,
    /// The volume was removed.
    Gone,
    /// The volume is suspended.
    Stuck(io::Error),
}

impl Exchange {
    /// Reserves memory for all calls of the exchange and of [`mend`], so that they allocate nothing.
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
    // LVM waits for LVM's lock. dmsetup and cryptsetup take no lock.
    if let Err(failure) = check(kernel, plan, true) {
        drop_loaded(kernel, plan);
        return Err(failure);
    }
    let Err(error) = kernel.resume(plan.device) else {
        return Ok(());
    };
    // The volume may be suspended from here on, until `mend` resumes it.
    let mended = mend(kernel, plan);
    match mended {
        Mended::Runs if is(&error, Errno::INTR) => Err(Failure::Interrupted),
        Mended::Runs => Err(or_gone(error, Failure::Resume)),
        Mended::Theirs => Err(Failure::Theirs(error)),
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
    // This is the last check, because a resume would end another program's suspension.
    match kernel.state(device).map_err(unknown)?.suspended {
        true => Err(Failure::Suspended),
        false => Ok(()),
    }
}

/// Drops the inactive table if it is the new one.
pub fn drop_loaded(kernel: &mut dyn DeviceMapper, plan: &Exchange) {
    // Both calls fail if the device was removed, and then there is nothing to drop.
    if let Ok(true) = kernel.has_table(plan.device, Which::Inactive, &plan.new.shown) {
        let _ = kernel.clear(plan.device);
    }
}

/// Resumes the volume after a failed resume, or after dmpstat died at any point of a resume. Drops the loaded
/// table. Allocates nothing.
pub fn mend(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> Mended {
    let mut failed = None;
    for _ in 0..TRIES {
        match bring_back(kernel, plan) {
            Ok(mended) => return mended,
            Err(error) if is_gone(&error) => return Mended::Gone,
            Err(error) => failed = Some(error),
        }
    }
    Mended::Stuck(failed.unwrap_or_else(|| Errno::IO.into()))
}

fn bring_back(kernel: &mut dyn DeviceMapper, plan: &Exchange) -> io::Result<Mended> {
    let device = plan.device;
    let state = kernel.state(device)?;
    if state.has_inactive {
        if kernel.has_table(device, Which::Inactive, &plan.new.shown)? {
            kernel.clear(device)?;
        } else if state.suspended {
            // A resume would make another program's table live.
            return Ok(Mended::Theirs);
        }
    }
    if !state.suspended {
        return Ok(Mended::Runs);
    }
    // Whichever of the two tables is live, this first tries a resume, because a load needs memory.
    let Err(error) = kernel.resume(device) else {
        return Ok(Mended::Runs);
    };
    if !kernel.has_table(device, Which::Live, &plan.new.shown)? {
        // The live table is the old one, or another program's, which is not replaced.
        return Err(error);
    }
    kernel.load(device, &plan.old.loaded, plan.read_only)?;
    kernel.resume(device)?;
    Ok(Mended::Runs)
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

/// Returns whether an ioctl failed because no device has its number.
pub fn is_gone(error: &io::Error) -> bool {
    is(error, Errno::NXIO)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}
