// SPDX-License-Identifier: GPL-2.0

//! Names of devices, in which any byte but NUL may be.
//!
//! Two programs write `\xHH` for bytes: the module, of all that is not printable, so that a name in
//! `snapshot` is one word; and before it libdevmapper, of what udev does not like in names of files,
//! which the kernel then takes for the name itself.

/// The bytes that a text with `\xHH` in it stands for. Other backslashes stand for themselves.
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

/// The name as people are shown it: all that would not print, or not as itself, is `\xHH`, and so is
/// the backslash, so that [`undo`] gives the name back.
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

/// The same of a name that the module or libdevmapper has written.
pub fn shown(text: &[u8]) -> String {
    show(&undo(text))
}

/// Escapes of Rust are those of what has no picture of its own, and of quotes.
fn prints(character: char) -> bool {
    matches!(character, '\'' | '"') || character.escape_debug().count() == 1
}

fn escape(bytes: &[u8], shown: &mut String) {
    for byte in bytes {
        shown.push_str(&format!("\\x{byte:02x}"));
    }
}
