// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted, each apart.

use crate::wrappers::bio::ReqOp;

/// What a request does, as far as its statistics tell it apart. The value is where its counters
/// begin, which are [`Operation::STRIDE`] apart: so nothing is left to compute for a request. It is
/// never 0.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    /// Data is read.
    Read = 1,
    /// Data is written, with or without a flush before or after it.
    Write = 33,
    /// Data is given up.
    Discard = 65,
    /// What was written is made durable; there is no data.
    Flush = 97,
    /// Zeroes are written without sending them.
    WriteZeroes = 129,
    /// Secure erase, and what manages zones.
    Other = 161,
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

    /// How many counters an operation has room for.
    pub(crate) const STRIDE: usize = 32;

    /// How many counters all of them together have room for, with the one before the first.
    pub(crate) const COUNTERS: usize = Self::Read as usize + Self::ALL.len() * Self::STRIDE;

    /// The operation of a bio with data.
    #[inline(always)]
    pub(crate) fn of(op: ReqOp) -> Self {
        BY_OP[op.number() as usize]
    }

    /// The operation of a bio without: a write of nothing is a flush.
    pub(crate) fn of_empty(op: ReqOp) -> Self {
        match Self::of(op) {
            Self::Write => Self::Flush,
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

    /// Where its counters begin.
    #[inline(always)]
    pub(crate) fn first(self) -> usize {
        self as usize
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
