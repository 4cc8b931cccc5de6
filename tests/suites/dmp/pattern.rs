// SPDX-License-Identifier: GPL-2.0

//! Distances of reads and writes from earlier ones.

use dmp_vm::Machine;

use crate::common::*;

/// The largest distance of each bucket, from the farthest back on.
const BOUNDS: [i64; 18] = [
    -16_777_217,
    -2_097_153,
    -262_145,
    -32_769,
    -4_097,
    -513,
    -65,
    -9,
    -1,
    0,
    8,
    64,
    512,
    4_096,
    32_768,
    262_144,
    2_097_152,
    16_777_216,
];

/// A read or write of the table `d`: sector, and number of sectors.
type Request = (i64, i64);

/// The counts that one CPU's requests of one operation lead to, by the documentation: the newest end is the last
/// one, and the sector 0 is an end at first.
struct Cpu {
    ends: Vec<i64>,
    counts: [u64; BOUNDS.len() + 1],
}

impl Cpu {
    fn new() -> Self {
        Self {
            ends: vec![0; 4],
            counts: [0; BOUNDS.len() + 1],
        }
    }

    fn count(&mut self, (sector, sectors): Request) {
        let newest = self.ends.iter().rposition(|end| *end == sector);
        let nearest = self
            .ends
            .iter()
            .map(|end| sector - end)
            .min_by_key(|distance| (distance.abs(), *distance))
            .unwrap();
        let bucket = BOUNDS.iter().position(|bound| nearest <= *bound);
        self.counts[bucket.unwrap_or(BOUNDS.len())] += 1;
        self.ends.remove(newest.unwrap_or(0));
        self.ends.push(sector + sectors);
    }
}

/// Returns the text of a histogram.
fn text(counts: &[u64]) -> String {
    let bounds = BOUNDS.iter().map(ToString::to_string);
    let bounds = bounds.chain(["inf".to_owned()]);
    let lines = bounds.zip(counts);
    let lines: Vec<String> = lines
        .map(|(bound, count)| format!("{bound} {count}\n"))
        .collect();
    lines.concat()
}

fn seeks(machine: &mut Machine, device: &str, operation: &str) -> String {
    machine.sh(&format!("cat {STAT}/{device}/{operation}/seek_histogram"))
}

/// Asserts the non-empty buckets of an operation's distances.
#[track_caller]
fn assert_seeks(machine: &mut Machine, device: &str, operation: &str, expected: &[(&str, u64)]) {
    let counts = histogram(machine, &format!("{device}/{operation}/seek_histogram"));
    let counts: Vec<(&str, u64)> = counts.iter().map(|(of, n)| (&**of, *n)).collect();
    assert_eq!(counts, expected, "{operation}");
}

/// Returns a script that sends these requests, one after the other, on one CPU.
fn on(cpu: usize, operation: &str, requests: &[Request]) -> String {
    let mut script = String::new();
    for (sector, sectors) in requests {
        let size = sectors * 512;
        // A position in bytes, because it need not be a multiple of the size.
        let place = sector * 512;
        script += &match operation {
            "read" => format!(
                "dd if=/dev/mapper/d of=/dev/null bs={size} count=1 skip={place} \
                 iflag=direct,skip_bytes status=none || exit\n"
            ),
            _ => format!(
                "dd if=/dev/zero of=/dev/mapper/d bs={size} count=1 seek={place} \
                 oflag=direct,seek_bytes status=none || exit\n"
            ),
        };
    }
    format!("taskset {:x} sh -c '{script}' || exit\n", 1 << cpu)
}

/// A machine with `d`, a device of 20 GiB without memory behind it, and this option.
fn large(cpus: u32, options: &str) -> (Machine, String) {
    let mut machine = boot(builder().cpus(cpus));
    let sectors = 20 << 21;
    create(&mut machine, "zero", &format!("0 {sectors} zero"));
    with_device(
        machine,
        &format!("0 {sectors} dmp /dev/mapper/zero 0{options}"),
    )
}

/// The requests reach each bucket from both sides of its bounds, continue each of four streams, and lose a
/// stream after four other requests. Each CPU and operation has its own ends.
#[test]
fn each_distance_counts_in_the_bucket_of_the_nearest_end() {
    let (mut machine, device) = large(4, " 1 pattern");
    let mut distances = vec![0];
    for bound in BOUNDS {
        distances.extend([bound, bound + 1]);
    }
    for cpu in 0..4 {
        // Four equal ends, so that each distance is from the only end.
        let begin = 18_000_000 + 1_000 * cpu;
        let mut requests = Vec::new();
        let mut place = begin;
        for distance in &distances {
            for _ in 0..4 {
                requests.push((place - 8, 8));
            }
            requests.push((place + distance, 1));
            place += 8 * (cpu + 1);
        }
        // Four streams by turns, then a fifth, which ends the first.
        let streams = [1_000, 200_000, 3_000_000, 4_000_000 + cpu];
        for turn in 0..3 {
            requests.extend(streams.map(|stream| (stream + 16 * turn, 16)));
        }
        requests.extend([(30_000_000, 8), (1_048, 8), (200_048, 8), (3_000_048, 8)]);
        // An end nearer ahead than behind, and two at the same distance.
        requests.extend([(100, 50), (260, 50), (200, 10), (205, 5)]);
        for (operation, requests) in [
            ("read", &requests[..]),
            ("write", &requests[..requests.len() / 2]),
        ] {
            let before = seeks(&mut machine, &device, operation);
            let before: Vec<u64> = before
                .lines()
                .map(|line| line.split_once(' ').unwrap().1.parse().unwrap())
                .collect();
            let mut expected = Cpu::new();
            for request in requests {
                expected.count(*request);
            }
            let sum: Vec<u64> = before
                .iter()
                .zip(expected.counts)
                .map(|(before, count)| before + count)
                .collect();
            machine.sh(&on(cpu as usize, operation, requests));
            let shown = seeks(&mut machine, &device, operation);
            assert_eq!(shown, text(&sum), "CPU {cpu}, {operation}");
            let requests = number(&mut machine, &format!("{device}/{operation}/requests"));
            assert_eq!(sum.iter().sum::<u64>(), requests, "CPU {cpu}, {operation}");
        }
    }
}

#[test]
fn a_stream_is_sequential() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0 1 pattern");
    machine.sh(&format!(
        "taskset 1 sh -c '{}; {}'",
        direct_writes("d", 4096, 100),
        direct_reads("d", 65536, 50)
    ));
    assert_seeks(&mut machine, &device, "write", &[("0", 100)]);
    assert_seeks(&mut machine, &device, "read", &[("0", 50)]);
    // The next streams begin 8 sectors after the first end, and 6,400 sectors after the newest one.
    machine.sh(&format!(
        "taskset 1 sh -c '{} seek=1; {} skip=100'",
        direct_writes("d", 4096, 100),
        direct_reads("d", 65536, 50)
    ));
    assert_seeks(&mut machine, &device, "write", &[("0", 199), ("8", 1)]);
    assert_seeks(&mut machine, &device, "read", &[("0", 99), ("32768", 1)]);
    let snapshot = machine.sh(&format!("cat {STAT}/{device}/snapshot"));
    assert!(
        snapshot.contains("\nread seeks 0:99 32768:1\n"),
        "{snapshot}"
    );
    assert!(snapshot.contains("\nwrite seeks 0:199 8:1\n"), "{snapshot}");
}

/// fio's jobs of one CPU run by turns of its scheduler, not in an order of their own.
#[test]
fn four_streams_of_fio_are_sequential_and_random_reads_are_not() {
    let mut machine = boot(builder().cpus(2).tools(true));
    create(&mut machine, "zero", "0 2097152 zero");
    let (mut machine, device) = with_device(machine, "0 2097152 dmp /dev/mapper/zero 0 1 pattern");
    let fio = "fio --filename=/dev/mapper/d --direct=1 --ioengine=psync --cpus_allowed=0 \
               --minimal >/dev/null";
    for (streams, each) in [(1, 4000), (4, 1000)] {
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        machine.sh(&format!(
            "{fio} --name=streams --rw=read --bs=16k --numjobs={streams} --size={} \
             --offset_increment=128m",
            each * 16384
        ));
        let counts = histogram(&mut machine, &format!("{device}/read/seek_histogram"));
        let all: u64 = counts.iter().map(|(_, count)| count).sum();
        assert_eq!(all, 4000);
        let sequential = counts.iter().find(|(bound, _)| bound == "0").unwrap().1;
        assert!(sequential * 1000 >= all * 999, "{streams}: {counts:?}");
    }
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    machine.sh(&format!(
        "{fio} --name=random --rw=randread --bs=4k --size=1g --number_ios=8000"
    ));
    let counts = histogram(&mut machine, &format!("{device}/read/seek_histogram"));
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 8000);
    let sequential = counts.iter().find(|(bound, _)| bound == "0");
    assert!(sequential.map_or(0, |of| of.1) * 1000 <= 8000, "{counts:?}");
}

/// Latencies and distances are counted side by side, on any CPU.
#[test]
fn the_sum_is_the_number_of_requests_with_latency_too() {
    let mut machine = boot(builder().cpus(4).tools(true));
    create(&mut machine, "zero", "0 2097152 zero");
    let (mut machine, device) = with_device(
        machine,
        "0 2097152 dmp /dev/mapper/zero 0 2 latency pattern",
    );
    machine.sh(
        "fio --filename=/dev/mapper/d --direct=1 --ioengine=psync --minimal --name=load \
         --rw=randrw --bsrange=4k-64k --numjobs=4 --number_ios=2000 --size=1g >/dev/null",
    );
    for operation in ["read", "write"] {
        let requests = number(&mut machine, &format!("{device}/{operation}/requests"));
        assert!(requests > 1000, "{operation}: {requests}");
        for histogram in ["seek", "latency", "size"] {
            let file = format!("{device}/{operation}/{histogram}_histogram");
            let counts = crate::common::histogram(&mut machine, &file);
            let sum: u64 = counts.iter().map(|(_, count)| count).sum();
            assert_eq!(sum, requests, "{operation} {histogram}");
        }
    }
}

/// Asserts that distances are not measured: a 0 would look like a value.
#[track_caller]
fn assert_off(machine: &mut Machine, device: &str) {
    assert_eq!(number(machine, &format!("{device}/pattern")), 0);
    for operation in OPERATIONS {
        assert_refused(
            machine,
            &format!("cat {STAT}/{device}/{operation}/seek_histogram"),
            "No data available",
        );
    }
    let snapshot = machine.sh(&format!("cat {STAT}/{device}/snapshot"));
    assert!(!snapshot.contains("seeks"), "{snapshot}");
    assert!(!snapshot.contains("pattern"), "{snapshot}");
}

#[test]
fn the_switch_drops_distances_and_nothing_else() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    assert_off(&mut machine, &device);
    machine.sh(&direct_writes("d", 4096, 3));
    machine.sh("dmsetup message d 0 latency on");
    machine.sh(&direct_writes("d", 4096, 4));
    let latency_since = field(&mut machine, &device, "latency_since");

    machine.sh("dmsetup message d 0 pattern on");
    assert_eq!(number(&mut machine, &format!("{device}/pattern")), 1);
    assert_eq!(
        machine.sh("dmsetup table d"),
        "0 131072 dmp 254:0 0 2 latency pattern\n"
    );
    let pattern_since = field(&mut machine, &device, "pattern_since");
    machine.sh(&format!(
        "taskset 1 sh -c '{}'",
        direct_writes("d", 4096, 5)
    ));
    assert_seeks(&mut machine, &device, "write", &[("0", 5)]);
    assert_seeks(&mut machine, &device, "read", &[]);
    for operation in &OPERATIONS[2..] {
        assert_refused(
            &mut machine,
            &format!("cat {STAT}/{device}/{operation}/seek_histogram"),
            "No data available",
        );
    }

    // The same switch again, and that of latencies, change nothing.
    machine.sh("dmsetup message d 0 pattern on");
    machine.sh(&format!(
        "cd {STAT}/{device} && echo 1 >pattern && echo 0 >latency && echo 1 >latency"
    ));
    assert_seeks(&mut machine, &device, "write", &[("0", 5)]);
    assert_eq!(field(&mut machine, &device, "pattern_since"), pattern_since);
    assert!(field(&mut machine, &device, "latency_since") > latency_since);
    let latency_since = field(&mut machine, &device, "latency_since");

    machine.sh("dmsetup message d 0 pattern off");
    assert_off(&mut machine, &device);
    assert_eq!(field(&mut machine, &device, "latency_since"), latency_since);
    assert_operations(&mut machine, &device, &[("write", 12, 12 * 4096, 0)]);
    machine.sh(&format!("echo 1 >{STAT}/{device}/pattern"));
    assert_seeks(&mut machine, &device, "write", &[]);
    assert!(field(&mut machine, &device, "pattern_since") > pattern_since);
}

/// Returns the number of a line of `snapshot`.
#[track_caller]
fn field(machine: &mut Machine, device: &str, keyword: &str) -> u64 {
    let number = machine.sh(&format!(
        "sed -n 's/^{keyword} //p' {STAT}/{device}/snapshot"
    ));
    number.trim().parse().expect(keyword)
}

#[test]
fn a_reset_restarts_distances_at_new_ends() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0 1 pattern");
    machine.sh(&format!("taskset 1 sh -c '{}'", direct_reads("d", 4096, 7)));
    let since = field(&mut machine, &device, "pattern_since");
    machine.sh("dmsetup message d 0 reset");
    assert_seeks(&mut machine, &device, "read", &[]);
    let restarted = field(&mut machine, &device, "pattern_since");
    assert!(restarted > since);
    assert_eq!(field(&mut machine, &device, "since"), restarted);
    machine.sh(&format!("taskset 1 sh -c '{}'", direct_reads("d", 4096, 2)));
    assert_seeks(&mut machine, &device, "read", &[("0", 2)]);
}

#[test]
fn a_table_measures_what_any_of_its_lines_asks_for_from_its_resume_on() {
    let mut machine = machine();
    let device = create(
        &mut machine,
        "d",
        "0 1024 dmp /dev/vda 0\n1024 1024 dmp /dev/vda 1024 1 pattern\n\
         2048 1024 dmp /dev/vda 2048 1 latency",
    );
    let both = "0 1024 dmp 254:0 0 2 latency pattern\n1024 1024 dmp 254:0 1024 2 latency pattern\n\
                2048 1024 dmp 254:0 2048 2 latency pattern\n";
    assert_eq!(machine.sh("dmsetup table d"), both);
    machine.sh(&format!("taskset 1 sh -c '{}'", direct_reads("d", 4096, 9)));
    // A request's distance is by the sectors of the mapped device.
    assert_seeks(&mut machine, &device, "read", &[("0", 9)]);

    // A loaded table changes nothing yet.
    machine.sh("echo '0 3072 dmp /dev/vda 0 1 pattern' | dmsetup load d");
    assert_eq!(machine.sh("dmsetup table d"), both);
    assert_eq!(
        machine.sh("dmsetup table --inactive d"),
        "0 3072 dmp 254:0 0 1 pattern\n"
    );
    machine.sh("dmsetup resume d");
    assert_eq!(
        machine.sh("dmsetup table d"),
        "0 3072 dmp 254:0 0 1 pattern\n"
    );
    assert_eq!(number(&mut machine, &format!("{device}/latency")), 0);
    assert_seeks(&mut machine, &device, "read", &[("0", 9)]);

    machine.sh("echo '0 3072 dmp /dev/vda 0' | dmsetup load d && dmsetup resume d");
    assert_off(&mut machine, &device);
}

#[test]
fn a_flush_has_no_distance() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0 2 latency pattern");
    machine
        .sh("dd if=/dev/zero of=/dev/mapper/d bs=4k count=1 oflag=direct conv=fsync status=none");
    machine.sh("blkdiscard -o 0 -l 4096 /dev/mapper/d");
    assert_seeks(&mut machine, &device, "write", &[("0", 1)]);
    let flushes = number(&mut machine, &format!("{device}/flush/requests"));
    assert_eq!(flushes, 1);
}
