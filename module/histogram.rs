// SPDX-License-Identifier: GPL-2.0

//! The histograms. Their bounds are powers of two.
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
    pub(crate) fn write(out: &mut impl fmt::Write, counts: &[u64; N]) -> fmt::Result {
        write(out, Self::bound, counts)
    }

    /// Writes ` bound:count` for each bucket that is not empty.
    pub(crate) fn write_nonempty(out: &mut impl fmt::Write, counts: &[u64; N]) -> fmt::Result {
        write_nonempty(out, Self::bound, counts)
    }
}

/// Signed distances in sectors: 0, and each way up to 8, 64, 512, 4 Ki, 32 Ki, 256 Ki, 2 Mi and 16 Mi, and
/// above. The first bucket is that of the largest distances back.
pub(crate) struct Seeks;

impl Seeks {
    /// Number of buckets each way.
    const EACH_WAY: usize = 9;

    /// Number of buckets.
    pub(crate) const BUCKETS: usize = 2 * Self::EACH_WAY + 1;

    /// The bucket of distance 0.
    pub(crate) const SEQUENTIAL: usize = Self::EACH_WAY;

    /// Binary logarithm of the ratio of neighbouring bounds.
    const STEP: usize = 3;

    /// Returns the code of a distance, modulo 2^64: twice its amount, less 1 if it is back. So the smallest code
    /// is that of the nearest distance, and the one back comes first if two amounts are equal.
    #[inline(always)]
    pub(crate) fn code(distance: u64) -> u64 {
        (distance << 1) ^ ((distance as i64 >> (i64::BITS - 1)) as u64)
    }

    /// Returns the bucket of a code that is not 0.
    #[inline(always)]
    pub(crate) fn bucket(code: u64) -> usize {
        // Twice the amount less 1.
        let amount = code.wrapping_sub(1) | 1;
        BY_LOGARITHM[(code & 1) as usize][amount.ilog2() as usize].into()
    }

    /// Returns the largest distance of a bucket; `None` for the last one, which has no bound.
    pub(crate) fn bound(bucket: usize) -> Option<i64> {
        let amount = |steps: usize| match steps {
            0 => 0,
            _ => 1_i64 << (Self::STEP * steps),
        };
        if bucket < Self::SEQUENTIAL {
            Some(-1 - amount(Self::SEQUENTIAL - 1 - bucket))
        } else if bucket + 1 < Self::BUCKETS {
            Some(amount(bucket - Self::SEQUENTIAL))
        } else {
            None
        }
    }

    /// Writes a line for each bucket: its bound and its count.
    pub(crate) fn write(out: &mut impl fmt::Write, counts: &[u64; Self::BUCKETS]) -> fmt::Result {
        write(out, Self::bound, counts)
    }

    /// Writes ` bound:count` for each bucket that is not empty.
    pub(crate) fn write_nonempty(
        out: &mut impl fmt::Write,
        counts: &[u64; Self::BUCKETS],
    ) -> fmt::Result {
        write_nonempty(out, Self::bound, counts)
    }
}

/// The bucket by the binary logarithm of twice the amount of a distance, less 1: of one forward, and of one
/// back.
static BY_LOGARITHM: [[u8; u64::BITS as usize]; 2] = {
    let mut buckets = [[0; u64::BITS as usize]; 2];
    let mut logarithm = 0;
    while logarithm < buckets[0].len() {
        // An amount of up to 8 is below 2^4 here.
        let mut steps = match logarithm {
            0 => 1,
            _ => (logarithm - 1) / Seeks::STEP + 1,
        };
        if steps > Seeks::EACH_WAY {
            steps = Seeks::EACH_WAY;
        }
        buckets[0][logarithm] = (Seeks::SEQUENTIAL + steps) as u8;
        buckets[1][logarithm] = (Seeks::SEQUENTIAL - steps) as u8;
        logarithm += 1;
    }
    buckets
};

/// Writes a line for each bucket: its bound and its count.
fn write<Bound: fmt::Display>(
    out: &mut impl fmt::Write,
    bound: impl Fn(usize) -> Option<Bound>,
    counts: &[u64],
) -> fmt::Result {
    for (bucket, count) in counts.iter().enumerate() {
        match bound(bucket) {
            Some(bound) => writeln!(out, "{bound} {count}")?,
            None => writeln!(out, "inf {count}")?,
        }
    }
    Ok(())
}

/// Writes ` bound:count` for each bucket that is not empty.
fn write_nonempty<Bound: fmt::Display>(
    out: &mut impl fmt::Write,
    bound: impl Fn(usize) -> Option<Bound>,
    counts: &[u64],
) -> fmt::Result {
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        match bound(bucket) {
            Some(bound) => write!(out, " {bound}:{count}")?,
            None => write!(out, " inf:{count}")?,
        }
    }
    Ok(())
}
