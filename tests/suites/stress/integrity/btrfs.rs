// SPDX-License-Identifier: GPL-2.0

//! btrfs, which the debug kernel lacks.

use super::*;

#[test]
fn a_full_btrfs_is_consistent() {
    a_full_filesystem_is_in_order("mkfs.btrfs -q", "btrfs check --readonly", "btrfs");
}
