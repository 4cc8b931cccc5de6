// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted, each apart.

use crate::wrappers::bio::ReqOp;

/// What a request does, as far as its statistics tell it apart. The value is where its counters
/// begin, which are [`Operation::STRIDE`] apart: so nothing is left to compute for a request.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    /// Data is read.
    Read = 0,
    /// Data is written, with or without a flush before or after it.
    Write = 32,
    /// Data is given up.
    Discard = 64,
    /// What was written is made durable; there is no data.
    Flush = 96,
    /// Zeroes are written without sending them.
    WriteZeroes = 128,
    /// Secure erase, and what manages zones.
    Other = 160,
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

    /// How many counters all of them together have room for.
    pub(crate) const COUNTERS: usize = Self::ALL.len() * Self::STRIDE;

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

    /// Where its counters begin: a multiple of [`Operation::STRIDE`].
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
