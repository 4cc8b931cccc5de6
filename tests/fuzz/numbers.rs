// SPDX-License-Identifier: GPL-2.0

/// Reads the bytes as numbers, nine bytes each: a shift, which makes small numbers as likely as
/// large ones, and the number. Missing bytes at the end are zero.
pub fn numbers(data: &[u8]) -> impl Iterator<Item = u64> {
    data.chunks(9).map(|bytes| {
        let mut number = [0; 8];
        number[..bytes.len() - 1].copy_from_slice(&bytes[1..]);
        u64::from_le_bytes(number) >> (bytes[0] % 64)
    })
}
