// SPDX-License-Identifier: GPL-2.0

//! The processor's clock.

/// Reads the time stamp counter. Under QEMU's `-icount shift=0` it is the number of instructions
/// that the guest has executed, and the read is not reordered.
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and Linux lets programs use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}
