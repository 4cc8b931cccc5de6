// SPDX-License-Identifier: GPL-2.0

//! The conversion of the TSC to CLOCK_MONOTONIC.
//!
//! Timekeeping reads the TSC at each update, and sets the rate of the TSC until the next update.
//!
//! Plain Rust without kernel types.

/// Number of fractional bits of a [`Rate`].
const FRACTION: u32 = 32;

/// Nanoseconds per tick, in units of 2^-32: timekeeping's `mult` and `shift` in one word. 0 if
/// there is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(u64);

/// An update of timekeeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// TSC of the update.
    pub(crate) ticks: u64,
    /// CLOCK_MONOTONIC of the update, in nanoseconds.
    pub(crate) ns: u64,
    /// Rate until the next update; none if another clock keeps the time.
    pub(crate) rate: Rate,
}

/// The updates for converting a TSC. All words are 0 before the first update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// The latest update by the TSC.
    last: Update,
    /// The latest update before the TSC last failed to count the time: in a suspend, or while
    /// another clock kept the time.
    before: Update,
    /// The TSC since which it has counted the time.
    began: u64,
    /// True while the TSC keeps the time.
    counts: bool,
}

impl Rate {
    /// No rate.
    pub(crate) const NONE: Self = Self(0);

    /// Exclusive bound on the ticks that [`Rate::ns_of_short`] converts.
    pub(crate) const SHORT: u64 = 1 << 31;

    /// Makes a rate from timekeeping's numbers. There is none for a TSC below 500 MHz, which would
    /// overflow [`Rate::ns_of_short`], and for a shift above 32.
    pub(crate) const fn new(mult: u32, shift: u32) -> Self {
        if shift > FRACTION {
            return Self::NONE;
        }
        let rate = (mult as u64) << (FRACTION - shift);
        if rate > u64::MAX / Self::SHORT {
            return Self::NONE;
        }
        Self(rate)
    }

    /// Makes a rate from its word.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// Returns the word, which is 0 if there is no rate.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// Converts less than [`Rate::SHORT`] ticks to nanoseconds, rounded down.
    #[inline(always)]
    pub(crate) const fn ns_of_short(self, ticks: u64) -> u64 {
        ticks.wrapping_mul(self.0) >> FRACTION
    }

    /// Converts any number of ticks to nanoseconds, rounded down.
    pub(crate) const fn ns(self, ticks: u64) -> u64 {
        ((ticks as u128 * self.0 as u128) >> FRACTION) as u64
    }
}

impl Update {
    /// Converts a TSC near the update.
    fn ns_at(self, ticks: u64) -> u64 {
        let difference = ticks.wrapping_sub(self.ticks) as i64;
        let ns = self.rate.ns(difference.unsigned_abs());
        if difference < 0 {
            self.ns.saturating_sub(ns)
        } else {
            self.ns.saturating_add(ns)
        }
    }

    /// Tells if the TSC counted the time up to another update. An adjustment of the clock may add a
    /// millisecond and a thousandth of the interval.
    fn counts_until(self, later: Self) -> bool {
        let said = self.ns_at(later.ticks);
        let slack = 1_000_000 + later.ns.wrapping_sub(self.ns) / 1_000;
        said.abs_diff(later.ns) <= slack
    }
}

impl Timeline {
    /// Number of words of a timeline.
    pub(crate) const WORDS: usize = 8;

    /// Takes an update.
    pub(crate) fn update(&mut self, update: Update) {
        let counts = update.rate != Rate::NONE;
        if counts {
            if !self.counts || !self.last.counts_until(update) {
                self.before = self.last;
                self.began = update.ticks;
            }
            self.last = update;
        }
        self.counts = counts;
    }

    /// Returns the TSC since which it has counted the time without a break; `None` while another
    /// clock keeps the time.
    pub(crate) fn began(&self) -> Option<u64> {
        self.counts.then_some(self.began)
    }

    /// Returns the rate of the latest update by the TSC.
    pub(crate) fn rate(&self) -> Rate {
        self.last.rate
    }

    /// Returns the TSC of the latest update by the TSC.
    pub(crate) fn latest(&self) -> u64 {
        self.last.ticks
    }

    /// Converts a past TSC to CLOCK_MONOTONIC. `now` is the present TSC if it counts the time: a
    /// past TSC above `now` is from before the TSC was set back, as a suspend may do.
    pub(crate) fn ns_at(&self, ticks: u64, now: Option<u64>) -> u64 {
        let after = |other: u64| ticks.wrapping_sub(other) as i64;
        let set_back = now.is_some_and(|now| after(now) > Rate::SHORT as i64);
        let is_before = after(self.began) < 0 || set_back;
        if is_before && self.before.rate != Rate::NONE {
            self.before.ns_at(ticks)
        } else {
            self.last.ns_at(ticks)
        }
    }

    /// Returns the timeline in words.
    pub(crate) fn words(&self) -> [u64; Self::WORDS] {
        let Self {
            last,
            before,
            began,
            counts,
        } = *self;
        let [last, before] = [last, before].map(|update| [update.ticks, update.ns, update.rate.0]);
        [
            last[0],
            last[1],
            last[2],
            before[0],
            before[1],
            before[2],
            began,
            counts.into(),
        ]
    }

    /// Makes a timeline from its words.
    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let update = |at: usize| Update {
            ticks: words[at],
            ns: words[at + 1],
            rate: Rate(words[at + 2]),
        };
        Self {
            last: update(0),
            before: update(3),
            began: words[6],
            counts: words[7] != 0,
        }
    }
}
