// SPDX-License-Identifier: GPL-2.0

//! Device mapper.
//!
//! [`mapper`] has its calls, which name devices by [`number`] and give them tables of [`line`]s. [`control`]
//! makes the calls to the running kernel, with the messages of [`ioctl`].

pub mod control;
pub mod ioctl;
pub mod line;
pub mod mapper;
pub mod number;
