// SPDX-License-Identifier: GPL-2.0

//! Counters of dmp, of the kernel and of the tests.

use dmp_vm::Machine;

use super::STAT;

/// One operation's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub requests: u64,
    pub bytes: u64,
}

impl Count {
    pub fn of(requests: u64, size: u64) -> Self {
        Self {
            requests,
            bytes: requests * size,
        }
    }

    pub fn average(self) -> u64 {
        self.bytes.checked_div(self.requests).unwrap_or(0)
    }
}

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl std::ops::Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            requests: self.requests - other.requests,
            bytes: self.bytes - other.bytes,
        }
    }
}

/// The kernel's counters of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskStat {
    pub reads: Count,
    pub writes: Count,
    pub discards: Count,
    pub flushes: u64,
}

impl std::ops::Sub for DiskStat {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            reads: self.reads - other.reads,
            writes: self.writes - other.writes,
            discards: self.discards - other.discards,
            flushes: self.flushes - other.flushes,
        }
    }
}

/// Reads /sys/block/DISK/stat. Merged requests count as requests, too.
#[track_caller]
pub fn disk_stat(machine: &mut Machine, disk: &str) -> DiskStat {
    let stat = machine.sh(&format!("cat /sys/block/{disk}/stat"));
    let stat: Vec<u64> = stat
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let count = |at: usize| Count {
        requests: stat[at] + stat[at + 1],
        bytes: stat[at + 2] * 512,
    };
    DiskStat {
        reads: count(0),
        writes: count(4),
        discards: count(11),
        flushes: stat[15],
    }
}

/// Returns the exact expected text of `volumes`.
pub fn volumes(reads: Count, writes: Count) -> String {
    let part = |count: Count| {
        format!(
            " reqs: {}\n avg size: {}\n",
            count.requests,
            count.average()
        )
    };
    format!(
        "read:\n{}write:\n{}total:\n{}",
        part(reads),
        part(writes),
        part(reads + writes)
    )
}

/// Asserts all of one device's counters: in each file, and in `volumes`.
#[track_caller]
pub fn assert_counts(machine: &mut Machine, device: &str, reads: Count, writes: Count) {
    let shown = machine.sh(&format!(
        "cd {STAT}/{device} && \
         for file in read/requests read/bytes read/avg_size write/requests write/bytes write/avg_size; \
         do echo $file $(cat $file); done && cat volumes"
    ));
    let expected = format!(
        "read/requests {}\nread/bytes {}\nread/avg_size {}\n\
         write/requests {}\nwrite/bytes {}\nwrite/avg_size {}\n{}",
        reads.requests,
        reads.bytes,
        reads.average(),
        writes.requests,
        writes.bytes,
        writes.average(),
        volumes(reads, writes)
    );
    assert_eq!(shown, expected, "{device}");
}

/// Asserts the counters of all devices together.
#[track_caller]
pub fn assert_all(machine: &mut Machine, reads: Count, writes: Count) {
    let shown = machine.sh(&format!("cat {STAT}/volumes"));
    assert_eq!(shown, volumes(reads, writes), "all devices");
}

/// The operations, in the order of the texts.
pub const OPERATIONS: [&str; 6] = ["read", "write", "discard", "flush", "write_zeroes", "other"];

/// Asserts requests, bytes and errors of each operation of `device`: those of `expected`, and zero
/// for all other operations. The average and the sum of the size histogram must fit them.
#[track_caller]
pub fn assert_operations(machine: &mut Machine, device: &str, expected: &[(&str, u64, u64, u64)]) {
    assert_measured_operations(machine, device, expected, &OPERATIONS);
}

/// Asserts the same with flushes that bypass the counters: their files have no value.
#[track_caller]
pub fn assert_operations_without_flushes(
    machine: &mut Machine,
    device: &str,
    expected: &[(&str, u64, u64, u64)],
) {
    let measured = OPERATIONS.map(|operation| if operation == "flush" { "" } else { operation });
    assert_measured_operations(machine, device, expected, &measured);
}

#[track_caller]
fn assert_measured_operations(
    machine: &mut Machine,
    device: &str,
    expected: &[(&str, u64, u64, u64)],
    measured: &[&str],
) {
    let shown = machine.sh(&format!(
        "cd {STAT}/{device} && for o in {all}; do \
         echo $o $(cat $o/requests $o/bytes $o/errors $o/avg_size 2>/dev/null) \
         $(awk '{{ sum += $2 }} END {{ print sum }}' $o/size_histogram 2>/dev/null); done",
        all = OPERATIONS.join(" ")
    ));
    let mut lines = String::new();
    for operation in OPERATIONS {
        if !measured.contains(&operation) {
            lines += &format!("{operation}\n");
            continue;
        }
        let (_, requests, bytes, errors) = expected
            .iter()
            .find(|(name, ..)| *name == operation)
            .unwrap_or(&("", 0, 0, 0));
        let average = bytes.checked_div(*requests).unwrap_or(0);
        lines += &format!("{operation} {requests} {bytes} {errors} {average} {requests}\n");
    }
    assert_eq!(
        shown, lines,
        "{device}: operation, requests, bytes, errors, average, sum of the size histogram"
    );
}

/// Returns the lines of a histogram with a count above 0: bound and count.
#[track_caller]
pub fn histogram(machine: &mut Machine, file: &str) -> Vec<(String, u64)> {
    buckets(&machine.sh(&format!("cat {STAT}/{file}")))
}

/// Returns the lines of a histogram's text with a count above 0.
#[track_caller]
pub fn buckets(histogram: &str) -> Vec<(String, u64)> {
    histogram
        .lines()
        .map(|line| line.split_once(' ').expect(histogram))
        .map(|(bound, count)| (bound.to_owned(), count.parse().expect(histogram)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Reads one number from a sysfs file, as the only line of it.
#[track_caller]
pub fn number(machine: &mut Machine, file: &str) -> u64 {
    let text = machine.sh(&format!("cat {STAT}/{file}"));
    let line = text.strip_suffix('\n');
    line.and_then(|line| line.parse().ok())
        .unwrap_or_else(|| panic!("{file}: {text:?}"))
}

/// Returns a script that waits until a file has this number.
pub fn until(file: &str, number: u64) -> String {
    format!("while [ $(cat {STAT}/{file}) != {number} ]; do usleep 1000; done")
}

/// Returns the line `lines` of a device's snapshot, without its keyword.
#[track_caller]
pub fn lines(machine: &mut Machine, device: &str) -> String {
    let shown = machine.sh(&format!("grep ^lines {STAT}/{device}/snapshot"));
    shown.trim().strip_prefix("lines ").unwrap().to_owned()
}
