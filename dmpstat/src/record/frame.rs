// SPDX-License-Identifier: GPL-2.0

//! Frames: the parts of a file, each with a type and a checksum.
//!
//! A frame is [`MAGIC`], the length of the payload (`u32`), CRC-32C of the length, the type and the payload
//! (`u32`), the type (`u8`), and the payload: compressed by zstd. Numbers are little-endian.

use std::io::{self, Read};

use zstd::stream::read::Decoder;

/// The first bytes of a frame.
pub const MAGIC: [u8; 4] = [0x8d, b'd', b'm', b'p'];
/// The bytes of a frame before its payload.
pub const HEAD: usize = 13;
/// The type of a header.
pub const HEADER: u8 = 1;
/// The type of a block of samples.
pub const SAMPLES: u8 = 2;
/// The largest payload, compressed: a length above is damage.
pub const LARGEST: usize = 64 << 20;
/// The largest payload, decompressed.
const LARGEST_PLAIN: u64 = 256 << 20;
/// zstd's level. Columns are short already, so higher levels gain little.
const LEVEL: i32 = 3;

/// The bytes of a frame before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The type.
    pub kind: u8,
    /// The length of the payload.
    pub length: usize,
    crc: u32,
}

impl Head {
    /// Reads the bytes before a payload; `None` if they cannot be those of a frame.
    pub fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes))
        };
        let length = usize::try_from(number(4)?).ok()?;
        let is_frame = bytes.starts_with(&MAGIC) && length <= LARGEST;
        is_frame.then_some(Self {
            kind: bytes[HEAD - 1],
            length,
            crc: number(8)?,
        })
    }

    /// Returns whether the payload is undamaged.
    pub fn matches(&self, payload: &[u8]) -> bool {
        payload.len() == self.length && checksum(self.kind, payload) == self.crc
    }
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let length = (payload.len() as u32).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &[kind]);
    crc32c::crc32c_append(crc, payload)
}

/// Makes a frame of a plain payload.
pub fn write(kind: u8, plain: &[u8]) -> io::Result<Vec<u8>> {
    let payload = zstd::bulk::compress(plain, LEVEL)?;
    if payload.len() > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    frame.extend_from_slice(&checksum(kind, &payload).to_le_bytes());
    frame.push(kind);
    frame.extend_from_slice(&payload);
    Ok(frame)
}

/// Decompresses a payload.
pub fn plain(payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let decoder = Decoder::with_buffer(payload)?;
    decoder.take(LARGEST_PLAIN).read_to_end(&mut plain)?;
    Ok(plain)
}
