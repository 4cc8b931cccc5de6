// SPDX-License-Identifier: GPL-2.0

//! Settings of a volume's queue, which the kernel recomputes for each new table.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::source::sysfs::Machine;

/// The writable files of a device's queue/ directory, and their contents: read-ahead and limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings(Vec<(PathBuf, String)>);

impl Settings {
    /// Reads all settings that can be written back.
    pub fn read(machine: &Machine, device: &str) -> Self {
        let directory = machine.path(format!("/sys/block/{device}/queue"));
        let files = fs::read_dir(directory).into_iter().flatten().flatten();
        let is_writable = |path: &PathBuf| {
            fs::metadata(path)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o200 != 0)
        };
        let mut settings: Vec<(PathBuf, String)> = files
            .map(|file| file.path())
            .filter(is_writable)
            .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
            .collect();
        // Read-ahead comes last, because each write of a limit changes it as well.
        settings.sort_by_key(|(path, _)| (path.ends_with("read_ahead_kb"), path.clone()));
        Self(settings)
    }

    /// Writes back the changed settings. Returns the names of those that the kernel refused.
    pub fn restore(&self) -> Vec<String> {
        let is_kept = |path: &PathBuf, text: &String| {
            let is = || fs::read_to_string(path).is_ok_and(|now| now == *text);
            is() || (fs::write(path, text).is_ok() && is())
        };
        let lost = self.0.iter().filter(|(path, text)| !is_kept(path, text));
        lost.filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect()
    }
}
