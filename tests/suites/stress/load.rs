// SPDX-License-Identifier: GPL-2.0

//! fio as a load, and fio's own counters.

use std::time::Duration;

use dmp_vm::{Machine, patience};
use serde_json::Value;

use crate::common::*;

/// Returns the duration of each race in seconds.
pub fn seconds() -> u64 {
    let seconds = std::env::var("DMP_STRESS_SECONDS").ok();
    seconds
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(10)
}

/// Returns the number of operations of a test that ends after `count` of them. On a slow kernel,
/// where each takes many times as long, it is a quarter. A soak does the same number, and different
/// ones in each round.
pub fn operations(count: u32) -> u32 {
    if patience() > 1 { count / 4 } else { count }
}

/// Returns the seed of all random choices. Prints the seed, so that the output of any failed test
/// has it.
pub fn seed() -> u64 {
    let seed = std::env::var("DMP_STRESS_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("seed {seed}");
    seed
}

/// Boots a machine with tools, `cpus` processors and a long time limit. The limit is below
/// nextest's, which would end the test before it can report its machine's state.
pub fn machine_of(cpus: u32) -> Machine {
    let mut machine = boot(builder().tools(true).cpus(cpus));
    machine.set_limit(Duration::from_secs(600 + 3 * seconds()));
    machine
}

/// The table of a race's device.
pub const TABLE: &str = "0 65536 dmp /dev/vda 0";

/// The two devices that must behave alike.
pub const BOTH: [&str; 2] = ["/dev/mapper/linear", "/dev/mapper/dmp"];

/// Makes both devices over the first sectors of a disk. Returns the kernel name of the dmp device.
#[track_caller]
pub fn create_both(machine: &mut Machine, disk: &str, sectors: u64) -> String {
    let [_, dmp] = ["linear", "dmp"]
        .map(|target| create(machine, target, &format!("0 {sectors} {target} {disk} 0")));
    dmp
}

/// Ends a race and its machine. Asserts that all devices can be removed, and then the module.
#[track_caller]
pub fn assert_all_goes(mut machine: Machine) {
    machine.sh("dmsetup remove_all");
    assert_nothing_left(&mut machine, "after the race");
    machine.sh("rmmod dmp && modprobe dmp");
}

/// fio's counters: requests, bytes and errors.
#[derive(Debug, PartialEq, Eq)]
pub struct Totals {
    pub reads: Count,
    pub writes: Count,
    pub trims: Count,
    pub errors: u64,
}

/// Returns the number of failed reads and writes of a device.
#[track_caller]
pub fn errors_of(machine: &mut Machine, device: &str) -> u64 {
    ["read", "write"]
        .map(|operation| number(machine, &format!("{device}/{operation}/errors")))
        .iter()
        .sum()
}

/// Returns the options of a job that reads and writes at random, direct, with several requests in
/// flight, for the duration of a race.
pub fn random_load(path: &str) -> String {
    format!(
        "--filename={path} --rw=randrw --bs=4k --direct=1 --ioengine=libaio \
         --iodepth=8 --numjobs=2 --time_based --runtime={}",
        seconds()
    )
}

/// Returns a script that waits until the last background job has written to a disk, or has ended.
pub fn until_written(disk: &str) -> String {
    format!(
        "while kill -0 $! && read -r _ _ _ _ writes _ </sys/block/{disk}/stat && [ $writes = 0 ]; do \
           usleep 10000; done"
    )
}

/// Runs a command while each of `loops`, a script, is repeated. The command has to succeed, and so
/// has each round of each loop.
#[track_caller]
pub fn run_against(machine: &mut Machine, command: &str, loops: &[&str]) {
    machine.sh(&against(command, loops));
}

/// Returns the script of [`run_against`]. Its status is the command's, or 1 if a loop has failed.
fn against(command: &str, loops: &[&str]) -> String {
    let mut script = String::from("rm -f /run/stop /run/failed\n");
    for body in loops {
        // Each loop has a shell of its own, which the loop may exit.
        script += &format!(
            "( while ! [ -e /run/stop ]; do {{ {body}\n}} || exit; done ) || touch /run/failed &\n"
        );
    }
    script += &format!(
        "( {command}\n)\n\
         status=$?; touch /run/stop; wait; [ $status = 0 ] || exit $status\n\
         ! [ -e /run/failed ]"
    );
    script
}

#[test]
fn a_race_fails_if_its_command_or_a_loop_fails() {
    let mut machine = machine();
    for (command, loops, status) in [
        ("sleep 0.2", ["true", "usleep 1000"], 0),
        ("exit 3", ["true", "true"], 3),
        ("sleep 0.2", ["true", "false"], 1),
        ("sleep 0.2", ["false || exit", "true"], 1),
        ("sleep 0.2", ["exit 3", "true"], 1),
    ] {
        let output = machine.run(&against(command, &loops)).unwrap();
        assert_eq!(output.status, status, "{command} against {loops:?}");
    }
}

/// Runs fio with these options against these loops.
#[track_caller]
pub fn fio_against(machine: &mut Machine, options: &str, loops: &[&str]) -> Totals {
    let fio = format!(
        "fio --name=load {options} --group_reporting --output=/run/fio.json --output-format=json"
    );
    run_against(machine, &fio, loops);
    totals(&machine.sh("cat /run/fio.json"))
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
        trims: count("trim"),
        // fio has this number only if it was told to continue after errors.
        errors: job["total_err"].as_u64().unwrap_or(0),
    }
}
