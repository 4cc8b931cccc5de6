// SPDX-License-Identifier: GPL-2.0

//! Standard output, without styles if it is not a terminal, and files that are written at once.

use std::env;
use std::fs::{self, File, Permissions};
use std::io::{self, IsTerminal, Stdout, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use memchr::{memchr, memrchr};
use tempfile::Builder;

const ESCAPE: u8 = 0x1b;

/// Standard output, as [`stdout`] returns it.
pub struct Output(AutoStream<Stdout>);

/// Returns standard output. Keeps styles on a terminal, unless the environment says otherwise.
pub fn stdout() -> Output {
    Output(anstream::stdout())
}

/// Returns whether standard output is a terminal with colours and UTF-8, which shows half blocks.
pub fn has_blocks() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| {
        let value = env::var(name).ok()?;
        Some(value).filter(|value| !value.is_empty())
    });
    let has_colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    io::stdout().is_terminal() && has_colours && is_utf8(&locale.unwrap_or_default())
}

/// Returns whether a locale's characters are those of UTF-8.
fn is_utf8(locale: &str) -> bool {
    let name = locale.to_ascii_lowercase().replace('-', "");
    name.split(['.', '@']).any(|part| part == "utf8")
}

impl Write for Output {
    /// Filters the bytes up to the end of the line with the last style, and writes the rest unfiltered. The
    /// filter is slow, because it looks at each byte. A style begins and ends in one line and is written in
    /// one piece, so the rest has none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(last) = memrchr(ESCAPE, bytes) else {
            return self.0.as_inner().write(bytes);
        };
        let end = memchr(b'\n', &bytes[last..]).map_or(bytes.len(), |end| last + end);
        self.0.write_all(&bytes[..end])?;
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Replaces a file as a whole, so that a reader never gets a part. A device, a pipe or the like is written to
/// and stays, such as /dev/stdout. A new file has this mode, or the one of the umask.
pub fn replace(
    path: &Path,
    mode: Option<u32>,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|of| !of.is_file() && !of.is_dir()) {
        return write(&mut File::options().write(true).open(path)?);
    }
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    // `tempfile_in` is not used, because its errors name the temporary file. node_exporter reads only names
    // that end in .prom, so it ignores the temporary file.
    let mut new = Builder::new()
        .prefix(".dmpstat-")
        .make_in(directory, |path| {
            File::options().write(true).create_new(true).open(path)
        })?;
    if let Some(mode) = mode {
        new.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
    }
    write(new.as_file_mut())?;
    new.persist(path)?;
    Ok(())
}
