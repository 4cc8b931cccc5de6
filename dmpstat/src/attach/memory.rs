// SPDX-License-Identifier: GPL-2.0

//! Memory that is there while a volume stands still.

use std::fs;
use std::hint::black_box;
use std::io;

use rustix::mm::{MlockAllFlags, mlockall};

/// The stack that an exchange and its mending need, many times over.
const STACK: usize = 256 << 10;

/// Keeps all of the process's memory, code and stack in memory, and the process out of the kernel's way
/// when memory is short.
pub fn lock() -> io::Result<()> {
    touch_stack();
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;
    // A container may forbid that; then the guard is there.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    Ok(())
}

/// Has the stack grow, so that its pages are there to be locked.
#[inline(never)]
fn touch_stack() {
    black_box([1_u8; STACK]);
}
