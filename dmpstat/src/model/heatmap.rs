// SPDX-License-Identifier: GPL-2.0

//! Heatmaps: a histogram in each column of time.

use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::model::timeline::Track;

/// A heatmap of a device's operation.
#[derive(Debug)]
pub struct Heatmap {
    /// The property of requests.
    pub measure: Measure,
    /// The bounds of the rows, from bottom to top.
    pub bounds: Vec<u64>,
    /// The counts of each row, column by column.
    pub counts: Vec<Vec<u64>>,
    /// The count of the cell with the most.
    pub most: u64,
}

impl Heatmap {
    /// Makes the heatmap; `None` if no request was measured.
    pub fn new(track: &Track, operation: Operation, measure: Measure) -> Option<Self> {
        Self::alike([track], operation, measure).map(|[map]| map)
    }

    /// Makes heatmaps with the same rows and levels; `None` if no request was measured.
    pub fn alike<const N: usize>(
        tracks: [&Track; N],
        operation: Operation,
        measure: Measure,
    ) -> Option<[Self; N]> {
        let histograms = tracks.map(|track| -> Vec<_> {
            let intervals = track.intervals.iter();
            intervals
                .map(|interval| measure.of(interval.as_ref()?.of(operation)?))
                .collect()
        });
        let all = histograms.iter().flatten().flatten();
        let bounds = measure.bounds(all.map(AsRef::as_ref));
        // Requests without data have no sizes.
        if !bounds.iter().any(|bound| *bound > 0) {
            return None;
        }
        let counts = histograms.map(|histograms| -> Vec<Vec<u64>> {
            let row = |bound: &u64| {
                let columns = histograms.iter();
                columns
                    .map(|of| of.as_ref().map_or(0, |of| of.of(*bound)))
                    .collect()
            };
            bounds.iter().map(row).collect()
        });
        let all = counts.iter().flatten().flatten();
        let most = all.max().copied().unwrap_or(0);
        Some(counts.map(|counts| Self {
            measure,
            bounds: bounds.clone(),
            counts,
            most,
        }))
    }

    /// Returns the level of a count by its logarithm, from 1 to `levels`; 0 for no request only.
    pub fn level(&self, count: u64, levels: u8) -> u8 {
        if count == 0 {
            return 0;
        }
        let part = (count as f64).ln_1p() / (self.most.max(1) as f64).ln_1p();
        let above = f64::from(levels.max(1) - 1);
        1 + (part * above).round().min(above) as u8
    }

    /// Returns a row's bound for people.
    pub fn label(&self, row: usize) -> String {
        let bound = self.bounds.get(row);
        bound.map_or_else(String::new, |bound| self.measure.label(*bound))
    }
}
