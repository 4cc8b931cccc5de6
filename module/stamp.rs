// SPDX-License-Identifier: GPL-2.0

//! The word that a request carries from its arrival to its end.
//!
//! Plain Rust without kernel types.
//!
//! | bits | field |
//! | --- | --- |
//! | 0 to 2 | number of the operation |
//! | 3 to 5 | generation: the period between two resets in which a measured request arrived |
//! | 6 | clock of the time: 1 for ticks of the TSC, 0 for nanoseconds of CLOCK_MONOTONIC |
//! | 7 | 1 if the request is measured; if not, all fields above the operation are 0 |
//! | 8 to 10 | reserved for the size class |
//! | 11 to 63 | time of arrival |
//!
//! The time wraps: nanoseconds after 104 days of uptime, a TSC of 3 GHz after 34 days. The age of a request
//! that is in flight for longer is too small by the wraps.

use core::num::NonZeroU8;

/// A clock that stamps requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// CLOCK_MONOTONIC, in nanoseconds.
    Monotonic,
    /// The TSC, in its own ticks.
    Tsc,
}

/// The low byte of a measured request's stamp: all fields but the time and the size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(NonZeroU8);

/// The word that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// Number of generations.
pub(crate) const GENERATIONS: usize = 8;

/// Number of operations that the field has room for.
pub(crate) const OPERATIONS: usize = 1 << Tag::GENERATION;

// The generation fills the bits from the end of the operation to the clock's bit.
const _: () = assert!(GENERATIONS == 1 << (Tag::TSC.trailing_zeros() - Tag::GENERATION));

impl Clock {
    /// Both clocks, by [`Clock::number`].
    pub(crate) const ALL: [Self; 2] = [Self::Monotonic, Self::Tsc];

    /// Returns the value of the clock's bit.
    pub(crate) const fn number(self) -> usize {
        self as usize
    }
}

impl Tag {
    const OPERATION: u8 = (1 << Self::GENERATION) - 1;
    const GENERATION: u32 = 3;
    const TSC: u8 = 1 << 6;
    const MEASURED: u8 = 1 << 7;

    /// Makes the tag of measured requests, with operation 0.
    pub(crate) const fn measured(generation: usize, clock: Clock) -> Self {
        let generation = ((generation % GENERATIONS) as u8) << Self::GENERATION;
        let clock = match clock {
            Clock::Monotonic => 0,
            Clock::Tsc => Self::TSC,
        };
        Self::new(generation | clock)
    }

    const fn new(fields: u8) -> Self {
        match NonZeroU8::new(fields | Self::MEASURED) {
            Some(tag) => Self(tag),
            None => Self(NonZeroU8::MAX),
        }
    }

    /// Returns the clock of the time.
    #[inline(always)]
    pub(crate) const fn clock(self) -> Clock {
        if self.0.get() & Self::TSC == 0 {
            Clock::Monotonic
        } else {
            Clock::Tsc
        }
    }

    /// Returns the generation.
    pub(crate) const fn generation(self) -> usize {
        (self.0.get() >> Self::GENERATION) as usize % GENERATIONS
    }

    /// Returns the tag with another clock.
    pub(crate) const fn with_clock(self, clock: Clock) -> Self {
        Self::measured(self.generation(), clock)
    }
}

impl Stamp {
    /// Lowest bit of the time.
    const TIME: u32 = 11;
    /// An age above this means that the clock went back a little, for example between two processors.
    const BACK: u64 = (1 << (u64::BITS - Self::TIME)) - (1 << 40);

    /// Stamps a request that is not measured.
    pub(crate) const fn unmeasured(operation: u8) -> Self {
        Self((operation & Tag::OPERATION) as u64)
    }

    /// Stamps a request that arrives at `time`. The tag has operation 0; `operation` is below
    /// [`OPERATIONS`].
    #[inline(always)]
    pub(crate) const fn measured(tag: Tag, operation: u8, time: u64) -> Self {
        Self::with_fields(Self::fields(tag, operation as usize), time)
    }

    /// Returns the fields below the time, for the arguments of [`Stamp::measured`].
    #[inline(always)]
    pub(crate) const fn fields(tag: Tag, operation: usize) -> u64 {
        (tag.0.get() as u64).wrapping_add(operation as u64)
    }

    /// Stamps a request with these [`Stamp::fields`] that arrives at `time`.
    #[inline(always)]
    pub(crate) const fn with_fields(fields: u64, time: u64) -> Self {
        // A sum, unlike an or, takes one instruction.
        Self((time << Self::TIME).wrapping_add(fields))
    }

    /// Returns the word.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// Returns the stamp of a word. A request without a stamp has the word of an unmeasured read.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// Returns the number of the operation.
    #[inline(always)]
    pub(crate) const fn operation(self) -> u8 {
        self.0 as u8 & Tag::OPERATION
    }

    /// Returns the tag, with operation 0, if the request is measured.
    pub(crate) const fn tag(self) -> Option<Tag> {
        let tag = self.0 as u8 & !Tag::OPERATION;
        if tag & Tag::MEASURED == 0 {
            None
        } else {
            Some(Tag::new(tag))
        }
    }

    /// Returns the number of the operation if the stamp has this tag and the number is below `end`. One
    /// comparison tests both.
    #[inline(always)]
    pub(crate) const fn operation_below(self, end: u8, tag: Tag) -> Option<u8> {
        let operation = (self.0 as u8).wrapping_sub(tag.0.get());
        if operation < end {
            Some(operation)
        } else {
            None
        }
    }

    /// Returns the age at `time` minus 1, in fewer instructions than [`Stamp::age`] takes. The age 0 and the
    /// age by a clock that went back wrap round, so one comparison detects them together with long ages.
    #[inline(always)]
    pub(crate) const fn age_less_one(self, time: u64) -> u64 {
        // The fields below the time are not 0, so the shift rounds the difference down by 1.
        (time << Self::TIME).wrapping_sub(self.0) >> Self::TIME
    }

    /// Returns the age at `time`; 0 if the clock went back.
    pub(crate) const fn age(self, time: u64) -> u64 {
        let below = self.age_less_one(time);
        if below > Self::BACK {
            0
        } else {
            below + 1
        }
    }

    /// Returns the full time of arrival, given a later time.
    pub(crate) const fn arrival(self, time: u64) -> u64 {
        let below = self.age_less_one(time);
        if below > Self::BACK {
            // The distance by which the clock went back is the complement within the bits of the time.
            let back = !below << Self::TIME >> Self::TIME;
            time.wrapping_add(back)
        } else {
            time.wrapping_sub(below).wrapping_sub(1)
        }
    }
}
