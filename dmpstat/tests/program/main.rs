// SPDX-License-Identifier: GPL-2.0

//! The whole program, over directories of snapshots.

#[path = "../common/mod.rs"]
mod common;

mod checks;
mod commands;
mod completions;
mod documentation;
mod errors;
mod export;
mod formats;
mod groups;
mod heatmaps;
mod histograms;
mod http;
mod intervals;
mod labels;
mod listed;
mod names;
mod pages;
mod pattern;
mod processes;
mod recordings;
mod reports;
mod screens;
mod server;
mod status;
mod tables;
mod terminals;
mod textfile;
