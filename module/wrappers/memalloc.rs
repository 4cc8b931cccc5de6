// SPDX-License-Identifier: GPL-2.0

//! Restrictions on what memory allocations may do.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::bindings;
use core::{ffi::c_uint, marker::PhantomData};

/// As long as this is there, no allocation of the current task waits for I/O
/// (`memalloc_noio_save`).
///
/// It is for code that holds a lock which the resume of a suspended device needs: an allocation
/// that waited for I/O to that device would never end.
pub(crate) struct NoIo {
    flags: c_uint,
    /// The flags are the task's: this must not go to another one.
    task: PhantomData<*mut ()>,
}

impl NoIo {
    /// Enters the scope.
    pub(crate) fn new() -> Self {
        // SAFETY: it may be called from any task; `drop` restores the flags.
        let flags = unsafe { bindings::dmp_memalloc_noio_save() };
        Self {
            flags,
            task: PhantomData,
        }
    }
}

impl Drop for NoIo {
    fn drop(&mut self) {
        // SAFETY: these are the flags of this task from `new`. Scopes that are inside each other
        // may end in any order: the flag is only cleared by the one that set it.
        unsafe { bindings::dmp_memalloc_noio_restore(self.flags) }
    }
}
