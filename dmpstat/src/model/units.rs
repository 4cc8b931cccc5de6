// SPDX-License-Identifier: GPL-2.0

//! Amounts as people read and write them.

use std::ffi::OsStr;

/// The number of nanoseconds in a millisecond.
pub const NS_PER_MS: f64 = 1e6;
/// The units of times, in nanoseconds.
pub const TIMES: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", NS_PER_MS), ("s", 1e9)];

/// Splits an amount into its number and its unit, which may be empty.
pub fn split(amount: &str) -> (&str, &str) {
    let number = amount.trim_end_matches(|of: char| of.is_ascii_alphabetic());
    amount.split_at(number.len())
}

/// Parses a word as a number. inf and nan, which parse as floats, are names here.
pub fn number(word: &OsStr) -> Option<f64> {
    let begins = |character: char| character.is_ascii_digit() || "+-.".contains(character);
    let text = word.to_str().filter(|text| text.starts_with(begins))?;
    text.parse().ok()
}

/// Formats an amount of bytes in the largest unit that gives at least 1, as iostat does: 4.9M.
pub fn bytes(bytes: f64) -> String {
    let mut units = ["", "k", "M", "G", "T", "P"].into_iter();
    let (mut amount, mut unit) = (bytes, units.next());
    while amount >= 1024.0 {
        let Some(next) = units.next() else { break };
        (amount, unit) = (amount / 1024.0, Some(next));
    }
    format!("{amount:.1}{}", unit.unwrap_or_default())
}

/// Formats nanoseconds with three digits, in a suitable unit: 16.4us.
pub fn duration(nanoseconds: f64) -> String {
    let units = ["ns", "us", "ms"];
    let mut amount = nanoseconds;
    for unit in units {
        // An amount that would be rounded to four digits gets the next unit.
        if amount < 999.5 {
            return format!("{}{unit}", three_digits(amount));
        }
        amount /= 1000.0;
    }
    format!("{}s", three_digits(amount))
}

/// Formats nanoseconds as [`duration`] does, rounded up, so that an upper bound stays one.
pub fn duration_up(nanoseconds: f64) -> String {
    duration(rounded(nanoseconds, |digits| (digits - 1e-9).ceil()))
}

/// Formats nanoseconds as [`duration`] does, rounded down, so that a lower bound stays one.
pub fn duration_down(nanoseconds: f64) -> String {
    duration(rounded(nanoseconds, |digits| (digits + 1e-9).floor()))
}

/// Rounds nanoseconds to three digits, and to 0.01 ns at most.
fn rounded(nanoseconds: f64, round: fn(f64) -> f64) -> f64 {
    let digits = nanoseconds.max(1.0).log10().floor() as i32;
    let unit = 10_f64.powi((digits - 2).max(-2));
    // 0 becomes -0 here, which would be written with its sign.
    round(nanoseconds / unit).abs() * unit
}

fn three_digits(amount: f64) -> String {
    match amount {
        _ if amount < 9.995 => format!("{amount:.2}"),
        _ if amount < 99.95 => format!("{amount:.1}"),
        _ => format!("{amount:.0}"),
    }
}

/// Formats an upper bound with two digits, because no more are known. Rounds up, so that it stays an upper
/// bound.
pub fn bound(value: f64) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    let decimals = 1 - value.log10().floor() as i32;
    let scale = 10_f64.powi(decimals);
    let rounded = (value * scale - 1e-9).ceil() / scale;
    format!("{rounded:.*}", decimals.max(0) as usize)
}
