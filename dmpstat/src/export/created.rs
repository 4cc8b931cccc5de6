// SPDX-License-Identifier: GPL-2.0

//! The times at which counters began to count, of which OpenMetrics has a line behind each counter and
//! histogram, and prometheus-client has none.
//!
//! Who encodes says the time of each metric before it is encoded. In the text the metrics are in the same
//! order, so the lines are made here, as the text passes.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// When each of the metrics that are in the text next was created, in seconds since 1970.
pub type Times = Arc<Mutex<VecDeque<f64>>>;

/// The time of the boot, in seconds since 1970.
#[derive(Debug, Default)]
pub struct Boot(Option<f64>);

impl Boot {
    /// Returns the time of the boot by two clocks, read now, in seconds: `realtime` since 1970, `boottime` since
    /// the boot. Reading two clocks takes time, so their difference is never the same twice: the earlier answer
    /// stays unless somebody has set the clock.
    pub fn at(&mut self, realtime: f64, boottime: f64) -> f64 {
        let now = realtime - boottime;
        let kept = self.0.filter(|boot| (boot - now).abs() < 1.0);
        *self.0.insert(kept.unwrap_or(now))
    }
}

/// Says when the metric was created that is encoded next.
pub fn push(times: &Times, time: f64) {
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.push_back(time);
}

/// Passes OpenMetrics on, with those lines in it.
pub struct Created<'a> {
    times: Times,
    out: &'a mut dyn Write,
    /// The begin of a line whose end has not come yet.
    begun: String,
}

impl<'a> Created<'a> {
    /// Passes it on to `out`.
    pub fn new(times: Times, out: &'a mut dyn Write) -> Self {
        Self {
            times,
            out,
            begun: String::new(),
        }
    }

    /// Writes the line that comes behind this one, if one does.
    fn add(&mut self, line: &str) -> fmt::Result {
        let Some((family, labels)) = end_of_metric(line) else {
            return Ok(());
        };
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let time = times.pop_front().ok_or(fmt::Error)?;
        writeln!(self.out, "{family}_created{{{labels}}} {time:.3}")
    }
}

impl Write for Created<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            if self.begun.is_empty() && line.ends_with('\n') {
                self.out.write_str(line)?;
                self.add(line)?;
                continue;
            }
            self.begun.push_str(line);
            if line.ends_with('\n') {
                let line = std::mem::take(&mut self.begun);
                self.out.write_str(&line)?;
                self.add(&line)?;
            }
        }
        Ok(())
    }
}

/// The family and the labels of the counter or histogram whose last line this is.
fn end_of_metric(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once('{')?;
    // The label's name and value come first in the encoder's text.
    let rest = match name.strip_suffix("_bucket") {
        Some(_) => rest.strip_prefix("le=\"+Inf\",")?,
        None => rest,
    };
    let family = name
        .strip_suffix("_bucket")
        .or(name.strip_suffix("_total"))?;
    // No value has a brace.
    let (labels, _) = rest.rsplit_once('}')?;
    (!line.starts_with('#')).then_some((family, labels))
}
