// SPDX-License-Identifier: GPL-2.0

//! Resumes: that of a dmp device waits for nothing that a linear device's does not wait for. The
//! I/O of a suspended device waits for its resume, and so do all tasks that wait for that I/O.

use crate::common::*;
use crate::held_sysfs::while_sysfs_is_held;

/// Returns a script that runs `command` and prints its duration in hundredths of a second.
fn timed(command: &str) -> String {
    let now = "$(sed 's/[.]//; s/ .*//' /proc/uptime)";
    format!("begin={now}; {command} || exit; echo $(({now} - begin)); ")
}

/// While sysfs is held, a second device's constructor waits for the lock of sysfs. The first
/// device's suspend, reload and resume must not wait for this.
#[test]
fn a_resume_does_not_wait_for_the_directory_of_another_device() {
    let mut machine = machine_with_tools();
    for target in ["linear", "dmp"] {
        create(&mut machine, target, &format!("0 2048 {target} /dev/vda 0"));
    }
    let steps = |target: &str| {
        let mut steps = String::new();
        // The same table, and a table with another offset and option.
        for option in ["0", if target == "dmp" { "8 1 latency" } else { "8" }] {
            let reload =
                format!("dmsetup reload {target} --table '0 2048 {target} /dev/vda {option}'");
            steps += &timed(&format!(
                "{reload} && dmsetup suspend {target} && dmsetup resume {target}"
            ));
            steps += &timed(&format!(
                "dmsetup suspend {target} && dmsetup resume {target}"
            ));
        }
        steps
    };
    let steps = format!(
        "dmsetup create other --table '0 2048 dmp /dev/vdb 0' & \n\
         {}\n\
         {}{}\n\
         kill -0 $! && echo held",
        until_asleep("$!", "kernfs_"),
        steps("linear"),
        steps("dmp"),
    );
    let shown = while_sysfs_is_held(&mut machine, "", &steps, "wait");
    let mut lines: Vec<&str> = shown.lines().collect();
    // The second device was still waiting at the end.
    assert_eq!(lines.pop(), Some("held"), "{shown}");
    let hundredths: Vec<u64> = lines.iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!(hundredths.len(), 8, "{shown}");
    let (linear, dmp) = hundredths.split_at(4);
    let (linear, dmp) = (linear.iter().sum::<u64>(), dmp.iter().sum::<u64>());
    // A wait for a lock of the other device would have taken all of the time for which sysfs is held.
    assert!(
        dmp <= 2 * linear + 100,
        "linear {linear}, dmp {dmp} hundredths of a second"
    );
    assert_eq!(number(&mut machine, "dm-1/latency"), 1);
    machine.sh("dmsetup remove other");
}

/// Returns a script that loads a table of the device five times, and prints the total duration of
/// the five resumes in hundredths of a second.
fn five_resumes(name: &str, table: &str) -> String {
    let now = "$(sed 's/[.]//; s/ .*//' /proc/uptime)";
    format!(
        "sum=0; for n in $(seq 5); do dmsetup reload {name} --table '{table}' && \
         dmsetup suspend {name} || exit; begin={now}; dmsetup resume {name} || exit; \
         sum=$((sum + {now} - begin)); done; echo $sum; "
    )
}

/// A reset waits for memory and for grace periods. The first resume of a table with `latency` must
/// not wait for a reset.
#[test]
fn a_resume_does_not_wait_for_resets() {
    let mut machine = machine();
    create(&mut machine, "linear", "0 2048 linear /dev/vda 0");
    let device = create(&mut machine, "dmp", "0 2048 dmp /dev/vda 0 1 latency");
    let shown = machine.sh(&format!(
        "rm -f /run/stop; for n in 1 2 3 4; do \
         while ! [ -e /run/stop ]; do echo 1 >{STAT}/{device}/reset; done & done; \
         for turn in 1 2 3; do {}{} done; touch /run/stop; wait",
        five_resumes("linear", "0 2048 linear /dev/vda 0"),
        five_resumes("dmp", "0 2048 dmp /dev/vda 0 1 latency"),
    ));
    let hundredths: Vec<u64> = shown.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(hundredths.len(), 6, "{shown}");
    let of = |first| hundredths.iter().skip(first).step_by(2);
    // This compares dmp's best with linear's worst time, because a busy machine may take tenths of
    // a second for anything.
    let (linear, dmp) = (of(0).max().unwrap(), of(1).min().unwrap());
    assert!(
        *dmp <= linear + 20,
        "hundredths of a second for five resumes, linear and dmp in turns: {hundredths:?}"
    );
}
