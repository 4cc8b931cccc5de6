// SPDX-License-Identifier: GPL-2.0

//! What a request carries from when it arrives to when it ends.
//!
//! Plain Rust without kernel types.

/// An operation's number, whether the request is measured, and when it arrived, in one word that is
/// never 0.
///
/// The time is in nanoseconds and wraps after two years of uptime, as do differences of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// How far up the time is.
    const TIME: u32 = u8::BITS;
    /// Set in every stamp, so that none is 0.
    const THERE: u64 = 1 << 7;
    /// Set in those with a time.
    const MEASURED: u64 = 1 << 6;
    /// The rest is the operation's number.
    const OPERATION: u64 = Self::MEASURED - 1;

    /// For a request that is not measured.
    pub(crate) fn unmeasured(operation: u8) -> Self {
        Self(u64::from(operation) & Self::OPERATION | Self::THERE)
    }

    /// For one that arrived at `ns`. The number is below 64.
    #[inline(always)]
    pub(crate) fn measured(operation: u8, ns: u64) -> Self {
        // It is below; a sum, unlike an or, takes one instruction.
        let below = u64::from(operation) + (Self::THERE | Self::MEASURED);
        Self((ns << Self::TIME).wrapping_add(below))
    }

    /// The word.
    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// The stamp whose word it is; `None` for 0.
    #[inline(always)]
    pub(crate) fn from_word(word: u64) -> Option<Self> {
        (word != 0).then_some(Self(word))
    }

    /// The operation's number.
    #[inline(always)]
    pub(crate) fn operation(self) -> u8 {
        (self.0 & Self::OPERATION) as u8
    }

    /// Whether the request is measured.
    #[inline(always)]
    pub(crate) fn is_measured(self) -> bool {
        self.0 & Self::MEASURED != 0
    }

    /// The stamp whose word it is, and the operation's number, if there is one, the request is measured
    /// and the number is below `end`: all of that in one comparison.
    #[inline(always)]
    pub(crate) fn measured_below(word: u64, end: u8) -> Option<(Self, u8)> {
        let number = (word as u8).wrapping_sub((Self::THERE | Self::MEASURED) as u8);
        (number < end).then_some((Self(word), number))
    }

    /// One less than how long ago it is at `ns`, if that is from 1 to 2^32: in fewer instructions than
    /// [`Stamp::age`].
    #[inline(always)]
    pub(crate) fn below_age(self, ns: u64) -> Option<u32> {
        // What is below the time is not 0, so that rounding down takes 1 from the difference.
        let below = (ns << Self::TIME).wrapping_sub(self.0) >> Self::TIME;
        u32::try_from(below).ok()
    }

    /// How long ago it is at `ns`; 0 if the clock seems to have gone back, for no request is under way for
    /// a year.
    pub(crate) fn age(self, ns: u64) -> u64 {
        let difference = (ns << Self::TIME).wrapping_sub(self.0) as i64;
        if difference < 0 {
            return 0;
        }
        (difference as u64 >> Self::TIME) + 1
    }
}
