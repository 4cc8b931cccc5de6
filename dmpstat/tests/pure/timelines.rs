// SPDX-License-Identifier: GPL-2.0

//! Devices over a long time.

use std::time::Duration;

use dmpstat::model::interval::Restart;
use dmpstat::model::operation::Operation::Read;
use dmpstat::model::snapshot::Snapshot;
use dmpstat::model::timeline::Timeline;

const SECOND: i64 = 1_000_000_000;

/// Returns a device at a time in seconds since boot, with as many reads of 4 KiB, each of 1 ms.
fn device(name: &str, taken: i64, reads: u64) -> Snapshot {
    with(name, taken, reads, "since 5000000000", "diskseq 21")
}

fn with(name: &str, taken: i64, reads: u64, since: &str, diskseq: &str) -> Snapshot {
    let text = format!(
        "dmp 1\ndevice dm-3\nname {name}\n{diskseq}\n{since}\ntaken {}\nlatency on\nlatency_since 5000000000\n\
         read requests {reads} bytes {} errors 0 again 0 inflight 1 latency_ns {} latency_max_ns 1000000 age_ns 0 \
         rest_ns 0 rest 0\nread sizes 4096:{reads}\nread latencies 1048576:{reads}\n",
        taken * SECOND,
        reads * 4096,
        reads * 1_000_000,
    );
    Snapshot::parse(text.as_bytes()).unwrap()
}

/// Returns the reads of each column of a device; `None` without snapshots.
fn reads(timeline: &Timeline, track: usize) -> Vec<Option<u64>> {
    let intervals = timeline.tracks[track].intervals.iter();
    intervals
        .map(|interval| Some(interval.as_ref()?.of(Read)?.requests()))
        .collect()
}

#[test]
fn a_timeline_has_at_most_as_many_columns_and_whole_steps() {
    for (begin, end, most, columns, step, at) in [
        (0, 1440, 1440, 1440, 1, 0),
        (0, 1441, 1440, 721, 2, 0),
        (0, 86400, 1440, 1440, 60, 0),
        (30, 86430, 1440, 721, 120, 0),
        (7, 8, 1440, 1, 1, 7),
        (7, 7, 10, 1, 1, 7),
        (59, 61, 2, 2, 1, 59),
        (0, 30 * 86400, 10, 10, 3 * 86400, 0),
    ] {
        let timeline = Timeline::new(begin * SECOND, end * SECOND, most);
        assert_eq!(
            (timeline.columns, timeline.step, timeline.begin),
            (columns, Duration::from_secs(step), at * SECOND),
            "{begin} to {end}"
        );
        assert!(timeline.time(columns) >= end * SECOND);
    }
}

#[test]
fn counts_are_in_the_column_in_which_their_interval_ended() {
    let mut timeline = Timeline::new(0, 40 * SECOND, 4);
    assert_eq!(timeline.step, Duration::from_secs(10));
    for (time, reads) in [(0, 1000), (5, 1001), (10, 1003), (11, 1010), (31, 1100)] {
        timeline.add(time * SECOND, vec![device("a", time + 100, reads)]);
    }
    timeline.finish();
    // A reading at 10 s ends the first column, and nothing was read in the third one.
    assert_eq!(reads(&timeline, 0), [Some(3), Some(7), None, Some(90)]);
    let total = timeline.tracks[0].total().unwrap();
    assert_eq!(total.length, Duration::from_secs(31));
    assert_eq!(total.latency_length, Some(Duration::from_secs(31)));
    let read = total.of(Read).unwrap();
    assert_eq!((read.requests(), read.bytes()), (100, 100 * 4096));
    let timing = read.timing.as_ref().unwrap();
    assert_eq!(
        (timing.latencies.of(1 << 20), timing.sum()),
        (100, 100_000_000)
    );
    assert_eq!(total.inflight(), Some(1));
    let coarse = timeline.tracks[0].coarse(2);
    let coarse: Vec<_> = coarse
        .iter()
        .map(|of| of.as_ref().map(|of| of.of(Read).unwrap().requests()))
        .collect();
    assert_eq!(coarse, [Some(10), Some(90)]);
}

#[test]
fn no_count_is_lost_at_a_reset_within_a_column() {
    let mut timeline = Timeline::new(0, 10 * SECOND, 1);
    timeline.add(0, vec![device("a", 100, 1000)]);
    timeline.add(SECOND, vec![device("a", 101, 1007)]);
    timeline.add(
        2 * SECOND,
        vec![with("a", 102, 3, "since 101500000000", "diskseq 21")],
    );
    timeline.add(
        3 * SECOND,
        vec![with("a", 103, 5, "since 101500000000", "diskseq 21")],
    );
    // Another device gets the name.
    timeline.add(
        4 * SECOND,
        vec![with("a", 104, 11, "since 103500000000", "diskseq 22")],
    );
    timeline.finish();
    assert_eq!(reads(&timeline, 0), [Some(7 + 5 + 11)]);
    let restarts: Vec<_> = timeline.tracks[0].restarts().collect();
    assert_eq!(restarts, [(0, Restart::Reset)]);
}

#[test]
fn a_new_device_has_all_its_counts_and_an_old_one_only_recorded_counts() {
    let mut timeline = Timeline::new(0, 10 * SECOND, 10);
    timeline.add(SECOND, vec![device("a", 101, 1000)]);
    let new = with("b", 102, 30, "since 101500000000", "diskseq 22");
    timeline.add(2 * SECOND, vec![device("a", 102, 1001), new]);
    // The selection did not have it before.
    timeline.add(3 * SECOND, vec![device("c", 103, 500)]);
    timeline.finish();
    assert_eq!(reads(&timeline, 0)[..3], [None, Some(1), None]);
    assert_eq!(reads(&timeline, 1)[..3], [None, Some(30), None]);
    assert_eq!(reads(&timeline, 2), [None; 10]);
}
