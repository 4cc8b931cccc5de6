// SPDX-License-Identifier: GPL-2.0

//! The module's own files, compiled for the host: those without kernel types, and the wrappers that
//! need little or nothing from the kernel. The tests boot no machine.

// The files are formatted with the module, which has another edition.
#[rustfmt::skip]
#[path = "../../module/histogram.rs"]
mod histogram;
#[rustfmt::skip]
#[path = "../../module/lines.rs"]
mod lines;
#[rustfmt::skip]
#[path = "../../module/measurement.rs"]
mod measurement;
#[rustfmt::skip]
#[path = "../../module/snapshot.rs"]
mod snapshot;
#[rustfmt::skip]
#[path = "../../module/stamp.rs"]
mod stamp;
#[allow(dead_code)] // Only dmpstat uses all of their descriptions.
#[rustfmt::skip]
#[path = "../../module/statistic.rs"]
mod statistic;
#[rustfmt::skip]
#[path = "../../module/summary.rs"]
mod summary;
#[allow(dead_code)] // Only the module needs the measurements among the options.
#[rustfmt::skip]
#[path = "../../module/table_line.rs"]
mod table_line;
#[rustfmt::skip]
#[path = "../../module/version.rs"]
mod version;

mod atomics;
mod counted_lines;
mod documents;
mod examples;
mod histograms;
mod measurements;
mod outputs;
mod replacements;
mod snapshots;
mod stamps;
mod summaries;
mod table_lines;
mod timelines;
mod versions;
