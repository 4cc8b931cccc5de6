// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted separately.

use crate::wrappers::bio::ReqOp;
use core::ffi::CStr;

/// The operation of a request, as the statistics distinguish it. The value is the place of its counters:
/// reads and writes share one array of counters, and the other operations, from 0 again, a second one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    /// A read of data.
    Read = 0,
    /// A write of data, with or without a flush before or after it.
    Write = 1,
    /// A discard: the data is given up.
    Discard = 2,
    /// A flush without data, which makes earlier writes durable.
    Flush = 3,
    /// A write of zeroes, which are not sent.
    WriteZeroes = 4,
    /// A secure erase, or the management of a zone.
    Other = 5,
}

/// A read or a write, which each CPU counts for itself.
#[derive(Clone, Copy)]
pub(crate) struct Common(usize);

impl Common {
    /// Returns the operation of a bio if it is a `REQ_OP_READ` or `REQ_OP_WRITE`. Does not look at the size:
    /// an empty write is a flush.
    #[inline(always)]
    pub(crate) fn of(op: ReqOp) -> Option<Self> {
        const {
            assert!(ReqOp::READ.number() == Operation::Read.number());
            assert!(ReqOp::WRITE.number() == Operation::Write.number());
        }
        let number = usize::from(op.number());
        (number < Operation::USUAL).then_some(Self(number))
    }

    /// Returns the number, as [`Operation::number`] does.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }

    /// Returns the row of its counters.
    #[inline(always)]
    pub(crate) fn row(self) -> usize {
        // The number is below that anyway: the remainder tells the compiler so.
        self.0 % Operation::USUAL
    }
}

impl Operation {
    /// All operations, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Discard,
        Self::Flush,
        Self::WriteZeroes,
        Self::Other,
    ];

    /// Number of operations.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// Number of common operations. They are the first ones, and each CPU counts them for itself.
    pub(crate) const USUAL: usize = 2;

    /// Returns the operation of a bio.
    pub(crate) fn of(op: ReqOp, size: u32) -> Self {
        match BY_OP[usize::from(op.number())] {
            // An empty write is a flush.
            Self::Write if size == 0 => Self::Flush,
            operation => operation,
        }
    }

    /// Returns the entry of [`BY_OP`] for an operation of the block layer.
    const fn matching(op: ReqOp) -> Self {
        match op {
            ReqOp::READ => Self::Read,
            ReqOp::WRITE | ReqOp::ZONE_APPEND => Self::Write,
            ReqOp::FLUSH => Self::Flush,
            ReqOp::DISCARD => Self::Discard,
            ReqOp::WRITE_ZEROES => Self::WriteZeroes,
            _ => Self::Other,
        }
    }

    /// Returns the number, which is below [`Operation::COUNT`].
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the operation with a number, if there is one.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the place among the rare operations, if it is one of them.
    pub(crate) fn rare(self) -> Option<usize> {
        usize::from(self.number()).checked_sub(Self::USUAL)
    }

    /// Returns the name of the operation's directory, which all texts use as well.
    pub(crate) const fn directory(self) -> &'static CStr {
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
    pub(crate) const NAMES: [&'static str; Self::COUNT] = {
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
}

/// The operation of each `enum req_op`. A table needs one load, where a match would be a jump that is hard to
/// predict.
static BY_OP: [Operation; 1 << ReqOp::BITS] = {
    let mut operations = [Operation::Other; 1 << ReqOp::BITS];
    let mut number = 0;
    while number < operations.len() {
        operations[number] = Operation::matching(ReqOp::from_number(number as u8));
        number += 1;
    }
    operations
};
