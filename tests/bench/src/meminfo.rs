// SPDX-License-Identifier: GPL-2.0

//! The file /proc/meminfo.

use std::str::FromStr;

use serde::Serialize;

/// Some lines of the file, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Meminfo {
    /// All memory that is not free.
    pub used: i64,
    pub percpu: i64,
    pub slab: i64,
}

impl FromStr for Meminfo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let line = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<i64>().ok())
                .ok_or_else(|| format!("/proc/meminfo has no {name}"))
        };
        Ok(Self {
            used: line("MemTotal")? - line("MemFree")?,
            percpu: line("Percpu")?,
            slab: line("Slab")?,
        })
    }
}

impl Meminfo {
    /// Returns the growth of each line since `before`.
    pub fn more_than(&self, before: &Self) -> Self {
        Self {
            used: self.used - before.used,
            percpu: self.percpu - before.percpu,
            slab: self.slab - before.slab,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed_and_subtracted() {
        let text = "MemTotal:  1000 kB\nMemFree:  600 kB\nSlab:  30 kB\nPercpu:  7 kB\n";
        let before: Meminfo = text.parse().unwrap();
        let after: Meminfo = text.replace("600", "500").parse().unwrap();
        assert_eq!((before.used, before.slab, before.percpu), (400, 30, 7));
        assert_eq!(after.more_than(&before).used, 100);
        assert!("MemTotal: 1 kB".parse::<Meminfo>().is_err());
    }
}
