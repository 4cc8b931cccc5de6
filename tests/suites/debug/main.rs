// SPDX-License-Identifier: GPL-2.0

//! Tests that need the debug kernel, which can make allocations fail and checks locks.

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod waits;
