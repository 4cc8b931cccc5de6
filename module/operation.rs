// SPDX-License-Identifier: GPL-2.0

//! The operations that are counted, each apart.

use crate::wrappers::bio::ReqOp;

/// What a request does, as far as its statistics tell it apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Data is read.
    Read,
    /// Data is written, with or without a flush before or after it.
    Write,
    /// Data is given up.
    Discard,
    /// What was written is made durable; there is no data.
    Flush,
    /// Zeroes are written without sending them.
    WriteZeroes,
    /// Secure erase, and what manages zones.
    Other,
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

    /// The operation of a bio of `size` bytes. A write of nothing is a flush.
    #[inline(always)]
    pub(crate) fn of(op: ReqOp, size: u32) -> Self {
        match op {
            ReqOp::READ => Self::Read,
            ReqOp::WRITE if size > 0 => Self::Write,
            ReqOp::WRITE | ReqOp::FLUSH => Self::Flush,
            ReqOp::ZONE_APPEND => Self::Write,
            ReqOp::DISCARD => Self::Discard,
            ReqOp::WRITE_ZEROES => Self::WriteZeroes,
            _ => Self::Other,
        }
    }

    /// The operation with a number that [`Operation::number`] gave.
    #[inline(always)]
    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Read,
            1 => Self::Write,
            2 => Self::Discard,
            3 => Self::Flush,
            4 => Self::WriteZeroes,
            _ => Self::Other,
        }
    }

    /// A number below [`Operation::COUNT`].
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
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
