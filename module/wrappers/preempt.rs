// SPDX-License-Identifier: GPL-2.0

//! Sections that cannot be preempted.
//!
//! RCU's grace periods wait for such sections as they do for `rcu_read_lock`
//! (`Documentation/RCU/checklist.rst`). On x86-64 a section takes two instructions, where
//! `rcu_read_lock` and `rcu_read_unlock` take two calls.
//!
//! C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h)

use super::rcu::Section;
use core::marker::PhantomData;

/// A section without preemption, which ends when this is dropped. Nothing in it may sleep.
///
/// # Invariants
///
/// The task that owns this is not preempted.
pub(crate) struct Guard(PhantomData<*mut ()>);

/// Enters a section (`preempt_disable_notrace`). Any context.
#[inline(always)]
pub(crate) fn disable() -> Guard {
    // SAFETY: `Guard`'s drop leaves the section in the same task, because `Guard` is not `Send`.
    unsafe { count::inc() };
    // INVARIANT: Preemption was just disabled.
    Guard(PhantomData)
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: By the invariant the task is in the section, which it leaves here, once.
        unsafe { count::dec() };
    }
}

// SAFETY: Since 5.0, `synchronize_rcu` and `call_rcu` wait for sections without preemption as well
// (`Documentation/RCU/checklist.rst`). `Guard` is not `Send`, so it stays in its task.
unsafe impl Section for Guard {}

/// Compiler barriers, for a kernel without `CONFIG_PREEMPT_COUNT`: nothing is preempted in such a
/// kernel, so it is enough that the compiler moves no memory access into or out of a section
/// (`barrier`).
#[cfg(not(CONFIG_PREEMPT_COUNT))]
mod count {
    use core::arch::asm;

    /// Begins a section.
    ///
    /// # Safety
    ///
    /// `dec` must follow in the same task.
    #[inline(always)]
    pub(super) unsafe fn inc() {
        // SAFETY: The assembly has no instruction.
        unsafe { asm!("", options(nostack, preserves_flags)) }
    }

    /// Ends a section.
    ///
    /// # Safety
    ///
    /// `inc` must precede this call in the same task.
    #[inline(always)]
    pub(super) unsafe fn dec() {
        // SAFETY: The assembly has no instruction.
        unsafe { asm!("", options(nostack, preserves_flags)) }
    }
}

/// The count of `arch/x86/include/asm/preempt.h`. Its highest bit is clear if another task has to
/// run: then the end of the last section finds 0.
#[cfg(all(CONFIG_PREEMPT_COUNT, CONFIG_X86_64, CONFIG_SMP))]
mod count {
    use core::arch::asm;

    /// The width of the count, including the bit for another task.
    #[cfg(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS)]
    macro_rules! width {
        () => {
            "qword ptr "
        };
    }
    #[cfg(not(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS))]
    macro_rules! width {
        () => {
            "dword ptr "
        };
    }

    /// The count of the current processor. `helpers/preempt.c` checks the offset 8, and the place
    /// of that bit.
    #[cfg(dmp_pcpu_hot)]
    macro_rules! own {
        () => {
            concat!(width!(), "gs:[rip + pcpu_hot + 8]")
        };
    }
    #[cfg(not(dmp_pcpu_hot))]
    macro_rules! own {
        () => {
            concat!(width!(), "gs:[rip + __preempt_count]")
        };
    }

    /// The function that schedules the other task. It keeps all registers.
    #[cfg(CONFIG_PREEMPT_DYNAMIC)]
    macro_rules! schedule {
        () => {
            "__SCT__preempt_schedule_notrace"
        };
    }
    #[cfg(all(CONFIG_PREEMPTION, not(CONFIG_PREEMPT_DYNAMIC)))]
    macro_rules! schedule {
        () => {
            "preempt_schedule_notrace_thunk"
        };
    }

    /// Begins a section (`__preempt_count_inc`).
    ///
    /// # Safety
    ///
    /// `dec` must follow in the same task.
    #[inline(always)]
    pub(super) unsafe fn inc() {
        // SAFETY: `gs` is the base of the processor's own memory, which has the count. The caller
        // guarantees that `dec` follows.
        unsafe { asm!(concat!("inc ", own!()), options(nostack)) }
    }

    /// Ends a section, and lets another task run if one has to (`__preempt_count_dec_and_test`).
    ///
    /// # Safety
    ///
    /// `inc` must precede this call in the same task.
    #[inline(always)]
    #[cfg(CONFIG_PREEMPTION)]
    pub(super) unsafe fn dec() {
        macro_rules! leave {
            ($($options:tt)*) => {
                asm!(concat!("dec ", own!()), "jnz 2f", concat!("call ", schedule!()), "2:", $($options)*)
            };
        }
        // SAFETY: The caller guarantees that `inc` came before. The called function keeps all
        // registers. The call puts 8 bytes on the stack: the kernel's code has nothing below the
        // stack pointer (`-mno-red-zone`), and aligns the stack to no more than 8 bytes
        // (`-mpreferred-stack-boundary=3`). Only unwinders by frame pointers need a frame around a
        // call.
        #[cfg(not(CONFIG_FRAME_POINTER))]
        unsafe {
            leave!(options(nostack))
        }
        // SAFETY: The caller guarantees that `inc` came before. The called function keeps all
        // registers. Without `nostack` there is a frame around the call.
        #[cfg(CONFIG_FRAME_POINTER)]
        unsafe {
            leave!()
        }
    }

    /// Ends a section (`__preempt_count_dec`).
    ///
    /// # Safety
    ///
    /// `inc` must precede this call in the same task.
    #[inline(always)]
    #[cfg(not(CONFIG_PREEMPTION))]
    pub(super) unsafe fn dec() {
        // SAFETY: `gs` is the base of the processor's own memory, which has the count. The caller
        // guarantees that `inc` preceded.
        unsafe { asm!(concat!("dec ", own!()), options(nostack)) }
    }
}

/// The count of other processors, by C's functions.
#[cfg(all(CONFIG_PREEMPT_COUNT, not(all(CONFIG_X86_64, CONFIG_SMP))))]
mod count {
    use crate::wrappers::bindings;

    pub(super) use bindings::dmp_preempt_disable as inc;
    pub(super) use bindings::dmp_preempt_enable as dec;
}
