// SPDX-License-Identifier: GPL-2.0

//! Saved states. A machine that has booted and waits for its first command is kept for machines of
//! the same shape, which go on from it.
//!
//! A boot takes some seconds and does the same each time; QEMU reads a state in a fraction of one.
//! The shape is all that a state depends on: the machine that the guest can see, QEMU, and this
//! boot of the host, whose clock the guest's kernel has measured its own against. A state is whole
//! or not there, because it is renamed into its place. It may go at any time; then a machine is
//! booted.

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

/// Number of states that are kept, each as large as the memory that its guest has used.
const KEPT: usize = 16;
/// Time that a state is kept without use.
const UNUSED: Duration = Duration::from_secs(24 * 3600);
/// Time between two looks for a state that another process makes.
const POLL: Duration = Duration::from_millis(20);

/// A saved state.
#[derive(Debug)]
pub(crate) struct State(PathBuf);

impl State {
    /// Returns the path of the machine's state, as QEMU has saved it.
    pub(crate) fn memory(&self) -> PathBuf {
        self.0.join("memory")
    }

    /// Returns the path of the console's text up to the save.
    pub(crate) fn console(&self) -> PathBuf {
        self.0.join("console")
    }

    /// Removes the state, which is of no use.
    pub(crate) fn discard(self) {
        // Moves it away in one step, because others may look at it now.
        if let Some(Ok(grave)) = self.0.parent().map(Workdir::within) {
            let _ = fs::rename(&self.0, grave.path().join("state"));
        }
    }
}

/// The turn to make the state of a shape: nobody else makes it as long as this is there.
#[derive(Debug)]
pub(crate) struct Turn {
    place: PathBuf,
    shape: Vec<u8>,
    _lock: File,
}

impl Turn {
    /// Keeps a state of the console, and of the file that `save` writes to the path that it gets.
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
        // A state that is there is of another shape.
        State(self.place.clone()).discard();
        fs::rename(new.path(), &self.place)?;
        make_room(states);
        Ok(())
    }
}

/// The result of a look for the state of some shape.
#[derive(Debug)]
pub(crate) enum Found {
    /// A state to go on from.
    State(State),
    /// None, and it is the caller's turn to make one.
    Turn(Turn),
    /// None, and no place for one.
    Nothing,
}

/// Looks for the state of a machine. Waits if another process makes it.
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
    // All shapes share a few locks, because their files stay.
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
        // With the lock there is another look, because the state may have come in between.
        is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !is_ours {
            if limit.left().is_zero() {
                return None;
            }
            thread::sleep(POLL);
        }
    }
}

/// Returns the directory of all states, from `DMP_VM_STATES`. There is none if that is empty.
fn directory() -> Option<PathBuf> {
    let directory = match std::env::var_os("DMP_VM_STATES") {
        Some(none) if none.is_empty() => return None,
        Some(directory) => directory.into(),
        None => cache::directory()?.join("states"),
    };
    fs::create_dir_all(&directory).ok()?;
    Some(directory)
}

/// Notes a use of the state.
fn touch(state: &Path) {
    let file = File::options().write(true).open(state.join("shape"));
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// Returns the time since the last use of a state; of half a state, since it was begun.
fn unused(state: &Path) -> Duration {
    fs::metadata(state.join("shape"))
        .or_else(|_| fs::metadata(state))
        .and_then(|there| there.modified())
        .map_or(Duration::ZERO, |used| used.elapsed().unwrap_or_default())
}

/// Removes states that nobody has used for long, and those above the number that is kept.
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
