// SPDX-License-Identifier: GPL-2.0

//! A writer of text into a buffer that C code handed over.

use core::{
    fmt,
    marker::PhantomData,
    ptr, //
};

/// A writer into a C buffer of limited size, as `scnprintf` is.
///
/// Text that does not fit is cut off, and its write reports [`fmt::Error`], so that a caller can
/// distinguish complete from truncated output. The text always ends in a NUL.
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
    /// Starts an empty text; `None` if the buffer has no room for the NUL.
    ///
    /// # Safety
    ///
    /// `start` must be valid for writes of `capacity` bytes for the lifetime of the result, and
    /// nobody else may access those bytes. They need not be initialised.
    pub(super) unsafe fn new(start: *mut u8, capacity: usize) -> Option<Self> {
        if capacity == 0 {
            return None;
        }
        // SAFETY: The caller guarantees that `start` is valid for `capacity` bytes, which are at
        // least one.
        unsafe { start.write(0) };
        // INVARIANT: The caller guarantees that the buffer is valid for the lifetime of the result.
        // `used` is 0, and the byte there is the NUL that was just written.
        Some(Self {
            start,
            capacity,
            used: 0,
            buffer: PhantomData,
        })
    }

    /// Tells if the buffer is full.
    pub(super) fn is_full(&self) -> bool {
        self.used + 1 == self.capacity
    }

    /// Returns the number of bytes written, without the NUL.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Writes bytes, which need not be UTF-8: the kernel's names are arbitrary bytes.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let room = self.capacity - self.used - 1;
        let fits = bytes.len().min(room);
        // SAFETY: `used + fits + 1 <= capacity`, so both writes are inside the buffer. By the
        // invariant the buffer is ours; `bytes` cannot overlap it, because nobody else may refer to
        // it.
        unsafe {
            let end = self.start.add(self.used);
            ptr::copy_nonoverlapping(bytes.as_ptr(), end, fits);
            end.add(fits).write(0);
        }
        // INVARIANT: `fits <= capacity - used - 1`, and the NUL is at the new end.
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
