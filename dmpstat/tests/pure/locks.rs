// SPDX-License-Identifier: GPL-2.0

//! Lock files, as LVM uses them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use dmpstat::attach::lock::take;

use crate::{mode, under_umasks};

#[test]
fn a_held_lock_is_retried_with_backoff_until_the_time_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lvm/V_vg");
    let patience = Duration::from_secs(10);
    let held = take(&path, patience, &mut |_| panic!("nobody has it"));
    let held = held.unwrap().unwrap();

    let mut pauses = Vec::new();
    let second = take(&path, patience, &mut |pause| {
        pauses.push(pause.as_millis());
        true
    });
    assert!(second.unwrap().is_none());
    assert_eq!(pauses[..7], [20, 40, 80, 160, 320, 500, 500]);
    assert_eq!((pauses.len(), pauses.iter().sum()), (24, 10_000));

    assert!(take(&path, patience, &mut |_| false).unwrap().is_none());

    let mut held = Some(held);
    let third = take(&path, patience, &mut |_| {
        held = None;
        true
    });
    assert!(third.unwrap().is_some());
}

/// LVM removes the file of a lock before it releases the lock.
#[test]
fn a_lock_on_a_removed_file_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("V_vg");
    let mut held = take(&path, Duration::ZERO, &mut |_| false).unwrap();
    let taken = take(&path, Duration::from_secs(1), &mut |_| {
        fs::remove_file(&path).unwrap();
        held = None;
        true
    });
    assert!(taken.unwrap().is_some());
    assert!(path.exists());
}

/// Each holder removes the file before it releases the lock, as LVM does, so another thread may have opened
/// the removed file.
#[test]
fn no_two_threads_hold_a_lock_whose_file_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("V_vg");
    let (is_held, taken) = (AtomicBool::new(false), AtomicU64::new(0));
    let take_often = || {
        while taken.load(SeqCst) < 4_000 {
            let patience = Duration::from_secs(1 << 30);
            let lock = take(&path, patience, &mut |_| {
                thread::yield_now();
                true
            });
            let lock = lock.unwrap().unwrap();
            assert!(!is_held.swap(true, SeqCst), "two hold it");
            thread::yield_now();
            taken.fetch_add(1, SeqCst);
            is_held.store(false, SeqCst);
            fs::remove_file(&path).unwrap();
            drop(lock);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(take_often);
        }
    });
}

#[test]
fn modes_of_locks_do_not_depend_on_the_umask() {
    under_umasks("locks::modes");
}

#[test]
#[ignore = "modes_of_locks_do_not_depend_on_the_umask runs it"]
fn modes() {
    let directory = tempfile::tempdir().unwrap();
    let path = |path: &str| directory.path().join(path);
    for (lock, lock_directory) in [("dmp/lock", 0o755), ("lock/lvm/V_vg", 0o700)] {
        let held = take(&path(lock), Duration::ZERO, &mut |_| false);
        assert!(held.unwrap().is_some());
        assert_eq!(mode(&path(lock)), 0o600);
        assert_eq!(mode(path(lock).parent().unwrap()), lock_directory);
    }
    assert_eq!(mode(&path("lock")), 0o755);
}

/// Every user could open an older dmpstat's file, and hold the lock for ever.
#[test]
fn the_mode_of_a_public_lock_is_corrected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let held = take(&path, Duration::ZERO, &mut |_| false).unwrap();
    assert!(held.is_some());
    assert_eq!(mode(&path), 0o600);
}

/// Through a link, dmpstat would change the mode of another file.
#[test]
fn a_lock_file_that_is_a_link_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (file, path) = (directory.path().join("file"), directory.path().join("lock"));
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    symlink(&file, &path).unwrap();
    assert!(take(&path, Duration::ZERO, &mut |_| false).is_err());
    assert_eq!(mode(&file), 0o644);
}
