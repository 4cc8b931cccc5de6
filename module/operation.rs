// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted, each apart.

use crate::wrappers::bio::ReqOp;

/// What a request does, as far as its statistics tell it apart. The value is where its counters are
/// among those of its kind: reads and writes are of one kind, the others of another.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    /// Data is read.
    Read = 0,
    /// Data is written, with or without a flush before or after it.
    Write = 1,
    /// Data is given up.
    Discard = 2,
    /// What was written is made durable; there is no data.
    Flush = 3,
    /// Zeroes are written without sending them.
    WriteZeroes = 4,
    /// Secure erase, and what manages zones.
    Other = 5,
}

/// A read or a write: each CPU counts them for itself.
#[derive(Clone, Copy)]
pub(crate) struct Common(usize);

impl Common {
    /// Returns the operation of a bio if it is a `REQ_OP_READ` or `REQ_OP_WRITE`. One without data is a flush.
    #[inline(always)]
    pub(crate) fn of(op: ReqOp) -> Option<Self> {
        const {
            assert!(ReqOp::READ.number() == Operation::Read.number());
            assert!(ReqOp::WRITE.number() == Operation::Write.number());
        }
        let number = usize::from(op.number());
        (number < Operation::USUAL).then_some(Self(number))
    }

    /// Returns its number, as [`Operation::number`].
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }

    /// Returns its row.
    #[inline(always)]
    pub(crate) fn row(self) -> usize {
        // It is below that anyway; so the compiler knows it, too.
        self.0 % Operation::USUAL
    }
}

impl Operation {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Discard,
        Self::Flush,
        Self::WriteZeroes,
        Self::Other,
    ];

    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// How many of them are usual: so many of the first are counted by each CPU for itself.
    pub(crate) const USUAL: usize = 2;

    /// The operation of a bio.
    pub(crate) fn of(op: ReqOp, size: u32) -> Self {
        match BY_OP[usize::from(op.number())] {
            // A write of nothing is a flush.
            Self::Write if size == 0 => Self::Flush,
            operation => operation,
        }
    }

    /// What [`Operation::of`] looks up.
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

    /// Its number, which is below [`Operation::COUNT`].
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The operation of a number, if there is one.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its place among those that are not usual, if it is one of them.
    pub(crate) fn rare(self) -> Option<usize> {
        usize::from(self.number()).checked_sub(Self::USUAL)
    }

    /// Its name in `dmsetup status`, which is that of its directory too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Discard => "discard",
            Self::Flush => "flush",
            Self::WriteZeroes => "write_zeroes",
            Self::Other => "other",
        }
    }
}

/// The operation of each `enum req_op`: a load, where a match would be a jump that is hard to
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
