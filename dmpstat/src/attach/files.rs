// SPDX-License-Identifier: GPL-2.0

//! Files and directories whose mode does not depend on the umask.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// The mode of a directory that everybody may read.
pub const DIRECTORY: u32 = 0o755;
/// The mode of a file that everybody may read.
pub const FILE: u32 = 0o644;
/// The mode of a lock file: a user who could open the file could hold the lock for ever.
pub const LOCK: u32 = 0o600;

/// Makes a directory of this mode if it is missing, and its missing parents for everybody to read.
pub fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = path.parent().ok_or(error)?;
            make_directory(parent, DIRECTORY)?;
            make_directory(path, mode)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file of this mode. A reader sees the old text or the new one, never a part.
pub fn replace(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    write_beside(path, mode, |file| file.write_all(text))
}

/// Writes a file as [`replace`] does, with the mode and owner of the old file, and syncs it to the disk.
pub fn replace_like(path: &Path, text: &[u8], before: Option<&Metadata>) -> io::Result<()> {
    let mode = before.map_or(FILE, |before| before.mode() & 0o7777);
    write_beside(path, mode, |file| {
        // Root can give the file any owner. Other users can replace only their own files.
        if let Some(before) = before {
            fchown(&*file, Some(before.uid()), Some(before.gid()))?;
        }
        file.write_all(text)?;
        file.sync_all()
    })
}

/// Writes a hidden file, and renames it to the other's name. Leaves no hidden file behind.
fn write_beside(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let new = hidden(path, "new")?;
    let written = create(&new, mode)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // This error is ignored, because the caller gets the first one.
        let _ = fs::remove_file(new);
    }
    written
}

/// Creates a file of this mode, or truncates an existing one.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Returns the path of the hidden file `.NAME.SUFFIX` beside a file NAME.
pub fn hidden(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(suffix);
    Ok(path.with_file_name(hidden))
}
