// SPDX-License-Identifier: GPL-2.0

//! The read-only flag that `blockdev --setro` sets.

use std::io;

use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;

/// The number of tries to set the flag again.
const TRIES: usize = 3;

/// Returns whether the live table of a read-only device was loaded read-only.
///
/// A device is read-only because its table is, or because of `blockdev --setro`, which outlives its tables.
/// The kernel shows one flag for both. So this takes back `--setro` for a moment: the device stays read-only
/// if its table is. The guard needs the device in its plan before, in case dmpstat dies in that moment.
pub fn table_is_read_only(kernel: &mut dyn DeviceMapper, number: Number) -> io::Result<bool> {
    if !kernel.set_read_only(number, false)? {
        // Without a node the flag cannot be cleared, so the answer is the flag itself.
        return Ok(true);
    }
    let state = kernel.state(number);
    restore(kernel, number)?;
    Ok(state?.read_only)
}

/// Sets the flag of a device that was read-only, unless it still is.
pub fn restore(kernel: &mut dyn DeviceMapper, number: Number) -> io::Result<()> {
    let mut restored = Ok(());
    for _ in 0..TRIES {
        restored = match kernel.state(number) {
            Ok(state) if state.read_only => Ok(()),
            _ => kernel.set_read_only(number, true).map(drop),
        };
        if restored.is_ok() {
            break;
        }
    }
    restored
}
