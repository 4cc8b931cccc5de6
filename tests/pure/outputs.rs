// SPDX-License-Identifier: GPL-2.0

//! Text in a C buffer: as much as fits, a NUL, and not a byte more.

use std::fmt::Write;

use proptest::prelude::*;

#[rustfmt::skip]
#[path = "../../module/wrappers/output.rs"]
mod output;

use output::Output;

/// The content of a buffer before the first write.
const FILL: u8 = 0xa5;

/// Writes the pieces one after the other to a buffer of `capacity` bytes, and to an unlimited one.
/// Asserts that both have the same bytes, up to the end of the first.
fn check(capacity: usize, pieces: &[Vec<u8>]) {
    let mut buffer = vec![FILL; capacity + 16];
    // SAFETY: the buffer has more than `capacity` bytes, and nothing else uses it while `out`
    // exists.
    let out = unsafe { Output::new(buffer.as_mut_ptr().cast(), capacity) };
    let Some(mut out) = out else {
        assert_eq!(capacity, 0);
        assert!(buffer.iter().all(|byte| *byte == FILL), "{buffer:?}");
        return;
    };
    let mut whole = Vec::new();
    for piece in pieces {
        let room = capacity - 1 - out.len();
        assert_eq!(out.write_bytes(piece).is_ok(), piece.len() <= room);
        whole.extend_from_slice(&piece[..piece.len().min(room)]);
        assert_eq!(out.len(), whole.len());
        assert_eq!(out.is_full(), whole.len() == capacity - 1);
    }
    assert_eq!(buffer[..whole.len()], whole);
    assert_eq!(buffer[whole.len()], 0, "{buffer:?}");
    let behind = &buffer[capacity..];
    assert!(behind.iter().all(|byte| *byte == FILL), "{behind:?}");
}

#[test]
fn even_an_empty_text_ends_in_a_nul() {
    check(0, &[]);
    check(1, &[]);
    check(4096, &[]);
    check(
        4096,
        &[b"read:\n".to_vec(), Vec::new(), b" reqs: 0\n".to_vec()],
    );
}

#[test]
fn text_beyond_the_buffer_is_cut_off_and_reported() {
    check(1, &[b"1".to_vec()]);
    check(4, &[b"123".to_vec()]);
    check(4, &[b"1234".to_vec()]);
    check(4, &[b"12345".to_vec(), b"6".to_vec(), Vec::new()]);
    check(4, &[b"12".to_vec(), b"34".to_vec()]);
}

#[test]
fn formatted_text_is_cut_off_like_bytes() {
    let mut buffer = [FILL; 10];
    // SAFETY: the buffer has eight bytes and more, and nothing else uses it while `out` exists.
    let mut out = unsafe { Output::new(buffer.as_mut_ptr().cast(), 8) }.unwrap();
    assert_eq!(write!(out, "{}:", 4096), Ok(()));
    assert!(write!(out, "{}", 512).is_err());
    assert_eq!((out.len(), out.is_full()), (7, true));
    assert_eq!(&buffer, b"4096:51\0\xa5\xa5");
}

proptest! {
    #[test]
    fn nothing_is_written_beyond_the_buffer(
        capacity in 0_usize..64,
        pieces in prop::collection::vec(prop::collection::vec(1_u8.., 0..24), 0..8),
    ) {
        check(capacity, &pieces);
    }
}
