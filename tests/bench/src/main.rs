// SPDX-License-Identifier: GPL-2.0

//! `dmp-bench`: the cost of dmp, and of its alternatives.

mod batches;
mod build;
mod cost;
mod devices;
mod guest;
mod limits;
mod meminfo;
mod plot;
mod report;
mod scaling;
mod setup;
mod smoke;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::build::Build;
use crate::guest::Failure;
use crate::report::Report;

/// Numbers of devices for counting instructions.
const COUNTED: [u32; 3] = [1, 64, 1000];
/// CPUs, and numbers of devices for measuring time.
const TIMED: [(u32, u32); 4] = [(1, 1000), (2, 250), (4, 250), (8, 250)];

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Counts the instructions of a request
    Requests,
    /// Measures requests a second with more CPUs
    Scaling,
    /// Makes, reads and removes many devices
    Devices,
}

/// Measures the cost of dmp and of its alternatives.
///
/// Prints tables, and writes report.json and plot.svg. The guest's clock counts instructions, so the
/// numbers of instructions do not depend on the host. Rates and seconds do.
#[derive(Debug, Parser)]
#[command(name = "dmp-bench")]
struct Arguments {
    /// Writes report.json and plot.svg into this directory.
    #[arg(long, value_name = "DIRECTORY", default_value = "dmp-bench")]
    output: PathBuf,
    /// Runs this part only; repeat for more.
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Measures this dmp.ko instead of the one in the initramfs.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Measures the cost of a request of 4 KiB only, and fails above the limits or the baseline.
    #[arg(long, conflicts_with_all = ["output", "only"])]
    smoke: bool,
    /// Compares with the costs in this file.
    #[arg(long, value_name = "FILE", requires = "smoke")]
    baseline: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = dmp_vm::clean_up_on_signals()
        .map_err(Failure::from)
        .and_then(|()| go(&arguments));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("dmp-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn go(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.smoke {
        return smoke::run(arguments.module.as_deref(), arguments.baseline.as_deref());
    }
    let report = measure(arguments)?;
    print!("{report}");
    report.write_to(&arguments.output)
}

fn measure(arguments: &Arguments) -> Result<Report, Failure> {
    let module = arguments.module.as_deref();
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report {
        build: Build::from_env()?,
        requests: Vec::new(),
        scaling: Vec::new(),
        devices: Vec::new(),
        devices_timed: Vec::new(),
    };
    if wanted(Part::Requests) {
        eprintln!("dmp-bench: counting the instructions of requests");
        let setups = [setup::all(), setup::stacks()].concat();
        report.requests = cost::measure(module, &setups, &[4 << 10, 128 << 10])?;
    }
    if wanted(Part::Scaling) {
        eprintln!("dmp-bench: making requests on several CPUs");
        report.scaling = scaling::measure(module)?;
    }
    if wanted(Part::Devices) {
        eprintln!("dmp-bench: counting the instructions of many devices");
        report.devices = devices::count(module, &COUNTED)?;
        for (cpus, count) in TIMED {
            eprintln!("dmp-bench: making {count} devices, CPUs: {cpus}");
            let timed = devices::time(module, cpus, count)?;
            report.devices_timed.extend(timed);
        }
    }
    Ok(report)
}
