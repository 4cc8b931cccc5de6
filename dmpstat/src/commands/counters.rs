// SPDX-License-Identifier: GPL-2.0

//! `dmpstat reset`, `latency` and `measure`: writes to the counters of devices.

use std::ffi::OsString;

use crate::environment::Environment;
use crate::error::Error;
use crate::model::measurement::Measurement;
use crate::source::selection::Selection;

/// Sets the counters of devices to zero.
pub fn reset(devices: &[OsString], environment: &mut Environment<'_>) -> Result<(), Error> {
    write(devices, "reset", "1", environment)
}

/// Switches measurements on or off, one after the other.
pub fn measure(
    measurements: &[Measurement],
    on: bool,
    devices: &[OsString],
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let text = if on { "1" } else { "0" };
    let mut files = measurements.iter().map(|of| of.name());
    files.try_for_each(|file| write(devices, file, text, environment))
}

/// Writes a text into a file of each device. Writes nothing if a device is missing or unreadable.
fn write(
    devices: &[OsString],
    file: &str,
    text: &str,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let devices = Selection::new(devices).first(environment.machine, false)?;
    let devices = devices.whole()?;
    let mut result = Ok(());
    for device in devices {
        let written = environment.machine.write(&device.device, file, text);
        // A failed write does not stop the writes to the remaining devices.
        match (&result, written) {
            (Ok(()), written) => result = written,
            (Err(_), Err(error)) => environment.note(&error),
            (Err(_), Ok(())) => {}
        }
    }
    result
}
