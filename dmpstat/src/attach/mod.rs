// SPDX-License-Identifier: GPL-2.0

//! `dmpstat attach` and `detach`: counting on running volumes.
//!
//! From the command line to the kernel: [`run`] executes a [`request`]. [`start`] opens device mapper,
//! [`jobs`] finds the volumes, and [`volume`] reads each of them. [`plan`] makes the new table, by the
//! volume's [`kind`]. [`change`] takes the volume's [`lock`]s and checks the volume again, and [`exchange`]
//! loads and activates the table. [`guard`] cleans up if dmpstat dies.
//!
//! [`conf`] has the rules for automatic attaches, and [`queue`] the volumes that wait for an attach.
//! [`state`] keeps facts about each volume until the next boot, and [`status`] shows them.

pub mod block;
pub mod change;
pub mod conf;
pub mod error;
pub mod exchange;
pub mod files;
pub mod former;
pub mod guard;
pub mod hidden;
pub mod jobs;
pub mod kind;
pub mod listed;
pub mod lock;
pub mod memory;
pub mod plan;
pub mod queue;
pub mod request;
pub mod run;
pub mod settings;
pub mod signals;
pub mod stall;
pub mod start;
pub mod state;
pub mod status;
pub mod volume;
