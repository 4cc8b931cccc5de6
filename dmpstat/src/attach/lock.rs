// SPDX-License-Identifier: GPL-2.0

//! One at a time: attaches among themselves, and LVM.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How often it is looked whether a lock is free.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] File);

/// Takes the lock that a file is. `None` if another still has it after that time, or `wait`, which
/// lets time pass, says that nobody waits any more.
///
/// That is how LVM locks a volume group: an exclusive flock of V_GROUP in its directory of locks, and
/// whoever ends removes the file, so the lock counts only if the file is still the one of that name.
pub fn take(
    path: &Path,
    patience: Duration,
    wait: &mut dyn FnMut(Duration) -> bool,
) -> io::Result<Option<Lock>> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut waited = Duration::ZERO;
    loop {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path)? => return Ok(Some(Lock(file))),
            Ok(()) => continue,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if waited >= patience || !wait(PAUSE) {
            return Ok(None);
        }
        waited += PAUSE;
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok(held.dev() == there.dev() && held.ino() == there.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
