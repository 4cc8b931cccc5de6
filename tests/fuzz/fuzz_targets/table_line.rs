// SPDX-License-Identifier: GPL-2.0

//! Table lines of arbitrary words, compared with the documentation.

#![no_main]

use std::ffi::CString;

use libfuzzer_sys::fuzz_target;

#[path = "../numbers.rs"]
mod numbers;
// The files are formatted with the module, which has another edition.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/measurement.rs"]
mod measurement;
// Parts that only the module needs are unused here.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../../module/table_line.rs"]
mod table_line;

use table_line::{
    Arguments, DEVICE, OFFSET, OPTION, OPTION_COUNT, OPTIONS, Options, REPEATED, Wrong, fits,
};

/// Device, offset, and the options in the line, in the order of [`NAMES`]; or the message of the
/// line.
type Parsed<'a> = Result<(&'a [u8], u64, [bool; 4]), Wrong>;

const NAMES: [&str; 4] = ["latency", "flush_bypass", "as_linear", "pattern"];

/// Parses decimal digits only, of a value below 2^64.
fn number(word: &[u8]) -> Option<u64> {
    let value = word.iter().try_fold(0_u128, |value, byte| match byte {
        // The value stays too large from here on.
        b'0'..=b'9' => Some((value * 10 + u128::from(byte - b'0')).min(1 << 64)),
        _ => None,
    })?;
    (!word.is_empty())
        .then(|| u64::try_from(value).ok())
        .flatten()
}

/// Returns the word of some bytes, which are mostly the word itself. A fuzzer hardly ever spells
/// the parser's words, so 1, 3, 4 and 5 stand for the options, and 2 with two bytes for a number near
/// a power of two.
fn word(bytes: &[u8]) -> CString {
    let word = match bytes {
        [1, rest @ ..] => [b"latency", rest].concat(),
        [3, rest @ ..] => [b"flush_bypass", rest].concat(),
        [4, rest @ ..] => [b"as_linear", rest].concat(),
        [5, rest @ ..] => [b"pattern", rest].concat(),
        [2, bit, more, rest @ ..] => {
            let number = (1_u128 << (bit % 65)) + u128::from(*more) - 1;
            [number.to_string().as_bytes(), rest].concat()
        }
        _ => bytes.to_vec(),
    };
    CString::new(word).unwrap()
}

/// Returns the message for a repeated option; `None` for a word that is not an option.
fn repeated(option: &[u8]) -> Option<Wrong> {
    match option {
        b"latency" => Some(REPEATED.latency),
        b"flush_bypass" => Some(REPEATED.flush_bypass),
        b"as_linear" => Some(REPEATED.as_linear),
        b"pattern" => Some(REPEATED.pattern),
        _ => None,
    }
}

/// Parses a line as the documentation describes: the message is about the first wrong word from the
/// left.
fn expected<'a>(words: &[&'a [u8]]) -> Parsed<'a> {
    let (device, rest) = words.split_first().ok_or(DEVICE)?;
    let mut numbers = rest.iter().copied().take(2).map(number);
    let offset = numbers.next().unwrap_or(Some(0)).ok_or(OFFSET)?;
    let count = numbers.next().unwrap_or(Some(0)).ok_or(OPTIONS)?;
    let options = rest.get(2..).unwrap_or_default();
    if count != options.len() as u64 {
        return Err(OPTION_COUNT);
    }
    for (before, option) in options.iter().enumerate() {
        let message = repeated(option).ok_or(OPTION)?;
        if options[..before].contains(option) {
            return Err(message);
        }
    }
    let set = |option: &&[u8]| options.contains(option);
    Ok((device, offset, NAMES.map(|name| set(&name.as_bytes()))))
}

/// Returns the options in the order of [`NAMES`].
fn each(options: Options) -> [bool; 4] {
    [
        options.latency,
        options.flush_bypass,
        options.as_linear,
        options.pattern,
    ]
}

/// Asserts that printed options are parsed unchanged.
fn check_printed(offset: u64, options: Options) {
    let mut line = format!("d {offset}");
    options.write(&mut line).unwrap();
    let words: Vec<CString> = line
        .split(' ')
        .map(|word| CString::new(word).unwrap())
        .collect();
    let args = Arguments::parse(words.iter().map(CString::as_c_str)).unwrap();
    assert_eq!(args.offset, offset);
    assert_eq!(each(args.options), each(options));
}

/// Compares with sums in 128 bits, which do not overflow.
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
    // Each word ends with a zero; bytes without one are left out.
    let words: Vec<CString> = data
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|bytes| bytes.strip_suffix(&[0]))
        .map(word)
        .collect();
    let bytes: Vec<&[u8]> = words.iter().map(|word| word.to_bytes()).collect();
    let args = Arguments::parse(words.iter().map(CString::as_c_str));
    let parsed = args
        .as_ref()
        .map(|args| (args.device.to_bytes(), args.offset, each(args.options)));
    assert_eq!(parsed.map_err(|wrong| *wrong), expected(&bytes));
    if let Ok(args) = args {
        check_printed(args.offset, args.options);
    }

    // The same bytes as numbers.
    let mut numbers = numbers::numbers(data);
    let mut next = || numbers.next().unwrap_or(0);
    check_fits(next(), next(), next());
});
