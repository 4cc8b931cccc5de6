// SPDX-License-Identifier: GPL-2.0

//! Recordings: files with samples of the devices over time.
//!
//! A file is a sequence of [`frame`]s, each with a checksum. A [`header`] names the counters of the blocks
//! after it, and a [`block`] has the [`sample`]s of at most a minute: [`cells`] are the numbers of one
//! snapshot, and a [`column`] has one of them over time.
//!
//! docs/src/use/record.md describes the format.

pub mod block;
pub mod cells;
pub mod column;
pub mod days;
pub mod file;
pub mod frame;
pub mod frames;
pub mod header;
pub mod index;
pub mod player;
pub mod predicted;
pub mod recorder;
pub mod sample;
pub mod when;
