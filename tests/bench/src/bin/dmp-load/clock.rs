// SPDX-License-Identifier: GPL-2.0

//! The processor's clock.

/// The time stamp counter. Under QEMU's `-icount shift=0` it is the number of instructions that
/// the guest has executed, and it is read exactly where it stands in the program.
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and Linux lets programs use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}
