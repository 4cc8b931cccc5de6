// SPDX-License-Identifier: GPL-2.0

//! What a target does that maps its line onto as many sectors of one device, as `dm-linear`: for those who
//! do that and something besides.
//!
//! C source: [`drivers/md/dm-linear.c`](srctree/drivers/md/dm-linear.c)

use super::{Callout, Device, DmTarget, Features, Ioctl, Iterated, TableLine, Zones};
use crate::wrappers::bio::{Bio, Remapped, Sector};
use kernel::prelude::Result;

/// The features of `dm-linear`: what the underlying device can do, the target does not hinder.
pub(crate) const FEATURES: Features = Features::PASSES_INTEGRITY
    .and(Features::NOWAIT)
    .and(Features::ZONED_HM)
    .and(Features::PASSES_CRYPTO)
    .and(Features::ATOMIC_WRITES);

/// Where the line's sectors are on the device.
pub(crate) struct Linear {
    /// The first of them.
    offset: Sector,
    /// How far they are behind the mapped device's, modulo 2^64.
    shift: Sector,
}

impl Linear {
    /// From `offset` on. As many bios come to the target as to `dm-linear` (`num_flush_bios` and so on: one
    /// for each of the mapped device's).
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

    /// The first sector on the device.
    pub(crate) fn offset(&self) -> Sector {
        self.offset
    }

    /// Where a sector of the mapped device is on the underlying one.
    #[inline(always)]
    fn sector(&self, sector: Sector) -> Sector {
        sector.wrapping_add(self.shift)
    }

    /// For [`Target::map`](super::Target::map).
    #[inline(always)]
    pub(crate) fn map<'bio>(&self, device: &Device<'_>, bio: &mut Bio<'bio>) -> Remapped<'bio> {
        // An empty flush has no place, and its sector means nothing.
        let sector = self.sector(bio.sector());
        bio.remap(device, sector)
    }

    /// For [`Target::iterate_devices`](super::Target::iterate_devices).
    pub(crate) fn iterate_devices(
        &self,
        ti: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        callout.call(device, self.offset, ti.len())
    }

    /// For [`Target::prepare_ioctl`](super::Target::prepare_ioctl).
    pub(crate) fn prepare_ioctl<'a>(&self, ti: &DmTarget, device: &'a Device<'a>) -> Ioctl<'a> {
        if self.offset == 0 && ti.len() == device.sectors() {
            Ioctl::Any(device)
        } else {
            Ioctl::RawIo(device)
        }
    }

    /// For [`Target::report_zones`](super::Target::report_zones).
    pub(crate) fn report_zones(&self, device: &Device<'_>, zones: &mut Zones<'_>) -> Result {
        let sector = self.sector(zones.next_sector());
        zones.report(device, self.offset, sector)
    }

    /// For [`Target::direct_access`](super::Target::direct_access).
    pub(crate) fn direct_access<'a>(
        &self,
        device: &'a Device<'a>,
        sector: Sector,
    ) -> (&'a Device<'a>, Sector) {
        (device, self.sector(sector))
    }
}
