// SPDX-License-Identifier: GPL-2.0

//! The arguments of a table line: `<device> [<offset>]`.
//!
//! Plain Rust without kernel types.

use core::ffi::CStr;

/// What a table line asks for.
pub(crate) struct Arguments<'a> {
    /// The underlying device, by path or major:minor.
    pub(crate) device: &'a CStr,
    /// The first sector to use on it.
    pub(crate) offset: u64,
}

/// What a message for the kernel log calls a wrong table line.
pub(crate) type Wrong = &'static CStr;

/// Wrong number of arguments.
pub(crate) const COUNT: Wrong = c"argument count: expected <device> [<offset>]";
/// `<offset>` is not decimal, or not below 2^64.
pub(crate) const OFFSET: Wrong = c"<offset> is not a sector number";

impl<'a> Arguments<'a> {
    /// Reads the arguments behind the target's name.
    pub(crate) fn parse(mut args: impl Iterator<Item = &'a CStr>) -> Result<Self, Wrong> {
        let device = args.next().ok_or(COUNT)?;
        let offset = match args.next() {
            Some(offset) => sector(offset).ok_or(OFFSET)?,
            None => 0,
        };
        match args.next() {
            Some(_) => Err(COUNT),
            None => Ok(Self { device, offset }),
        }
    }
}

/// A decimal sector number: digits only, unlike what [`str::parse`] takes.
fn sector(text: &CStr) -> Option<u64> {
    let text = text.to_str().ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Whether `length` sectors from `offset` on are all below `end`.
pub(crate) fn fits(offset: u64, length: u64, end: u64) -> bool {
    offset.checked_add(length).is_some_and(|last| last <= end)
}
