// SPDX-License-Identifier: GPL-2.0

//! Sections that cannot be preempted.
//!
//! RCU's grace periods wait for them as they do for `rcu_read_lock` (`Documentation/RCU/checklist.rst`),
//! and on x86-64 they take two instructions where that takes two calls.
//!
//! C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h)

use super::rcu::Section;
use core::marker::PhantomData;

/// A section, which ends when this is dropped. Nothing in it may sleep.
pub(crate) struct Guard(PhantomData<*mut ()>);

/// Enters a section (`preempt_disable_notrace`). Any context.
#[inline(always)]
pub(crate) fn disable() -> Guard {
    // SAFETY: `Guard`'s drop leaves the section, in the same task: it cannot go to another one.
    unsafe { count::inc() };
    Guard(PhantomData)
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `disable` entered the section.
        unsafe { count::dec() };
    }
}

// SAFETY: `synchronize_rcu` and `call_rcu` wait for sections without preemption as well, since 5.0.
unsafe impl Section for Guard {}

/// Without `CONFIG_PREEMPT_COUNT` nothing is preempted in the kernel: a section is what the compiler
/// moves no memory access out of or into, as `barrier()`.
#[cfg(not(CONFIG_PREEMPT_COUNT))]
mod count {
    use core::arch::asm;

    #[inline(always)]
    pub(super) unsafe fn inc() {
        // SAFETY: there is no instruction.
        unsafe { asm!("", options(nostack, preserves_flags)) }
    }

    #[inline(always)]
    pub(super) unsafe fn dec() {
        // SAFETY: as above.
        unsafe { asm!("", options(nostack, preserves_flags)) }
    }
}

/// What `arch/x86/include/asm/preempt.h` does. The count's highest bit is clear when another task is
/// to run, so that the last section's end finds 0 then.
#[cfg(all(CONFIG_PREEMPT_COUNT, CONFIG_X86_64, CONFIG_SMP))]
mod count {
    use core::arch::asm;

    /// How wide the count is, with the bit that says whether another task is to run.
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

    /// The count of the processor that it runs on. `helpers.c` checks the 8, and where that bit is.
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

    /// What lets the other task run, and keeps all registers.
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

    /// # Safety
    ///
    /// `dec` must follow in the same task.
    #[inline(always)]
    pub(super) unsafe fn inc() {
        // SAFETY: by this function's contract; `gs` is the processor's own memory.
        unsafe { asm!(concat!("inc ", own!()), options(nostack)) }
    }

    /// # Safety
    ///
    /// `inc` must have come before in the same task.
    #[inline(always)]
    #[cfg(CONFIG_PREEMPTION)]
    pub(super) unsafe fn dec() {
        macro_rules! leave {
            ($($options:tt)*) => {
                asm!(concat!("dec ", own!()), "jnz 2f", concat!("call ", schedule!()), "2:", $($options)*)
            };
        }
        // SAFETY: by this function's contract. What is called keeps all registers. The call puts 8 bytes on the
        // stack, below which the kernel's code has nothing (`-mno-red-zone`), and which it aligns to no more
        // (`-mpreferred-stack-boundary=3`). Unwinders by frame pointers need a frame around a call.
        #[cfg(not(CONFIG_FRAME_POINTER))]
        unsafe {
            leave!(options(nostack))
        }
        // SAFETY: as above, in a frame.
        #[cfg(CONFIG_FRAME_POINTER)]
        unsafe {
            leave!()
        }
    }

    /// # Safety
    ///
    /// `inc` must have come before in the same task.
    #[inline(always)]
    #[cfg(not(CONFIG_PREEMPTION))]
    pub(super) unsafe fn dec() {
        // SAFETY: by this function's contract; `gs` is the processor's own memory.
        unsafe { asm!(concat!("dec ", own!()), options(nostack)) }
    }
}

#[cfg(all(CONFIG_PREEMPT_COUNT, not(all(CONFIG_X86_64, CONFIG_SMP))))]
mod count {
    use crate::wrappers::bindings;

    pub(super) use bindings::dmp_preempt_disable as inc;
    pub(super) use bindings::dmp_preempt_enable as dec;
}
