// SPDX-License-Identifier: GPL-2.0

//! The module's files without kernel types, the very same ones, on the host: they neither boot a
//! machine nor need the kernel. Of the wrappers, those that need little or nothing of it.

// They are formatted with the module, whose edition is another.
#[rustfmt::skip]
#[path = "../../../module/histogram.rs"]
mod histogram;
#[rustfmt::skip]
#[path = "../../../module/lines.rs"]
mod lines;
#[rustfmt::skip]
#[path = "../../../module/snapshot.rs"]
mod snapshot;
#[rustfmt::skip]
#[path = "../../../module/stamp.rs"]
mod stamp;
#[rustfmt::skip]
#[path = "../../../module/summary.rs"]
mod summary;
#[rustfmt::skip]
#[path = "../../../module/table_line.rs"]
mod table_line;

mod counted_lines;
mod examples;
mod histograms;
mod latches;
mod outputs;
mod replacements;
mod snapshots;
mod stamps;
mod summaries;
mod table_lines;
mod timelines;
