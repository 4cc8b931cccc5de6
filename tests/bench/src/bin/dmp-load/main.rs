// SPDX-License-Identifier: GPL-2.0

//! `dmp-load`: the load in the guest. It prints raw measurements, which `dmp-bench` on the host
//! evaluates.

mod bpf;
mod buffer;
mod clock;
mod command;
mod count;
mod file;
mod rate;
mod request;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "dmp-load")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads and writes in batches. Prints a line for each operation and size: operation, size,
    /// number of requests, requests in a batch, and the clock's time of each batch.
    Count {
        /// Compares with the count of an eBPF program.
        #[arg(long)]
        bpf: bool,
        /// Sizes of a request in bytes.
        #[arg(long, value_delimiter = ',', default_values_t = [4 << 10, 128 << 10])]
        sizes: Vec<usize>,
        /// The block device.
        path: PathBuf,
    },
    /// Reads 4 KiB at a time on several CPUs, from one device after the other, in rounds. Prints a
    /// line for each device: the rate of requests in each round.
    Rate {
        #[arg(long)]
        cpus: usize,
        #[arg(long)]
        rounds: usize,
        /// Length of a device's turn.
        #[arg(long)]
        milliseconds: u64,
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Reads files several times. Prints the number of their bytes, and the clock's time of each
    /// reading.
    File {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Runs a command that must succeed. Prints its duration and its CPU time, in nanoseconds.
    Run {
        #[arg(required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Count { bpf, sizes, path } => count::run(&path, &sizes, bpf),
        Command::Rate {
            cpus,
            rounds,
            milliseconds,
            paths,
        } => rate::run(&paths, cpus, rounds, Duration::from_millis(milliseconds)),
        Command::File { paths } => file::run(&paths),
        Command::Run { command } => command::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dmp-load: {error}");
            ExitCode::FAILURE
        }
    }
}
