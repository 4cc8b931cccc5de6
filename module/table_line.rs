// SPDX-License-Identifier: GPL-2.0

//! The arguments of a table line: `<device> [<offset> [<#options> <option>...]]`.
//!
//! Plain Rust without kernel types.

use crate::measurement::Measurements;
use core::{
    ffi::CStr,
    fmt,
    mem, //
};

/// The parsed arguments of a table line.
pub(crate) struct Arguments<'a> {
    /// The underlying device, by path or major:minor.
    pub(crate) device: &'a CStr,
    /// The first sector to use on the underlying device.
    pub(crate) offset: u64,
    /// True for each option in the line.
    pub(crate) options: Options,
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

/// Defines the options of a line by their names, in the order of the printed line.
macro_rules! options {
    ($($(#[$doc:meta])* $option:ident,)+) => {
        /// A value of each option.
        #[derive(Clone, Copy, Default)]
        pub(crate) struct Options<T = bool> {
            $($(#[$doc])* pub(crate) $option: T,)+
        }

        /// The names of the options.
        pub(crate) const NAMES: Options<&str> = Options {
            $($option: stringify!($option),)+
        };

        /// An option is unknown.
        pub(crate) const OPTION: Wrong =
            wrong(concat!("<option> is unknown: expected ", options!(@list $($option),+), "\0"));

        /// An option is repeated.
        pub(crate) const REPEATED: Options<Wrong> = Options {
            $($option: wrong(concat!("<option> ", stringify!($option), " is repeated\0")),)+
        };

        impl<T> Options<T> {
            /// Returns the values in their order.
            fn values(self) -> [T; [$(NAMES.$option),+].len()] {
                [$(self.$option),+]
            }
        }

        impl Options {
            /// Sets an option that is not set.
            fn set(&mut self, option: &CStr) -> Result<(), Wrong> {
                let (is_set, repeated) = match option.to_bytes() {
                    $(name if name == NAMES.$option.as_bytes() => {
                        (&mut self.$option, REPEATED.$option)
                    })+
                    _ => return Err(OPTION),
                };
                match mem::replace(is_set, true) {
                    true => Err(repeated),
                    false => Ok(()),
                }
            }
        }
    };
    (@list $option:ident, $last:ident) => {
        concat!(stringify!($option), " or ", stringify!($last))
    };
    (@list $option:ident, $($rest:ident),+) => {
        concat!(stringify!($option), ", ", options!(@list $($rest),+))
    };
}

options! {
    /// `latency`: every request is timed.
    latency,
    /// `flush_bypass`: flushes go past the counters.
    flush_bypass,
    /// `as_linear`: tables show the line as one of dm-linear.
    as_linear,
    /// `pattern`: the distances between requests are counted.
    pattern,
}

/// Returns a message. Its text ends with the only NUL.
const fn wrong(text: &'static str) -> Wrong {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(message) => message,
        Err(_) => panic!(),
    }
}

impl<'a> Arguments<'a> {
    /// Parses the arguments after the target's name.
    pub(crate) fn parse(mut args: impl ExactSizeIterator<Item = &'a CStr>) -> Result<Self, Wrong> {
        let device = args.next().ok_or(DEVICE)?;
        let offset = match args.next() {
            Some(offset) => number(offset).ok_or(OFFSET)?,
            None => 0,
        };
        let count = match args.next() {
            Some(count) => number(count).ok_or(OPTIONS)?,
            None => 0,
        };
        if count != args.len() as u64 {
            return Err(OPTION_COUNT);
        }
        let mut options = Options::<bool>::default();
        for option in args {
            options.set(option)?;
        }
        Ok(Self {
            device,
            offset,
            options,
        })
    }
}

impl Options {
    /// Returns the measurements among the options.
    pub(crate) fn measurements(self) -> Measurements {
        Measurements {
            latency: self.latency,
            pattern: self.pattern,
        }
    }

    /// Returns the options with these measurements.
    pub(crate) fn with_measurements(self, measurements: Measurements) -> Self {
        let Measurements { latency, pattern } = measurements;
        Self {
            latency,
            pattern,
            ..self
        }
    }

    /// Writes ` <#options> <option>...` with the options that are set, and nothing if none is.
    pub(crate) fn write(self, out: &mut impl fmt::Write) -> fmt::Result {
        let options = NAMES.values().into_iter().zip(self.values());
        let set = options.filter(|(_, is_set)| *is_set);
        match set.clone().count() {
            0 => return Ok(()),
            count => write!(out, " {count}")?,
        }
        for (name, _) in set {
            write!(out, " {name}")?;
        }
        Ok(())
    }
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
