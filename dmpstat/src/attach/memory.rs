// SPDX-License-Identifier: GPL-2.0

//! Memory that stays resident while a volume is suspended.

use std::fs;
use std::hint::black_box;
use std::io;

use rustix::mm::{MlockAllFlags, mlockall};

/// The locked part of the stack, in bytes: many times the need of an exchange and of its repair.
const STACK: usize = 256 << 10;

/// Locks the process's heap, code and stack in memory, and protects the process from the OOM killer.
pub fn lock() -> io::Result<()> {
    touch_stack();
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;
    // A container may forbid this write. If the process is killed then, the guard cleans up.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    Ok(())
}

/// Grows the stack, so that its pages exist before they are locked.
#[inline(never)]
fn touch_stack() {
    black_box([1_u8; STACK]);
}
