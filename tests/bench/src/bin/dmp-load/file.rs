// SPDX-License-Identifier: GPL-2.0

//! The time to open, read and close files sequentially.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::clock::ticks;

const TIMES: usize = 21;

pub fn run(paths: &[PathBuf]) -> io::Result<()> {
    // The buffer is larger than any of these files, so the reads allocate nothing.
    let mut content = Vec::with_capacity(64 << 10);
    let mut line = read(paths, &mut content)?.to_string();
    for _ in 0..TIMES {
        let before = ticks();
        read(paths, &mut content)?;
        let _ = write!(line, " {}", ticks() - before);
    }
    println!("{line}");
    Ok(())
}

/// Reads all files. Returns the total number of bytes.
fn read(paths: &[PathBuf], content: &mut Vec<u8>) -> io::Result<usize> {
    let mut bytes = 0;
    for path in paths {
        content.clear();
        bytes += File::open(path)?.read_to_end(content)?;
    }
    Ok(bytes)
}
