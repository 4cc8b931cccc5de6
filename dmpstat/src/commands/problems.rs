// SPDX-License-Identifier: GPL-2.0

//! Problems of a program that keeps running. Each is reported once, and again if it returns.

use std::collections::HashSet;

use crate::attach::former;
use crate::environment::Environment;
use crate::error::Error;

/// The problems of the last reading.
#[derive(Debug, Default)]
pub struct Told(HashSet<String>);

impl Told {
    /// Returns the new problems: those that the previous reading did not have.
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

    /// Writes a note of each new problem.
    pub fn tell(&mut self, problems: Vec<Error>, environment: &mut Environment<'_>) {
        let problems = problems.into_iter();
        let problems: Vec<Error> = problems
            .map(|of| former::explain(of, environment))
            .collect();
        for news in self.news(&problems) {
            environment.note(&news);
        }
    }
}
