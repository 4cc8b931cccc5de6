// SPDX-License-Identifier: GPL-2.0

//! Histograms whose bounds are powers of two.
//!
//! Plain Rust without kernel types.

use core::fmt;

/// A scale of `N` buckets. The first bucket takes values up to 2^`FIRST`, each further one values up to twice
/// as much, and the last one all larger values.
pub(crate) struct Scale<const FIRST: u32, const N: usize>;

/// Sizes of requests in bytes: 512 B to 4 GiB, which no bio exceeds.
pub(crate) type Sizes = Scale<9, 24>;

/// Latencies in nanoseconds: about 1 µs to 69 s, and above.
pub(crate) type Latencies = Scale<10, 28>;

impl<const FIRST: u32, const N: usize> Scale<FIRST, N> {
    /// Number of buckets.
    pub(crate) const BUCKETS: usize = N;

    /// Number of the highest bit of `below` in the first bucket; see [`Scale::bucket_above`].
    pub(crate) const FIRST_BIT: u32 = FIRST - 1;

    /// Returns the bucket of the value `below + 1`. The result is less than `N`.
    #[inline(always)]
    pub(crate) fn bucket_above(below: u64) -> usize {
        let highest = (below | (1 << Self::FIRST_BIT)).ilog2();
        (highest.min(Self::FIRST_BIT + N as u32 - 1) - Self::FIRST_BIT) as usize
    }

    /// Returns the largest value of a bucket; `None` for the last one, which has no bound.
    pub(crate) fn bound(bucket: usize) -> Option<u64> {
        if bucket + 1 < N {
            Some(1 << (FIRST as usize + bucket))
        } else {
            None
        }
    }

    /// Writes a line for each bucket: its bound and its count.
    pub(crate) fn write(
        out: &mut impl fmt::Write,
        counts: impl Iterator<Item = u64>,
    ) -> fmt::Result {
        for (bucket, count) in counts.take(N).enumerate() {
            match Self::bound(bucket) {
                Some(bound) => writeln!(out, "{bound} {count}")?,
                None => writeln!(out, "inf {count}")?,
            }
        }
        Ok(())
    }

    /// Writes ` bound:count` for each bucket that is not empty.
    pub(crate) fn write_nonempty(out: &mut impl fmt::Write, counts: &[u64; N]) -> fmt::Result {
        for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            match Self::bound(bucket) {
                Some(bound) => write!(out, " {bound}:{count}")?,
                None => write!(out, " inf:{count}")?,
            }
        }
        Ok(())
    }
}
