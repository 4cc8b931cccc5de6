// SPDX-License-Identifier: GPL-2.0

//! Rates with more CPUs, beside dm-linear's, so that the host's other work affects both in the same
//! way.

use std::path::Path;

use dmp_vm::Machine;
use serde::Serialize;

use crate::guest::{self, Failure, Guest};
use crate::report::table_of;
use crate::setup::{self, Setup};

/// Numbers of CPUs.
pub const CPUS: [u32; 3] = [1, 2, 4];
/// Number of turns of each setup, and length of a turn.
const ROUNDS: usize = 100;
const MILLISECONDS: u64 = 20;

/// The rate of one setup on this number of CPUs.
#[derive(Debug, Clone, Serialize)]
pub struct Rate {
    pub setup: String,
    pub cpus: u32,
    /// Requests a second in the median round.
    pub median: f64,
    /// The fraction of dm-linear's rate in the same round: the first quartile, the median and the
    /// third quartile over all rounds.
    pub of_linear: [f64; 3],
}

/// Measures with each number of CPUs, in a machine at full speed.
pub fn measure(module: Option<&Path>) -> Result<Vec<Rate>, Failure> {
    let mut rates = Vec::new();
    for cpus in CPUS {
        rates.extend(measure_with(module, cpus)?);
    }
    Ok(rates)
}

fn measure_with(module: Option<&Path>, cpus: u32) -> Result<Vec<Rate>, Failure> {
    let builder = Machine::builder().cpus(cpus).limit(guest::LIMIT);
    let mut guest = Guest::boot(builder, module)?;
    let setups = setup::scaled();
    let make = for_each(&setups, |setup| &setup.make);
    let paths: Vec<String> = (0..setups.len())
        .map(|number| format!("/dev/mapper/rate{number}"))
        .collect();
    let printed = guest.run(&format!(
        "{}{make}
        dmp-load rate --cpus {cpus} --rounds {ROUNDS} --milliseconds {MILLISECONDS} {}\n",
        setup::PREPARE,
        paths.join(" ")
    ))?;
    let unmake = for_each(&setups, |setup| &setup.unmake);
    guest.run(&format!("{}{unmake}", setup::PREPARE))?;
    guest.finish()?;
    rates(&setups, cpus, &printed).map_err(Failure::Words)
}

/// Returns the scripts of all setups, each for a device of its own.
fn for_each(setups: &[Setup], script: impl Fn(&Setup) -> &String) -> String {
    let named =
        |(number, setup): (usize, &Setup)| format!("device=rate{number}\n{}", script(setup));
    let scripts: Vec<String> = setups.iter().enumerate().map(named).collect();
    scripts.concat()
}

/// Parses the output of dmp-load: a line for each setup. The first one is dm-linear.
fn rates(setups: &[Setup], cpus: u32, printed: &str) -> Result<Vec<Rate>, String> {
    let lines = printed
        .lines()
        .map(|line| line.split(' ').map(str::parse::<f64>).collect())
        .collect::<Result<Vec<Vec<f64>>, _>>()
        .map_err(|_| format!("dmp-load printed: {printed}"))?;
    let Some(linear) = lines.first().filter(|_| lines.len() == setups.len()) else {
        return Err(format!("dmp-load printed: {printed}"));
    };
    let rate = |(setup, rates): (&Setup, &Vec<f64>)| Rate {
        setup: setup.name.clone(),
        cpus,
        median: quartiles(rates.clone())[1],
        of_linear: quartiles(rates.iter().zip(linear).map(|(a, b)| a / b).collect()),
    };
    Ok(setups.iter().zip(&lines).map(rate).collect())
}

/// Returns the numbers at a quarter, half and three quarters of the sorted sequence.
fn quartiles(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let at = (numbers.len().saturating_sub(1) * quarter + 2) / 4;
        numbers.get(at).copied().unwrap_or(f64::NAN)
    })
}

/// Returns a table of all rates.
pub fn table(rates: &[Rate]) -> String {
    let head = format!(
        "{:<28} {:>6} {:>13} {:>12} {:>17}\n",
        "Reads of 4 KiB", "CPUs", "a second", "of linear", "middle half"
    );
    let line = |rate: &Rate| {
        let [low, middle, high] = rate.of_linear;
        format!(
            "{:<28} {:>6} {:>13.0} {middle:>12.3} {:>17}\n",
            rate.setup,
            rate.cpus,
            rate.median,
            format!("{low:.3} to {high:.3}")
        )
    };
    let lines: Vec<String> = rates.iter().map(line).collect();
    table_of(&head, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_some_of_the_given_numbers() {
        assert_eq!(quartiles(vec![5.0, 1.0, 2.0, 4.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(vec![7.0]), [7.0; 3]);
    }

    #[test]
    fn a_rate_is_compared_with_that_of_its_own_round() {
        let setups = setup::scaled();
        let two = &setups[..2];
        let rates = rates(two, 4, "100 200 1000\n90 180 900\n").unwrap();
        assert_eq!(rates[1].of_linear, [0.9; 3]);
        assert_eq!((rates[1].cpus, rates[1].median), (4, 180.0));
        assert!(super::rates(two, 4, "100\n").is_err());
        assert!(super::rates(two, 4, "100\nx\n").is_err());
    }
}
