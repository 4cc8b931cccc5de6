// SPDX-License-Identifier: GPL-2.0

//! Headers: the recorder, its machine, and the names of the counters in the blocks after it.

use serde::{Deserialize, Serialize};

use crate::model::histogram::{INFINITE, from_signed, to_signed};
use crate::model::operation::Operation;
use crate::model::scale::{Latencies, Sizes};
use crate::model::statistic::Statistic;
use crate::source::host::Host;

/// The version of the format that this program writes. A later version that adds counters, bounds or types
/// of frames keeps the number.
pub const FORMAT: u32 = 1;

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// The version of the recorder.
    #[serde(default)]
    pub dmpstat: String,
    /// The machine.
    #[serde(default)]
    pub host: Host,
    /// The names of the operations.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The names of the statistics.
    #[serde(default)]
    pub statistics: Vec<String>,
    /// The bounds of sizes in bytes; `None` for the last one, which has no bound.
    #[serde(default)]
    pub sizes: Vec<Option<u64>>,
    /// The bounds of latencies in nanoseconds; `None` for the last one, which has no bound.
    #[serde(default)]
    pub latencies: Vec<Option<u64>>,
    /// The bounds of distances in sectors; `None` for the last one, which has no bound. Empty until a volume
    /// with `pattern` is recorded: older programs do not read the blocks after this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeks: Vec<Option<i64>>,
}

impl Header {
    /// Makes the header of a machine's recording.
    pub fn new(host: Host) -> Self {
        Self {
            format: FORMAT,
            dmpstat: env!("CARGO_PKG_VERSION").to_owned(),
            host,
            operations: Operation::NAMES.map(str::to_owned).to_vec(),
            statistics: Statistic::ALL.map(|of| of.name().to_owned()).to_vec(),
            sizes: (0..Sizes::BUCKETS).map(Sizes::bound).collect(),
            latencies: (0..Latencies::BUCKETS).map(Latencies::bound).collect(),
            seeks: Vec::new(),
        }
    }

    /// Returns a checksum of the names and bounds, by which a block finds its header.
    pub fn names(&self) -> u32 {
        let names = (
            &self.operations,
            &self.statistics,
            &self.sizes,
            &self.latencies,
        );
        let names = match self.seeks.is_empty() {
            true => serde_json::to_vec(&names),
            false => serde_json::to_vec(&(names, &self.seeks)),
        };
        crc32c::crc32c(&names.unwrap_or_default())
    }

    /// Returns a checksum of the boot, by which blocks of one boot find each other.
    pub fn boot(&self) -> u32 {
        crc32c::crc32c(self.host.boot_id.as_bytes())
    }

    /// Writes the plain payload of a frame.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the plain payload of a frame; `None` if it is malformed.
    pub fn read(plain: &[u8]) -> Option<Self> {
        serde_json::from_slice(plain).ok()
    }
}

/// Bounds of histograms by their places in a header.
#[derive(Clone, Debug)]
pub struct Bounds(Vec<u64>);

impl Bounds {
    /// Takes the bounds of a header.
    pub fn new(bounds: &[Option<u64>]) -> Self {
        Self(bounds.iter().map(|of| of.unwrap_or(INFINITE)).collect())
    }

    /// Takes the signed bounds of a header.
    pub fn signed(bounds: &[Option<i64>]) -> Self {
        let bounds = bounds.iter();
        Self(bounds.map(|of| of.map_or(INFINITE, from_signed)).collect())
    }

    /// Returns the bound at a place.
    pub fn get(&self, place: usize) -> Option<u64> {
        self.0.get(place).copied()
    }

    /// Returns the place of a bound, and true if the bound is new. `from` is the place to search from: in most
    /// histograms the bounds rise as they do here.
    pub fn place(&mut self, bound: u64, from: usize) -> (usize, bool) {
        let later = self.0.iter().skip(from).position(|of| *of == bound);
        let place = later.map(|place| from + place);
        match place.or_else(|| self.0.iter().position(|of| *of == bound)) {
            Some(place) => (place, false),
            None => {
                self.0.push(bound);
                (self.0.len() - 1, true)
            }
        }
    }

    /// Returns the bounds for a header.
    pub fn to_header(&self) -> Vec<Option<u64>> {
        let bounds = self.0.iter();
        bounds
            .map(|of| Some(*of).filter(|of| *of != INFINITE))
            .collect()
    }

    /// Returns the signed bounds for a header.
    pub fn to_signed_header(&self) -> Vec<Option<i64>> {
        let bounds = self.to_header().into_iter();
        bounds.map(|of| of.map(to_signed)).collect()
    }
}
