// SPDX-License-Identifier: GPL-2.0

//! Saved states. The state of a booted machine is saved before its first command, and later
//! machines of the same shape start from it.
//!
//! A boot takes some seconds, and its result is always the same; QEMU reads a state in a fraction
//! of a second. The shape is everything that a state depends on: the guest-visible machine, QEMU,
//! and this boot of the host, because the guest's kernel has calibrated its clock against the
//! host's. A state is renamed to its final path, so it is never incomplete. It may be removed at
//! any time; then the next machine boots.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use crate::cache;
use crate::limit::Limit;
use crate::workdir::Workdir;

/// Number of states to keep, each as large as the memory that its guest has used.
const KEPT: usize = 16;
/// Time after which an unused state is removed.
const UNUSED: Duration = Duration::from_secs(24 * 3600);
/// Pause between two checks for a state that another process makes.
const POLL: Duration = Duration::from_millis(20);

/// A saved state.
#[derive(Debug)]
pub(crate) struct State(PathBuf);

impl State {
    /// Returns the path of the machine's state in QEMU's form.
    pub(crate) fn memory(&self) -> PathBuf {
        self.0.join("memory")
    }

    /// Returns the path of the console's text up to the save.
    pub(crate) fn console(&self) -> PathBuf {
        self.0.join("console")
    }

    /// Removes an unusable state.
    pub(crate) fn discard(self) {
        // Moves it away in one step, because other processes may be reading it.
        if let Some(Ok(grave)) = self.0.parent().map(Workdir::within) {
            let _ = fs::rename(&self.0, grave.path().join("state"));
        }
    }
}

/// The right to make the state of a shape. No other process makes it while this exists.
#[derive(Debug)]
pub(crate) struct Turn {
    place: PathBuf,
    shape: Vec<u8>,
    _lock: File,
}

impl Turn {
    /// Stores a new state: a copy of the console, and the memory, which `save` writes to the path
    /// it gets.
    pub(crate) fn keep(
        self,
        console: &Path,
        save: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let states = self.place.parent().ok_or(io::ErrorKind::NotFound)?;
        let new = Workdir::within(states)?;
        save(&new.path().join("memory"))?;
        fs::copy(console, new.path().join("console"))?;
        fs::write(new.path().join("shape"), &self.shape)?;
        // An existing state belongs to another shape with the same hash.
        State(self.place.clone()).discard();
        fs::rename(new.path(), &self.place)?;
        make_room(states);
        Ok(())
    }
}

/// The result of a search for the state of a shape.
#[derive(Debug)]
pub(crate) enum Found {
    /// A state to start from.
    State(State),
    /// There is no state, and the caller may make one.
    Turn(Turn),
    /// There is no state, and no place for one.
    Nothing,
}

/// Finds the state of a machine. Waits if another process is making it.
pub(crate) fn find(shape: &[u8], limit: Limit) -> Found {
    look(shape, limit).unwrap_or(Found::Nothing)
}

fn look(shape: &[u8], limit: Limit) -> Option<Found> {
    let states = directory()?;
    let shape = [shape, cache::boot_of_host()?.as_bytes()].concat();
    let mut hasher = DefaultHasher::new();
    shape.hash(&mut hasher);
    let hash = hasher.finish();
    let place = states.join(format!("{hash:016x}"));
    // Lock files are never removed, so all shapes share sixteen of them.
    let lock = File::create(states.join(format!("lock-{:x}", hash % 16))).ok()?;
    let mut is_ours = false;
    loop {
        if fs::read(place.join("shape")).is_ok_and(|its| its == shape) {
            touch(&place);
            return Some(Found::State(State(place)));
        }
        if is_ours {
            let _lock = lock;
            return Some(Found::Turn(Turn {
                place,
                shape,
                _lock,
            }));
        }
        // After taking the lock, this checks once more, because another process may just have made
        // the state.
        is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !is_ours {
            if limit.left().is_zero() {
                return None;
            }
            thread::sleep(POLL);
        }
    }
}

/// Returns the directory of all states, from `DMP_VM_STATES`. `None` if that variable is empty.
fn directory() -> Option<PathBuf> {
    let directory = match std::env::var_os("DMP_VM_STATES") {
        Some(none) if none.is_empty() => return None,
        Some(directory) => directory.into(),
        None => cache::directory()?.join("states"),
    };
    fs::create_dir_all(&directory).ok()?;
    Some(directory)
}

/// Records a use of the state.
fn touch(state: &Path) {
    let file = File::options().write(true).open(state.join("shape"));
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// Returns the time since the last use of a state. For an incomplete state, returns the time since
/// its creation.
fn unused(state: &Path) -> Duration {
    fs::metadata(state.join("shape"))
        .or_else(|_| fs::metadata(state))
        .and_then(|there| there.modified())
        .map_or(Duration::ZERO, |used| used.elapsed().unwrap_or_default())
}

/// Removes states that were unused for too long, and the oldest ones beyond the limit.
fn make_room(states: &Path) {
    let Ok(entries) = fs::read_dir(states) else {
        return;
    };
    let mut ages: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| (unused(&path), path))
        .collect();
    ages.sort();
    for (n, (age, path)) in ages.into_iter().enumerate() {
        if n >= KEPT || age > UNUSED {
            State(path).discard();
        }
    }
}
