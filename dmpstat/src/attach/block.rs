// SPDX-License-Identifier: GPL-2.0

//! The read-only flag that `blockdev --setro` sets.

use std::io;

use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;

/// Returns whether the live table of a device was loaded read-only.
///
/// A device is read-only because its table is, or because of `blockdev --setro`, which outlives its tables.
/// The kernel shows one flag for both. So this takes back `--setro` for a moment: the device stays read-only
/// if its table is.
pub fn table_is_read_only(kernel: &mut dyn DeviceMapper, number: Number) -> io::Result<bool> {
    if !kernel.state(number)?.read_only {
        return Ok(false);
    }
    if !kernel.set_read_only(number, false)? {
        // Without a node the flag cannot be cleared, so the answer is the flag itself.
        return Ok(true);
    }
    let state = kernel.state(number);
    if !matches!(state, Ok(state) if state.read_only) {
        kernel.set_read_only(number, true)?;
    }
    Ok(state?.read_only)
}
