// SPDX-License-Identifier: GPL-2.0

//! The numbers of devices, without a file or a screen.
//!
//! A [`snapshot`] has the counters of one file: those of each [`operation`], with a [`histogram`] of each
//! [`measure`]. An [`interval`] has the differences of two snapshots, and a [`column`] one number of an
//! interval. [`escape`] and [`units`] write names and amounts for people.

pub mod column;
pub mod escape;
pub mod histogram;
pub mod interval;
pub mod measure;
pub mod operation;
pub mod snapshot;
pub mod units;
