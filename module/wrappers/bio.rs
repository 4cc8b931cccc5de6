// SPDX-License-Identifier: GPL-2.0

//! Block I/O requests.
//!
//! C headers: [`include/linux/bio.h`](srctree/include/linux/bio.h),
//! [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)
//!
//! # Example
//!
//! ```ignore
//! // In the `map` of a target whose range begins at sector 2048 of its underlying device.
//! if bio.op() == ReqOp::WRITE && bio.size() > 0 {
//!     pr_info!("{} bytes to sector {}\n", bio.size(), bio.sector());
//! }
//! bio.remap(at.device(), 2048 + at.offset_of(bio.sector()));
//! ```

use super::{bindings, dm::Device};
use kernel::types::Opaque;

/// A sector number or a number of sectors; a sector is 512 bytes (`sector_t`).
pub(crate) type Sector = u64;

/// What a bio asks for (`enum req_op`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReqOp(u32);

impl ReqOp {
    /// `REQ_OP_READ`
    pub(crate) const READ: Self = Self(bindings::req_op_REQ_OP_READ);
    /// `REQ_OP_WRITE`
    pub(crate) const WRITE: Self = Self(bindings::req_op_REQ_OP_WRITE);
    /// `REQ_OP_FLUSH`
    pub(crate) const FLUSH: Self = Self(bindings::req_op_REQ_OP_FLUSH);
    /// `REQ_OP_DISCARD`
    pub(crate) const DISCARD: Self = Self(bindings::req_op_REQ_OP_DISCARD);
    /// `REQ_OP_WRITE_ZEROES`
    pub(crate) const WRITE_ZEROES: Self = Self(bindings::req_op_REQ_OP_WRITE_ZEROES);
    /// `REQ_OP_ZONE_APPEND`
    pub(crate) const ZONE_APPEND: Self = Self(bindings::req_op_REQ_OP_ZONE_APPEND);

    /// `REQ_OP_MASK`
    const MASK: u32 = (1 << bindings::REQ_OP_BITS) - 1;
}

/// How a bio ended (`blk_status_t`).
#[derive(Clone, Copy)]
pub(crate) struct Status(bindings::blk_status_t);

impl Status {
    pub(super) fn from_raw(status: bindings::blk_status_t) -> Self {
        Self(status)
    }

    /// Whether it ended without an error (`BLK_STS_OK`).
    #[inline(always)]
    pub(crate) fn is_ok(self) -> bool {
        self.0 == 0
    }
}

/// A `struct bio` on its way down, which only the holder of the reference may change.
///
/// # Invariants
///
/// The bio is initialised and has not been submitted or ended.
#[repr(transparent)]
pub(crate) struct Bio(Opaque<bindings::bio>);

impl Bio {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// For `'a`, `bio` must point to an initialised bio that nobody else changes and that is
    /// neither submitted nor ended.
    pub(super) unsafe fn from_raw<'a>(bio: *mut bindings::bio) -> &'a mut Self {
        // SAFETY: by this function's contract; `Self` is transparent over `struct bio`.
        // INVARIANT: by this function's contract.
        unsafe { &mut *bio.cast() }
    }

    pub(super) fn as_raw(&mut self) -> *mut bindings::bio {
        self.0.get()
    }

    /// The operation, without its flags (`bio_op`).
    #[inline]
    pub(crate) fn op(&self) -> ReqOp {
        // SAFETY: the bio is initialised, and only we may change it.
        ReqOp(unsafe { (*self.0.get()).bi_opf } & ReqOp::MASK)
    }

    /// How many bytes it is about.
    #[inline]
    pub(crate) fn size(&self) -> u32 {
        // SAFETY: the bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_size }
    }

    /// The first sector it is about.
    #[inline]
    pub(crate) fn sector(&self) -> Sector {
        // SAFETY: the bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_sector }
    }

    /// Sends it to another device and place (`bio_set_dev`).
    #[inline]
    pub(crate) fn remap(&mut self, device: &Device<'_>, sector: Sector) {
        // SAFETY: the bio is initialised and only we may change it; `device` is open, so its
        // block device lives at least until the bio has ended: device mapper ends all of a
        // target's bios before it closes the target's devices.
        unsafe {
            bindings::dmp_bio_set_dev(self.0.get(), device.block_device());
            (*self.0.get()).bi_iter.bi_sector = sector;
        }
    }
}
