// SPDX-License-Identifier: GPL-2.0

//! The parts of the program that read no file.

mod attach;
mod escapes;
mod histograms;
mod intervals;
mod locks;
mod names;
mod snapshots;
mod units;
