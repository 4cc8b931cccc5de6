// SPDX-License-Identifier: GPL-2.0

//! Values that are replaced during reads, with a simulated RCU.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

#[rustfmt::skip]
// The parts of this file that only C needs are unused here.
#[allow(dead_code)]
#[path = "../../module/wrappers/rcu.rs"]
mod rcu;
#[rustfmt::skip]
#[path = "../../module/wrappers/compat/rcu.rs"]
mod sections;

use rcu::{Rcu, Spare};

/// The kernel's functions that the wrapper calls.
mod bindings {
    use std::sync::{Condvar, Mutex};

    /// Number of read sections.
    static SECTIONS: Mutex<usize> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();

    pub unsafe fn dmp_rcu_read_lock() {
        *SECTIONS.lock().unwrap() += 1;
    }

    pub unsafe fn dmp_rcu_read_unlock() {
        *SECTIONS.lock().unwrap() -= 1;
        CHANGED.notify_all();
    }

    pub unsafe fn synchronize_rcu() {
        let sections = SECTIONS.lock().unwrap();
        drop(CHANGED.wait_while(sections, |sections| *sections > 0));
    }
}

/// The kernel's boxes, over the host's.
mod compat {
    use std::mem::MaybeUninit;

    pub(super) use super::sections as rcu;

    #[derive(Debug)]
    pub struct AllocError;

    pub struct KBox<T>(Box<T>);

    impl<T> KBox<T> {
        pub fn into_raw(this: Self) -> *mut T {
            Box::into_raw(this.0)
        }

        pub unsafe fn from_raw(raw: *mut T) -> Self {
            // SAFETY: the caller guarantees a pointer from `into_raw`, which got it from
            // `Box::into_raw`.
            Self(unsafe { Box::from_raw(raw) })
        }
    }

    impl<T> KBox<MaybeUninit<T>> {
        pub fn write(self, value: T) -> KBox<T> {
            let raw = KBox::into_raw(self).cast::<T>();
            // SAFETY: `raw` is a box's memory for a `T`, and the write initialises it before it
            // becomes a box again.
            unsafe {
                raw.write(value);
                KBox::from_raw(raw)
            }
        }
    }

    pub fn new_uninit<T>() -> Result<KBox<MaybeUninit<T>>, AllocError> {
        Ok(KBox(Box::new(MaybeUninit::uninit())))
    }
}

/// Excludes other tests: all tests share the sections, and `cargo test` runs them in parallel.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn spare<T>() -> Spare<T> {
    Spare::new().unwrap()
}

/// A number, and a flag that is set when it is dropped.
struct Number(u64, Arc<AtomicBool>);

impl Number {
    fn new(number: u64) -> (Self, Arc<AtomicBool>) {
        let gone = Arc::new(AtomicBool::new(false));
        (Self(number, gone.clone()), gone)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        assert!(!self.1.swap(true, Ordering::SeqCst), "dropped twice");
    }
}

fn read(value: &Rcu<Number>) -> u64 {
    value.get(&rcu::read_lock()).0
}

#[test]
fn a_replaced_value_is_dropped_after_its_last_reader() {
    let _alone = alone();
    let (one, gone) = Number::new(1);
    let value = Rcu::new(spare(), one);
    thread::scope(|scope| {
        let section = rcu::read_lock();
        let seen = value.get(&section);
        // A replacement may happen within a section.
        let replaced = value.replace(spare(), Number::new(2).0);
        // A new reader gets the new value, while the old one is still in use.
        assert_eq!(read(&value), 2);
        scope.spawn(|| drop(replaced));
        thread::sleep(Duration::from_millis(200));
        assert!(!gone.load(Ordering::SeqCst));
        assert_eq!(seen.0, 1);
    });
    assert!(gone.load(Ordering::SeqCst));
    assert_eq!(read(&value), 2);
}

#[test]
fn each_value_is_dropped_once_and_the_last_with_its_owner() {
    let _alone = alone();
    let (numbers, gone): (Vec<_>, Vec<_>) = (0..3).map(Number::new).unzip();
    let has_gone = || -> Vec<bool> {
        gone.iter()
            .map(|gone| gone.load(Ordering::SeqCst))
            .collect()
    };
    let mut numbers = numbers.into_iter();
    let value = Rcu::new(spare(), numbers.next().unwrap());
    let replaced: Vec<_> = numbers
        .map(|number| value.replace(spare(), number))
        .collect();
    assert_eq!(has_gone(), [false; 3]);
    drop(replaced);
    assert_eq!(has_gone(), [true, true, false]);
    drop(value);
    assert_eq!(has_gone(), [true, true, true]);
    // Memory without a value has nothing to drop.
    drop(spare::<Number>());
}
