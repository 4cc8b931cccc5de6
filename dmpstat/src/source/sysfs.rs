// SPDX-License-Identifier: GPL-2.0

//! Reads and writes of files in sysfs: the module's and the kernel's own.

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
use crate::model::snapshot::{Disk, Snapshot};
use crate::source::devices::Devices;
use crate::source::kernel::number::Number;

/// The number of attempts to find a file, and of further attempts to read a text to its end.
const TRIES: usize = 50;
/// The pause between two attempts to find a file.
const PAUSE: Duration = Duration::from_millis(10);
/// The size of a first read, in bytes. Most snapshots are shorter.
const PAGE: usize = 4096;

/// A machine, as the root directory of its files.
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
    /// Its kernel name.
    pub device: String,
    /// The reason.
    pub error: Error,
}

impl Readings {
    /// Also reads the kernel's own numbers of the devices, from three more files each.
    pub fn with_disks(mut self, devices: &dyn Devices) -> Self {
        devices.add_disks(&mut self.snapshots);
        self
    }

    /// Returns the devices if all were readable, and otherwise the first failure.
    pub fn whole(self) -> Result<Vec<Snapshot>, Error> {
        match self.failures.into_iter().next() {
            Some(failure) => Err(failure.error),
            None => Ok(self.snapshots),
        }
    }
}

impl Machine {
    /// Makes the machine with this root directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns a machine without files: a recording has no others than its own.
    pub fn without_files() -> Self {
        Self::new("/dev/null")
    }

    /// Returns the machine in the directory DMPSTAT_ROOT: a copy of another machine's files, or a host's
    /// files within a container. Without the variable, returns this machine.
    pub fn from_environment() -> Self {
        Self::new(env::var_os("DMPSTAT_ROOT").unwrap_or_else(|| "/".into()))
    }

    /// Returns the path of a machine's file, from its absolute path.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root
            .join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    fn directory(&self) -> PathBuf {
        self.path("/sys/module/dmp/stat")
    }

    /// Returns the kernel names of the machine's dmp devices, in the order of their numbers.
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

    /// Returns the kernel names of all mapped devices, in the order of their numbers.
    pub fn all_mapped_devices(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("/sys/block"));
        let entries = entries.into_iter().flatten().flatten();
        mapped_devices(entries.filter_map(|entry| entry.file_name().into_string().ok()))
    }

    /// Returns the kernel names of the disks directly under a disk.
    pub fn slaves(&self, disk: &str) -> Vec<String> {
        let directory = self.path(format!("/sys/class/block/{disk}/slaves"));
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    /// Returns the kernel name of the block device with this number; `None` if there is none.
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

    /// Returns the number of a mapped device, dm-N.
    pub fn number(&self, device: &str) -> Option<Number> {
        let text = fs::read_to_string(self.path(format!("/sys/block/{device}/dev"))).ok()?;
        let (major, minor) = text.trim_end().split_once(':')?;
        Some(Number::new(major.parse().ok()?, minor.parse().ok()?))
    }

    /// Returns the name and the UUID of a mapped device. A device without a UUID has an empty one.
    pub fn name_and_uuid(&self, device: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let name = self.attribute(device, "name")?;
        Some((name, self.attribute(device, "uuid").unwrap_or_default()))
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
        // Completed reads, writes, discards and flushes (Documentation/block/stat.rst).
        let completed = [0, 4, 11, 15].map(|at| stat.get(at).copied().flatten());
        Disk {
            suspended: numbers("dm/suspended") == [Some(1)],
            inflight: match inflight[..] {
                [Some(reads), Some(writes)] => Some([reads, writes]),
                _ => None,
            },
            completed: completed.into_iter().sum(),
        }
    }

    /// Returns the number of online processors; `None` if it is unknown.
    pub fn cpus(&self) -> Option<u64> {
        let online = fs::read_to_string(self.path("/sys/devices/system/cpu/online")).ok()?;
        online.trim().split(',').try_fold(0, |sum: u64, range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
        })
    }

    /// Reads the wanted devices. Reads the others even if one is unreadable.
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

    /// Reads the counters of a device; `None` if the device was removed.
    pub fn snapshot(&self, device: &str) -> Result<Option<Snapshot>, Error> {
        let directory = self.directory().join(device);
        let path = directory.join("snapshot");
        // The files of a device do not all appear and disappear at once.
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

/// Returns the mapped devices among these names, in the order of their minor numbers.
pub fn mapped_devices(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let names = names.into_iter();
    let mut devices: Vec<(u32, String)> = names
        .filter_map(|name| Some((minor(&name)?, name)))
        .collect();
    devices.sort_unstable();
    devices.into_iter().map(|(_, device)| device).collect()
}

/// Returns N of dm-N, in the kernel's form: without a sign or leading zeros. `None` for other names.
pub fn minor(device: &str) -> Option<u32> {
    let digits = device.strip_prefix("dm-")?;
    let minor: u32 = digits.parse().ok()?;
    (minor.to_string() == digits).then_some(minor)
}

/// Returns whether a read failed because the device is being removed, or was removed after the file was
/// opened.
fn is_going(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NODEV | Errno::NXIO)
    )
}

/// Reads a whole file. Retries if the module refuses a long text because too many programs read it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut tries = TRIES;
    loop {
        match read_once(path) {
            Err(error) if tries > 0 && is_passing(&error) => tries -= 1,
            text => return text,
        }
    }
}

/// Reads a whole file, or fails. sysfs returns a page at a time. A first read of less than a page has the
/// whole text, so no second read is needed to find the end. A longer text is read until a read returns
/// nothing, because the module keeps the rest until then.
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
