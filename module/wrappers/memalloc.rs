// SPDX-License-Identifier: GPL-2.0

//! Restrictions on what memory allocations may do.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::bindings;
use core::marker::PhantomData;
use kernel::ffi::c_uint;

/// A scope in which no allocation of the current task waits for I/O (`memalloc_noio_save`).
///
/// A resume of a suspended device may wait for this code: an allocation that waited for I/O to that
/// device would never finish.
///
/// # Invariants
///
/// `flags` are those that `memalloc_noio_save` returned in the task that owns this.
pub(crate) struct NoIo {
    flags: c_uint,
    /// The flags belong to the task, so this must not move to another task.
    task: PhantomData<*mut ()>,
}

impl NoIo {
    /// Enters the scope.
    pub(crate) fn new() -> Self {
        // SAFETY: Any task may call it, and `drop` restores the flags.
        let flags = unsafe { bindings::dmp_memalloc_noio_save() };
        // INVARIANT: The flags are from this task, in which the value stays: it is not `Send`.
        Self {
            flags,
            task: PhantomData,
        }
    }
}

impl Drop for NoIo {
    fn drop(&mut self) {
        // SAFETY: By the invariant the flags are this task's. Nested scopes may end in any order:
        // only the scope that set the flag clears it.
        unsafe { bindings::dmp_memalloc_noio_restore(self.flags) }
    }
}
