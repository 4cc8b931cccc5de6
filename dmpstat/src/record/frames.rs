// SPDX-License-Identifier: GPL-2.0

//! The frames of a file, and its damaged parts.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memchr::memmem;

use crate::record::frame::{HEAD, Head, MAGIC};

/// The number of bytes that are searched at once.
const PIECE: usize = 64 << 10;

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// A whole frame: its place, type and payload.
    Frame {
        /// The bytes of the frame.
        bytes: Range<u64>,
        /// The type.
        kind: u8,
        /// The compressed payload.
        payload: Vec<u8>,
    },
    /// Bytes that are no frame.
    Damage(Range<u64>),
}

/// A reader of a file's parts.
#[derive(Debug)]
pub struct Frames<'a> {
    file: &'a File,
    at: u64,
}

impl<'a> Frames<'a> {
    /// Makes a reader that begins at this byte.
    pub fn new(file: &'a File, at: u64) -> Self {
        Self { file, at }
    }

    /// Returns the next part; `None` at the end of the file.
    pub fn part(&mut self) -> io::Result<Option<Part>> {
        let begin = self.at;
        if let Some((kind, payload)) = self.frame(begin)? {
            self.at = begin + (HEAD + payload.len()) as u64;
            let bytes = begin..self.at;
            return Ok(Some(Part::Frame {
                bytes,
                kind,
                payload,
            }));
        }
        if self.read(begin, 1)?.is_empty() {
            return Ok(None);
        }
        self.at = self.search(begin + 1)?;
        Ok(Some(Part::Damage(begin..self.at)))
    }

    /// Returns the type and the payload of the frame at a byte; `None` if there is no whole frame.
    fn frame(&self, at: u64) -> io::Result<Option<(u8, Vec<u8>)>> {
        let head = self.read(at, HEAD)?;
        let head: Option<[u8; HEAD]> = head.as_slice().try_into().ok();
        let Some(head) = head.and_then(|head| Head::read(&head)) else {
            return Ok(None);
        };
        let payload = self.read(at + HEAD as u64, head.length)?;
        let is_whole = head.matches(&payload);
        Ok(is_whole.then_some((head.kind, payload)))
    }

    /// Returns the place of the next frame from a byte on, or of the end of the file.
    fn search(&self, mut at: u64) -> io::Result<u64> {
        loop {
            let piece = self.read(at, PIECE)?;
            for found in memmem::find_iter(&piece, &MAGIC) {
                let found = at + found as u64;
                if self.frame(found)?.is_some() {
                    return Ok(found);
                }
            }
            if piece.len() < PIECE {
                return Ok(at + piece.len() as u64);
            }
            // The first bytes of a frame may lie in two pieces.
            at += (PIECE - MAGIC.len() + 1) as u64;
        }
    }

    /// Reads bytes, fewer at the end of the file.
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count.min(PIECE)];
        let mut done = 0;
        loop {
            match self.file.read_at(&mut bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if done == bytes.len() {
                if done == count {
                    break;
                }
                // The length of a damaged frame may be far beyond the end of the file.
                bytes.resize(count.min(2 * done), 0);
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }
}
