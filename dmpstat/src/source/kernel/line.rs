// SPDX-License-Identifier: GPL-2.0

//! Lines of a mapped device's table, and their replacements.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::escape;
use crate::model::measurement::Measurements;
use crate::source::kernel::number::Number;

/// The target that counts.
pub const DMP: &str = "dmp";
/// The target that does the same without counting.
pub const LINEAR: &str = "linear";
/// Targets with keys in their lines.
const SECRET: [&str; 2] = ["crypt", "integrity"];

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The first sector of the device that the line maps.
    pub start: u64,
    /// The number of sectors.
    pub length: u64,
    /// The target's name.
    pub target: String,
    /// The target's arguments.
    pub parameters: Vec<u8>,
}

/// The options of a dmp line, as the table line has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LineOptions {
    pub measurements: Measurements,
    pub flush_bypass: bool,
    pub as_linear: bool,
}

impl LineOptions {
    /// Returns the words after the offset: the number of options, and the options.
    fn words(self) -> String {
        let Measurements { latency, pattern } = self.measurements;
        let options = [
            (latency, "latency"),
            (self.flush_bypass, "flush_bypass"),
            (self.as_linear, "as_linear"),
            (pattern, "pattern"),
        ];
        let chosen: Vec<&str> = options
            .into_iter()
            .filter_map(|(chosen, word)| chosen.then_some(word))
            .collect();
        match chosen.len() {
            0 => String::new(),
            number => format!(" {number} {}", chosen.join(" ")),
        }
    }
}

impl Line {
    /// Returns whether the table shows the line as dmp.
    pub fn is_dmp(&self) -> bool {
        self.target == DMP
    }

    /// Returns whether the table shows the line as linear, which may be a dmp line with as_linear.
    pub fn is_linear(&self) -> bool {
        self.target == LINEAR
    }

    /// Returns the dmp line that replaces a linear or dmp line. Both targets write device and offset in the
    /// same form. Other lines stay unchanged.
    pub fn attached(&self, options: LineOptions) -> Self {
        if !self.is_linear() && !self.is_dmp() {
            return self.clone();
        }
        let mut parameters = self.mapping();
        parameters.extend(options.words().bytes());
        Self {
            target: DMP.to_owned(),
            parameters,
            ..*self
        }
    }

    /// Returns the linear line that replaces a dmp line. Other lines stay unchanged.
    pub fn detached(&self) -> Self {
        if !self.is_dmp() {
            return self.clone();
        }
        Self {
            target: LINEAR.to_owned(),
            parameters: self.mapping(),
            ..*self
        }
    }

    /// Returns the line as `dmsetup table` shows it.
    pub fn shown(&self) -> Self {
        let is_as_linear = |word: &[u8]| word == b"as_linear";
        match self.is_dmp() && self.words().any(is_as_linear) {
            true => self.detached(),
            false => self.clone(),
        }
    }

    /// Returns the dmp line that maps a whole device. Without a device the line has a placeholder, for a
    /// table over a device that does not exist yet.
    pub fn over(device: Option<Number>, length: u64, options: LineOptions) -> Self {
        let device = device.map_or_else(|| "HIDDEN".to_owned(), Number::in_table);
        Self {
            start: 0,
            length,
            target: LINEAR.to_owned(),
            parameters: format!("{device} 0").into_bytes(),
        }
        .attached(options)
    }

    /// Returns the number of a dmp line's underlying device.
    pub fn underlying(&self) -> Option<Number> {
        let device = self.words().next().filter(|_| self.is_dmp())?;
        let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
        Some(Number::new(major.parse().ok()?, minor.parse().ok()?))
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        let words = self.parameters.split(|byte| *byte == b' ');
        words.filter(|word| !word.is_empty())
    }

    /// Returns the device and offset of a linear or dmp line.
    fn mapping(&self) -> Vec<u8> {
        let words: Vec<&[u8]> = self.words().take(2).collect();
        words.join(&b' ')
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.start, self.length, self.target)?;
        if SECRET.contains(&self.target.as_str()) {
            return write!(f, " ...");
        }
        write!(f, " {}", escape::show(&self.parameters))
    }
}
