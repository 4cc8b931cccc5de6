// SPDX-License-Identifier: GPL-2.0

//! The numbers of devices, without files or screens.
//!
//! A [`snapshot`] has the counters of one file: those of each [`operation`], with a [`histogram`] of each
//! [`measure`]. An [`interval`] has the differences of two snapshots, and a [`column`] one number of an
//! interval. A [`sum`] adds up devices, and a [`timeline`] intervals; a [`heatmap`] has its histograms.
//! [`escape`] and [`units`] format names and amounts for people.
//!
//! The module's own files list the [`operation`]s, [`measurement`]s and [`statistic`]s, and the scales of the histograms.

pub mod column;
pub mod escape;
pub mod heatmap;
pub mod histogram;
pub mod interval;
pub mod measure;
pub mod snapshot;
pub mod sum;
pub mod timeline;
pub mod units;

// These files are formatted with the module, which has another edition.
#[allow(dead_code)] // The module uses more of it.
#[rustfmt::skip]
#[path = "../../../module/measurement.rs"]
pub mod measurement;
#[rustfmt::skip]
#[path = "../../../module/operation.rs"]
pub mod operation;
#[allow(dead_code)] // Only the module finds the bucket of a value, and writes histograms.
#[rustfmt::skip]
#[path = "../../../module/histogram.rs"]
pub(crate) mod scale;
#[rustfmt::skip]
#[path = "../../../module/statistic.rs"]
pub mod statistic;
