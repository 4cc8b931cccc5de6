// SPDX-License-Identifier: GPL-2.0

//! The mount points of volumes, from mountinfo
//! ([`Documentation/filesystems/proc.rst`](srctree/Documentation/filesystems/proc.rst), 3.5).

use std::collections::{BTreeSet, HashMap};
use std::fs;

use crate::model::escape;
use crate::model::snapshot::Snapshot;
use crate::source::sysfs::Machine;

/// A mount point.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mount {
    /// Its path.
    pub point: String,
    /// The type of the file system.
    pub kind: String,
}

/// The mount points of disks.
#[derive(Debug, Default)]
pub struct Mounts {
    /// By the kernel name of the disk.
    disks: HashMap<String, BTreeSet<Mount>>,
    /// By the path of the disk. A file system of several disks, such as btrfs, has a device number of its own,
    /// and names one of its disks.
    sources: HashMap<Vec<u8>, BTreeSet<Mount>>,
}

impl Mounts {
    /// Reads the mount points of the machine, or those that this process sees. Without either there are none.
    pub fn read(machine: &Machine) -> Self {
        // Only root may read those of the first process, and a service can have hidden directories.
        let files = ["/proc/1/mountinfo", "/proc/self/mountinfo"];
        let mut texts = files.iter().map(|file| fs::read(machine.path(file)));
        let text = texts.find_map(Result::ok).unwrap_or_default();
        let mut mounts = Self::default();
        let mut numbers: HashMap<&[u8], Option<String>> = HashMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            let Some((number, source, mount)) = parse(line) else {
                continue;
            };
            let disk = numbers
                .entry(number)
                .or_insert_with(|| disk(number, machine));
            if let Some(disk) = disk {
                mounts.disks.entry(disk.clone()).or_default().insert(mount);
            } else if number.starts_with(b"0:") && source.starts_with(b"/dev/") {
                mounts.sources.entry(source).or_default().insert(mount);
            }
        }
        mounts
    }

    /// Returns the mount points of a device, in the order of their paths.
    pub fn of(&self, device: &Snapshot) -> Vec<Mount> {
        let mut mounts = self.disks.get(&device.device).cloned().unwrap_or_default();
        let paths = [
            [b"/dev/mapper/", &device.name[..]].concat(),
            format!("/dev/{}", device.device).into_bytes(),
        ];
        for path in paths {
            mounts.extend(self.sources.get(&path).into_iter().flatten().cloned());
        }
        mounts.into_iter().collect()
    }
}

/// Reads a line: `<id> <parent> <major>:<minor> <root> <mount point> <options> [<field>...] - <type> <source>
/// <options>`.
fn parse(line: &[u8]) -> Option<(&[u8], Vec<u8>, Mount)> {
    let mut words = line.split(|byte| *byte == b' ');
    let number = words.nth(2)?;
    let point = words.nth(1)?;
    words.find(|word| *word == b"-")?;
    let (kind, source) = (words.next()?, words.next()?);
    let mount = Mount {
        point: escape::show(&without_octal(point)),
        kind: escape::show(&without_octal(kind)),
    };
    Some((number, without_octal(source), mount))
}

/// Returns the kernel name of the disk with the number `<major>:<minor>`; `None` if it is no disk's.
fn disk(number: &[u8], machine: &Machine) -> Option<String> {
    let (major, minor) = std::str::from_utf8(number).ok()?.split_once(':')?;
    let number = rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?);
    machine.block_device(number)?.into_string().ok()
}

/// Undoes the kernel's escapes `\OOO`.
fn without_octal(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, after @ ..] = rest {
        let code = after.get(..3).filter(|_| *first == b'\\');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}
