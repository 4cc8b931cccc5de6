// SPDX-License-Identifier: GPL-2.0

//! The command line, its manual and its completions.

pub mod arguments;
pub mod complete;
pub mod manual;
