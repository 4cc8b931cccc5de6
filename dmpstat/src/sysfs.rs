// SPDX-License-Identifier: GPL-2.0

//! Where the module's files are, and reading them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use crate::error::Error;
use crate::snapshot::{Disk, Snapshot};

/// How often a file is looked for, and a text begun anew that could not be read to its end.
const TRIES: usize = 50;
/// What lies between two tries to find a file.
const PAUSE: Duration = Duration::from_millis(10);
/// What is read at once. Most snapshots are shorter.
const PAGE: usize = 4096;

/// The machine whose devices these are.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

/// The outcome of reading devices.
#[derive(Debug, Default)]
pub struct Readings {
    /// Devices that were read, in the order of their numbers.
    pub snapshots: Vec<Snapshot>,
    /// Devices that could not be read.
    pub failures: Vec<Failure>,
}

/// A device that could not be read.
#[derive(Debug)]
pub struct Failure {
    /// Its name in the kernel.
    pub device: String,
    /// The reason.
    pub error: Error,
}

impl Readings {
    /// Reads the kernel's own numbers of the devices as well: three files more of each.
    pub fn with_disks(mut self, machine: &Machine) -> Self {
        for snapshot in &mut self.snapshots {
            snapshot.disk = machine.disk(&snapshot.device);
        }
        self
    }

    /// Returns the devices if all could be read, and otherwise the first failure.
    pub fn whole(self) -> Result<Vec<Snapshot>, Error> {
        match self.failures.into_iter().next() {
            Some(failure) => Err(failure.error),
            None => Ok(self.snapshots),
        }
    }
}

impl Machine {
    /// The one whose root directory this is.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Another machine's files, as copied or as containers see a host's, or this one's.
    pub fn from_environment() -> Self {
        Self::new(env::var_os("DMPSTAT_ROOT").unwrap_or_else(|| "/".into()))
    }

    /// Where an absolute path is.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root
            .join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    fn directory(&self) -> PathBuf {
        self.path("/sys/module/dmp/stat")
    }

    /// The names in the kernel of its dmp devices, in the order of their numbers.
    pub fn devices(&self) -> Result<Vec<String>, Error> {
        let directory = self.directory();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::NotLoaded,
            _ => Error::File {
                what: "read",
                path: directory.clone(),
                source,
            },
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string().ok());
        }
        Ok(mapped_devices(names))
    }

    /// Returns the names in the kernel of all mapped devices, in the order of their numbers.
    pub fn all_mapped_devices(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("/sys/block"));
        let entries = entries.into_iter().flatten().flatten();
        mapped_devices(entries.filter_map(|entry| entry.file_name().into_string().ok()))
    }

    /// The names in the kernel of the disks right under one.
    pub fn slaves(&self, disk: &str) -> Vec<String> {
        let directory = self.path(format!("/sys/class/block/{disk}/slaves"));
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    /// The kernel's name of the block device of this number; `None` if there is none.
    pub fn block_device(&self, number: u64) -> Option<OsString> {
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        let link = fs::read_link(self.path(format!("/sys/dev/block/{major}:{minor}"))).ok()?;
        link.file_name().map(OsStr::to_owned)
    }

    /// Reads an attribute of a mapped device, dm-N: name or uuid
    /// (Documentation/ABI/testing/sysfs-block-dm).
    pub fn attribute(&self, device: &str, attribute: &str) -> Option<Vec<u8>> {
        let path = format!("/sys/block/{device}/dm/{attribute}");
        let mut text = fs::read(self.path(path)).ok()?;
        text.truncate(text.strip_suffix(b"\n").unwrap_or(&text).len());
        Some(text)
    }

    /// Reads the kernel's own numbers of a mapped device.
    pub fn disk(&self, device: &str) -> Disk {
        let numbers = |file: &str| -> Vec<Option<u64>> {
            let text = fs::read_to_string(self.path(format!("/sys/block/{device}/{file}")));
            let text = text.unwrap_or_default();
            text.split_whitespace()
                .map(|word| word.parse().ok())
                .collect()
        };
        let inflight = numbers("inflight");
        let stat = numbers("stat");
        // Reads, writes, discards and flushes that ended (Documentation/block/stat.rst).
        let ended = [0, 4, 11, 15].map(|at| stat.get(at).copied().flatten());
        Disk {
            suspended: numbers("dm/suspended") == [Some(1)],
            inflight: match inflight[..] {
                [Some(reads), Some(writes)] => Some([reads, writes]),
                _ => None,
            },
            ended: ended.into_iter().sum(),
        }
    }

    /// How many processors are online; `None` if it does not say.
    pub fn cpus(&self) -> Option<u64> {
        let online = fs::read_to_string(self.path("/sys/devices/system/cpu/online")).ok()?;
        online.trim().split(',').try_fold(0, |sum: u64, range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
        })
    }

    /// Reads the wanted devices, each by itself: one that cannot be read keeps no other from being read.
    pub fn read(&self, wanted: impl Fn(&str) -> bool) -> Result<Readings, Error> {
        let mut readings = Readings::default();
        for device in self.devices()?.into_iter().filter(|device| wanted(device)) {
            match self.snapshot(&device) {
                Ok(snapshot) => readings.snapshots.extend(snapshot),
                Err(error) => readings.failures.push(Failure { device, error }),
            }
        }
        Ok(readings)
    }

    /// Writes a file of a device.
    pub fn write(&self, device: &str, file: &str, text: &str) -> Result<(), Error> {
        let path = self.directory().join(device).join(file);
        let written = OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| Error::File {
            what: "write",
            path,
            source,
        })
    }

    /// What was counted of a device. `None` if it is not there any more.
    pub fn snapshot(&self, device: &str) -> Result<Option<Snapshot>, Error> {
        let directory = self.directory().join(device);
        let path = directory.join("snapshot");
        // Of a device that comes or goes, some files are there sooner or later than others.
        for _ in 0..TRIES {
            match read(&path) {
                Ok(text) => {
                    let snapshot = Snapshot::parse(&text).map(Some);
                    return snapshot.map_err(|source| Error::Snapshot { path, source });
                }
                Err(source) if is_going(&source) => return Ok(None),
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::File {
                        what: "read",
                        path,
                        source,
                    });
                }
                Err(_) if !directory.join("volumes").exists() => return Ok(None),
                Err(_) => thread::sleep(PAUSE),
            }
        }
        Err(Error::TooOld(device.to_owned()))
    }
}

/// Returns the mapped devices of these names, in the order of their minor numbers.
pub fn mapped_devices(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let names = names.into_iter();
    let mut devices: Vec<(u32, String)> = names
        .filter_map(|name| Some((minor(&name)?, name)))
        .collect();
    devices.sort_unstable();
    devices.into_iter().map(|(_, device)| device).collect()
}

/// N of dm-N, as the kernel writes it: without a sign or leading zeros.
pub fn minor(device: &str) -> Option<u32> {
    let digits = device.strip_prefix("dm-")?;
    let minor: u32 = digits.parse().ok()?;
    (minor.to_string() == digits).then_some(minor)
}

/// What its files say while a device is removed, and opened before, then.
fn is_going(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NODEV | Errno::NXIO)
    )
}

/// All of a file. What does not fit into one read may have to be begun again if too many programs
/// read it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut tries = TRIES;
    loop {
        match read_once(path) {
            Err(error) if tries > 0 && is_passing(&error) => tries -= 1,
            text => return text,
        }
    }
}

/// sysfs gives a page at a time. A first read of less than that had all: no other is needed to see that
/// this was the end. What came in pieces is read to where there is nothing more, since the module keeps
/// the rest until then.
fn read_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut text = Vec::with_capacity(PAGE);
    rustix::io::read(&file, spare_capacity(&mut text))?;
    if text.len() >= PAGE {
        file.read_to_end(&mut text)?;
    }
    Ok(text)
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}
