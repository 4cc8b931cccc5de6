// SPDX-License-Identifier: GPL-2.0

//! fio as a load, and what it says it did.

use std::time::Duration;

use dmp_vm::Machine;
use serde_json::Value;

use crate::common::*;

/// How long each race is run.
pub fn seconds() -> u64 {
    let seconds = std::env::var("DMP_STRESS_SECONDS").ok();
    seconds
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(10)
}

/// A machine with tools, so many processors, and patience.
pub fn machine_of(cpus: u32) -> Machine {
    let mut machine = boot(builder().tools(true).cpus(cpus));
    machine.set_limit(Duration::from_secs(300 + 10 * seconds()));
    machine
}

/// What fio counted: requests, bytes and errors.
#[derive(Debug, PartialEq, Eq)]
pub struct Totals {
    pub reads: Count,
    pub writes: Count,
    pub errors: u64,
}

/// Options of a job that reads and writes at random, direct, with several requests under way, for
/// as long as a race takes.
pub fn random_load(path: &str) -> String {
    format!(
        "--filename={path} --rw=randrw --bs=4k --direct=1 --ioengine=libaio \
         --iodepth=8 --numjobs=2 --time_based --runtime={}",
        seconds()
    )
}

/// Runs fio with these options while each of `loops`, a script, is run over and over. fio has to
/// succeed, and so has each round of each loop.
#[track_caller]
pub fn fio_against(machine: &mut Machine, options: &str, loops: &[&str]) -> Totals {
    let mut script = String::from("rm -f /run/stop /run/failed\n");
    for body in loops {
        script += &format!(
            "( while ! [ -e /run/stop ]; do {{ {body}\n}} || {{ touch /run/failed; break; }}; \
             done ) &\n"
        );
    }
    script += &format!(
        "fio --name=load {options} --group_reporting --output=/run/fio.json --output-format=json\n\
         status=$?; touch /run/stop; wait; [ $status = 0 ] || exit $status\n\
         ! [ -e /run/failed ] && cat /run/fio.json"
    );
    totals(&machine.sh(&script))
}

#[track_caller]
fn totals(json: &str) -> Totals {
    // fio may print notes before the JSON.
    let begin = json.find('{').unwrap_or_else(|| panic!("{json}"));
    let report: Value = serde_json::from_str(&json[begin..]).unwrap();
    let job = &report["jobs"][0];
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{json}"));
    let count = |direction: &str| Count {
        requests: number(&job[direction]["total_ios"]),
        bytes: number(&job[direction]["io_bytes"]),
    };
    Totals {
        reads: count("read"),
        writes: count("write"),
        // It is there only where fio was to go on after errors.
        errors: job["total_err"].as_u64().unwrap_or(0),
    }
}
