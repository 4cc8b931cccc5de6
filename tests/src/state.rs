// SPDX-License-Identifier: GPL-2.0

//! Saved states: a machine that has booted and waits for its first command, kept for those of the
//! same shape to go on from.
//!
//! A boot is some seconds, and the same ones each time; QEMU reads a state in a fraction of one. The
//! shape is all that a state depends on: what the guest can see, QEMU, and this boot of the host,
//! whose clock the guest's kernel has measured its own against. A state is whole or not there: it is
//! renamed into its place. It may go at any time; then a machine is booted.

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

/// How many are kept, each as large as what the guest has used of its memory.
const KEPT: usize = 16;
/// How long one is kept that nobody uses.
const UNUSED: Duration = Duration::from_secs(24 * 3600);
/// How often is looked whether another process is done making one.
const POLL: Duration = Duration::from_millis(20);

/// A state that is there.
#[derive(Debug)]
pub(crate) struct State(PathBuf);

impl State {
    /// What QEMU has saved.
    pub(crate) fn memory(&self) -> PathBuf {
        self.0.join("memory")
    }

    /// What had been on the console by then.
    pub(crate) fn console(&self) -> PathBuf {
        self.0.join("console")
    }

    /// Takes it away: it is of no use.
    pub(crate) fn discard(self) {
        // In one step, for whoever looks at it now.
        if let Some(Ok(grave)) = self.0.parent().map(Workdir::within) {
            let _ = fs::rename(&self.0, grave.path().join("state"));
        }
    }
}

/// Nobody else makes the state of this shape as long as this is there.
#[derive(Debug)]
pub(crate) struct Turn {
    place: PathBuf,
    shape: Vec<u8>,
    _lock: File,
}

impl Turn {
    /// Keeps the state of what `save` writes to the file whose name it gets, and of the console.
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
        // What is there is another shape's.
        State(self.place.clone()).discard();
        fs::rename(new.path(), &self.place)?;
        make_room(states);
        Ok(())
    }
}

/// What there is for a machine of some shape.
#[derive(Debug)]
pub(crate) enum Found {
    /// A state to go on from.
    State(State),
    /// None, and it is the caller's turn to make one.
    Turn(Turn),
    /// None, and no place for one.
    Nothing,
}

/// Looks for the state of a machine; waits for it where another process makes it.
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
    // A few of them for all shapes, since they stay.
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
        // With it, another look: the state may have come in between.
        is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !is_ours {
            if limit.left().is_zero() {
                return None;
            }
            thread::sleep(POLL);
        }
    }
}

/// `DMP_VM_STATES` says where they are; if it is empty there are none.
fn directory() -> Option<PathBuf> {
    let directory = match std::env::var_os("DMP_VM_STATES") {
        Some(none) if none.is_empty() => return None,
        Some(directory) => directory.into(),
        None => cache::directory()?.join("states"),
    };
    fs::create_dir_all(&directory).ok()?;
    Some(directory)
}

/// Notes that it is used.
fn touch(state: &Path) {
    let file = File::options().write(true).open(state.join("shape"));
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// How long ago it was used; of half a state, since it was begun.
fn unused(state: &Path) -> Duration {
    fs::metadata(state.join("shape"))
        .or_else(|_| fs::metadata(state))
        .and_then(|there| there.modified())
        .map_or(Duration::ZERO, |used| used.elapsed().unwrap_or_default())
}

/// Takes away what is of no use any more, or too much.
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
