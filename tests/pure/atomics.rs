// SPDX-License-Identifier: GPL-2.0

//! Counters, and numbers that are read together during writes.

use std::array;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[rustfmt::skip]
#[path = "../../module/wrappers/atomic.rs"]
mod atomic;

use atomic::{Counters, Latch, Setting, SharedTally, Tally};

#[test]
fn counters_are_added_to_raised_and_read_by_number() {
    let counters = Counters::<3>::new();
    counters.add(0, 5);
    counters.add(0, u64::MAX);
    counters.raise(1, 7);
    counters.raise(1, 3);
    assert_eq!((counters.fetch_add(2, 5), counters.fetch_add(2, 4)), (0, 5));
    assert_eq!([0, 1, 2].map(|n| counters.read(n)), [4, 7, 9]);
    let mut read = [11; 2];
    counters.copy(1, &mut read);
    assert_eq!(read, [7, 9]);
}

#[test]
fn counters_beyond_the_last_are_always_0() {
    let counters = Counters::<2>::new();
    counters.add(2, 1);
    counters.raise(2, 1);
    assert_eq!((counters.fetch_add(2, 1), counters.read(2)), (0, 0));
    let mut read = [11; 3];
    counters.copy(0, &mut read);
    assert_eq!(read, [0; 3]);
}

#[test]
fn a_tally_has_the_number_and_the_sum() {
    let tally = SharedTally::new();
    assert_eq!(tally.read(), (Tally { count: 0, sum: 0 }, true));
    tally.add(40);
    tally.add(2);
    assert_eq!(tally.read(), (Tally { count: 2, sum: 42 }, true));
}

/// Two threads add events of value 7, and one reads.
#[test]
fn a_tally_that_is_whole_has_the_sum_of_its_number_of_things() {
    const EVENTS: u64 = 1_000_000;
    let tally = SharedTally::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..EVENTS).for_each(|_| tally.add(7)));
        }
        let mut last = 0;
        while last < 2 * EVENTS {
            let (Tally { count, sum }, is_whole) = tally.read();
            if is_whole {
                assert_eq!(sum, 7 * count);
                assert!(count >= last, "{count} after {last}");
                last = count;
            }
        }
    });
}

#[test]
fn a_setting_has_its_last_value() {
    let setting = Setting::new(3);
    assert_eq!(setting.get(), 3);
    setting.set(u32::MAX);
    assert_eq!(setting.get(), u32::MAX);
}

#[test]
fn a_read_returns_the_last_write() {
    let latch = Latch::<3>::new();
    assert_eq!(latch.read(), [0, 0, 0]);
    for n in 0..5 {
        latch.write([n, u64::MAX - n, 7]);
        assert_eq!(latch.read(), [n, u64::MAX - n, 7]);
    }
}

/// Each write stores consecutive numbers, larger than those of the previous write. Two writers take
/// turns by a lock.
#[test]
fn a_read_returns_a_complete_write_never_older_than_the_last_read() {
    const WRITES: u64 = 300_000;
    let latch = Latch::<6>::new();
    let last = Mutex::new(0);
    let done = AtomicBool::new(false);
    let row = |first: u64| array::from_fn(|n| first + n as u64);
    latch.write(row(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut before = 0;
                while !done.load(Ordering::Relaxed) {
                    let numbers = latch.read();
                    assert_eq!(numbers, row(numbers[0]));
                    assert!(numbers[0] >= before, "{numbers:?} after {before}");
                    before = numbers[0];
                }
            });
        }
        let writers = [(); 2].map(|()| {
            scope.spawn(|| {
                for _ in 0..WRITES {
                    let mut last = last.lock().unwrap();
                    *last += 1;
                    latch.write(row(*last));
                }
            })
        });
        let results = writers.map(|writer| writer.join());
        done.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
    assert_eq!(latch.read(), row(2 * WRITES));
}
