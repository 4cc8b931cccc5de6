// SPDX-License-Identifier: GPL-2.0

//! Names and uuids of LVM's devices.

use std::mem;

use crate::model::snapshot::Snapshot;

/// Length of a volume's uuid: the prefix, 32 characters of the group, and 32 of the volume. Longer uuids have
/// a suffix.
const UUID: usize = 4 + 64;
/// Prefixes of names that LVM reserves: _lvname_has_reserved_prefix in lib/misc/lvm-string.c.
const PREFIXES: [&str; 2] = ["pvmove", "snapshot"];
/// Parts of names that LVM reserves: _lvname_has_reserved_string in the same file.
const COMPONENTS: [&str; 17] = [
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_mimage", "_mlog", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_imeta", "_iorig", "_pmspare", "_vorigin",
];
/// Prefix of the uuids of parts of Stratis' volumes, and of dmpstat's own hidden devices.
const PRIVATE: &[u8] = b"stratis-1-private";

/// Returns whether a device with this uuid is LVM's.
pub fn made(uuid: &[u8]) -> bool {
    uuid.starts_with(b"LVM-")
}

/// Splits a name into its parts: the volume group, the volume and, for a component of a volume, the layer. A
/// hyphen separates the parts, and the hyphens within them are doubled.
pub fn parts(name: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'-', [b'-', after @ ..]) => (rest, _) = (after, part.push(b'-')),
            (b'-', _) => parts.push(mem::take(&mut part)),
            _ => part.push(*first),
        }
    }
    parts.push(part);
    parts
}

/// Returns whether a device is an inner one of LVM's: a part of a volume, or a volume for LVM's own use.
/// `name` is the kernel's.
pub fn is_inner(name: &[u8], uuid: &[u8]) -> bool {
    made(uuid) && (uuid.len() > UUID || has_inner_name(name))
}

/// Returns whether a device is a part of a volume of LVM or Stratis, or dmpstat's hidden device.
pub fn is_private(name: &[u8], uuid: &[u8]) -> bool {
    is_inner(name, uuid) || uuid.starts_with(PRIVATE)
}

/// Returns whether LVM gives this name to inner devices only.
pub fn has_inner_name(name: &[u8]) -> bool {
    match parts(name).as_slice() {
        [_, volume] => {
            let volume = String::from_utf8_lossy(volume);
            PREFIXES.iter().any(|prefix| volume.starts_with(prefix))
                || COMPONENTS
                    .iter()
                    .any(|component| volume.contains(component))
        }
        // The third part is a layer.
        parts => parts.len() > 2,
    }
}

/// Returns the volume group and the volume, if LVM made the device.
pub fn names(device: &Snapshot) -> Option<(String, String)> {
    made(&device.uuid).then_some(())?;
    let parts = parts(&device.name).into_iter().map(String::from_utf8);
    let parts: Vec<String> = parts.collect::<Result<_, _>>().ok()?;
    // A third part is a layer of a volume that consists of several devices.
    let mut parts = parts.into_iter().filter(|part| !part.is_empty());
    Some((parts.next()?, parts.next()?))
}

/// Returns VG/LV if the name has LVM's form for a whole volume.
pub fn logical_volume(name: &[u8]) -> Option<Vec<u8>> {
    match parts(name).as_slice() {
        [group, volume] if !group.is_empty() && !volume.is_empty() && !name.contains(&b'/') => {
            Some([group.as_slice(), volume].join(&b'/'))
        }
        _ => None,
    }
}

/// Returns the device-mapper name of VG/LV; `None` if the text does not have this form.
pub fn device_name(volume: &[u8]) -> Option<Vec<u8>> {
    let mut parts = volume.split(|byte| *byte == b'/');
    let (group, volume) = (parts.next()?, parts.next()?);
    if parts.next().is_some() || group.is_empty() || volume.is_empty() {
        return None;
    }
    let doubled = |part: &[u8]| {
        part.split(|byte| *byte == b'-')
            .collect::<Vec<_>>()
            .join(&b"--"[..])
    };
    Some([doubled(group), doubled(volume)].join(&b'-'))
}
