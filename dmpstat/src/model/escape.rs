// SPDX-License-Identifier: GPL-2.0

//! Names of devices, which may contain any byte but NUL.
//!
//! Two programs write bytes as `\xHH`. libdevmapper escapes the characters that udev forbids in names of
//! files, and the result is the device's name in the kernel. The module then escapes the space, the backslash
//! and all bytes but printable ASCII, so that a name in `snapshot` is one word.

/// Replaces each `\xHH` by its byte. Other backslashes stay.
pub fn undo(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', b'x', high, low, ..] => hexadecimal(*high).zip(hexadecimal(*low)),
            _ => None,
        };
        (rest, _) = match escaped {
            Some((high, low)) => (&rest[4..], bytes.push((high << 4) | low)),
            None => (after, bytes.push(*first)),
        };
    }
    bytes
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// Returns a name in the form for users. Characters that do not print as themselves become `\xHH`, and so
/// does the backslash, so that [`undo`] returns the name.
pub fn show(name: &[u8]) -> String {
    let mut shown = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character != '\\' && prints(character) {
                shown.push(character);
            } else {
                escape(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut shown);
            }
        }
        escape(chunk.invalid(), &mut shown);
    }
    shown
}

/// Returns the form for users of a name with the escapes of the module or of libdevmapper.
pub fn shown(text: &[u8]) -> String {
    show(&undo(text))
}

/// Returns whether a character prints as itself. Rust also escapes quotes, which do print.
fn prints(character: char) -> bool {
    matches!(character, '\'' | '"') || character.escape_debug().count() == 1
}

fn escape(bytes: &[u8], shown: &mut String) {
    for byte in bytes {
        shown.push_str(&format!("\\x{byte:02x}"));
    }
}
