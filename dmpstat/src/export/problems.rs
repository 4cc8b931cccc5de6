// SPDX-License-Identifier: GPL-2.0

//! Problems of an exporter that keeps running: each is told once.

use std::collections::HashSet;

use crate::error::Error;

/// The problems that were there at the last reading.
#[derive(Debug, Default)]
pub struct Told(HashSet<String>);

impl Told {
    /// Returns the problems to tell: those that were not there at the last reading.
    pub fn news(&mut self, problems: &[Error]) -> Vec<String> {
        let mut current = HashSet::new();
        let mut news = Vec::new();
        for problem in problems.iter().map(Error::to_string) {
            if current.insert(problem.clone()) && !self.0.contains(&problem) {
                news.push(problem);
            }
        }
        self.0 = current;
        news
    }
}
