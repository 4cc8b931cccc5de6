// SPDX-License-Identifier: GPL-2.0

//! The times at which counters began to count. OpenMetrics has a line with this time after each counter and
//! histogram, and prometheus-client does not write it.
//!
//! The exporter pushes the time of each metric before it encodes the metric. The text has the metrics in the
//! same order, so [`Created`] inserts the lines as the text passes through.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The times of creation of the next metrics in the text, in seconds since 1970.
pub type Times = Arc<Mutex<VecDeque<f64>>>;

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

/// Adds the creation time of the next metric to be encoded.
pub fn push(times: &Times, time: f64) {
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.push_back(time);
}

/// A writer that passes OpenMetrics on, and inserts the lines with creation times.
pub struct Created<'a> {
    times: Times,
    out: &'a mut dyn Write,
    /// The begin of an incomplete line.
    partial: String,
}

impl<'a> Created<'a> {
    /// Makes a writer that passes text on to `out`.
    pub fn new(times: Times, out: &'a mut dyn Write) -> Self {
        Self {
            times,
            out,
            partial: String::new(),
        }
    }

    /// Writes the creation time after this line, if the line ends a metric.
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
            if self.partial.is_empty() && line.ends_with('\n') {
                self.out.write_str(line)?;
                self.add(line)?;
                continue;
            }
            self.partial.push_str(line);
            if line.ends_with('\n') {
                let line = std::mem::take(&mut self.partial);
                self.out.write_str(&line)?;
                self.add(&line)?;
            }
        }
        Ok(())
    }
}

/// Returns the family and the labels of a counter or histogram, if this is its last line.
fn end_of_metric(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once('{')?;
    // The encoder writes the label `le` before all others.
    let rest = match name.strip_suffix("_bucket") {
        Some(_) => rest.strip_prefix("le=\"+Inf\",")?,
        None => rest,
    };
    let family = name
        .strip_suffix("_bucket")
        .or(name.strip_suffix("_total"))?;
    // The value after the labels has no brace.
    let (labels, _) = rest.rsplit_once('}')?;
    (!line.starts_with('#')).then_some((family, labels))
}
