// SPDX-License-Identifier: GPL-2.0

//! Ranges of values, as the Monitoring Plugins Development Guidelines define them: `10:20`.

use std::fmt::{self, Display, Formatter};

/// A range of values, with both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lowest value; negative infinity for `~`.
    pub start: f64,
    /// The highest value; infinity for a range without an end.
    pub end: f64,
    /// True if the values of the range raise the alarm (`@`), and false if all others do.
    pub is_inverted: bool,
}

/// The place of a value that raises an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Breach {
    Below,
    Above,
    Inside,
}

impl Range {
    /// Returns the place of a value; `None` if the value raises no alarm.
    pub fn breach(&self, value: f64) -> Option<Breach> {
        match self.is_inverted {
            true => (self.start..=self.end)
                .contains(&value)
                .then_some(Breach::Inside),
            false if value < self.start => Some(Breach::Below),
            false if value > self.end => Some(Breach::Above),
            false => None,
        }
    }

    /// Returns the distance of a value from the range, as a factor.
    pub fn distance(&self, value: f64) -> f64 {
        match self.breach(value) {
            Some(Breach::Above) => value / self.end,
            Some(Breach::Below) => self.start / value,
            Some(Breach::Inside) | None => 1.0,
        }
    }
}

impl Display for Range {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_inverted {
            write!(f, "@")?;
        }
        if self.start == f64::NEG_INFINITY {
            write!(f, "~:")?;
        } else if self.start != 0.0 || self.end == f64::INFINITY {
            write!(f, "{}:", self.start)?;
        }
        if self.end != f64::INFINITY {
            write!(f, "{}", self.end)?;
        }
        Ok(())
    }
}
