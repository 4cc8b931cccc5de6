// SPDX-License-Identifier: GPL-2.0

//! Guarantees for a reader during requests and resets.

use crate::common::*;

/// A script that keeps two readers of 4 KiB at a time running until /run/stop exists.
const LOAD: &str = "rm -f /run/stop; for n in 1 2; do \
    while ! [ -e /run/stop ]; do \
      dd if=/dev/mapper/d of=/dev/null bs=4k count=500 iflag=direct status=none || exit; \
    done & done; ";

/// A script that prints one sample: the status line, and the histogram of reads.
const SAMPLE: &str = "dmsetup status d && cat size_histogram && echo; ";

/// A sample's numbers.
#[derive(Debug)]
struct Sample {
    requests: u64,
    bytes: u64,
    errors: u64,
    /// Requests in other buckets of the histogram than that of 4 KiB.
    elsewhere: u64,
}

fn samples(text: &str) -> Vec<Sample> {
    text.split_terminator("\n\n").map(sample).collect()
}

fn sample(text: &str) -> Sample {
    let (status, histogram) = text.split_once('\n').expect(text);
    let mut counters = status.split(' ').skip(4).map(|n| n.parse().expect(status));
    Sample {
        requests: counters.next().expect(status),
        bytes: counters.next().expect(status),
        errors: counters.next().expect(status),
        elsewhere: buckets(histogram)
            .iter()
            .filter(|(bound, _)| bound != "4096")
            .map(|(_, count)| count)
            .sum(),
    }
}

#[test]
fn counters_read_under_load_are_consistent() {
    let (mut machine, device) = with_device(boot(builder().cpus(2)), "0 65536 dmp /dev/vda 0");
    let text = machine.sh(&format!(
        "{LOAD} cd {STAT}/{device}/read; for n in $(seq 1 40); do {SAMPLE} done; \
         touch /run/stop; wait"
    ));
    let samples = samples(&text);
    assert_eq!(samples.len(), 40);
    let mut last = (0, 0);
    for sample in samples {
        let Sample {
            requests, bytes, ..
        } = sample;
        assert_eq!(bytes % 4096, 0, "{sample:?}");
        // A request is counted before its bytes, and requests are summed before bytes. So only the
        // bytes of the requests that are being counted now, at most two, can be missing.
        assert!(bytes / 4096 + 2 >= requests, "{sample:?}");
        assert!(
            requests >= last.0 && bytes >= last.1,
            "{last:?}, then {sample:?}"
        );
        assert_eq!((sample.errors, sample.elsewhere), (0, 0), "{sample:?}");
        last = (requests, bytes);
    }
    assert!(last.0 > 0);
    // The counters are exact at rest: each dd sends 500 reads.
    let requests = number(&mut machine, &format!("{device}/read/requests"));
    assert_eq!(requests % 500, 0);
    assert_counts(
        &mut machine,
        &device,
        Count::of(requests, 4096),
        Count::default(),
    );
}

/// A request stops being in flight before its end is counted.
#[test]
fn completed_and_in_flight_requests_never_exceed_arrived_ones() {
    let (mut machine, device) =
        with_device(boot(builder().cpus(2)), "0 65536 dmp /dev/vda 0 1 latency");
    let text = machine.sh(&format!(
        "{LOAD} for n in $(seq 1 300); do grep ^read {STAT}/{device}/snapshot || exit; done; \
         touch /run/stop; wait"
    ));
    let lines: Vec<&str> = text.lines().collect();
    let mut arrived = 0;
    for snapshot in lines.chunks(3) {
        let [counted, _, latencies] = snapshot else {
            panic!("{snapshot:?}")
        };
        let words: Vec<&str> = counted.split(' ').collect();
        let number = |name| -> u64 {
            let at = words.iter().position(|word| *word == name);
            words[at.expect(counted) + 1].parse().expect(counted)
        };
        let measured: u64 = latencies
            .split(' ')
            .filter_map(|word| word.split_once(':'))
            .map(|(_, count)| count.parse::<u64>().expect(latencies))
            .sum();
        arrived = number("requests");
        let completed = measured + number("errors") + number("again");
        assert!(
            completed + number("inflight") <= arrived,
            "{counted}\n{latencies}"
        );
    }
    assert!(lines.len() == 900 && arrived > 0, "{text}");
}

/// Resets by file and by message, and switches of latency, during requests on two CPUs.
#[test]
fn resets_under_load_keep_counters_consistent_and_exact_afterwards() {
    let (mut machine, device) =
        with_device(boot(builder().cpus(2)), "0 65536 dmp /dev/vda 0 1 latency");
    let text = machine.sh(&format!(
        "{LOAD} cd {STAT}/{device}/read; for n in $(seq 1 20); do \
           echo 1 >../reset && {SAMPLE} dmsetup message d 0 reset && {SAMPLE} \
           echo $((n % 2)) >../latency && {SAMPLE} \
         done; touch /run/stop; wait"
    ));
    let samples = samples(&text);
    assert_eq!(samples.len(), 60);
    for sample in samples {
        let Sample {
            requests, bytes, ..
        } = sample;
        // No number is negative: that would be near 2^64.
        assert!(requests < 1 << 32 && bytes < 1 << 44, "{sample:?}");
        assert_eq!(bytes % 4096, 0, "{sample:?}");
        assert_eq!((sample.errors, sample.elsewhere), (0, 0), "{sample:?}");
        assert!(bytes / 4096 + 2 >= requests, "{sample:?}");
    }
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    assert_operations(&mut machine, &device, &[]);
    machine.sh(&direct_reads("d", 4096, 77));
    machine.sh(&direct_writes("d", 65536, 3));
    let all = [("read", 77, 77 * 4096, 0), ("write", 3, 3 * 65536, 0)];
    assert_operations(&mut machine, &device, &all);
}

/// A reset comes after the requests of each round, so the counters have exactly the requests of one
/// round.
#[test]
fn counters_have_only_the_requests_since_the_reset() {
    let (mut machine, device) = with_device(boot(builder().cpus(2)), "0 65536 dmp /dev/vda 0");
    for n in 1..=5 {
        machine.sh(&format!(
            "for c in 0 1; do taskset -c $c dd if=/dev/mapper/d of=/dev/null bs=4k count={n}00 \
             iflag=direct status=none & done; wait"
        ));
        assert_counts(
            &mut machine,
            &device,
            Count::of(n * 200, 4096),
            Count::default(),
        );
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        assert_operations(&mut machine, &device, &[]);
    }
}
