// SPDX-License-Identifier: GPL-2.0

//! Batches of requests in the output of `dmp-load`, and the cost of a request in them.

use std::str::FromStr;

/// Batches of requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    pub operation: String,
    pub size: u64,
    /// The number of all requests, including those outside of batches.
    pub made: u64,
    requests: u64,
    ticks: Vec<u64>,
}

impl FromStr for Batches {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("dmp-load printed: {line}");
        let mut words = line.split(' ');
        let operation = words.next().ok_or_else(wrong)?.to_owned();
        let mut numbers = words.map(|word| word.parse().map_err(|_| wrong()));
        let mut number = || numbers.next().unwrap_or_else(|| Err(wrong()));
        let (size, made, requests) = (number()?, number()?, number()?);
        let ticks = numbers.collect::<Result<Vec<u64>, _>>()?;
        if requests == 0 || ticks.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            operation,
            size,
            made,
            requests,
            ticks,
        })
    }
}

impl Batches {
    /// Returns the ticks of a request in the median batch: most batches are not interrupted.
    pub fn each(&self) -> f64 {
        median(&self.ticks) as f64 / self.requests as f64
    }
}

/// Returns the median of some numbers, the lower one of two; 0 if there are none.
pub fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_parsed() {
        let batches: Batches = "read 4096 13 4 400 408 9000".parse().unwrap();
        assert_eq!((batches.operation.as_str(), batches.size), ("read", 4096));
        assert_eq!(batches.made, 13);
        assert_eq!(batches.each(), 102.0);
    }

    #[test]
    fn an_incomplete_line_is_refused() {
        for line in [
            "",
            "read",
            "read 512 9 4",
            "read 512 9 0 1",
            "read 512 9 4 x",
        ] {
            assert!(line.parse::<Batches>().is_err(), "{line}");
        }
    }

    #[test]
    fn the_median_is_one_of_the_given_numbers() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[3]), 3);
        assert_eq!(median(&[9, 1]), 1);
        assert_eq!(median(&[9, 1, 5]), 5);
    }
}
