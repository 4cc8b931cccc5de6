// SPDX-License-Identifier: GPL-2.0

//! The version of dmp, from the file `VERSION`.

/// The version that device mapper shows: major, minor and patch level.
pub(crate) const VERSION: [u32; 3] = parse(include_str!("VERSION"));

/// Parses three numbers with dots between and a newline at the end. Stops the build on any other text.
pub(crate) const fn parse(text: &str) -> [u32; 3] {
    let mut rest = text.as_bytes();
    let mut version = [0; 3];
    let mut number = 0;
    let mut has_digits = false;
    while let [byte, tail @ ..] = rest {
        match (*byte, number) {
            (digit @ b'0'..=b'9', _) => {
                version[number] = version[number] * 10 + (digit - b'0') as u32;
                has_digits = true;
            }
            (b'.', 0 | 1) if has_digits => {
                number += 1;
                has_digits = false;
            }
            (b'\n', 2) if has_digits && tail.is_empty() => return version,
            _ => break,
        }
        rest = tail;
    }
    panic!("VERSION is not a line of three numbers with dots between");
}
