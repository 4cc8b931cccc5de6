// SPDX-License-Identifier: GPL-2.0

//! /run/dmp/queue: volumes that wait for an attach.
//!
//! udev's rule adds a file dm-N for each changed volume that attach.conf lists. One systemd unit,
//! `dmpstat attach --queued`, works until the directory is empty.
//!
//! An entry stays until its volume is done, so a killed worker loses none. Adding an entry again renews the
//! file's modification time. The worker removes an entry only if this time is the same as before the attempt,
//! so a change during the attempt gets an attempt of its own. Reasons are in hidden files beside the entries,
//! because systemd would take a write to an entry for a new change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::attach::files;
use crate::clock::Clock;
use crate::source::sysfs;

/// The queue's directory. dmp-attach.path watches it.
pub const PATH: &str = "/run/dmp/queue";

/// Pauses between two passes: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// Time that the worker waits with an empty queue. It limits how often systemd starts the unit while volumes
/// change one after the other, so that only failures reach the unit's start limit.
const LINGER: Duration = Duration::from_secs(3);
/// Time from a failed attempt to the next one of the same volume: the first, and the longest.
const BACKOFFS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Suffix of the hidden file with a volume's reason to wait.
const REASON: &str = "reason";
/// Suffix of an entry that is being removed.
const TAKEN: &str = "taken";

/// The waiting volumes, as files of a directory.
#[derive(Clone, Debug)]
pub struct Queue(PathBuf);

/// A stamp that differs if the same entry is added again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Queue {
    /// Makes the queue of this directory, which need not exist.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Adds a volume, dm-N. A volume that waits already gets another attempt in the next pass. Takes no lock
    /// and waits for nothing, because LVM waits for the udev rule that runs this.
    pub fn add(&self, device: &str) -> io::Result<()> {
        let path = self.entry(device)?;
        files::make_directory(&self.0, files::DIRECTORY)?;
        loop {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(files::FILE)
                .open(&path)?;
            file.set_permissions(Permissions::from_mode(files::FILE))?;
            file.set_modified(SystemTime::now())?;
            // The worker may have removed this file before its time was renewed.
            if is_at(&file, &path)? {
                return Ok(());
            }
        }
    }

    /// Returns the waiting volumes, in the order of their minor numbers.
    pub fn waiting(&self) -> io::Result<Vec<String>> {
        Ok(sysfs::mapped_devices(self.names()?))
    }

    /// Writes a volume's reason to wait, unless the file has it already.
    pub fn set_reason(&self, device: &str, reason: &str) -> io::Result<()> {
        if self.reason(device).as_deref() == Some(reason) {
            return Ok(());
        }
        let path = files::hidden(&self.entry(device)?, REASON)?;
        files::replace(&path, reason.as_bytes(), files::FILE)
    }

    /// Returns a volume's reason to wait; `None` before its first attempt.
    pub fn reason(&self, device: &str) -> Option<String> {
        let path = files::hidden(&self.entry(device).ok()?, REASON).ok()?;
        fs::read_to_string(path).ok()
    }

    /// Removes a volume, even if it was added again during the attempt.
    pub fn remove(&self, device: &str) -> io::Result<()> {
        let path = self.entry(device)?;
        gone(fs::remove_file(files::hidden(&path, REASON)?))?;
        gone(fs::remove_file(path))
    }

    fn entry(&self, device: &str) -> io::Result<PathBuf> {
        match sysfs::minor(device) {
            Some(_) => Ok(self.0.join(device)),
            None => Err(ErrorKind::InvalidInput.into()),
        }
    }

    /// Returns all names in the directory but hidden ones, which do not make systemd start the unit.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend((!name.starts_with('.')).then_some(name));
        }
        Ok(names)
    }

    /// Removes files that are not entries: systemd would start the unit for them again and again.
    fn remove_others(&self) -> io::Result<()> {
        for name in self.names()? {
            if sysfs::minor(&name).is_none() {
                gone(fs::remove_file(self.0.join(name)))?;
            }
        }
        Ok(())
    }

    fn stamp(&self, device: &str) -> io::Result<Option<Stamp>> {
        match fs::metadata(self.entry(device)?) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an entry, unless it was added again after this stamp.
    fn finish(&self, device: &str, stamp: Stamp) -> io::Result<()> {
        let path = self.entry(device)?;
        let taken = files::hidden(&path, TAKEN)?;
        if !gone_or(fs::rename(&path, &taken))? {
            return Ok(());
        }
        if Stamp::of(&fs::metadata(&taken)?) != stamp {
            return put_back(&taken, &path);
        }
        gone(fs::remove_file(files::hidden(&path, REASON)?))?;
        fs::remove_file(taken)
    }

    /// Restores entries that a killed worker was about to remove.
    fn recover(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let taken = entry?.path();
            let name = taken.file_name().and_then(|name| name.to_str());
            let device = name.and_then(|name| {
                name.strip_prefix('.')?
                    .strip_suffix(TAKEN)?
                    .strip_suffix('.')
            });
            if let Some(device) = device {
                put_back(&taken, &self.entry(device)?)?;
            }
        }
        Ok(())
    }
}

fn put_back(taken: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, taken, CWD, path, RenameFlags::NOREPLACE) {
        // The entry was added a second time.
        Err(Errno::EXIST) => fs::remove_file(taken),
        result => Ok(result?),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Turns the error of a missing file into success.
fn gone(result: io::Result<()>) -> io::Result<()> {
    gone_or(result).map(drop)
}

/// Returns whether there was such a file.
fn gone_or(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The result of an attempt to attach a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The volume is attached, or must not be attached.
    Done,
    /// LVM holds the lock of this volume group.
    Busy(String),
    /// The attempt failed for this reason, and may succeed later.
    Retry(String),
}

/// An attempt to attach a volume, dm-N. The set has the volume groups that were busy earlier in the pass:
/// their volumes count as busy, and the attempt does not try the lock.
pub type Attempt<'a> = dyn FnMut(&str, &BTreeSet<String>, &mut dyn Clock) -> Outcome + 'a;

/// A volume that had an attempt.
struct Waiting {
    stamp: Stamp,
    until: Until,
}

/// The condition for another attempt.
enum Until {
    /// The volume group's lock is free.
    Free(String),
    /// The time since boot of the next attempt, and the backoff: the time between the two attempts.
    Time(Duration, Duration),
}

impl Waiting {
    /// Returns whether another attempt would be useless.
    fn waits(&self, stamp: Stamp, busy: &BTreeSet<String>, now: Duration) -> bool {
        self.stamp == stamp
            && match &self.until {
                Until::Free(group) => busy.contains(group),
                Until::Time(time, _) => now < *time,
            }
    }
}

/// Writes a reason for `dmpstat status`. Errors are ignored: on a full /run the volume waits without a
/// reason.
fn note(queue: &Queue, device: &str, reason: &str) {
    let _ = queue.set_reason(device, reason);
}

/// Works on the queue until it has been empty for three seconds, or until a signal comes.
pub fn work(queue: &Queue, attempt: &mut Attempt<'_>, clock: &mut dyn Clock) -> io::Result<()> {
    queue.recover()?;
    let mut waiting: BTreeMap<String, Waiting> = BTreeMap::new();
    let mut pause = PAUSES[0];
    let mut last = clock.boottime();
    loop {
        let devices = queue.waiting()?;
        if !devices.is_empty() {
            last = clock.boottime();
        } else if clock.boottime().saturating_sub(last) >= LINGER {
            return queue.remove_others();
        }
        let there: BTreeSet<&String> = devices.iter().collect();
        waiting.retain(|device, _| there.contains(device));
        let mut busy = BTreeSet::new();
        for device in devices {
            // A wait of zero only checks for a signal.
            if !clock.wait(Duration::ZERO) {
                return Ok(());
            }
            let Some(stamp) = queue.stamp(&device)? else {
                continue;
            };
            let before = waiting.get(&device);
            if before.is_some_and(|before| before.waits(stamp, &busy, clock.boottime())) {
                continue;
            }
            let until = match attempt(&device, &busy, clock) {
                Outcome::Done => {
                    queue.finish(&device, stamp)?;
                    waiting.remove(&device);
                    pause = PAUSES[0];
                    continue;
                }
                Outcome::Busy(group) => {
                    note(
                        queue,
                        &device,
                        &format!("LVM is changing the volume group {group}"),
                    );
                    busy.insert(group.clone());
                    Until::Free(group)
                }
                Outcome::Retry(reason) => {
                    note(queue, &device, &reason);
                    let backoff = match before.map(|before| (before.stamp, &before.until)) {
                        Some((old, Until::Time(_, backoff))) if old == stamp => {
                            BACKOFFS[1].min(*backoff * 2)
                        }
                        _ => BACKOFFS[0],
                    };
                    Until::Time(clock.boottime() + backoff, backoff)
                }
            };
            waiting.insert(device, Waiting { stamp, until });
        }
        if !clock.wait(pause) {
            return Ok(());
        }
        pause = PAUSES[1].min(pause * 2);
    }
}
