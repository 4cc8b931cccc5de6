// SPDX-License-Identifier: GPL-2.0

//! The forms of reports.
//!
//! A [`report`] is written as a [`table`], as [`json`], as [`csv`] or as [`histograms`]. [`columns`] has the
//! choice of columns. A [`page`] and [`heatmap`] show a long time, with the same [`times`].

pub mod columns;
pub mod csv;
pub mod heatmap;
pub mod histograms;
pub mod json;
pub mod page;
pub mod report;
pub mod table;
pub mod times;
