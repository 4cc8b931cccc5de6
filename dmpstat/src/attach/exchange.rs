// SPDX-License-Identifier: GPL-2.0

//! One table for another under a running volume.

use std::io;

use rustix::io::Errno;

use crate::attach::kernel::{DeviceMapper, Number, Which};
use crate::attach::line::Line;

/// How often a volume that stands still is brought back.
const TRIES: usize = 3;

/// Why a volume has no new table. But for the last, it runs with its old one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Failure {
    #[error("it went meanwhile")]
    Gone,
    #[error(
        "its new table was not loaded: {0}. The kernel's log (dmesg) says why. It runs as before"
    )]
    Load(io::Error),
    #[error("its table was changed meanwhile by another program. It runs with that one: try again")]
    Changed,
    #[error("a signal came while requests were waited for. It runs as before")]
    Interrupted,
    #[error("its new table did not come to life: {0}. It runs as before")]
    Resume(io::Error),
    #[error(
        "its new table did not come to life ({0}), and the old one neither ({1}): IT STANDS STILL. \
         Its old table is\n{2}\nLoad it with \"dmsetup load\", and try \"dmsetup resume\""
    )]
    Stuck(io::Error, io::Error, String),
}

/// Gives the volume the table `new` in the place of `old`.
pub fn exchange(
    kernel: &mut dyn DeviceMapper,
    device: Number,
    [old, new]: [&[Line]; 2],
    read_only: bool,
) -> Result<(), Failure> {
    kernel
        .load(device, new, read_only)
        .map_err(|error| or_gone(error, Failure::Load))?;
    // LVM is kept away by its lock; dmsetup knows none.
    match kernel.table(device, Which::Live) {
        Ok(live) if live == old => {}
        Ok(_) => return Err(dropped(kernel, device, Failure::Changed)),
        Err(error) => return Err(dropped(kernel, device, or_gone(error, Failure::Resume))),
    }
    kernel
        .resume(device)
        .map_err(|error| restore(kernel, device, old, read_only, error))
}

/// After a failure that left the live table alone.
fn dropped(kernel: &mut dyn DeviceMapper, device: Number, failure: Failure) -> Failure {
    // It fails if the device is gone, and then there is nothing to drop.
    let _ = kernel.clear(device);
    failure
}

/// After a resume that failed at whatever it had come to: the old table runs.
fn restore(
    kernel: &mut dyn DeviceMapper,
    device: Number,
    old: &[Line],
    read_only: bool,
    error: io::Error,
) -> Failure {
    let mut again = Ok(());
    for _ in 0..TRIES {
        again = bring_back(kernel, device, old, read_only);
        match &again {
            Ok(()) => break,
            Err(again) if is_gone(again) => return Failure::Gone,
            Err(_) => {}
        }
    }
    match again {
        Ok(()) if is(&error, Errno::INTR) => Failure::Interrupted,
        Ok(()) => or_gone(error, Failure::Resume),
        Err(again) => {
            let old: Vec<String> = old.iter().map(Line::to_string).collect();
            Failure::Stuck(error, again, old.join("\n"))
        }
    }
}

fn bring_back(
    kernel: &mut dyn DeviceMapper,
    device: Number,
    old: &[Line],
    read_only: bool,
) -> io::Result<()> {
    kernel.clear(device)?;
    let lives = kernel.table(device, Which::Live)? == old;
    if lives && !kernel.status(device)?.suspended {
        return Ok(());
    }
    if !lives {
        kernel.load(device, old, read_only)?;
    }
    kernel.resume(device)
}

fn or_gone(error: io::Error, otherwise: fn(io::Error) -> Failure) -> Failure {
    if is_gone(&error) {
        Failure::Gone
    } else {
        otherwise(error)
    }
}

/// What the ioctls say of a number that is no device's.
pub fn is_gone(error: &io::Error) -> bool {
    is(error, Errno::NXIO)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}
