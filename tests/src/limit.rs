// SPDX-License-Identifier: GPL-2.0

use std::time::{Duration, Instant};

/// A time in which something has to be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// How long it is.
    pub(crate) length: Duration,
    /// When it ends.
    pub(crate) deadline: Instant,
}

impl Limit {
    /// What is left of it.
    pub(crate) fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// So long from now on, and no longer.
    pub(crate) fn exactly(length: Duration) -> Self {
        Self {
            length,
            deadline: Instant::now() + length,
        }
    }

    /// So long from now on, for a kernel of the usual speed: [`patience`] times as long.
    pub(crate) fn about(length: Duration) -> Self {
        Self::exactly(length.saturating_mul(patience()))
    }
}

/// What a machine's steps are limited by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a command may take.
    pub(crate) command: Duration,
    /// All of them together, in the place of each one's.
    pub(crate) total: Option<Limit>,
}

impl Limits {
    /// Of a step that may take so long.
    pub(crate) fn of(self, length: Duration) -> Limit {
        self.total.unwrap_or_else(|| Limit::about(length))
    }

    /// Of a command that begins now.
    pub(crate) fn of_command(self) -> Limit {
        self.of(self.command)
    }
}

/// How many times as long as others the kernel may take: `DMP_VM_PATIENCE`.
pub fn patience() -> u32 {
    let patience = std::env::var("DMP_VM_PATIENCE").ok();
    patience.and_then(|times| times.parse().ok()).unwrap_or(1)
}
