// SPDX-License-Identifier: GPL-2.0

//! The commands. Each defines its options, which the command line makes.
//!
//! [`sampling`] reads devices in each interval: [`report`] and [`hist`] print them, and [`top`] draws them on
//! the whole screen. [`groups`] are shown as one device. [`show`] prints a device in words, [`export`] writes
//! metrics for Prometheus, [`check`] compares columns with limits for Nagios, and [`counters`] resets and
//! switches counters. [`problems`] reports devices that cannot be read. [`record`] writes recordings, which all
//! that read devices can read in place of the machine. [`timeline`] reads a recording in columns of time:
//! [`page`] makes a page of them, and [`heatmap`] draws them in the terminal.

pub mod check;
pub mod counters;
pub mod export;
pub mod groups;
pub mod heatmap;
pub mod hist;
pub mod page;
pub mod problems;
pub mod record;
pub mod report;
pub mod sampling;
pub mod show;
pub mod timeline;
pub mod top;
