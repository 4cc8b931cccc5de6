// SPDX-License-Identifier: GPL-2.0

//! Block I/O requests.
//!
//! C headers: [`include/linux/bio.h`](srctree/include/linux/bio.h),
//! [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)
//!
//! # Example
//!
//! ```ignore
//! // In dm::linear, for Target::map:
//! let sector = self.sector(bio.sector());
//! bio.remap(device, sector)
//! ```

use super::{bindings, dm::Device};
use core::marker::PhantomData;
use kernel::{ffi::c_void, types::Opaque};

/// A sector number or a number of sectors; a sector is 512 bytes (`sector_t`).
pub(crate) type Sector = u64;

/// What a bio asks for (`enum req_op`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReqOp(u8);

impl ReqOp {
    /// `REQ_OP_READ`
    pub(crate) const READ: Self = Self(bindings::req_op_REQ_OP_READ as u8);
    /// `REQ_OP_WRITE`
    pub(crate) const WRITE: Self = Self(bindings::req_op_REQ_OP_WRITE as u8);
    /// `REQ_OP_FLUSH`
    pub(crate) const FLUSH: Self = Self(bindings::req_op_REQ_OP_FLUSH as u8);
    /// `REQ_OP_DISCARD`
    pub(crate) const DISCARD: Self = Self(bindings::req_op_REQ_OP_DISCARD as u8);
    /// `REQ_OP_WRITE_ZEROES`
    pub(crate) const WRITE_ZEROES: Self = Self(bindings::req_op_REQ_OP_WRITE_ZEROES as u8);
    /// `REQ_OP_ZONE_APPEND`
    pub(crate) const ZONE_APPEND: Self = Self(bindings::req_op_REQ_OP_ZONE_APPEND as u8);

    /// How many bits its number has (`REQ_OP_BITS`).
    pub(crate) const BITS: u32 = {
        assert!(bindings::REQ_OP_BITS == u8::BITS);
        u8::BITS
    };

    /// The operation with this number.
    pub(crate) const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }
}

/// How a bio ended (`blk_status_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Status(bindings::blk_status_t);

impl Status {
    /// It ended without an error (`BLK_STS_OK`).
    pub(crate) const OK: Self = Self(0);

    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// For `'a`, `status` must point to a status that does not change.
    pub(super) unsafe fn from_raw<'a>(status: *const bindings::blk_status_t) -> &'a Self {
        // SAFETY: by this function's contract; `Self` is transparent over `blk_status_t`.
        unsafe { &*status.cast() }
    }

    /// Its number; 0 if it ended without an error.
    #[inline(always)]
    pub(crate) fn number(&self) -> usize {
        self.0.into()
    }

    /// Whether it ended without an error (`BLK_STS_OK`).
    #[inline(always)]
    pub(crate) fn is_ok(&self) -> bool {
        self.0 == 0
    }

    /// Whether it is to be tried again, because it was not to wait (`BLK_STS_AGAIN`).
    pub(crate) fn is_again(&self) -> bool {
        self.0 == bindings::DMP_BLK_STS_AGAIN as bindings::blk_status_t
    }
}

/// A `struct bio` on its way down, which only the holder of the reference may change. `'bio` is this bio's
/// only, and ends when it is sent on.
///
/// # Invariants
///
/// The bio is initialised and has not been submitted or ended.
#[repr(transparent)]
pub(crate) struct Bio<'bio>(Opaque<bindings::bio>, Itself<'bio>);

/// Stands for one bio: for the compiler no two of these are the same.
type Itself<'bio> = PhantomData<fn(&'bio ()) -> &'bio ()>;

/// That a bio goes to a device other than it came for.
pub(crate) struct Remapped<'bio>(Itself<'bio>);

impl<'bio> Bio<'bio> {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// For `'bio`, which nothing else may have, `bio` must point to an initialised bio that nobody else
    /// changes and that is neither submitted nor ended.
    pub(super) unsafe fn from_raw(bio: *mut bindings::bio) -> &'bio mut Self {
        // SAFETY: by this function's contract; `Self` is transparent over `struct bio`.
        // INVARIANT: by this function's contract.
        unsafe { &mut *bio.cast() }
    }

    /// The operation, without its flags, which are the higher bits (`bio_op`).
    #[inline(always)]
    pub(crate) fn op(&self) -> ReqOp {
        // SAFETY: the bio is initialised, and only we may change it.
        ReqOp(unsafe { (*self.0.get()).bi_opf } as u8)
    }

    /// How many bytes it is about.
    #[inline(always)]
    pub(crate) fn size(&self) -> u32 {
        // SAFETY: the bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_size }
    }

    /// The first sector it is about.
    #[inline(always)]
    pub(crate) fn sector(&self) -> Sector {
        // SAFETY: the bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_sector }
    }

    /// Leaves a word for its end, which is 0 until then (`bi_private`).
    #[inline(always)]
    pub(crate) fn set_private(&mut self, word: usize) {
        // SAFETY: the bio is initialised and only we may change it. `bi_private` is whose bio it is:
        // device mapper's, which leaves it to its targets.
        unsafe { (*self.0.get()).bi_private = word as *mut c_void }
    }

    /// Sends it to another device and place (`bio_set_dev`).
    #[inline(always)]
    pub(crate) fn remap(&mut self, device: &Device<'_>, sector: Sector) -> Remapped<'bio> {
        const REMAPPED: u16 = 1 << bindings::BIO_REMAPPED;
        const THROTTLED: u16 = 1 << bindings::BIO_BPS_THROTTLED;
        let bio = self.0.get();
        // SAFETY: the bio is initialised and only we may change it; `device` is open, so its
        // block device lives at least until the bio has ended: device mapper ends all of a
        // target's bios before it closes the target's devices.
        unsafe {
            (*bio).bi_iter.bi_sector = sector;
            let device = device.block_device();
            // It is throttled anew where it comes to another device; it always does here: that of a
            // new bio is the mapped device, over which no table can be.
            (*bio).bi_flags &= !(REMAPPED | THROTTLED);
            (*bio).bi_bdev = device;
            #[cfg(CONFIG_BLK_CGROUP)]
            bindings::bio_associate_blkg(bio);
        }
        Remapped(PhantomData)
    }
}

/// A `struct bio` that has ended, which device mapper is about to free.
///
/// # Invariants
///
/// The bio is initialised, is not freed, and nobody changes it.
#[repr(transparent)]
pub(crate) struct EndedBio(Opaque<bindings::bio>);

impl EndedBio {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// For `'a`, `bio` must point to a bio that a target's `map` got and that has ended.
    pub(super) unsafe fn from_raw<'a>(bio: *const bindings::bio) -> &'a Self {
        // SAFETY: by this function's contract; `Self` is transparent over `struct bio`.
        // INVARIANT: by this function's contract.
        unsafe { &*bio.cast() }
    }

    /// The operation, as [`Bio::op`].
    #[inline(always)]
    pub(crate) fn op(&self) -> ReqOp {
        // SAFETY: by the invariant it may be read.
        ReqOp(unsafe { (*self.0.get()).bi_opf } as u8)
    }

    /// What [`Bio::set_private`] left, or 0.
    #[inline(always)]
    pub(crate) fn private(&self) -> usize {
        // SAFETY: by the invariant it may be read.
        unsafe { (*self.0.get()).bi_private as usize }
    }
}
