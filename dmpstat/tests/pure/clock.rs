// SPDX-License-Identifier: GPL-2.0

//! The ends of intervals.

use std::time::{Duration, Instant};

use dmpstat::clock::following;

/// Simulates intervals of 200 ms with this work in milliseconds each. Returns the ends of the intervals, in
/// milliseconds.
fn ends(work: &[u64]) -> Vec<u64> {
    let begin = Instant::now();
    let (mut now, mut last) = (begin, None);
    let mut ends = Vec::new();
    for work in work {
        now += Duration::from_millis(*work);
        let end = following(last, Duration::from_millis(200), now);
        assert!(end > now);
        (now, last) = (end, Some(end));
        ends.push(u64::try_from((end - begin).as_millis()).unwrap());
    }
    ends
}

/// The first interval begins after the first report.
#[test]
fn work_is_part_of_an_interval() {
    assert_eq!(ends(&[0, 150, 150, 150, 150]), [200, 400, 600, 800, 1000]);
    assert_eq!(ends(&[150, 0, 199, 1]), [350, 550, 750, 950]);
}

#[test]
fn a_whole_interval_follows_work_that_took_too_long() {
    assert_eq!(ends(&[0, 250, 10]), [200, 650, 850]);
    // Work as long as the interval leaves no time to wait.
    assert_eq!(ends(&[0, 200, 500]), [200, 600, 1300]);
}
