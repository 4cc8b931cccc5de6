// SPDX-License-Identifier: GPL-2.0

//! Requests that end with `BLK_STS_AGAIN`: nowait ones and polled ones. The disk is healthy.

use dmp_vm::Machine;

use crate::common::*;

/// A disk with one place in its queue, which completes a request after 2 ms.
const BUSY: &str = "modprobe null_blk queue_mode=2 irqmode=2 completion_nsec=2000000 \
                    hw_queue_depth=1 submit_queues=1 gb=1";

/// Returns a script that sends 200 reads of 4 KiB to the device, sixteen at a time.
fn reads(options: &str) -> String {
    format!(
        "fio --name=load --filename=/dev/mapper/d --rw=randread --bs=4k --direct=1 --size=16m \
         --ioengine=io_uring --iodepth=16 --number_ios=200 {options}"
    )
}

/// Returns the counters of reads from their files: requests, errors, again, and the number of
/// latencies.
#[track_caller]
fn counted(machine: &mut Machine, device: &str) -> [u64; 4] {
    let shown = machine.sh(&format!(
        "cd {STAT}/{device}/read && cat requests errors again && \
         awk '{{ n += $2 }} END {{ print n }}' latency_histogram"
    ));
    let numbers: Vec<u64> = shown.lines().map(|line| line.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn a_nowait_request_that_would_wait_is_no_error() {
    let mut machine = machine_with_tools();
    machine.sh(BUSY);
    let device = create(&mut machine, "d", "0 65536 dmp /dev/nullb0 0 1 latency");
    // The sender has to retry, but fio fails instead.
    assert_refused(
        &mut machine,
        &reads("--nowait=1"),
        "Resource temporarily unavailable",
    );
    let [requests, errors, again, latencies] = counted(&mut machine, &device);
    assert_eq!(errors, 0);
    assert!(again > 0, "{requests} requests");
    assert_eq!(requests, again + latencies);
    assert_eq!(number(&mut machine, &format!("{device}/read/inflight")), 0);
    let snapshot = machine.sh(&format!("cat {STAT}/{device}/snapshot"));
    let line = format!(
        "\nread requests {requests} bytes {} errors 0 again {again} inflight 0 ",
        requests * 4096
    );
    assert!(snapshot.contains(&line), "{snapshot}");
}

/// Not for the debug kernel: `__dm_io_complete` still accounts a request that it has queued to be
/// resent. That kernel preempts in between, and the request is freed.
mod resent {
    use super::*;

    /// Device mapper itself resends a polled request, and each attempt counts as a request.
    #[test]
    fn a_polled_request_is_no_error() {
        let mut machine = machine_with_tools();
        machine.sh(
            "modprobe null_blk queue_mode=2 irqmode=0 poll_queues=1 hw_queue_depth=1 submit_queues=1 gb=1",
        );
        let device = create(&mut machine, "d", "0 65536 dmp /dev/nullb0 0 1 latency");
        machine.sh(&reads("--hipri=1"));
        let [requests, errors, again, latencies] = counted(&mut machine, &device);
        assert_eq!(errors, 0);
        assert!(again > 0, "{requests} requests");
        assert_eq!((latencies, requests), (200, 200 + again));
        let status = machine.sh("dmsetup status d");
        let end = format!(" latency on again {again} 0 0 0 0 0\n");
        assert!(status.ends_with(&end), "{status}");
        assert_eq!(number(&mut machine, &format!("{device}/read/inflight")), 0);
    }
}
