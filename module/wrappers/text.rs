// SPDX-License-Identifier: GPL-2.0

//! Growing text.

use core::fmt;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*, //
};

/// Text that allocates the memory it needs, charged to the task's memory control group. A write
/// without memory reports [`fmt::Error`].
pub(crate) struct Text(KVVec<u8>);

impl Text {
    /// Makes an empty text.
    pub(crate) const fn new() -> Self {
        Self(KVVec::new())
    }

    /// Returns the text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Write for Text {
    /// Appends text. May sleep.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let written = self
            .0
            .extend_from_slice(text.as_bytes(), GFP_KERNEL_ACCOUNT);
        written.map_err(|_| fmt::Error)
    }
}
