// SPDX-License-Identifier: GPL-2.0

//! Lock files: dmpstat's own, and LVM's.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::attach::files;

/// Pauses between two attempts: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// The mode of LVM's lock directory, as LVM sets it.
const LVM_DIRECTORY: u32 = 0o700;

/// A lock, until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl AsFd for Lock {
    /// Returns the lock's descriptor. A copy of the descriptor, even in another process, also holds the lock.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Takes the lock of a file. Returns `None` if another program still holds the lock after `patience`, or if
/// `wait` returns false. `wait` sleeps for the given time.
///
/// LVM locks a volume group in the same way: with an exclusive flock of V_GROUP in its lock directory. The
/// holder removes the file before it unlocks, so a lock counts only if the path still names the locked file.
/// Only root can open the file, because everybody who can open it can hold the lock.
pub fn take(
    path: &Path,
    patience: Duration,
    wait: &mut dyn FnMut(Duration) -> bool,
) -> io::Result<Option<Lock>> {
    if let Some(directory) = path.parent() {
        files::make_directory(directory, directory_mode(path))?;
    }
    let (mut waited, mut pause) = (Duration::ZERO, PAUSES[0]);
    loop {
        let file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path)? => return Ok(Some(Lock(file))),
            Ok(()) => continue,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let left = patience.saturating_sub(waited);
        let next = pause.min(left);
        if next.is_zero() || !wait(next) {
            return Ok(None);
        }
        waited += next;
        pause = PAUSES[1].min(pause * 2);
    }
}

/// Returns the mode of a lock's directory: everybody may read dmpstat's, only root LVM's.
fn directory_mode(path: &Path) -> u32 {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.is_some_and(|name| name.starts_with("V_")) {
        true => LVM_DIRECTORY,
        false => files::DIRECTORY,
    }
}

/// Opens the file. Corrects the mode of an older dmpstat's file, which other users can open.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(files::LOCK)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32)
        .open(path)?;
    if file.metadata()?.mode() & 0o777 != files::LOCK {
        file.set_permissions(Permissions::from_mode(files::LOCK))?;
    }
    Ok(file)
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok(held.dev() == there.dev() && held.ino() == there.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
