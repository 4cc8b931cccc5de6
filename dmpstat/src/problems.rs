// SPDX-License-Identifier: GPL-2.0

//! Problems of a program that keeps running: each is told once, and again if it was over meanwhile.

use std::collections::HashSet;

use crate::attach::former;
use crate::error::Error;
use crate::outside::Outside;

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

    /// Notes the problems to tell.
    pub fn tell(&mut self, problems: Vec<Error>, outside: &mut Outside<'_>) {
        let problems = problems.into_iter();
        let problems: Vec<Error> = problems.map(|of| former::explain(of, outside)).collect();
        for news in self.news(&problems) {
            outside.note(&news);
        }
    }
}
