// SPDX-License-Identifier: GPL-2.0

//! The forms of reports.
//!
//! A [`report`] is written as a [`table`], as [`json`], as [`csv`] or as [`histograms`]. [`columns`] has the
//! choice of columns.

pub mod columns;
pub mod csv;
pub mod histograms;
pub mod json;
pub mod report;
pub mod table;
