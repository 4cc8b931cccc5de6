// SPDX-License-Identifier: GPL-2.0

//! Operations of requests.

/// An operation of requests, as the module tells operations apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Read,
    Write,
    Discard,
    Flush,
    WriteZeroes,
    Other,
}

impl Operation {
    /// The number of operations.
    pub const COUNT: usize = 6;
    /// All operations.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Read,
        Self::Write,
        Self::Discard,
        Self::Flush,
        Self::WriteZeroes,
        Self::Other,
    ];

    /// Returns the module's word for the operation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Discard => "discard",
            Self::Flush => "flush",
            Self::WriteZeroes => "write_zeroes",
            Self::Other => "other",
        }
    }

    /// Returns the operation that the module calls by this name.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name().as_bytes() == name)
    }
}
