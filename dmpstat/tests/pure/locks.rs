// SPDX-License-Identifier: GPL-2.0

//! Locks that are files, as LVM's are.

use std::fs;
use std::time::Duration;

use dmpstat::attach::lock::take;

#[test]
fn a_lock_is_taken_once_and_waited_for_and_not_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lvm/V_vg");
    let patience = Duration::from_secs(10);
    let held = take(&path, patience, &mut |_| panic!("nobody has it"));
    let held = held.unwrap().unwrap();

    let mut waited = Duration::ZERO;
    let second = take(&path, patience, &mut |pause| {
        waited += pause;
        true
    });
    assert!(second.unwrap().is_none());
    assert_eq!(waited, patience);

    assert!(take(&path, patience, &mut |_| false).unwrap().is_none());

    let mut held = Some(held);
    let third = take(&path, patience, &mut |_| {
        held = None;
        true
    });
    assert!(third.unwrap().is_some());
}

/// LVM removes the file of a lock that it lets go of.
#[test]
fn a_lock_on_a_file_that_is_gone_is_none() {
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
