// SPDX-License-Identifier: GPL-2.0

//! What requests ask for.

/// What a request asks for, as the module tells them apart.
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
    /// How many there are.
    pub const COUNT: usize = 6;
    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Read,
        Self::Write,
        Self::Discard,
        Self::Flush,
        Self::WriteZeroes,
        Self::Other,
    ];

    /// The module's word for it.
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

    /// Which one the module calls so.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name().as_bytes() == name)
    }
}
