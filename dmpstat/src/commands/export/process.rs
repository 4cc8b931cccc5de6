// SPDX-License-Identifier: GPL-2.0

//! The exporter's own process, in the standard metrics of Prometheus' client libraries.

use procfs::process::{LimitValue, Process as Files};

/// The exporter's process at one time.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Processor time, in seconds.
    pub cpu: f64,
    /// Time of its start, in seconds since boot.
    pub start: f64,
    /// Virtual memory, in bytes.
    pub virtual_memory: u64,
    /// Memory in use, in bytes.
    pub resident_memory: u64,
    /// Open files.
    pub open_files: u64,
    /// Limit of open files; `None` without a limit.
    pub max_files: Option<u64>,
}

impl Process {
    /// Reads this process; `None` without /proc.
    pub fn read() -> Option<Self> {
        let files = Files::myself().ok()?;
        let stat = files.stat().ok()?;
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        Some(Self {
            cpu: seconds(stat.utime + stat.stime),
            start: seconds(stat.starttime),
            virtual_memory: stat.vsize,
            resident_memory: stat.rss * procfs::page_size(),
            open_files: u64::try_from(files.fd_count().ok()?).ok()?,
            max_files: match files.limits().ok()?.max_open_files.soft_limit {
                LimitValue::Value(files) => Some(files),
                LimitValue::Unlimited => None,
            },
        })
    }
}
