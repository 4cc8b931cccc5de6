// SPDX-License-Identifier: GPL-2.0

//! Limits of dmp's cost: instructions of a request beyond those of dm-linear.

use std::collections::BTreeMap;

use crate::cost::Cost;
use crate::setup;

/// The limit of one setup.
struct Limit {
    setup: &'static str,
    /// The largest number of instructions.
    most: f64,
    /// The largest fraction of another setup's cost over dm-linear: a numerator and a denominator.
    part: [u32; 2],
    of: &'static str,
}

/// The hard limits, with room for the sections without preemption of a preemptible kernel. With
/// latencies, the two reads of the clock take 72 of the instructions.
const LIMITS: [Limit; 2] = [
    Limit {
        setup: "dmp",
        most: 30.0,
        part: [1, 10],
        of: "dm-stats",
    },
    Limit {
        setup: "dmp latency",
        most: 170.0,
        part: [1, 3],
        of: "dm-stats precise histogram",
    },
];

/// Instructions by which a cost may exceed the baseline's.
const TOLERANCE: i64 = 4;

/// The compilers of the measured code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compilers {
    /// The compilers with which the limits were set: the limits apply unchanged.
    Baseline,
    /// Other compilers, which may need a few instructions more for the same source.
    Others,
}

impl Compilers {
    /// Returns the factor by which a cost may exceed its limit.
    fn slack(self) -> f64 {
        match self {
            Self::Baseline => 1.0,
            Self::Others => 1.1,
        }
    }
}

/// Returns the setups that the limits need.
pub fn setups() -> impl Iterator<Item = &'static str> {
    LIMITS
        .iter()
        .flat_map(|limit| [limit.setup, limit.of])
        .chain([setup::LINEAR])
}

/// Costs of setups over dm-linear, by setup and by operation.
pub type Costs = BTreeMap<String, BTreeMap<String, i64>>;

/// Returns the measured costs that have limits.
pub fn over_linear(costs: &[Cost]) -> Costs {
    let mut over = Costs::new();
    for limit in &LIMITS {
        for cost in costs.iter().filter(|cost| cost.setup == limit.setup) {
            if let Some(linear) = cost.same_in(costs, setup::LINEAR) {
                let operations = over.entry(cost.setup.clone()).or_default();
                let more = (cost.instructions - linear).round() as i64;
                operations.insert(cost.operation.clone(), more);
            }
        }
    }
    over
}

/// Returns a line for each cost above a hard limit.
pub fn above_limits(costs: &[Cost], compilers: Compilers) -> Vec<String> {
    let mut complaints = Vec::new();
    for limit in &LIMITS {
        for cost in costs.iter().filter(|cost| cost.setup == limit.setup) {
            complaints.extend(above_limit(limit, cost, costs, compilers));
        }
    }
    complaints
}

fn above_limit(limit: &Limit, cost: &Cost, costs: &[Cost], compilers: Compilers) -> Vec<String> {
    let (Some(linear), Some(other)) = (
        cost.same_in(costs, setup::LINEAR),
        cost.same_in(costs, limit.of),
    ) else {
        return vec![format!("{}: no cost to compare with", limit.setup)];
    };
    let over = cost.instructions - linear;
    let [numerator, denominator] = limit.part;
    let part = (other - linear) * f64::from(numerator) / f64::from(denominator);
    let fraction = format!("{numerator}/{denominator} of the cost of {}", limit.of);
    [
        (limit.most, "the hard limit".to_owned()),
        (part, fraction),
    ]
    .map(|(most, what)| (most * compilers.slack(), what))
    .into_iter()
    .filter(|(most, _)| over > *most)
    .map(|(most, what)| {
        format!(
            "{}: a {} costs {over:.0} instructions over dm-linear, {:.0} more than {what}, {most:.0}",
            cost.setup,
            cost.operation,
            over - most
        )
    })
    .collect()
}

/// Returns a line for each cost above the baseline's.
pub fn above_baseline(now: &Costs, baseline: &Costs) -> Vec<String> {
    let mut complaints = Vec::new();
    for (setup, operations) in now {
        for (operation, over) in operations {
            let was = baseline.get(setup).and_then(|was| was.get(operation));
            if let Some(was) = was.filter(|was| *over > **was + TOLERANCE) {
                complaints.push(format!(
                    "{setup}: a {operation} costs {over} instructions over dm-linear, \
                     {} more than the {was} of the baseline",
                    over - was
                ));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(setup: &str, instructions: f64) -> Cost {
        Cost {
            setup: setup.into(),
            operation: "read".into(),
            size: 4096,
            instructions,
        }
    }

    fn costs(dmp: f64) -> Vec<Cost> {
        vec![
            cost("linear", 1000.0),
            cost("dmp", 1000.0 + dmp),
            cost("dm-stats", 1250.0),
        ]
    }

    #[test]
    fn a_cost_within_its_limits_causes_no_complaint() {
        for compilers in [Compilers::Baseline, Compilers::Others] {
            let complaints = above_limits(&costs(25.0), compilers);
            assert_eq!(complaints, Vec::<String>::new());
        }
    }

    #[test]
    fn a_complaint_names_each_limit_that_a_cost_exceeds() {
        let complaints = above_limits(&costs(80.0), Compilers::Baseline).join("\n");
        assert!(complaints.contains("dmp: a read costs 80 instructions over dm-linear"));
        assert!(complaints.contains("50 more than the hard limit, 30"));
        assert!(complaints.contains("55 more than 1/10 of the cost of dm-stats, 25"));
    }

    #[test]
    fn other_compilers_get_a_tenth_of_slack() {
        let complaints = |over| above_limits(&costs(over), Compilers::Others).join("\n");
        assert_eq!(above_limits(&costs(26.0), Compilers::Baseline).len(), 1);
        assert_eq!(complaints(26.0), "");
        assert_eq!(complaints(27.5), "");
        let above = complaints(29.5);
        assert!(
            above.contains("2 more than 1/10 of the cost of dm-stats, 28"),
            "{above}"
        );
    }

    #[test]
    fn a_cost_without_comparison_causes_a_complaint() {
        let complaints = above_limits(&costs(50.0)[1..], Compilers::Baseline);
        assert_eq!(complaints, ["dmp: no cost to compare with"]);
    }

    #[test]
    fn a_cost_may_shrink_or_grow_slightly() {
        let was = over_linear(&costs(50.0));
        for now in [10.0, 50.0, 54.0] {
            let now = over_linear(&costs(now));
            assert_eq!(above_baseline(&now, &was), Vec::<String>::new());
        }
        let complaints = above_baseline(&over_linear(&costs(58.0)), &was).join("\n");
        assert!(
            complaints.contains("8 more than the 50 of the baseline"),
            "{complaints}"
        );
        assert_eq!(above_baseline(&was, &Costs::new()), Vec::<String>::new());
    }
}
