// SPDX-License-Identifier: GPL-2.0

use dmpstat::model::escape::{show, undo};
use proptest::prelude::*;

#[test]
fn escapes_are_undone_and_other_backslashes_stay() {
    assert_eq!(undo(b"a\\x20b\\x5cc\\xFf"), b"a b\\c\xff");
    assert_eq!(undo(b"\\"), b"\\");
    assert_eq!(undo(b"\\x\\x2\\xg0\\\\x41"), b"\\x\\x2\\xg0\\A");
}

#[test]
fn a_name_shows_nothing_that_does_not_print() {
    assert_eq!(show("a b'\"é漢".as_bytes()), "a b'\"é漢");
    assert_eq!(show(b"\n\x1b[2J\\\xff\x7f"), "\\x0a\\x1b[2J\\x5c\\xff\\x7f");
    // This character reverses the direction of text.
    assert_eq!(show("\u{202e}x".as_bytes()), "\\xe2\\x80\\xaex");
}

proptest! {
    #[test]
    fn a_shown_name_can_be_undone(name in any::<Vec<u8>>()) {
        prop_assert_eq!(undo(show(&name).as_bytes()), name);
    }

    #[test]
    fn a_shown_name_has_no_control_character(name in any::<Vec<u8>>()) {
        prop_assert!(!show(&name).contains(char::is_control));
    }
}
