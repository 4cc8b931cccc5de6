// SPDX-License-Identifier: GPL-2.0

//! The dmp target under stress. Each race runs for `DMP_STRESS_SECONDS`, 10 by default.

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod load;

mod attach;
mod blktests;
mod exact;
mod faults;
mod hostile;
mod integrity;

/// Tests of lifetimes and locks, which the debug kernel runs as well.
mod debug {
    mod races;
    mod removals;
}
