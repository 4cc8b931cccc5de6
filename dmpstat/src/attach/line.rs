// SPDX-License-Identifier: GPL-2.0

//! Lines of a mapped device's table, and what becomes of them.

use std::fmt;

use crate::escape;

/// The target that counts.
pub const DMP: &str = "dmp";
/// The target that does the same without counting.
pub const LINEAR: &str = "linear";
/// Targets whose lines have keys in them.
const SECRET: [&str; 2] = ["crypt", "integrity"];

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first sector of the device that it is for.
    pub start: u64,
    /// How many sectors.
    pub length: u64,
    /// What is done with requests.
    pub target: String,
    /// What the target reads.
    pub parameters: Vec<u8>,
}

/// What dmp lines are to have besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Measure how long requests take.
    pub latency: bool,
    /// Flushes go past the counters.
    pub flush_bypass: bool,
    /// The target that tables show.
    pub shown: Shown,
}

/// The target that the table of an attached volume shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// linear for LVM's volumes, dmp for others.
    #[default]
    Auto,
    /// dmp.
    Dmp,
    /// linear.
    Linear,
}

impl Options {
    /// As a line has them, with their number before them.
    fn words(self) -> String {
        let options = [
            (self.latency, "latency"),
            (self.flush_bypass, "flush_bypass"),
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
    /// Whether it is counted by dmp.
    pub fn is_dmp(&self) -> bool {
        self.target == DMP
    }

    /// Whether dmp can take its target's place.
    pub fn is_linear(&self) -> bool {
        self.target == LINEAR
    }

    /// This line with dmp for linear: device and offset are written alike.
    pub fn attached(&self, options: Options) -> Self {
        if !self.is_linear() {
            return self.clone();
        }
        let mut parameters = self.parameters.clone();
        parameters.extend(options.words().bytes());
        Self {
            target: DMP.to_owned(),
            parameters,
            ..*self
        }
    }

    /// This line with linear for dmp, which has no options.
    pub fn detached(&self) -> Self {
        if !self.is_dmp() {
            return self.clone();
        }
        let words = self.parameters.split(|byte| *byte == b' ');
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).take(2).collect();
        Self {
            target: LINEAR.to_owned(),
            parameters: words.join(&b' '),
            ..*self
        }
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
