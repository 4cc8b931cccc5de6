// SPDX-License-Identifier: GPL-2.0

//! Files and folders of the host that are copied into the guest before its first command.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::{Builder, HeaderMode};

use crate::error::{Doing, Error};
use crate::limit::Limit;
use crate::link::{Broken, Link};

/// A file or folder to copy, and its path in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    from: PathBuf,
    to: PathBuf,
}

impl Copy {
    /// Copies `from` to the path `to` in the guest, relative to its [home](HOME). If `to` ends in a
    /// slash or is empty, it is the directory of the copy, which keeps its own name.
    pub fn new(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        let (from, mut to) = (from.into(), to.into());
        if to.as_os_str().is_empty() || to.as_os_str().as_bytes().ends_with(b"/") {
            to.push(from.file_name().unwrap_or_default());
        }
        Self {
            to: Path::new(HOME).join(to),
            from,
        }
    }

    /// Parses `FILE` or `FILE:PATH`. A colon belongs to the name if a file with that name exists.
    pub fn parse(argument: &OsStr) -> Self {
        let bytes = argument.as_bytes();
        match bytes.iter().rposition(|byte| *byte == b':') {
            Some(colon) if !Path::new(argument).exists() => Self::new(
                OsStr::from_bytes(&bytes[..colon]),
                OsStr::from_bytes(&bytes[colon + 1..]),
            ),
            _ => Self::new(argument, ""),
        }
    }

    /// Packs an archive of the guest's root. Files belong to root, and are executable if they are
    /// on the host.
    pub(crate) fn pack(&self) -> Result<Packed, Error> {
        let what = format!("copy {} to the guest", self.from.display());
        let archive = self.archive().doing(|| what.clone())?;
        Ok(Packed { what, archive })
    }

    fn archive(&self) -> io::Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        archive.mode(HeaderMode::Deterministic);
        // If `from` itself is a link, its target is copied; links in a folder stay links.
        archive.follow_symlinks(false);
        let from = fs::canonicalize(&self.from)?;
        let to = self.to.strip_prefix("/").unwrap_or(&self.to);
        if from.is_dir() {
            archive.append_dir_all(to, from)?;
        } else {
            archive.append_path_with_name(from, to)?;
        }
        archive.into_inner()
    }
}

/// An archive, and the action for error messages, after "cannot".
#[derive(Debug)]
pub(crate) struct Packed {
    what: String,
    archive: Vec<u8>,
}

impl Packed {
    /// Sends the archive to the guest, which unpacks it.
    pub(crate) fn send(&self, link: &Link, limit: Limit) -> Result<Result<(), Error>, Broken> {
        let unpacked = link.copy(&self.archive, limit)?;
        Ok(unpacked
            .map_err(io::Error::other)
            .doing(|| self.what.clone()))
    }
}

/// The directory in which the guest's commands start: initramfs/init.
const HOME: &str = "/root";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_guests_home_and_a_final_slash_keeps_the_name() {
        for (to, at) in [
            ("", "/root/file"),
            ("other", "/root/other"),
            ("dir/", "/root/dir/file"),
            ("/bin/tool", "/bin/tool"),
            ("/", "/file"),
        ] {
            assert_eq!(Copy::new("/some/file", to).to, Path::new(at));
        }
    }

    #[test]
    fn the_last_colon_separates_the_paths_unless_such_a_file_exists() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a:b");
        fs::write(&file, "").unwrap();
        let whole = Copy::parse(file.as_os_str());
        assert_eq!(whole, Copy::new(&file, ""));
        let mut argument = file.clone().into_os_string();
        argument.push(":/c");
        assert_eq!(Copy::parse(&argument), Copy::new(&file, "/c"));
        assert_eq!(Copy::parse("x".as_ref()), Copy::new("x", ""));
    }
}
