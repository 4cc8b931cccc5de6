// SPDX-License-Identifier: GPL-2.0

//! stdout, without the styles where nobody would see them.

use std::io::{self, Stdout, Write};

use anstream::AutoStream;
use memchr::{memchr, memrchr};

const ESCAPE: u8 = 0x1b;

/// What [`stdout`] gives.
pub struct Output(AutoStream<Stdout>);

/// With styles on a terminal, if nothing says otherwise.
pub fn stdout() -> Output {
    Output(anstream::stdout())
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
