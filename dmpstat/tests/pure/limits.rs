// SPDX-License-Identifier: GPL-2.0

//! Limits of `dmpstat check`.

use dmpstat::commands::check::limit::Limit;

const NS_PER_MS: f64 = 1e6;

/// Columns divide whole nanoseconds, so the same division makes equal numbers.
#[test]
fn a_time_in_any_unit_equals_the_same_value_of_a_column() {
    for nanoseconds in (0..100_000_u64).step_by(7).chain([61_000_000, 123_456_789]) {
        let (whole, part) = (nanoseconds / 1_000, nanoseconds % 1_000);
        let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        let (milliseconds, below) = (nanoseconds / 1_000_000, nanoseconds % 1_000_000);
        for written in [
            format!("r_max={nanoseconds}ns"),
            format!("r_max={whole}.{part:03}us"),
            format!("r_max={milliseconds}.{below:06}ms"),
            format!("r_max={milliseconds}.{below:06}"),
            format!("r_max={seconds}.{rest:09}s"),
        ] {
            let limit: Limit = written.parse().unwrap();
            assert_eq!(limit.range.end, nanoseconds as f64 / NS_PER_MS, "{written}");
        }
    }
}
