// SPDX-License-Identifier: GPL-2.0

//! The mapping of `dm-linear`, for targets that do the same and more: a line maps onto a range of
//! the same length on one device.
//!
//! C source: [`drivers/md/dm-linear.c`](srctree/drivers/md/dm-linear.c)

use super::{
    device::Device,
    table_line::{
        DmTarget,
        TableLine, //
    },
    target::{
        Callout,
        Features,
        Ioctl,
        Iterated,
        Zones, //
    }, //
};
use crate::wrappers::bio::{
    Bio,
    Remapped,
    Sector, //
};
use kernel::prelude::Result;

/// The features of `dm-linear`: the target supports everything that the underlying device supports.
pub(crate) const FEATURES: Features = Features::PASSES_INTEGRITY
    .and(Features::NOWAIT)
    .and(Features::ZONED_HM)
    .and(Features::PASSES_CRYPTO)
    .and(Features::ATOMIC_WRITES);

/// The mapping of a line's sectors to the device.
pub(crate) struct Linear {
    /// First sector on the device.
    offset: Sector,
    /// Distance from the mapped device's sectors to the device's, modulo 2^64.
    shift: Sector,
}

impl Linear {
    /// Maps the line to the device's sectors from `offset` on. The target gets as many bios as with
    /// `dm-linear`: one for each bio of the mapped device (`num_flush_bios` and so on).
    pub(crate) fn new(line: &TableLine<'_>, offset: Sector) -> Self {
        line.set_num_flush_bios(1);
        line.set_num_discard_bios(1);
        line.set_num_secure_erase_bios(1);
        line.set_num_write_zeroes_bios(1);
        Self {
            offset,
            shift: offset.wrapping_sub(line.begin()),
        }
    }

    /// Returns the first sector on the device.
    pub(crate) fn offset(&self) -> Sector {
        self.offset
    }

    /// Returns the underlying device's sector for a sector of the mapped device.
    #[inline(always)]
    fn sector(&self, sector: Sector) -> Sector {
        sector.wrapping_add(self.shift)
    }

    /// Implements [`Target::map`](super::Target::map).
    #[inline(always)]
    pub(crate) fn map<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Remapped<'bio> {
        // The sector of an empty flush has no meaning, so it may change.
        let sector = self.sector(bio.sector());
        device.remap(bio, sector)
    }

    /// Implements [`Target::iterate_devices`](super::Target::iterate_devices).
    pub(crate) fn iterate_devices(
        &self,
        ti: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        callout.call(device, self.offset, ti.len())
    }

    /// Implements [`Target::prepare_ioctl`](super::Target::prepare_ioctl).
    pub(crate) fn prepare_ioctl<'a>(&self, ti: &DmTarget, device: &'a Device<'a>) -> Ioctl<'a> {
        if self.offset == 0 && ti.len() == device.sectors() {
            Ioctl::Any(device)
        } else {
            Ioctl::RawIo(device)
        }
    }

    /// Implements [`Target::report_zones`](super::Target::report_zones).
    pub(crate) fn report_zones(&self, device: &Device<'_>, zones: &mut Zones<'_>) -> Result {
        let sector = self.sector(zones.next_sector());
        zones.report(device, self.offset, sector)
    }

    /// Implements [`Target::direct_access`](super::Target::direct_access).
    pub(crate) fn direct_access<'a>(
        &self,
        device: &'a Device<'a>,
        sector: Sector,
    ) -> (&'a Device<'a>, Sector) {
        (device, self.sector(sector))
    }
}
