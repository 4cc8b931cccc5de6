// SPDX-License-Identifier: GPL-2.0

//! The start of a run: opening device mapper, and starting the guard.

use std::io;

use crate::attach::error::Failed;
use crate::attach::guard::{Guard, Process};
use crate::attach::{memory, signals};
use crate::environment::Environment;
use crate::source::kernel::control::Control;
use crate::source::kernel::line::DMP;
use crate::source::kernel::mapper::DeviceMapper;

/// Opens the running kernel's device mapper.
pub fn open(environment: &mut Environment<'_>) -> Result<Control, Failed> {
    environment.clock.hold();
    signals::interrupt().map_err(Failed::Kernel)?;
    Control::open(environment.machine).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failed::Root(error),
        _ => Failed::NoDeviceMapper(error),
    })
}

/// The function that starts the guard of a run.
pub type Start<'a> = dyn FnMut() -> Result<Box<dyn Guard>, Failed> + 'a;

/// Starts the guard as a process, and locks this process in memory, because it has to run while volumes are
/// suspended.
pub fn start() -> Result<Box<dyn Guard>, Failed> {
    let guard = Process::start().map_err(Failed::Guard)?;
    memory::lock().map_err(Failed::Memory)?;
    Ok(Box::new(guard))
}

/// Starts the guard. Fails without the target dmp.
pub fn prepare(
    kernel: &mut dyn DeviceMapper,
    start: &mut Start<'_>,
) -> Result<Box<dyn Guard>, Failed> {
    if kernel.target_version(DMP)?.is_none() {
        return Err(Failed::NoTarget);
    }
    start()
}
