// SPDX-License-Identifier: GPL-2.0

//! Where is kept what is found out or made once: safe to lose, and shared between processes.

use std::fs;
use std::path::PathBuf;

/// The directory, made if need be; none where there is no place for one.
pub(crate) fn directory() -> Option<PathBuf> {
    directories().find(|directory| fs::create_dir_all(directory).is_ok())
}

/// A home that does not exist is not made: a build's must not.
fn directories() -> impl Iterator<Item = PathBuf> {
    [
        ("XDG_CACHE_HOME", "dmp-vm"),
        ("HOME", ".cache/dmp-vm"),
        // A build's own; the shared /tmp is not for files of known names.
        ("NIX_BUILD_TOP", "dmp-vm"),
    ]
    .into_iter()
    .filter_map(|(name, below)| Some((PathBuf::from(std::env::var_os(name)?), below)))
    .filter(|(base, _)| base.is_absolute() && base.is_dir())
    .map(|(base, below)| base.join(below))
}

/// What tells this boot of the host from every other.
pub(crate) fn boot_of_host() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}
