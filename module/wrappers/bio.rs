// SPDX-License-Identifier: GPL-2.0

//! Block I/O requests.
//!
//! C headers: [`include/linux/bio.h`](srctree/include/linux/bio.h),
//! [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)
//!
//! # Examples
//!
//! ```ignore
//! // In dm::linear, for Target::map:
//! let sector = self.sector(bio.sector());
//! device.remap(bio, sector)
//! ```

use super::bindings;
use core::marker::PhantomData;
use kernel::{
    ffi::c_void,
    types::Opaque, //
};

/// A sector number or a number of sectors; a sector is 512 bytes (`sector_t`).
pub(crate) type Sector = u64;

/// Binary logarithm of a sector's size in bytes (`SECTOR_SHIFT`).
pub(crate) const SECTOR_SHIFT: u32 = bindings::SECTOR_SHIFT;

/// The operation of a bio (`enum req_op`).
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

    /// Number of bits of an operation's number (`REQ_OP_BITS`).
    pub(crate) const BITS: u32 = {
        assert!(bindings::REQ_OP_BITS == u8::BITS);
        u8::BITS
    };

    /// Returns the operation with this number.
    pub(crate) const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }
}

/// The result of a bio (`blk_status_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Status(bindings::blk_status_t);

impl Status {
    /// Success (`BLK_STS_OK`).
    pub(crate) const OK: Self = Self(0);

    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// `status` must point to a status that stays valid and does not change for `'a`.
    pub(super) unsafe fn from_raw<'a>(status: *const bindings::blk_status_t) -> &'a Self {
        // SAFETY: The caller guarantees a status that stays valid and does not change for `'a`.
        // `Self` is transparent over `blk_status_t`.
        unsafe { &*status.cast() }
    }

    /// Returns the number; 0 is success.
    #[inline(always)]
    pub(crate) fn number(&self) -> usize {
        self.0.into()
    }

    /// Tells if the bio succeeded (`BLK_STS_OK`).
    #[inline(always)]
    pub(crate) fn is_ok(&self) -> bool {
        self.0 == 0
    }

    /// Tells if the bio has to be retried: it must not wait, and would have had to
    /// (`BLK_STS_AGAIN`).
    pub(crate) fn is_again(&self) -> bool {
        self.0 == bindings::DMP_BLK_STS_AGAIN as bindings::blk_status_t
    }
}

/// A `struct bio` on its way down, which only the holder of the reference may change. Each bio has
/// its own lifetime `'bio`, which ends when the bio is sent on.
///
/// # Invariants
///
/// The bio is initialised and has not been submitted or ended.
#[repr(transparent)]
pub(crate) struct Bio<'bio>(Opaque<bindings::bio>, Itself<'bio>);

/// A marker of one bio: the compiler treats each of these lifetimes as a different one.
type Itself<'bio> = PhantomData<fn(&'bio ()) -> &'bio ()>;

/// Proof that a bio was redirected to another device.
pub(crate) struct Remapped<'bio>(Itself<'bio>);

impl<'bio> Bio<'bio> {
    /// Turns a C pointer into a reference.
    ///
    /// # Safety
    ///
    /// `bio` must point to an initialised bio that is neither submitted nor ended, and that nobody
    /// else changes for `'bio`. Nothing else may have the lifetime `'bio`.
    pub(super) unsafe fn from_raw(bio: *mut bindings::bio) -> &'bio mut Self {
        // SAFETY: The caller guarantees an initialised bio that nobody else changes for `'bio`.
        // `Self` is transparent over `struct bio`.
        // INVARIANT: The caller guarantees that the bio is neither submitted nor ended.
        unsafe { &mut *bio.cast() }
    }

    /// Returns the operation without its flags, which are the higher bits (`bio_op`).
    #[inline(always)]
    pub(crate) fn op(&self) -> ReqOp {
        // SAFETY: The bio is initialised, and only we may change it.
        ReqOp(unsafe { (*self.0.get()).bi_opf } as u8)
    }

    /// Returns the size in bytes.
    #[inline(always)]
    pub(crate) fn size(&self) -> u32 {
        // SAFETY: The bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_size }
    }

    /// Returns the first sector.
    #[inline(always)]
    pub(crate) fn sector(&self) -> Sector {
        // SAFETY: The bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_sector }
    }

    /// Stores a word for the bio's end (`bi_private`). Without this the word is 0.
    #[inline(always)]
    pub(crate) fn set_private(&mut self, word: usize) {
        // SAFETY: The bio is initialised, and only we may change it. `bi_private` belongs to the
        // bio's owner: that is device mapper, which leaves it to its targets.
        unsafe { (*self.0.get()).bi_private = word as *mut c_void }
    }

    /// Sets the first sector.
    #[inline(always)]
    pub(super) fn set_sector(&mut self, sector: Sector) {
        // SAFETY: The bio is initialised, and only we may change it.
        unsafe { (*self.0.get()).bi_iter.bi_sector = sector }
    }

    /// Redirects the bio to another device (`bio_set_dev`).
    ///
    /// # Safety
    ///
    /// `device` must not be the bio's present device, and must stay open until the bio has ended.
    #[inline(always)]
    pub(super) unsafe fn set_device(
        &mut self,
        device: *mut bindings::block_device,
    ) -> Remapped<'bio> {
        const REMAPPED: u16 = 1 << bindings::BIO_REMAPPED;
        const THROTTLED: u16 = 1 << bindings::BIO_BPS_THROTTLED;
        let bio = self.0.get();
        // SAFETY: The bio is initialised, and only we may change it. The caller guarantees a block
        // device that lives until the bio has ended.
        unsafe {
            // `bio_set_dev` clears the second flag only if the device changes. Here it always
            // changes.
            (*bio).bi_flags &= !(REMAPPED | THROTTLED);
            (*bio).bi_bdev = device;
            #[cfg(CONFIG_BLK_CGROUP)]
            bindings::bio_associate_blkg(bio);
        }
        Remapped(PhantomData)
    }
}

/// A `struct bio` that has ended, and that device mapper is about to free.
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
    /// `bio` must point to an ended bio that a target's `map` got. It must stay valid for `'a`.
    pub(super) unsafe fn from_raw<'a>(bio: *const bindings::bio) -> &'a Self {
        // SAFETY: The caller guarantees a bio that stays valid for `'a`. `Self` is transparent over
        // `struct bio`.
        // INVARIANT: The bio was initialised when `map` got it, and nobody changes it after its
        // end.
        unsafe { &*bio.cast() }
    }

    /// Returns the operation, as [`Bio::op`] does.
    #[inline(always)]
    pub(crate) fn op(&self) -> ReqOp {
        // SAFETY: By the invariant the bio is initialised, and nobody changes it.
        ReqOp(unsafe { (*self.0.get()).bi_opf } as u8)
    }

    /// Returns the word of [`Bio::set_private`], or 0.
    #[inline(always)]
    pub(crate) fn private(&self) -> usize {
        // SAFETY: By the invariant the bio is initialised, and nobody changes it.
        unsafe { (*self.0.get()).bi_private as usize }
    }
}
