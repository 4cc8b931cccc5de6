// SPDX-License-Identifier: GPL-2.0

//! Numbers that are read together while they are written.

use std::array;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[rustfmt::skip]
// The counters of this file are unused here.
#[allow(dead_code)]
#[path = "../../module/wrappers/atomic.rs"]
mod atomic;

use atomic::Latch;

#[test]
fn a_read_returns_the_last_write() {
    let latch = Latch::<3>::new();
    assert_eq!(latch.read(), [0, 0, 0]);
    for n in 0..5 {
        latch.write([n, u64::MAX - n, 7]);
        assert_eq!(latch.read(), [n, u64::MAX - n, 7]);
    }
}

/// Each write stores numbers in a row, and begins above the write before. Two writers take turns by
/// a lock.
#[test]
fn a_read_returns_one_whole_write_and_never_an_older_one() {
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
        let ended = writers.map(|writer| writer.join());
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_eq!(latch.read(), row(2 * WRITES));
}
