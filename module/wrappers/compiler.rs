// SPDX-License-Identifier: GPL-2.0

//! Hints to the compiler.
//!
//! C header: [`include/linux/compiler.h`](srctree/include/linux/compiler.h)

use core::arch::asm;

/// Hides a number's origin from the optimizer, which computes it here (`OPTIMIZER_HIDE_VAR`).
#[inline(always)]
pub(crate) fn hide(number: u64) -> u64 {
    let mut register = number;
    // SAFETY: The assembly has no instruction.
    unsafe {
        asm!("/* {0} */", inout(reg) register, options(nomem, nostack, preserves_flags));
    }
    register
}
