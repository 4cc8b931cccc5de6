// SPDX-License-Identifier: GPL-2.0

//! The operation of each bio, from the block layer's `enum req_op`.

use crate::{
    operation::Operation,
    wrappers::bio::ReqOp, //
};

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
        (number < Operation::COMMON_COUNT).then_some(Self(number))
    }

    /// Returns the number, as [`Operation::number`] does.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }

    /// Returns the row of its counters.
    #[inline(always)]
    pub(crate) fn row(self) -> usize {
        // The remainder changes nothing: it tells the compiler that the number is a common operation's.
        self.0 % Operation::COMMON_COUNT
    }
}

impl Operation {
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
