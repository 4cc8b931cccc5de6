// SPDX-License-Identifier: GPL-2.0

//! Intervals, and the numbers after devices.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::clock::Repeat;
use crate::model::escape;
use crate::model::units::number;

/// The longest interval, in seconds: longer than any useful interval, and within the range of the clocks.
const LONGEST: f64 = 1e9;

/// Reads an interval in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    interval(OsStr::new(text))
        .ok_or_else(|| format!("expected seconds, more than 0 and at most {LONGEST}"))
}

fn interval(word: &OsStr) -> Option<Duration> {
    let seconds = number(word).filter(|seconds| *seconds <= LONGEST)?;
    let interval = Duration::try_from_secs_f64(seconds).ok();
    interval.filter(|interval| !interval.is_zero())
}

/// Splits operands into devices and the numbers after them. A device whose name is a number can be written in
/// another form, such as /dev/mapper/NAME.
pub(super) fn split(
    mut operands: Vec<OsString>,
) -> Result<(Vec<OsString>, Option<Repeat>), String> {
    let numbers = operands.iter().rev().map_while(|word| number(word));
    let numbers = numbers.take(2).count();
    let behind = operands.split_off(operands.len() - numbers);
    let Some(word) = behind.first() else {
        return Ok((operands, None));
    };
    let interval = interval(word).ok_or_else(|| {
        format!(
            "invalid INTERVAL {}: expected seconds, more than 0 and at most {LONGEST}",
            shown(word)
        )
    })?;
    let count = match behind.get(1) {
        None => None,
        Some(count) => match count.to_str().and_then(|count| count.parse().ok()) {
            Some(0) | None => {
                return Err(format!(
                    "invalid COUNT {}: expected 1 or more",
                    shown(count)
                ));
            }
            count => count,
        },
    };
    Ok((operands, Some(Repeat { interval, count })))
}

fn shown(operand: &OsStr) -> String {
    escape::show(operand.as_bytes())
}
