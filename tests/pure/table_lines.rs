// SPDX-License-Identifier: GPL-2.0

use std::ffi::{CStr, CString};

use proptest::prelude::*;

use crate::table_line::{
    Arguments, DEVICE, OFFSET, OPTION, OPTION_COUNT, OPTIONS, Options, REPEATED, Wrong, fits,
};

/// Device, offset, and the options in the line, in the order of [`NAMES`].
type Parsed = (Vec<u8>, u64, [bool; 4]);

const NAMES: [&str; 4] = ["latency", "flush_bypass", "as_linear", "pattern"];
const NONE: [bool; 4] = [false; 4];

/// Parses the words of a line. Returns the message of a wrong line.
fn parse(words: &[impl AsRef<[u8]>]) -> Result<Parsed, Wrong> {
    let words: Vec<CString> = words
        .iter()
        .map(|word| CString::new(word.as_ref()).unwrap())
        .collect();
    Arguments::parse(words.iter().map(CString::as_c_str)).map(|args| {
        let device = args.device.to_bytes().to_vec();
        let set = args.options;
        let options = [set.latency, set.flush_bypass, set.as_linear, set.pattern];
        (device, args.offset, options)
    })
}

fn parse_line(line: &str) -> Result<Parsed, Wrong> {
    parse(&line.split_whitespace().collect::<Vec<_>>())
}

fn print([latency, flush_bypass, as_linear, pattern]: [bool; 4]) -> String {
    let options = Options {
        latency,
        flush_bypass,
        as_linear,
        pattern,
    };
    let mut text = String::new();
    options.write(&mut text).unwrap();
    text
}

#[test]
fn a_good_line_is_parsed_into_device_offset_and_options() {
    for (line, offset, options) in [
        ("/dev/vda", 0, NONE),
        ("/dev/vda 7", 7, NONE),
        ("/dev/vda 007", 7, NONE),
        ("/dev/vda 18446744073709551615", u64::MAX, NONE),
        ("/dev/vda 7 0", 7, NONE),
        ("/dev/vda 7 1 latency", 7, [true, false, false, false]),
        ("/dev/vda 7 01 latency", 7, [true, false, false, false]),
        ("/dev/vda 7 1 flush_bypass", 7, [false, true, false, false]),
        ("/dev/vda 7 1 as_linear", 7, [false, false, true, false]),
        ("/dev/vda 7 1 pattern", 7, [false, false, false, true]),
        (
            "/dev/vda 7 2 latency flush_bypass",
            7,
            [true, true, false, false],
        ),
        (
            "/dev/vda 7 2 flush_bypass latency",
            7,
            [true, true, false, false],
        ),
        (
            "/dev/vda 7 2 as_linear flush_bypass",
            7,
            [false, true, true, false],
        ),
        (
            "/dev/vda 7 4 as_linear pattern latency flush_bypass",
            7,
            [true; 4],
        ),
        (
            "/dev/vda 7 4 flush_bypass latency as_linear pattern",
            7,
            [true; 4],
        ),
    ] {
        assert_eq!(
            parse_line(line),
            Ok((b"/dev/vda".to_vec(), offset, options)),
            "{line}"
        );
    }
}

#[test]
fn a_wrong_line_has_the_message_of_the_first_wrong_word() {
    for (line, wrong) in [
        ("", DEVICE),
        ("d x", OFFSET),
        ("d -1", OFFSET),
        ("d +1", OFFSET),
        ("d 0x10", OFFSET),
        ("d 1.5", OFFSET),
        ("d 18446744073709551616", OFFSET),
        ("d ١", OFFSET),
        ("d latency", OFFSET),
        ("d x x", OFFSET),
        ("d 0 x", OPTIONS),
        ("d 0 latency", OPTIONS),
        ("d 0 -1", OPTIONS),
        ("d 0 18446744073709551616 latency", OPTIONS),
        ("d 0 1", OPTION_COUNT),
        ("d 0 0 latency", OPTION_COUNT),
        ("d 0 2 latency", OPTION_COUNT),
        ("d 0 1 latency latency", OPTION_COUNT),
        // 2^32 + 1 and 2^64 - 1 are not 1.
        ("d 0 4294967297 latency", OPTION_COUNT),
        ("d 0 18446744073709551615 latency", OPTION_COUNT),
        ("d 0 1 fast", OPTION),
        ("d 0 1 LATENCY", OPTION),
        ("d 0 2 latency fast", OPTION),
        ("d 0 2 latency latency", REPEATED.latency),
        ("d 0 3 latency latency fast", REPEATED.latency),
        ("d 0 1 flush_bypas", OPTION),
        ("d 0 2 flush_bypass flush_bypass", REPEATED.flush_bypass),
        (
            "d 0 3 flush_bypass latency flush_bypass",
            REPEATED.flush_bypass,
        ),
        ("d 0 3 latency flush_bypass latency", REPEATED.latency),
        ("d 0 1 linear", OPTION),
        ("d 0 1 as_linear2", OPTION),
        ("d 0 1 patterns", OPTION),
        ("d 0 3 pattern latency pattern", REPEATED.pattern),
        ("d 0 2 as_linear as_linear", REPEATED.as_linear),
        ("d 0 3 as_linear latency as_linear", REPEATED.as_linear),
        (
            "d 0 4 flush_bypass as_linear as_linear latency",
            REPEATED.as_linear,
        ),
        (
            "d 0 4 latency as_linear latency as_linear",
            REPEATED.latency,
        ),
    ] {
        assert_eq!(parse_line(line), Err(wrong), "{line}");
    }
    // A table line cannot have these words, but another caller could.
    assert_eq!(parse(&["d", ""]), Err(OFFSET));
    assert_eq!(parse(&["d", "0", ""]), Err(OPTIONS));
    assert_eq!(parse(&["d", "0", "1", ""]), Err(OPTION));
    assert_eq!(parse(&["d", " 1"]), Err(OFFSET));
}

#[test]
fn options_are_printed_after_their_number_and_none_prints_nothing() {
    for (options, printed) in [
        ([false, false, false, false], ""),
        ([true, false, false, false], " 1 latency"),
        ([false, false, true, false], " 1 as_linear"),
        ([false, false, false, true], " 1 pattern"),
        ([true, false, true, false], " 2 latency as_linear"),
        (
            [true, true, true, true],
            " 4 latency flush_bypass as_linear pattern",
        ),
    ] {
        assert_eq!(print(options), printed);
    }
}

#[test]
fn the_messages_are_as_documented() {
    let text = |wrong: &CStr| wrong.to_str().unwrap().to_owned();
    assert_eq!(
        [
            DEVICE,
            OFFSET,
            OPTIONS,
            OPTION_COUNT,
            OPTION,
            REPEATED.latency,
            REPEATED.flush_bypass,
            REPEATED.as_linear,
            REPEATED.pattern,
        ]
        .map(text),
        [
            "<device> is missing",
            "<offset> is not a sector number",
            "<#options> is not a number",
            "<#options> is not the number of options that follow",
            "<option> is unknown: expected latency, flush_bypass, as_linear or pattern",
            "<option> latency is repeated",
            "<option> flush_bypass is repeated",
            "<option> as_linear is repeated",
            "<option> pattern is repeated",
        ]
    );
}

/// Parses as the documentation describes, with the standard library and wider numbers.
fn expected(words: &[Vec<u8>]) -> Result<Parsed, Wrong> {
    let number = |word: &[u8]| {
        let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
        let value = String::from_utf8_lossy(word).parse::<u128>().ok();
        value.filter(|value| digits && *value < 1 << 64)
    };
    let device = words.first().ok_or(DEVICE)?;
    let offset = words
        .get(1)
        .map_or(Some(0), |word| number(word))
        .ok_or(OFFSET)?;
    let count = words
        .get(2)
        .map_or(Some(0), |word| number(word))
        .ok_or(OPTIONS)?;
    let options = words.get(3..).unwrap_or(&[]);
    if count != options.len() as u128 {
        return Err(OPTION_COUNT);
    }
    for (n, option) in options.iter().enumerate() {
        let repeated = options[..n].contains(option);
        match option.as_slice() {
            b"latency" if repeated => return Err(REPEATED.latency),
            b"flush_bypass" if repeated => return Err(REPEATED.flush_bypass),
            b"as_linear" if repeated => return Err(REPEATED.as_linear),
            b"pattern" if repeated => return Err(REPEATED.pattern),
            b"latency" | b"flush_bypass" | b"as_linear" | b"pattern" => {}
            _ => return Err(OPTION),
        }
    }
    let asked = |option: &str| options.iter().any(|other| other == option.as_bytes());
    Ok((device.clone(), offset as u64, NAMES.map(asked)))
}

/// Generates words of all kinds: valid ones, nearly valid ones, and arbitrary bytes.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"latency".to_vec()),
        3 => Just(b"flush_bypass".to_vec()),
        3 => Just(b"as_linear".to_vec()),
        3 => Just(b"pattern".to_vec()),
        3 => (0..4_u8).prop_map(|n| n.to_string().into_bytes()),
        1 => any::<u64>().prop_map(|n| n.to_string().into_bytes()),
        1 => any::<u128>().prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => "[0-9a-z+_.-]{0,5}".prop_map(String::into_bytes),
        1 => "\\PC{0,5}".prop_map(String::into_bytes),
        2 => prop::collection::vec(1..=255_u8, 0..30),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn any_words_are_parsed_as_documented(words in prop::collection::vec(word(), 0..7)) {
        prop_assert_eq!(parse(&words), expected(&words));
    }

    #[test]
    fn a_good_line_is_accepted(
        device in "[!-~]{1,40}",
        offset: u64,
        order in Just([0, 1, 2, 3]).prop_shuffle(),
        options: [bool; 4],
    ) {
        let words: Vec<&str> = order.iter().filter(|n| options[**n]).map(|n| NAMES[*n]).collect();
        let line = format!("{device} {offset} {} {}", words.len(), words.join(" "));
        prop_assert_eq!(parse_line(&line), Ok((device.into_bytes(), offset, options)));
    }

    #[test]
    fn printed_options_are_parsed_back(options: [bool; 4]) {
        let printed = print(options);
        prop_assert_eq!(parse_line(&format!("d 7{printed}")), Ok((b"d".to_vec(), 7, options)));
    }

    #[test]
    fn a_range_fits_if_its_end_fits(offset: u64, length: u64, end: u64, shift in 0_u32..64) {
        let (offset, length) = (offset >> shift, length >> shift);
        let reaches = u128::from(offset) + u128::from(length);
        prop_assert_eq!(fits(offset, length, end), reaches <= u128::from(end));
        if let Ok(end) = u64::try_from(reaches) {
            prop_assert!(fits(offset, length, end));
            prop_assert!(end == 0 || !fits(offset, length, end - 1));
        }
    }
}
