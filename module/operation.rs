// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted separately.
//!
//! Plain Rust without kernel types. dmpstat includes this file.

use core::ffi::CStr;

/// The operation of a request, as the statistics distinguish it. The value is the place of its counters:
/// reads and writes share one array of counters, and the other operations a second one, from place 0 again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// A read of data.
    Read = 0,
    /// A write of data, with or without a flush before or after it.
    Write = 1,
    /// A discard, which gives up data.
    Discard = 2,
    /// A flush without data, which makes earlier writes durable.
    Flush = 3,
    /// A request to write zeroes, which carries no data.
    WriteZeroes = 4,
    /// A secure erase, or the management of a zone.
    Other = 5,
}

impl Operation {
    /// All operations, in the order of the texts.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Discard,
        Self::Flush,
        Self::WriteZeroes,
        Self::Other,
    ];

    /// Number of operations.
    pub const COUNT: usize = Self::ALL.len();

    /// Number of common operations, reads and writes, which each CPU counts for itself. They come first.
    pub const COMMON_COUNT: usize = 2;

    /// Returns the number, which is below [`Operation::COUNT`].
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the operation with a number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the place among the rare operations, if it is one of them.
    pub fn rare(self) -> Option<usize> {
        usize::from(self.number()).checked_sub(Self::COMMON_COUNT)
    }

    /// Returns the name of the operation's directory, which all texts use as well.
    pub const fn directory(self) -> &'static CStr {
        match self {
            Self::Read => c"read",
            Self::Write => c"write",
            Self::Discard => c"discard",
            Self::Flush => c"flush",
            Self::WriteZeroes => c"write_zeroes",
            Self::Other => c"other",
        }
    }

    /// The names, in the order of [`Operation::ALL`].
    pub const NAMES: [&'static str; Self::COUNT] = {
        let mut names = [""; Self::COUNT];
        let mut number = 0;
        while number < Self::COUNT {
            if let Ok(name) = Self::ALL[number].directory().to_str() {
                names[number] = name;
            }
            number += 1;
        }
        names
    };

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}
