// SPDX-License-Identifier: GPL-2.0

//! Disks that fail, slow down and disappear under requests.

use crate::common::*;
use crate::load::*;

/// Requests are 200 ms under way all the time; they end, are measured, and none is lost.
#[test]
fn a_slow_disk_is_measured_and_removed_with_requests_under_way() {
    let mut machine = machine_of(2);
    machine.sh("modprobe dm-delay");
    create(&mut machine, "slow", "0 65536 delay /dev/vda 0 200");
    let device = create(
        &mut machine,
        "d",
        "0 65536 dmp /dev/mapper/slow 0 1 latency",
    );
    let totals = fio_against(
        &mut machine,
        "--filename=/dev/mapper/d --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=64 \
         --io_size=4m --size=32m",
        &["dmsetup suspend d && dmsetup resume d && sleep 1"],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    let file = format!("{device}/read/latency_histogram");
    let slower: u64 = histogram(&mut machine, &file)
        .iter()
        .filter(|(bound, _)| bound == "inf" || bound.parse::<u64>().unwrap() >= 1 << 28)
        .map(|(_, count)| count)
        .sum();
    assert_eq!(slower, totals.reads.requests);
    machine.sh("dmsetup remove d && dmsetup remove slow && rmmod dmp");
    finish(machine);
}

/// The disk goes while requests are under way. They fail as they do on linear; the device stays, and
/// can be read of, reset and removed.
#[test]
fn a_disk_that_is_unplugged_fails_its_requests_and_no_more() {
    let mut outcomes = Vec::new();
    for target in ["linear", "dmp"] {
        let mut machine = machine_of(2);
        let device = create(&mut machine, "d", &format!("0 65536 {target} /dev/vdb 0"));
        let error = machine.sh("disk=$(readlink -f /sys/block/vdb/device/..); \
             fio --name=load --filename=/dev/mapper/d --rw=randrw --bs=4k --direct=1 \
               --ioengine=libaio --iodepth=16 --time_based --runtime=30 2>&1 | \
               grep -o 'error=Input/output error' | sort -u & \
             sleep 3; echo 1 >$disk/remove; wait; [ ! -e /sys/block/vdb ]");
        if target == "dmp" {
            let errors = number(&mut machine, &format!("{device}/read/errors"))
                + number(&mut machine, &format!("{device}/write/errors"));
            assert!(errors > 0);
            let requests = number(&mut machine, &format!("{device}/read/requests"));
            assert_refused(
                &mut machine,
                "dd if=/dev/mapper/d of=/dev/null bs=4k count=1 iflag=direct",
                "Input/output error",
            );
            let now = number(&mut machine, &format!("{device}/read/requests"));
            assert_eq!(now, requests + 1);
            machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
            assert_operations(&mut machine, &device, &[]);
            // It goes on with another disk.
            machine.sh("dmsetup reload d --table '0 65536 dmp /dev/vda 0' && dmsetup resume d");
            machine.sh(&direct_reads("d", 4096, 7));
            assert_counts(&mut machine, &device, Count::of(7, 4096), Count::default());
        }
        machine.sh("dmsetup remove d && rmmod dmp");
        finish(machine);
        outcomes.push(error);
    }
    assert_eq!(outcomes[0], "error=Input/output error\n");
    assert_eq!(outcomes[0], outcomes[1]);
}
