// SPDX-License-Identifier: GPL-2.0

//! What only the debug kernel can be asked: it makes allocations fail.

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod waits;
