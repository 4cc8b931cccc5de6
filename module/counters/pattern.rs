// SPDX-License-Identifier: GPL-2.0

//! Distances of reads and writes from earlier ones.
//!
//! For each operation, each CPU keeps the four newest ends: the sectors after a request at which no later
//! request has begun. The distance of a request is from the nearest of them. A request at distance 0
//! continues a stream, so its own end replaces that of the stream. Therefore a CPU follows four streams, also
//! among other requests.

use crate::{
    histogram::Seeks,
    operation::Operation,
    wrappers::{
        bio::{
            Bio,
            Sector,
            SECTOR_SHIFT, //
        },
        compiler::hide,
        percpu::{
            self,
            Row,
            Wait, //
        },
        preempt, //
    }, //
};
use kernel::prelude::*;

/// Number of ends.
const ENDS: usize = 4;
/// Place of the buckets, after the ends, of which the newest is the first.
const SEEKS: usize = ENDS;
/// Place of the sequential requests.
const SEQUENTIAL: usize = SEEKS + Seeks::SEQUENTIAL;
/// Number of counters in an operation's row.
const ROW: usize = SEEKS + Seeks::BUCKETS;
/// Distance from one operation's counters to the next one's: that of the other rows, so that a request needs
/// one calculation for both.
const STRIDE: usize = super::period::STRIDE;
/// Number of counters of reads and writes together.
const COUNTERS: usize = STRIDE * (Operation::COMMON_COUNT - 1) + ROW;

const _: () = assert!(ROW <= STRIDE);

/// Counts of the distances. Requests begin at an end at sector 0.
#[derive(Clone)]
pub(super) struct Pattern {
    common: percpu::Shared<COUNTERS>,
    /// CLOCK_BOOTTIME of the start, in nanoseconds.
    since: u64,
}

impl Pattern {
    /// Makes empty counts. May sleep.
    pub(super) fn new(wait: Wait) -> Result<Self> {
        Ok(Self {
            common: percpu::Shared::new(wait)?,
            since: 0,
        })
    }

    /// Returns the counts with the CLOCK_BOOTTIME of their start.
    pub(super) fn with_since(mut self, since: u64) -> Self {
        self.since = since;
        self
    }

    /// Returns the CLOCK_BOOTTIME of the start, in nanoseconds.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Counts the distance of a read or write with data. `operation` is the row of its counters.
    ///
    /// The section keeps the task on its CPU. A request that an interrupt sends meanwhile is counted, but one
    /// of the two ends may be lost.
    #[inline(always)]
    pub(super) fn count(
        &self,
        operation: usize,
        bio: &Bio<'_>,
        size: u32,
        section: &preempt::Guard,
    ) {
        let Some(row) = self.common.row::<STRIDE, ROW>(operation) else {
            return;
        };
        let newest = row.get::<0>(section);
        if newest == bio.sector() {
            row.increment::<SEQUENTIAL>();
        } else {
            seek(row, newest, || bio.sector(), section);
        }
        row.set::<0>(
            bio.sector().wrapping_add((size >> SECTOR_SHIFT).into()),
            section,
        );
    }

    /// Counts a request that continues wherever the device is: an append to a zone.
    pub(super) fn append(&self, operation: usize) {
        if let Some(row) = self.common.row::<STRIDE, ROW>(operation) {
            row.increment::<SEQUENTIAL>();
        }
    }

    /// Sums the buckets of an operation; `None` for a rare operation.
    pub(super) fn seeks(&self, operation: Operation) -> Option<[u64; Seeks::BUCKETS]> {
        if operation.rare().is_some() {
            return None;
        }
        let mut seeks = [0; Seeks::BUCKETS];
        let at = usize::from(operation.number()) * STRIDE;
        self.common.sums(at + SEEKS, &mut seeks);
        Some(seeks)
    }
}

/// Counts a request that does not begin at the newest end. Moves the ends before the one at which the request
/// begins back by one place, or all of them but the last, which goes.
#[inline(always)]
fn seek(row: Row<'_, ROW>, newest: Sector, sector: impl Fn() -> Sector, section: &preempt::Guard) {
    // Each code is computed before the next end is read, so that no register has to be saved for it.
    let mut nearest = hide(Seeks::code(sector().wrapping_sub(newest)));
    let second = row.get::<1>(section);
    row.set::<1>(newest, section);
    let distance = sector().wrapping_sub(second);
    if distance == 0 {
        return row.increment::<SEQUENTIAL>();
    }
    nearest = hide(nearest.min(Seeks::code(distance)));
    let third = row.get::<2>(section);
    row.set::<2>(second, section);
    let distance = sector().wrapping_sub(third);
    if distance == 0 {
        return row.increment::<SEQUENTIAL>();
    }
    nearest = hide(nearest.min(Seeks::code(distance)));
    let last = row.get::<3>(section);
    row.set::<3>(third, section);
    let distance = sector().wrapping_sub(last);
    if distance == 0 {
        return row.increment::<SEQUENTIAL>();
    }
    let bucket = Seeks::bucket(nearest.min(Seeks::code(distance)));
    row.increment_indexed::<SEEKS>(bucket);
}
