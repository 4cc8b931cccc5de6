// SPDX-License-Identifier: GPL-2.0

//! The commands. Each defines its options, which the command line makes.
//!
//! [`sampling`] reads devices in each interval: [`report`] and [`hist`] print them, and [`top`] draws them on
//! the whole screen. [`groups`] are shown as one device. [`show`] prints a device in words, [`export`] writes metrics for Prometheus, and
//! [`counters`] resets and switches counters. [`problems`] reports devices that cannot be read. [`record`] writes
//! recordings, which all that read devices can read in place of the machine.

pub mod counters;
pub mod export;
pub mod groups;
pub mod hist;
pub mod problems;
pub mod record;
pub mod report;
pub mod sampling;
pub mod show;
pub mod top;
