// SPDX-License-Identifier: GPL-2.0

//! The time of the boot, from which the times of counters are computed.

/// The time of the boot, in seconds since 1970.
#[derive(Debug, Default)]
pub struct Boot(Option<f64>);

impl Boot {
    /// Returns the time of the boot from two clocks, in seconds: `realtime` since 1970, `boottime` since the
    /// boot. The clocks are not read at the same instant, so their difference varies: an earlier result is
    /// kept until the clock is set by a second or more.
    pub fn at(&mut self, realtime: f64, boottime: f64) -> f64 {
        let now = realtime - boottime;
        let kept = self.0.filter(|boot| (boot - now).abs() < 1.0);
        *self.0.insert(kept.unwrap_or(now))
    }
}
