// SPDX-License-Identifier: GPL-2.0

//! Tests that need the debug kernel, which makes allocations fail and watches
//! locks.

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod waits;
