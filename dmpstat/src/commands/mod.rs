// SPDX-License-Identifier: GPL-2.0

//! The commands. Each defines its options, which the command line makes.

pub mod counters;
pub mod hist;
pub mod report;
