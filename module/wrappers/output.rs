// SPDX-License-Identifier: GPL-2.0

//! Text into a buffer that C code handed over.

use core::{fmt, marker::PhantomData, ptr};

/// A writer into a C buffer of limited size, as `scnprintf` is.
///
/// What does not fit is cut off and the write that did not fit reports [`fmt::Error`], so that a
/// caller can tell whole output from truncated output. The text always ends in a NUL.
///
/// # Invariants
///
/// `start` is valid for writes of `capacity` bytes for `'a`, `used < capacity`, and the byte at
/// `used` is NUL.
pub(crate) struct Output<'a> {
    start: *mut u8,
    capacity: usize,
    used: usize,
    buffer: PhantomData<&'a mut [u8]>,
}

impl Output<'_> {
    /// Starts an empty text. `None` if not even its NUL has a place.
    ///
    /// # Safety
    ///
    /// `start` must be valid for writes of `capacity` bytes, by nobody else, for the lifetime of
    /// the result. The bytes need not be initialised.
    pub(super) unsafe fn new(start: *mut u8, capacity: usize) -> Option<Self> {
        if capacity == 0 {
            return None;
        }
        // SAFETY: `start` is valid for at least one byte, by this function's contract.
        unsafe { start.write(0) };
        // INVARIANT: by this function's contract, and the NUL was just written.
        Some(Self {
            start,
            capacity,
            used: 0,
            buffer: PhantomData,
        })
    }

    /// Whether there is no more room.
    pub(super) fn is_full(&self) -> bool {
        self.used + 1 == self.capacity
    }

    /// How many bytes were written, without the NUL.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Writes bytes that need not be UTF-8, as names in the kernel need not.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let room = self.capacity - self.used - 1;
        let fits = bytes.len().min(room);
        // SAFETY: `used + fits + 1 <= capacity`, so both writes are inside the buffer, which the
        // invariant says is ours; `bytes` cannot overlap it, as nobody else may refer to it.
        unsafe {
            let end = self.start.add(self.used);
            ptr::copy_nonoverlapping(bytes.as_ptr(), end, fits);
            end.add(fits).write(0);
        }
        // INVARIANT: `fits <= capacity - used - 1`, and the NUL moved along.
        self.used += fits;
        if fits < bytes.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

impl fmt::Write for Output<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes())
    }
}
