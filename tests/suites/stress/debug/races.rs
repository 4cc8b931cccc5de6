// SPDX-License-Identifier: GPL-2.0

//! All operations on a device that stays, concurrently. Counters must be exact. Other faults appear
//! as complaints in the log, above all of the debug kernel.

use dmp_vm::Machine;

use crate::common::*;
use crate::load::*;

fn reloads_lose_no_request(cpus: u32) {
    let (mut machine, device) = with_device(machine_of(cpus), TABLE);
    // No table splits a request of 4 KiB, and all tables lead to the same data.
    let totals = fio_against(
        &mut machine,
        &random_load("/dev/mapper/d"),
        &[
            "for table in '0 65536 dmp /dev/vda 0 1 latency' '0 65536 dmp /dev/vdb 8' \
           '0 65536 dmp /dev/vda 65536'; do \
             dmsetup reload d --table \"$table\" && dmsetup resume d || exit; done; \
           printf '0 1024 dmp /dev/vdb 0\\n1024 64512 dmp /dev/vda 8 1 latency\\n' | \
             dmsetup reload d && dmsetup resume d",
        ],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    assert_all_goes(machine);
}

#[test]
fn reloads_lose_no_request_on_two_processors() {
    reloads_lose_no_request(2);
}

#[test]
fn reloads_lose_no_request_on_four_processors() {
    reloads_lose_no_request(4);
}

#[test]
fn suspends_lose_no_request() {
    let (mut machine, device) = with_device(machine_of(4), TABLE);
    let totals = fio_against(
        &mut machine,
        &random_load("/dev/mapper/d"),
        &[
            "dmsetup suspend d && dmsetup resume d && dmsetup suspend --noflush d && \
           dmsetup resume d && dmsetup suspend --nolockfs d && dmsetup resume d",
        ],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    assert_all_goes(machine);
}

/// Resets, switches and renames at once, by file and by message.
#[test]
fn switches_and_renames_disturb_no_request() {
    let (mut machine, device) = with_device(machine_of(4), TABLE);
    let file = |name: &str| format!("{STAT}/{device}/{name}");
    let totals = fio_against(
        &mut machine,
        // The node has the device's number, so a rename does not change it.
        &random_load(&format!("/dev/{device}")),
        &[
            &format!("echo 1 >{}", file("reset")),
            &format!("echo 0 >{0}; echo 1 >{0}", file("latency")),
            &format!("echo 1 >{0}; echo 0 >{0}", file("pattern")),
            "dmsetup rename d e && dmsetup rename e d",
            &format!(
                "cat {}/* {}/*/* >/dev/null 2>&1; true",
                file("."),
                file(".")
            ),
            "{ dmsetup message d 0 latency on; dmsetup message e 0 reset; dmsetup status; \
               dmsetup table; } >/dev/null 2>&1; true",
        ],
    );
    assert!(
        totals.reads.requests > 0 && totals.errors == 0,
        "{totals:?}"
    );
    // The remaining counters cover complete requests.
    for operation in ["read", "write"] {
        let count = |machine: &mut Machine, what: &str| {
            number(machine, &format!("{device}/{operation}/{what}"))
        };
        let requests = count(&mut machine, "requests");
        assert_eq!(count(&mut machine, "bytes"), requests * 4096, "{operation}");
    }
    machine.sh(&format!("echo 1 >{}", file("reset")));
    machine.sh(&direct_reads("d", 4096, 50));
    assert_counts(&mut machine, &device, Count::of(50, 4096), Count::default());
    assert_all_goes(machine);
}

/// The latencies include each request that arrived after the last reset, and no other. Some
/// requests fail at a bad sector. Others are flushes, whose counters all processors share.
#[test]
fn resets_lose_no_latency() {
    let mut machine = machine_of(4);
    machine
        .sh("dmsetup create bad --table \"$(printf '0 65528 linear /dev/vda 0\\n65528 8 error')\"");
    let device = create(&mut machine, "d", "0 65536 dmp /dev/mapper/bad 0 1 latency");
    let fails =
        "! dd if=/dev/mapper/d of=/dev/null bs=4k count=1 skip=8191 iflag=direct 2>/dev/null";
    let load = format!(
        "--filename=/dev/mapper/d --size=16m --rw=randrw --bs=4k --direct=1 --ioengine=psync \
         --fsync=4 --numjobs=2 --time_based --runtime={}",
        seconds()
    );
    let totals = fio_against(
        &mut machine,
        &load,
        &[
            &format!("echo 1 >{STAT}/{device}/reset; usleep 200000"),
            &format!("n=$(cat {STAT}/{device}/read/inflight) && [ $n -le 3 ]"),
            &format!("{fails}; usleep 1000"),
        ],
    );
    assert!(
        totals.reads.requests > 0 && totals.errors == 0,
        "{totals:?}"
    );
    // The last reset may come at the end, so some requests of each kind follow.
    machine.sh(&format!("{fails} && {}", direct_reads("d", 4096, 3)));
    for operation in OPERATIONS {
        let mut count = |what: &str| number(&mut machine, &format!("{device}/{operation}/{what}"));
        let [requests, errors, again, inflight] =
            ["requests", "errors", "again", "inflight"].map(&mut count);
        let file = format!("{device}/{operation}/latency_histogram");
        let buckets = histogram(&mut machine, &file);
        let latencies: u64 = buckets.iter().map(|(_, count)| count).sum();
        assert_eq!(requests, latencies + errors + again, "{operation}");
        assert_eq!(inflight, 0, "{operation}");
        if operation == "read" {
            assert!(
                errors > 0 && latencies > 2,
                "{errors} errors, {latencies} latencies"
            );
        }
    }
    assert_all_goes(machine);
}

/// The number of requests in flight is never negative during any replacement.
#[test]
fn resets_and_switches_keep_requests_in_flight_exact() {
    let (mut machine, device) = with_device(machine_of(4), &format!("{TABLE} 1 latency"));
    let totals = fio_against(
        &mut machine,
        // Two jobs of eight requests each.
        &random_load("/dev/mapper/d"),
        &[
            &format!("echo 1 >{STAT}/{device}/reset"),
            "dmsetup message d 0 latency off && dmsetup message d 0 latency on",
            &format!(
                "for operation in read write; do \
                 n=$(cat {STAT}/{device}/$operation/inflight 2>/dev/null || echo 0); \
                 [ $n -le 16 ] || exit; done"
            ),
        ],
    );
    assert!(
        totals.reads.requests > 0 && totals.errors == 0,
        "{totals:?}"
    );
    machine.sh("dmsetup message d 0 latency on");
    for operation in OPERATIONS {
        let inflight = number(&mut machine, &format!("{device}/{operation}/inflight"));
        assert_eq!(inflight, 0, "{operation}");
    }
    assert_all_goes(machine);
}

/// Ten reads and ten writes, all of one size, precede each reset. So a summary shows all of them or
/// none, and never reads from before the reset with writes from after it.
#[test]
fn a_summary_never_mixes_counts_before_and_after_a_reset() {
    let (mut machine, device) = with_device(machine_of(4), TABLE);
    let reads = direct_reads("d", 4096, 10);
    let writes = direct_writes("d", 4096, 10);
    // The numbers are valid if the file has the same round before and after them.
    let check = |file: &str| {
        format!(
            "round=$(cat /run/still 2>/dev/null) && set -- $(cat {file}) && \
             [ \"$(cat /run/still 2>/dev/null)\" = \"$round\" ] || continue; \
             [ \"$3 $9\" = '10 10' ] || [ \"$3 $9\" = '0 0' ] || {{ echo $* >&2; exit 1; }}"
        )
    };
    let (all, one) = (
        format!("{STAT}/volumes"),
        format!("{STAT}/{device}/volumes"),
    );
    run_against(
        &mut machine,
        &format!(
            "end=$(($(date +%s) + {})); round=0; \
             while [ $round -lt 4 ] || [ $(date +%s) -lt $end ]; do round=$((round + 1)); \
             {reads}; {writes}; echo $round >/run/still; usleep 20000; \
             echo 1 >{STAT}/{device}/reset; usleep 1000; rm /run/still; done",
            seconds()
        ),
        &[&check(&all), &check(&all), &check(&one)],
    );
    assert_all_goes(machine);
}

/// Sixteen readers read pieces of all sizes while the counters are replaced and latencies are
/// switched. Each text is from one moment, with all lines that `latency` implies, and with complete
/// requests.
#[test]
fn each_reader_gets_one_complete_snapshot_in_pieces() {
    let (mut machine, device) = with_device(machine_of(4), TABLE);
    let snapshot = format!("{STAT}/{device}/snapshot");
    let reader = |size: u32| {
        format!(
            "{{ dd bs={size} count=1 && usleep 5000 && dd bs={size}; }} \
               <{snapshot} >/run/read{size} 2>/run/error{size} && \
             awk '{{ end = $0 }} NR == 1 && $0 != \"dmp 1\" {{ bad = 1 }} $1 == \"taken\" {{ taken++ }} \
                  $1 == \"latency\" {{ lines = NR + 13 + ($2 == \"on\" ? 7 : 0) }} \
                  $2 == \"requests\" && $5 != 4096 * $3 {{ bad = 1 }} \
                  END {{ exit bad || taken != 1 || NR != lines || end !~ /^other (sizes|latencies)$/ }}' \
                 /run/read{size} || {{ cat /run/read{size} /run/error{size} >&2; exit 1; }}"
        )
    };
    let readers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 37, 100, 600].map(reader);
    let switch = format!("echo 1 >{STAT}/{device}/latency; echo 0 >{STAT}/{device}/latency");
    let reset = format!("echo 1 >{STAT}/{device}/reset; usleep 1000");
    let mut loops: Vec<&str> = readers.iter().map(String::as_str).collect();
    loops.extend([&*switch, &*reset]);
    let totals = fio_against(&mut machine, &random_load("/dev/mapper/d"), &loops);
    assert!(
        totals.reads.requests > 0 && totals.errors == 0,
        "{totals:?}"
    );
    assert_all_goes(machine);
}

/// Reads the numbers of a device's lines. Those of live lines have to be of one table, during all
/// loads, resumes, clears and removals. All numbers are exact at rest.
#[test]
fn counts_of_lines_are_of_one_table_during_exchanges() {
    let mut machine = machine_of(4);
    // Each table has a different number of lines, and of lines with each option.
    machine.sh(
        "cd /run && echo '0 2048 dmp /dev/vda 0 1 as_linear' >one && \
         printf '0 1024 dmp /dev/vda 0 1 flush_bypass\n1024 1024 dmp /dev/vdb 0 1 flush_bypass\n' >two && \
         printf '0 8 dmp /dev/vda 0 1 as_linear\n8 8 dmp /dev/vda 8 2 as_linear flush_bypass\n\
                 16 2032 dmp /dev/vda 16\n' >three",
    );
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 as_linear");
    let snapshot = format!("{STAT}/{device}/snapshot");
    let read = format!(
        "set -- $(grep ^lines {snapshot}) && case \"$2 $5 $8\" in \
         '1 1 0' | '2 0 2' | '3 2 1') ;; *) echo $* >&2; exit 1 ;; esac && [ $3 -le 9 ]"
    );
    run_against(
        &mut machine,
        &format!(
            "end=$(($(date +%s) + {})); n=0; \
             while [ $n -lt 9 ] || [ $(date +%s) -lt $end ]; do n=$((n + 1)); \
             for table in one two three; do \
               dmsetup reload d /run/$table && dmsetup suspend d && dmsetup resume d || exit; done; done",
            seconds()
        ),
        &[
            &read,
            &read,
            // This load replaces the table that the command has loaded, or is replaced or cleared.
            "dmsetup reload d /run/two; dmsetup clear d; true",
            // Devices with other numbers.
            "dmsetup create other --table '0 8 dmp /dev/vdb 4096 1 as_linear' && \
             dmsetup reload other --table '0 8 dmp /dev/vdb 4104' && dmsetup remove other",
        ],
    );
    let lines = format!("grep ^lines {snapshot}");
    for (table, expected) in [
        ("one", "lines 1 0 as_linear 1 0 flush_bypass 0 0\n"),
        ("two", "lines 2 0 as_linear 0 0 flush_bypass 2 0\n"),
        ("three", "lines 3 0 as_linear 2 0 flush_bypass 1 0\n"),
    ] {
        machine.sh(&format!(
            "dmsetup clear d; dmsetup reload d /run/{table} && dmsetup resume d"
        ));
        assert_eq!(machine.sh(&lines), expected, "{table}");
    }
    machine.sh("dmsetup reload d /run/two");
    let loaded = "lines 3 2 as_linear 2 0 flush_bypass 1 2\n";
    assert_eq!(machine.sh(&lines), loaded);
    assert_all_goes(machine);
}

#[test]
fn a_processors_counts_stay_when_it_goes_offline() {
    let (mut machine, device) = with_device(machine_of(4), "0 65536 dmp /dev/vda 0 1 latency");
    // A request ends on the processor that sent it.
    machine.sh("echo 2 >/sys/block/vda/queue/rq_affinity");
    machine.sh(&format!(
        "taskset 8 sh -c '{}'",
        direct_writes("d", 4096, 100)
    ));
    // The latencies of the processor's requests also stay.
    let latencies =
        format!("cd {STAT}/{device}/write && cat latency_ns latency_max_ns latency_histogram");
    let measured = machine.sh(&latencies);
    machine.sh("echo 0 >/sys/devices/system/cpu/cpu3/online");
    assert_eq!(machine.sh(&latencies), measured);
    assert_counts(
        &mut machine,
        &device,
        Count::default(),
        Count::of(100, 4096),
    );
    machine.sh("echo 1 >/sys/devices/system/cpu/cpu3/online");
    assert_counts(
        &mut machine,
        &device,
        Count::default(),
        Count::of(100, 4096),
    );
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    let totals = fio_against(
        &mut machine,
        &random_load("/dev/mapper/d"),
        &[
            "for cpu in 1 2 3; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online || exit; done; \
           for cpu in 3 1 2; do echo 1 >/sys/devices/system/cpu/cpu$cpu/online || exit; done",
        ],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    assert_all_goes(machine);
}
