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

    /// So long from now on, for a kernel of the usual speed: `DMP_VM_PATIENCE` times as long.
    pub(crate) fn about(length: Duration) -> Self {
        let patience = std::env::var("DMP_VM_PATIENCE").ok();
        let times = patience.and_then(|times| times.parse().ok()).unwrap_or(1);
        Self::exactly(length.saturating_mul(times))
    }
}
