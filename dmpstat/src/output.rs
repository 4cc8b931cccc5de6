// SPDX-License-Identifier: GPL-2.0

//! Standard output. Styles are removed if it is not a terminal.

use std::io::{self, Stdout, Write};

use anstream::AutoStream;
use memchr::{memchr, memrchr};

const ESCAPE: u8 = 0x1b;

/// Standard output, as [`stdout`] returns it.
pub struct Output(AutoStream<Stdout>);

/// Returns standard output. Keeps styles on a terminal, unless the environment says otherwise.
pub fn stdout() -> Output {
    Output(anstream::stdout())
}

impl Write for Output {
    /// Filters the bytes up to the end of the line with the last style, and writes the rest unfiltered. The
    /// filter is slow, because it looks at each byte. A style begins and ends in one line and is written in
    /// one piece, so the rest has none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(last) = memrchr(ESCAPE, bytes) else {
            return self.0.as_inner().write(bytes);
        };
        let end = memchr(b'\n', &bytes[last..]).map_or(bytes.len(), |end| last + end);
        self.0.write_all(&bytes[..end])?;
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
