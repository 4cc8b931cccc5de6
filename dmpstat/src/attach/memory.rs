// SPDX-License-Identifier: GPL-2.0

//! Memory that stays resident while a volume stands still.

use std::fs;
use std::hint::black_box;
use std::io;

use rustix::mm::{MlockAllFlags, mlockall};

/// The locked part of the stack, in bytes: many times more than an exchange and its mending need.
const STACK: usize = 256 << 10;

/// Keeps the process's heap, code and stack in memory, and keeps the kernel from killing the process when
/// memory is short.
pub fn lock() -> io::Result<()> {
    touch_stack();
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;
    // A container may forbid this write. Then the guard helps if the process is killed.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    Ok(())
}

/// Makes the stack grow, so that its pages exist when they are to be locked.
#[inline(never)]
fn touch_stack() {
    black_box([1_u8; STACK]);
}
