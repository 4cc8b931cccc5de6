// SPDX-License-Identifier: GPL-2.0

//! The place for results and states that are made once. They may be lost, and processes share them.

use std::fs;
use std::path::PathBuf;

/// Returns the directory, and creates it if necessary. `None` if there is no place for it.
pub(crate) fn directory() -> Option<PathBuf> {
    directories().find(|directory| fs::create_dir_all(directory).is_ok())
}

/// Returns the places for the directory. Skips a home that does not exist, because a build must not
/// create one.
fn directories() -> impl Iterator<Item = PathBuf> {
    [
        ("XDG_CACHE_HOME", "dmp-vm"),
        ("HOME", ".cache/dmp-vm"),
        // This is a build's own place. The shared /tmp is not safe for files with predictable
        // names.
        ("NIX_BUILD_TOP", "dmp-vm"),
    ]
    .into_iter()
    .filter_map(|(name, below)| Some((PathBuf::from(std::env::var_os(name)?), below)))
    .filter(|(base, _)| base.is_absolute() && base.is_dir())
    .map(|(base, below)| base.join(below))
}

/// Returns the ID of this boot of the host.
pub(crate) fn boot_of_host() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}
