// SPDX-License-Identifier: GPL-2.0

//! A file that is opened, read to its end and closed, by the clock.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::clock::ticks;

const TIMES: usize = 21;

pub fn run(path: &Path) -> io::Result<()> {
    // More than any of these files has, so that nothing is allocated meanwhile.
    let mut content = Vec::with_capacity(64 << 10);
    File::open(path)?.read_to_end(&mut content)?;
    let mut line = content.len().to_string();
    for _ in 0..TIMES {
        content.clear();
        let before = ticks();
        File::open(path)?.read_to_end(&mut content)?;
        let _ = write!(line, " {}", ticks() - before);
    }
    println!("{line}");
    Ok(())
}
