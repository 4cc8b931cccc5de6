// SPDX-License-Identifier: GPL-2.0

//! Names of devices, which may contain any byte but NUL.
//!
//! Two programs write bytes as `\xHH`. libdevmapper escapes the characters that udev does not like in names
//! of files, and the kernel takes the result for the name itself. The module then escapes the space, the
//! backslash and all that is not printable ASCII, so that a name in `snapshot` is one word.

/// Returns the bytes for which a text with `\xHH` stands. Other backslashes stand for themselves.
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

/// Returns a name in the form for people. Characters that do not print as themselves are `\xHH`. So is the
/// backslash, so that [`undo`] gives the name back.
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

/// Returns the form for people of a name that the module or libdevmapper has escaped.
pub fn shown(text: &[u8]) -> String {
    show(&undo(text))
}

/// Tells if a character prints as itself. Rust escapes those that do not, and quotes, which do.
fn prints(character: char) -> bool {
    matches!(character, '\'' | '"') || character.escape_debug().count() == 1
}

fn escape(bytes: &[u8], shown: &mut String) {
    for byte in bytes {
        shown.push_str(&format!("\\x{byte:02x}"));
    }
}
