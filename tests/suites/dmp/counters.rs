// SPDX-License-Identifier: GPL-2.0

//! The counters of each request.

use crate::common::*;

#[test]
fn a_new_device_has_zero_counts_and_averages() {
    let mut machine = machine();
    assert_all(&mut machine, Count::default(), Count::default());
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
    assert_all(&mut machine, Count::default(), Count::default());
}

#[test]
fn reads_and_writes_are_counted_separately_and_summed() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 4096, 100));
    machine.sh(&direct_reads("d", 4096, 500));
    let (reads, writes) = (Count::of(500, 4096), Count::of(100, 4096));
    assert_counts(&mut machine, &device, reads, writes);
    // This is exactly the text of the exercise.
    assert_eq!(
        machine.sh(&format!("cat {STAT}/{device}/volumes")),
        "read:\n reqs: 500\n avg size: 4096\n\
         write:\n reqs: 100\n avg size: 4096\n\
         total:\n reqs: 600\n avg size: 4096\n"
    );
}

/// The writes' average is exact, while the averages of reads and of all requests are rounded.
#[test]
fn averages_are_rounded_down() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    machine.sh(&direct_writes("d", 512, 3));
    machine.sh(&direct_writes("d", 4096, 1));
    machine.sh(&direct_reads("d", 512, 3));
    machine.sh(&direct_reads("d", 4096, 1));
    machine.sh(&direct_reads("d", 1024, 1));
    let average = |file: &str| format!("cat {STAT}/{device}/{file}/avg_size");
    assert_eq!(machine.sh(&average("write")), "1408\n");
    // 6656 bytes in 5 requests: 1331.2.
    assert_eq!(machine.sh(&average("read")), "1331\n");
    // 12288 bytes in 9 requests: 1365.33.
    assert_eq!(
        machine.sh(&format!("grep -A2 total {STAT}/{device}/volumes")),
        "total:\n reqs: 9\n avg size: 1365\n"
    );
}

/// A user would type this command. busybox's dd would read through the page cache here.
#[test]
fn each_small_read_of_dd_is_a_request() {
    let (mut machine, device) = machine_with_device("0 131072 dmp /dev/vda 0");
    machine.sh("dd if=/dev/mapper/d of=/dev/null bs=512 count=10 iflag=direct status=none");
    assert_counts(&mut machine, &device, Count::of(10, 512), Count::default());
}

#[test]
fn two_devices_count_separately_and_volumes_is_their_sum() {
    let mut machine = machine();
    let one = create(&mut machine, "one", "0 131072 dmp /dev/vda 0");
    let two = create(&mut machine, "two", "0 131072 dmp /dev/vdb 0");
    assert_ne!(one, two);
    machine.sh(&direct_writes("one", 4096, 10));
    machine.sh(&direct_reads("one", 65536, 3));
    machine.sh(&direct_writes("two", MIB, 2));
    machine.sh(&direct_reads("two", 512, 5));
    let (one_reads, one_writes) = (Count::of(3, 65536), Count::of(10, 4096));
    let (two_reads, two_writes) = (Count::of(5, 512), Count::of(2, MIB));
    assert_counts(&mut machine, &one, one_reads, one_writes);
    assert_counts(&mut machine, &two, two_reads, two_writes);
    assert_all(&mut machine, one_reads + two_reads, one_writes + two_writes);

    machine.sh("dmsetup remove one");
    assert_all(&mut machine, two_reads, two_writes);
}

#[test]
fn two_devices_over_one_disk_count_separately() {
    let mut machine = machine();
    let low = create(&mut machine, "low", "0 2048 dmp /dev/vda 0");
    let high = create(&mut machine, "high", "0 2048 dmp /dev/vda 2048");
    machine.sh(&direct_writes("low", 4096, 3));
    machine.sh(&direct_writes("high", 4096, 4));
    let none = Count::default();
    assert_counts(&mut machine, &low, none, Count::of(3, 4096));
    assert_counts(&mut machine, &high, none, Count::of(4, 4096));
}

#[test]
fn stacked_devices_each_count_the_request_that_passes_through() {
    let mut machine = machine();
    let under = create(&mut machine, "under", "0 4096 dmp /dev/vda 0");
    let over = create(&mut machine, "over", "0 2048 dmp /dev/mapper/under 1024");
    machine.sh(&direct_writes("over", 8192, 6));
    let (none, writes) = (Count::default(), Count::of(6, 8192));
    assert_counts(&mut machine, &over, none, writes);
    assert_counts(&mut machine, &under, none, writes);
    assert_all(&mut machine, none, writes + writes);
}

#[test]
fn no_request_of_four_concurrent_processors_is_lost() {
    let (mut machine, device) = with_device(boot(builder().cpus(4)), "0 131072 dmp /dev/vda 0");
    assert_eq!(machine.sh("nproc"), "4\n");
    machine.sh(
        "for n in 0 1 2 3; do \
           taskset -c $n dd if=/dev/mapper/d of=/dev/null bs=4k count=1000 iflag=direct status=none & \
           taskset -c $n dd if=/dev/zero of=/dev/mapper/d bs=8k count=500 oflag=direct status=none & \
         done; wait",
    );
    let (reads, writes) = (Count::of(4000, 4096), Count::of(2000, 8192));
    assert_counts(&mut machine, &device, reads, writes);
}

#[test]
fn everyone_can_read_counters_and_only_root_can_write_switches() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    let modes = machine.sh(&format!(
        "cd {STAT} && find . -type f | sort | sed 's|^[.]/||' | xargs stat -c '%a %n'"
    ));
    let mut expected: Vec<String> = [
        (644, "latency"),
        (444, "name"),
        (644, "pattern"),
        (200, "reset"),
        (444, "snapshot"),
        (444, "uuid"),
        (444, "volumes"),
    ]
    .iter()
    .map(|(mode, file)| format!("{mode} {device}/{file}"))
    .collect();
    expected.push("444 volumes".into());
    for operation in OPERATIONS {
        for file in [
            "again",
            "avg_size",
            "bytes",
            "errors",
            "inflight",
            "latency_histogram",
            "latency_max_ns",
            "latency_ns",
            "requests",
            "seek_histogram",
            "size_histogram",
        ] {
            expected.push(format!("444 {device}/{operation}/{file}"));
        }
    }
    let path = |line: &String| line.split_once(' ').unwrap().1.to_owned();
    expected.sort_by_key(path);
    assert_eq!(modes.lines().collect::<Vec<_>>(), expected);
}

/// Each reset, each switch and each removal frees the memory of the old counters. The first rounds
/// of each may leave some memory for later ones.
#[test]
fn replaced_counters_are_freed() {
    let mut machine = machine();
    // Each of the hundreds of grace periods would otherwise take two or three ticks.
    machine.sh("echo 1 >/sys/kernel/rcu_expedited");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 latency");
    let twenty = format!(
        "dmsetup create --concise \"$(for e in $(seq 20); do \
           printf 'e%s,,,rw,0 8 dmp /dev/vdb 0 1 latency;' $e; done)\" && {{ {}; }}",
        remove_together("e")
    );
    let rounds = [
        (100, format!("echo 1 >{STAT}/{device}/reset")),
        (
            100,
            format!("echo 0 >{STAT}/{device}/latency; echo 1 >{STAT}/{device}/latency"),
        ),
        (
            100,
            format!("echo 1 >{STAT}/{device}/pattern; echo 0 >{STAT}/{device}/pattern"),
        ),
        (5, twenty),
    ];
    for (times, round) in rounds {
        let mut taken_after = |times: u32| -> i64 {
            let taken = machine.sh(&format!(
                "for n in $(seq {times}); do {{ {round}; }} || exit; done; \
                 awk '/^Percpu:/ {{ print $2 }}' /proc/meminfo"
            ));
            taken.trim().parse().unwrap()
        };
        let before = taken_after(times / 5);
        let taken = taken_after(times) - before;
        // Each leak would be more than 1.5 KiB.
        assert!(taken < 100, "{round}: {taken} KiB");
    }
}

/// A processor's counts stay while it is offline, and count once after its return.
#[test]
fn an_offline_processors_counts_are_kept() {
    let (mut machine, device) =
        with_device(boot(builder().cpus(2)), "0 2048 dmp /dev/vda 0 1 latency");
    let online = "/sys/devices/system/cpu/cpu1/online";
    let read = |count: u64| {
        format!(
            "taskset -c 1 dd if=/dev/mapper/d of=/dev/null bs=4k count={count} iflag=direct \
             status=none"
        )
    };
    machine.sh(&read(50));
    let file = |name: &str| format!("{device}/read/{name}");
    let latency = ["latency_ns", "latency_max_ns", "latency_histogram"]
        .map(|name| machine.sh(&format!("cat {STAT}/{}", file(name))));
    machine.sh(&format!("echo 0 >{online}"));
    assert_counts(&mut machine, &device, Count::of(50, 4096), Count::default());
    let now = ["latency_ns", "latency_max_ns", "latency_histogram"]
        .map(|name| machine.sh(&format!("cat {STAT}/{}", file(name))));
    assert_eq!(now, latency);
    machine.sh(&format!("echo 1 >{online}"));
    machine.sh(&read(7));
    assert_counts(&mut machine, &device, Count::of(57, 4096), Count::default());
}
