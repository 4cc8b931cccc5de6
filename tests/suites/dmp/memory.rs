// SPDX-License-Identifier: GPL-2.0

//! dmp's allocations of per-CPU memory, by the kernel's trace of such allocations.

use std::collections::BTreeMap;

use dmp_vm::Machine;

use crate::common::*;

mod debug;

#[track_caller]
fn machine_with_traces() -> Machine {
    let mut machine = machine();
    machine.sh("mount -t tracefs trace /sys/kernel/tracing");
    machine
}

/// Runs a script, and returns the fields of each allocation that `whom` makes during it.
#[track_caller]
fn allocations<const N: usize>(
    machine: &mut Machine,
    whom: &str,
    script: &str,
    fields: [&str; N],
) -> Vec<String> {
    let trace = machine.sh(&format!(
        "cd /sys/kernel/tracing && echo >trace && e=events/percpu/percpu_alloc_percpu/enable && \
         echo 1 >$e && {{ {script}; }} && echo 0 >$e && {{ grep '{whom}' trace || true; }}"
    ));
    let field = |line: &str, name: &str| -> String {
        let value = line.split(&format!(" {name}=")).nth(1).expect(line);
        value.split(' ').next().unwrap_or_default().to_owned()
    };
    trace
        .lines()
        .map(|line| fields.map(|name| field(line, name)).join(" "))
        .collect()
}

/// Returns the mean distance between the per-CPU memory of neighbours among many mapped devices.
/// The kernel's own allocation for each device marks the places.
#[track_caller]
fn distance(machine: &mut Machine, target: &str, options: &str) -> u64 {
    const DEVICES: usize = 40;
    let make = format!(
        "dmsetup create --concise \
         \"$(for n in $(seq {DEVICES}); do printf '{target}%s,,,rw,0 8 {target} /dev/vda 0{options};' $n; \
         done)\""
    );
    let made = allocations(machine, "init_srcu_struct", &make, ["off"]);
    let places: Vec<u64> = made.iter().map(|place| place.parse().unwrap()).collect();
    assert_eq!(places.len(), DEVICES, "{made:?}");
    // The first devices fill gaps between other allocations, and one device may begin a new chunk.
    let distances: Vec<u64> = places[DEVICES / 2..]
        .windows(2)
        .filter_map(|pair| pair[1].checked_sub(pair[0]))
        .filter(|distance| *distance < 4096)
        .collect();
    assert!(distances.len() + 2 >= DEVICES / 2, "{places:?}");
    distances.iter().sum::<u64>() / distances.len() as u64
}

/// 504 bytes of arrivals, 496 of latencies, and their alignment.
#[test]
fn the_counters_of_a_device_take_at_most_one_kibibyte_of_each_processor() {
    let mut machine = machine_with_traces();
    let linear = distance(&mut machine, "linear", "");
    let dmp = distance(&mut machine, "dmp", " 1 latency");
    assert!(
        (1000..=1024).contains(&(dmp - linear)),
        "{dmp} bytes, {linear} of linear"
    );
    for target in ["linear", "dmp"] {
        machine.sh(&remove_together(target));
    }
}

/// Returns the lengths of the allocations in a script that are charged to a process
/// (`GFP_KERNEL_ACCOUNT`) and not freed at the script's end.
#[track_caller]
fn charged(machine: &mut Machine, script: &str) -> Vec<usize> {
    let set = |on: u8| format!("for e in kmalloc kfree; do echo {on} >events/kmem/$e/enable; done");
    let trace = machine.sh(&format!(
        "cd /sys/kernel/tracing && echo 4096 >buffer_size_kb && echo 0 >options/hash-ptr && echo >trace && {}; {script}; {} && cat trace",
        set(1),
        set(0)
    ));
    let mut kept = BTreeMap::new();
    for line in trace.lines().filter(|line| line.contains("ptr=")) {
        let field = |name: &str| line.split(name).nth(1)?.split(' ').next();
        let place = field(" ptr=").expect(line);
        match field(" bytes_req=") {
            Some(length) if line.contains("GFP_KERNEL_ACCOUNT") => {
                kept.insert(place, length.parse().unwrap())
            }
            _ => kept.remove(place),
        };
    }
    kept.into_values().collect()
}

/// A partly read text is charged to its reader, takes no more than its length, and is freed when
/// the file is closed.
#[test]
fn an_open_snapshots_text_is_charged_to_its_reader() {
    let (mut machine, device) =
        with_device(machine_with_traces(), "0 2048 dmp /dev/vda 0 1 latency");
    let file = format!("{STAT}/{device}/snapshot");
    let each = |step: &dyn Fn(u32) -> String| (3..=9).map(step).collect::<Vec<_>>().join("; ");
    let open = each(&|n| format!("exec {n}<{file}; dd bs=8 count=1 <&{n} >/dev/null 2>&1"));
    // A second text replaces the first.
    let again = each(&|n| format!("{} >/dev/null", read_back(n)));
    let rest = each(&|n| format!("cat <&{n} >/run/rest{n}"));
    let close = each(&|n| format!("exec {n}<&-"));
    let mut kept = charged(&mut machine, &format!("{open}; {again}; {rest}"));
    let mut lengths: Vec<usize> = machine
        .sh("wc -c /run/rest* | grep -v total | awk '{ print 8 + $1 }'")
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    kept.sort_unstable();
    lengths.sort_unstable();
    assert_eq!((kept.len(), &kept), (7, &lengths));
    let kept = charged(&mut machine, &format!("{open}; {again}; {close}"));
    assert_eq!(kept, [0; 0]);
}
