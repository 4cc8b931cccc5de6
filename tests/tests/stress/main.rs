// SPDX-License-Identifier: GPL-2.0

//! What must hold of the dmp target however hard it is used: each race for `DMP_STRESS_SECONDS`, 10 if
//! nothing says otherwise.

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
mod races;
