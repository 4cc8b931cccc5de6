// SPDX-License-Identifier: GPL-2.0

//! The check that dmp's cost does not grow: a few setups, and only small requests.

use std::collections::BTreeMap;
use std::path::Path;

use crate::build::Build;
use crate::cost;
use crate::guest::Failure;
use crate::limits::{self, Compilers, Costs};
use crate::setup;

/// Earlier costs, by series of kernels and by compilers.
type Baseline = BTreeMap<String, Costs>;

/// Measures, prints the result, and fails if a cost exceeds its limit.
pub fn run(module: Option<&Path>, baseline: Option<&Path>) -> Result<(), Failure> {
    let wanted: Vec<&str> = limits::setups().collect();
    let setups: Vec<_> = setup::all()
        .into_iter()
        .filter(|setup| wanted.contains(&setup.name.as_str()))
        .collect();
    let costs = cost::measure(module, &setups, &[4 << 10])?;
    print!("{}", cost::table(&costs));

    let build = Build::from_env()?.to_string();
    let now = limits::over_linear(&costs);
    println!("\nin the form of the baseline:\n{}", entry(&build, &now)?);
    let complaints = match before(baseline, &build)? {
        Some(was) => [
            limits::above_limits(&costs, Compilers::Baseline),
            limits::above_baseline(&now, &was),
        ]
        .concat(),
        None => {
            println!("the baseline lacks {build}: each limit is a tenth higher");
            limits::above_limits(&costs, Compilers::Others)
        }
    };
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Failure::Words(format!(
        "costs above their limits:\n{}",
        complaints.join("\n")
    )))
}

/// Returns the result in the form of the baseline.
fn entry(build: &str, costs: &Costs) -> Result<String, Failure> {
    let entry = Baseline::from([(build.to_owned(), costs.clone())]);
    serde_json::to_string(&entry).map_err(|error| Failure::Words(error.to_string()))
}

fn before(baseline: Option<&Path>, build: &str) -> Result<Option<Costs>, Failure> {
    let Some(path) = baseline else {
        return Ok(None);
    };
    let wrong = |error: String| Failure::Words(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let mut all: Baseline =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(all.remove(build))
}
