// SPDX-License-Identifier: GPL-2.0

use std::time::{Duration, Instant};

/// A time limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// The length.
    pub(crate) length: Duration,
    /// The end.
    pub(crate) deadline: Instant,
}

impl Limit {
    /// Returns the time that is left.
    pub(crate) fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Makes a limit of this length from now on.
    pub(crate) fn exactly(length: Duration) -> Self {
        Self {
            length,
            deadline: Instant::now() + length,
        }
    }

    /// Makes a limit from now on, [`patience`] times as long: `length` is for a kernel of normal
    /// speed.
    pub(crate) fn about(length: Duration) -> Self {
        Self::exactly(length.saturating_mul(patience()))
    }
}

/// The limits of a machine's steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The length of a command's limit.
    pub(crate) command: Duration,
    /// The limit of all steps together, which replaces each step's own.
    pub(crate) total: Option<Limit>,
}

impl Limits {
    /// Returns the limit of a step of this length.
    pub(crate) fn of(self, length: Duration) -> Limit {
        self.total.unwrap_or_else(|| Limit::about(length))
    }

    /// Returns the limit of a command that begins now.
    pub(crate) fn of_command(self) -> Limit {
        self.of(self.command)
    }
}

/// Returns the factor by which the kernel may be slower than others: `DMP_VM_PATIENCE`.
pub fn patience() -> u32 {
    let patience = std::env::var("DMP_VM_PATIENCE").ok();
    patience.and_then(|times| times.parse().ok()).unwrap_or(1)
}
