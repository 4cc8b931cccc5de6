// SPDX-License-Identifier: GPL-2.0

//! Pointers that are replaced while they are read, with an RCU of the host's: `synchronize_rcu`
//! waits until no section is left.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

#[rustfmt::skip]
// What only C needs of it is unused here.
#[allow(dead_code)]
#[path = "../../../module/wrappers/rcu.rs"]
mod rcu;

use rcu::{Pointer, Rcu};

/// What the kernel has of it.
mod bindings {
    use std::sync::{Condvar, Mutex};

    static SECTIONS: Mutex<usize> = Mutex::new(0);
    static LEFT: Condvar = Condvar::new();

    pub unsafe fn dmp_rcu_read_lock() {
        *SECTIONS.lock().unwrap() += 1;
    }

    pub unsafe fn dmp_rcu_read_unlock() {
        *SECTIONS.lock().unwrap() -= 1;
        LEFT.notify_all();
    }

    pub unsafe fn synchronize_rcu() {
        let sections = SECTIONS.lock().unwrap();
        drop(LEFT.wait_while(sections, |sections| *sections > 0).unwrap());
    }
}

/// The sections are those of all tests, which `cargo test` runs at once.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct Number(Arc<u64>);

// SAFETY: the pointer is `Arc`'s, which is never null.
unsafe impl Pointer for Number {
    fn into_raw(self) -> *mut c_void {
        Arc::into_raw(self.0).cast_mut().cast()
    }

    unsafe fn from_raw(raw: *mut c_void) -> Self {
        // SAFETY: by this function's contract.
        Self(unsafe { Arc::from_raw(raw.cast()) })
    }
}

fn read(pointer: &Rcu<Number>) -> u64 {
    let section = rcu::read_lock();
    let number = pointer.get(&section);
    *number.0
}

#[test]
fn what_is_replaced_is_given_back_when_its_last_reader_has_left() {
    let _alone = alone();
    let pointer = Rcu::new(Number(Arc::new(1)));
    thread::scope(|scope| {
        let section = rcu::read_lock();
        let seen = pointer.get(&section);
        let replaced = scope.spawn(|| pointer.replace(Number(Arc::new(2))));
        // A new reader finds the new one, while the old one is still read.
        while read(&pointer) == 1 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(200));
        assert!(!replaced.is_finished());
        assert_eq!(*seen.0, 1);
        drop(section);
        assert_eq!(*replaced.join().unwrap().0, 1);
    });
    assert_eq!(read(&pointer), 2);
}

#[test]
fn each_value_is_dropped_once() {
    let _alone = alone();
    let numbers: Vec<Arc<u64>> = (0..3).map(Arc::new).collect();
    let held = |n: usize| Arc::strong_count(&numbers[n]) - 1;
    let pointer = Rcu::new(Some(Number(numbers[0].clone())));
    assert!(pointer.is_some());
    drop(pointer.replace(Some(Number(numbers[1].clone()))));
    assert_eq!([held(0), held(1)], [0, 1]);
    drop(pointer.replace(None));
    assert!(!pointer.is_some());
    assert!(pointer.get(&rcu::read_lock()).is_none());
    assert_eq!(held(1), 0);
    drop(pointer.replace(Some(Number(numbers[2].clone()))));
    assert_eq!(held(2), 1);
    drop(pointer);
    assert_eq!(held(2), 0);
}
