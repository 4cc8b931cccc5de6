// SPDX-License-Identifier: GPL-2.0

//! The split of a command's output from the mark that ends it.

use std::io::{self, Write};

const BEGIN: u8 = 0o36;

/// One stream of one command: passes on everything before the mark `\036TOKEN STATUS\n`. It holds
/// back only bytes that may be the beginning of the mark.
#[derive(Debug)]
pub(crate) struct Splitter {
    mark: Vec<u8>,
    held: Vec<u8>,
    status: Option<i32>,
}

impl Splitter {
    pub(crate) fn new(token: &str) -> Self {
        let mut mark = vec![BEGIN];
        mark.extend_from_slice(token.as_bytes());
        mark.push(b' ');
        Self {
            mark,
            held: Vec::new(),
            status: None,
        }
    }

    /// Returns the command's status, after the mark.
    pub(crate) fn status(&self) -> Option<i32> {
        self.status
    }

    /// Takes bytes of the stream, and passes on those of the command.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut dyn Write) -> io::Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        let mut done = 0;
        while done < self.held.len() {
            let rest = &self.held[done..];
            let clear = position(rest, BEGIN).unwrap_or(rest.len());
            sink.write_all(&rest[..clear])?;
            done += clear;
            let rest = &rest[clear..];
            if let Some(after) = rest.strip_prefix(self.mark.as_slice()) {
                self.status = parse_status(after);
                break;
            }
            if self.mark.starts_with(rest) {
                break;
            }
            sink.write_all(&rest[..1])?;
            done += 1;
        }
        self.held.drain(..done);
        Ok(())
    }
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// Parses the number up to the end of the line. Returns nothing for an incomplete line.
fn parse_status(bytes: &[u8]) -> Option<i32> {
    let line = &bytes[..position(bytes, b'\n')?];
    std::str::from_utf8(line).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    /// Returns the output and the status of a `stream` that arrives in pieces of `size` bytes.
    fn split(stream: &[u8], size: usize) -> (Vec<u8>, Option<i32>) {
        let mut splitter = Splitter::new(TOKEN);
        let mut sink = Vec::new();
        for piece in stream.chunks(size) {
            splitter.push(piece, &mut sink).unwrap();
        }
        (sink, splitter.status())
    }

    #[test]
    fn output_and_status_are_separated_for_any_chunk_size() {
        let bodies: [&[u8]; 5] = [
            b"",
            b"no newline at the end",
            b"\x1e\x1e\x1e0123456789abcde",
            b"\x1e0123456789abcdeg 7\n\0\xff",
            b"line\n\x1e",
        ];
        for body in bodies {
            let stream = [body, b"\x1e0123456789abcdef 42\n"].concat();
            for size in 1..=stream.len() {
                assert_eq!(split(&stream, size), (body.to_vec(), Some(42)), "{size}");
            }
        }
    }

    #[test]
    fn only_a_possible_mark_is_held_back() {
        assert_eq!(split(b"prompt> ", 3), (b"prompt> ".to_vec(), None));
        assert_eq!(split(b"a\x1e0123", 6), (b"a".to_vec(), None));
        assert_eq!(split(b"\x1e0123456789abcdef 4", 64), (vec![], None));
    }
}
