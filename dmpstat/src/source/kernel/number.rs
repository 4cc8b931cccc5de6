// SPDX-License-Identifier: GPL-2.0

//! Numbers of devices.

use serde::{Deserialize, Serialize};

/// A device's number, in the kernel's 64-bit encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Number(pub u64);

impl Number {
    /// Encodes a major and a minor number (`huge_encode_dev`).
    pub fn new(major: u32, minor: u32) -> Self {
        let (major, minor) = (u64::from(major), u64::from(minor));
        Self((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
    }

    /// Returns the major number.
    pub fn major(self) -> u64 {
        (self.0 >> 8) & 0xfff
    }

    /// Returns N of dm-N: the kernel gives all mapped devices one major number.
    pub fn minor(self) -> u64 {
        (self.0 & 0xff) | ((self.0 >> 12) & !0xff)
    }

    /// Returns the number in the form of a table line.
    pub fn in_table(self) -> String {
        format!("{}:{}", self.major(), self.minor())
    }
}
