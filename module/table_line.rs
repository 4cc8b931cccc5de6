// SPDX-License-Identifier: GPL-2.0

//! The arguments of a table line: `<device> [<offset> [<#options> <option>...]]`.
//!
//! Plain Rust without kernel types.

use core::{ffi::CStr, fmt, mem};

/// The parsed arguments of a table line.
pub(crate) struct Arguments<'a> {
    /// The underlying device, by path or major:minor.
    pub(crate) device: &'a CStr,
    /// The first sector to use on the underlying device.
    pub(crate) offset: u64,
    /// The option `latency`: every request is timed.
    pub(crate) latency: bool,
    /// The option `flush_bypass`: flushes go past the counters.
    pub(crate) flush_bypass: bool,
    /// The option `as_linear`: the line shows itself as one of dm-linear.
    pub(crate) as_linear: bool,
}

/// A message in the kernel log about a wrong table line.
pub(crate) type Wrong = &'static CStr;

/// There is no argument at all.
pub(crate) const DEVICE: Wrong = c"<device> is missing";
/// `<offset>` is not decimal, or not below 2^64.
pub(crate) const OFFSET: Wrong = c"<offset> is not a sector number";
/// `<#options>` is not decimal, or too large.
pub(crate) const OPTIONS: Wrong = c"<#options> is not a number";
/// There are more or fewer options than `<#options>` says.
pub(crate) const OPTION_COUNT: Wrong = c"<#options> is not the number of options that follow";
/// An option is unknown.
pub(crate) const OPTION: Wrong =
    c"<option> is unknown: expected latency, flush_bypass or as_linear";
/// The option `latency` is there twice.
pub(crate) const REPEATED: Wrong = c"<option> latency is repeated";
/// The option `flush_bypass` is there twice.
pub(crate) const REPEATED_BYPASS: Wrong = c"<option> flush_bypass is repeated";
/// The option `as_linear` is there twice.
pub(crate) const REPEATED_AS_LINEAR: Wrong = c"<option> as_linear is repeated";

impl<'a> Arguments<'a> {
    /// Parses the arguments after the target's name.
    pub(crate) fn parse(mut args: impl ExactSizeIterator<Item = &'a CStr>) -> Result<Self, Wrong> {
        let device = args.next().ok_or(DEVICE)?;
        let offset = match args.next() {
            Some(offset) => number(offset).ok_or(OFFSET)?,
            None => 0,
        };
        let options = match args.next() {
            Some(options) => number(options).ok_or(OPTIONS)?,
            None => 0,
        };
        if options != args.len() as u64 {
            return Err(OPTION_COUNT);
        }
        let (mut latency, mut flush_bypass, mut as_linear) = (false, false, false);
        for option in args {
            let (asked, repeated) = match option.to_bytes() {
                b"latency" => (&mut latency, REPEATED),
                b"flush_bypass" => (&mut flush_bypass, REPEATED_BYPASS),
                b"as_linear" => (&mut as_linear, REPEATED_AS_LINEAR),
                _ => return Err(OPTION),
            };
            if mem::replace(asked, true) {
                return Err(repeated);
            }
        }
        Ok(Self {
            device,
            offset,
            latency,
            flush_bypass,
            as_linear,
        })
    }
}

/// Writes ` <#options> <option>...` with the options that are set, and nothing if none is.
pub(crate) fn write_options(out: &mut impl fmt::Write, options: &[(bool, &str)]) -> fmt::Result {
    let set = options.iter().filter(|(set, _)| *set);
    match set.clone().count() {
        0 => return Ok(()),
        count => write!(out, " {count}")?,
    }
    for (_, name) in set {
        write!(out, " {name}")?;
    }
    Ok(())
}

/// Parses a decimal number of digits only: unlike [`str::parse`], without a sign.
fn number(text: &CStr) -> Option<u64> {
    let text = text.to_str().ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Tells if `length` sectors from `offset` on are all below `end`.
pub(crate) fn fits(offset: u64, length: u64, end: u64) -> bool {
    offset.checked_add(length).is_some_and(|last| last <= end)
}
