// SPDX-License-Identifier: GPL-2.0

//! Device mapper.
//!
//! [`mapper`] has its calls, which name devices by [`number`] and give them tables of [`line`]s. [`control`]
//! makes the calls of the running kernel, by the messages of [`ioctl`] and the [`node`]s of devices.

pub mod control;
pub mod ioctl;
pub mod line;
pub mod mapper;
pub mod node;
pub mod number;
