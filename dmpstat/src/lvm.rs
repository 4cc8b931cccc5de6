// SPDX-License-Identifier: GPL-2.0

//! What LVM calls the devices that it makes.

use std::mem;

/// Whether a device of this uuid is LVM's.
pub fn made(uuid: &[u8]) -> bool {
    uuid.starts_with(b"LVM-")
}

/// The parts of a name: the volume group, the volume and, of a device that a volume is made of, the
/// layer. A hyphen is between them, and each of their own is doubled.
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

/// VG/LV, if the name is one that LVM makes of it.
pub fn logical_volume(name: &[u8]) -> Option<Vec<u8>> {
    match parts(name).as_slice() {
        [group, volume] if !group.is_empty() && !volume.is_empty() && !name.contains(&b'/') => {
            Some([group.as_slice(), volume].join(&b'/'))
        }
        _ => None,
    }
}
