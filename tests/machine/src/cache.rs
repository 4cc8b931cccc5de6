// SPDX-License-Identifier: GPL-2.0

//! The place of results and states that are made once: safe to lose, and shared between
//! processes.

use std::fs;
use std::path::PathBuf;

/// Returns the directory, which is made if need be. There is none if there is no place for
/// one.
pub(crate) fn directory() -> Option<PathBuf> {
    directories().find(|directory| fs::create_dir_all(directory).is_ok())
}

/// Returns the places for a directory. Skips a home that does not exist, because a build
/// must not make one.
fn directories() -> impl Iterator<Item = PathBuf> {
    [
        ("XDG_CACHE_HOME", "dmp-vm"),
        ("HOME", ".cache/dmp-vm"),
        // A build's own place. The shared /tmp is not for files of known names.
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
