// SPDX-License-Identifier: GPL-2.0

//! The read-only flag that `blockdev --setro` sets.

use std::io;

use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;

/// The number of attempts to restore the flag.
const TRIES: usize = 3;

/// Returns whether the live table of a read-only device was loaded read-only.
///
/// A device is read-only if its table is, or after `blockdev --setro`, which outlasts tables. The kernel
/// reports both by one flag. So this function clears `--setro` for a moment: the device then stays read-only
/// only if its table is. The guard's plan must contain the device before this call, because dmpstat may die
/// while the flag is cleared.
pub fn table_is_read_only(kernel: &mut dyn DeviceMapper, number: Number) -> io::Result<bool> {
    if !kernel.set_read_only(number, false)? {
        // Without a node the flag cannot be cleared, so the answer is the flag itself.
        return Ok(true);
    }
    let state = kernel.state(number);
    restore(kernel, number)?;
    Ok(state?.read_only)
}

/// Sets the read-only flag of a device again, unless it is still set.
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
