// SPDX-License-Identifier: GPL-2.0

//! The cost of a request: instructions of the guest, from the system call to its return.

use std::path::Path;

use serde::Serialize;

use crate::batches::Batches;
use crate::guest::{self, Failure, Guest};
use crate::report::table_of;
use crate::setup::{self, Setup};

/// The cost of a request of one kind in one setup.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    pub setup: String,
    pub operation: String,
    pub size: u64,
    /// Those of the median batch: most batches are not interrupted.
    pub instructions: f64,
}

impl Cost {
    /// Returns the cost of the same request in another setup.
    pub fn same_in(&self, costs: &[Self], setup: &str) -> Option<f64> {
        costs
            .iter()
            .find(|other| {
                other.setup == setup && other.operation == self.operation && other.size == self.size
            })
            .map(|other| other.instructions)
    }
}

/// Measures these setups in one machine.
pub fn measure(
    module: Option<&Path>,
    setups: &[Setup],
    sizes: &[u64],
) -> Result<Vec<Cost>, Failure> {
    let mut guest = Guest::boot(guest::counting(), module)?;
    guest.wait_for_clock()?;
    let mut costs = Vec::new();
    for setup in setups {
        costs.extend(measure_one(&mut guest, setup, sizes)?);
    }
    guest.finish()?;
    Ok(costs)
}

fn measure_one(guest: &mut Guest, setup: &Setup, sizes: &[u64]) -> Result<Vec<Cost>, Failure> {
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    let printed = guest.run(&format!(
        "{}{}dmp-load count --sizes {} {}\n",
        setup::PREPARE,
        setup.make,
        sizes.join(","),
        setup.path,
    ))?;
    let batches = printed
        .lines()
        .map(|line| line.parse().map_err(Failure::Words))
        .collect::<Result<Vec<Batches>, _>>()?;
    let made = batches.iter().map(|batches| batches.made).sum();
    check_counted(guest, setup, made)?;
    guest.run(&format!("{}{}", setup::PREPARE, setup.unmake))?;
    Ok(batches.into_iter().map(|of| cost(setup, of)).collect())
}

/// Checks that the setup's statistics include all requests, because a setup that counts nothing
/// would cost nothing.
fn check_counted(guest: &mut Guest, setup: &Setup, made: u64) -> Result<(), Failure> {
    if setup.counted.is_empty() {
        return Ok(());
    }
    let counted = guest.run(&format!("{}{}", setup::PREPARE, setup.counted))?;
    if counted.trim() == made.to_string() {
        return Ok(());
    }
    let name = &setup.name;
    Err(Failure::Words(format!(
        "{name} counted {} requests of {made}",
        counted.trim()
    )))
}

fn cost(setup: &Setup, batches: Batches) -> Cost {
    Cost {
        setup: setup.name.clone(),
        instructions: batches.each(),
        operation: batches.operation,
        size: batches.size,
    }
}

/// Returns a table of all costs except those of stacks, beside dm-linear's.
pub fn table(costs: &[Cost]) -> String {
    let lines: Vec<String> = costs
        .iter()
        .filter(|cost| !setup::is_stack(&cost.setup))
        .map(|cost| line(cost, costs))
        .collect();
    let head = format!(
        "{:<28} {:>6} {:>8} {:>13} {:>12}\n",
        "A request", "", "bytes", "instructions", "over linear"
    );
    table_of(&head, &lines)
}

fn line(cost: &Cost, costs: &[Cost]) -> String {
    let over = match cost.same_in(costs, setup::LINEAR) {
        Some(linear) => format!("{:+.0}", cost.instructions - linear),
        None => String::new(),
    };
    format!(
        "{:<28} {:>6} {:>8} {:>13.0} {over:>12}\n",
        cost.setup, cost.operation, cost.size, cost.instructions
    )
}

/// Returns a table of the cost of each further device in a stack.
pub fn slopes(costs: &[Cost]) -> String {
    let ends = |target: &str| {
        let at = |depth: u32| {
            let name = setup::stack_name(target, depth);
            costs.iter().filter(move |cost| cost.setup == name)
        };
        let (first, last) = (*setup::DEPTHS.start(), *setup::DEPTHS.end());
        let each = |(one, all): (&Cost, &Cost)| {
            let more = (all.instructions - one.instructions) / f64::from(last - first);
            format!(
                "{:<28} {:>6} {:>8} {more:>13.1}\n",
                format!("one more {target}"),
                one.operation,
                one.size
            )
        };
        at(first).zip(at(last)).map(each).collect::<Vec<_>>()
    };
    let head = format!("{:<44} {:>13}\n", "Stacked devices, 1 to 8", "instructions");
    table_of(&head, &setup::STACKED.map(ends).concat())
}
