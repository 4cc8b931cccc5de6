// SPDX-License-Identifier: GPL-2.0

//! stdout, without the styles where nobody would see them.

use std::io::{self, Stdout, Write};

use anstream::{AutoStream, stdout};
use memchr::{memchr, memrchr};

const ESCAPE: u8 = 0x1b;

/// stdout.
pub struct Output(AutoStream<Stdout>);

impl Output {
    /// With styles on a terminal, if nothing says otherwise.
    pub fn new() -> Self {
        Self(stdout())
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Output {
    /// A style is in one line, and comes in one piece. Where styles are taken out, each byte is looked at
    /// for that: behind the line with the last one there is no need to.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(last) = memrchr(ESCAPE, bytes) else {
            return self.0.as_inner().write(bytes);
        };
        let end = memchr(b'\n', &bytes[last..]).map_or(bytes.len(), |end| last + end + 1);
        self.0.write_all(&bytes[..end])?;
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
