// SPDX-License-Identifier: GPL-2.0

//! Table lines of any words, against what the documentation says of them.

#![no_main]

use std::ffi::CString;

use libfuzzer_sys::fuzz_target;

#[path = "../numbers.rs"]
mod numbers;
// It is formatted with the module, whose edition is another.
#[rustfmt::skip]
#[path = "../../../module/table_line.rs"]
mod table_line;

use table_line::{
    Arguments, DEVICE, OFFSET, OPTION, OPTION_COUNT, OPTIONS, REPEATED, REPEATED_BYPASS, Wrong,
    fits,
};

/// Device, offset, and whether latencies are asked for, and that flushes go past the counters; or what is
/// wrong.
type Parsed<'a> = Result<(&'a [u8], u64, bool, bool), Wrong>;

/// Decimal digits and nothing else, of a value below 2^64.
fn number(word: &[u8]) -> Option<u64> {
    let value = word.iter().try_fold(0_u128, |value, byte| match byte {
        // It stays too large from there on.
        b'0'..=b'9' => Some((value * 10 + u128::from(byte - b'0')).min(1 << 64)),
        _ => None,
    })?;
    (!word.is_empty())
        .then(|| u64::try_from(value).ok())
        .flatten()
}

/// What a word's bytes stand for: mostly themselves. A fuzzer hardly ever spells what the parser
/// looks for, so 1 and 3 are short for the options, and 2 with two bytes for a number near a power of two.
fn word(bytes: &[u8]) -> CString {
    let word = match bytes {
        [1, rest @ ..] => [b"latency", rest].concat(),
        [3, rest @ ..] => [b"flush_bypass", rest].concat(),
        [2, bit, more, rest @ ..] => {
            let number = (1_u128 << (bit % 65)) + u128::from(*more) - 1;
            [number.to_string().as_bytes(), rest].concat()
        }
        _ => bytes.to_vec(),
    };
    CString::new(word).unwrap()
}

/// Every kind of line there is: the first that it looks like is what it is.
fn expected<'a>(words: &[&'a [u8]]) -> Parsed<'a> {
    match words {
        [] => Err(DEVICE),
        [device] => Ok((device, 0, false, false)),
        [device, offset, rest @ ..] => {
            let offset = number(offset).ok_or(OFFSET)?;
            match rest {
                [] => Ok((device, offset, false, false)),
                [count, options @ ..] => match (number(count).ok_or(OPTIONS)?, options) {
                    (0, []) => Ok((device, offset, false, false)),
                    (1, [b"latency"]) => Ok((device, offset, true, false)),
                    (1, [b"flush_bypass"]) => Ok((device, offset, false, true)),
                    (2, [b"latency", b"flush_bypass"] | [b"flush_bypass", b"latency"]) => {
                        Ok((device, offset, true, true))
                    }
                    (count, options) if count != options.len() as u64 => Err(OPTION_COUNT),
                    (_, [b"latency", b"latency", ..])
                    | (_, [b"latency", b"flush_bypass", b"latency", ..])
                    | (_, [b"flush_bypass", b"latency", b"latency", ..]) => Err(REPEATED),
                    (_, [b"flush_bypass", b"flush_bypass", ..])
                    | (_, [b"flush_bypass", b"latency", b"flush_bypass", ..])
                    | (_, [b"latency", b"flush_bypass", b"flush_bypass", ..]) => {
                        Err(REPEATED_BYPASS)
                    }
                    _ => Err(OPTION),
                },
            }
        }
    }
}

/// In 128 bits no sum overflows.
fn check_fits(offset: u64, length: u64, end: u64) {
    let reaches = u128::from(offset) + u128::from(length);
    assert_eq!(fits(offset, length, end), reaches <= u128::from(end));
    // Up to the very end, and one more.
    if let Ok(end) = u64::try_from(reaches) {
        assert!(fits(offset, length, end));
        assert!(end == 0 || !fits(offset, length, end - 1));
    }
}

fuzz_target!(|data: &[u8]| {
    // Each word ends with a zero; what has none is left out.
    let words: Vec<CString> = data
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|bytes| bytes.strip_suffix(&[0]))
        .map(word)
        .collect();
    let bytes: Vec<&[u8]> = words.iter().map(|word| word.to_bytes()).collect();
    let parsed = Arguments::parse(words.iter().map(CString::as_c_str)).map(|args| {
        let device = args.device.to_bytes();
        (device, args.offset, args.latency, args.flush_bypass)
    });
    assert_eq!(parsed, expected(&bytes));

    // The same bytes once more, as numbers.
    let mut numbers = numbers::numbers(data);
    let mut next = || numbers.next().unwrap_or(0);
    check_fits(next(), next(), next());
});
