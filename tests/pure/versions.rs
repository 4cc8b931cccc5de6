// SPDX-License-Identifier: GPL-2.0

use std::panic::catch_unwind;

use crate::version::{VERSION, parse};

#[test]
fn the_version_is_the_files() {
    let [major, minor, patch] = VERSION;
    assert_eq!(
        format!("{major}.{minor}.{patch}\n"),
        include_str!("../../module/VERSION")
    );
}

#[test]
fn numbers_have_any_count_of_digits() {
    assert_eq!(parse("0.0.0\n"), [0, 0, 0]);
    assert_eq!(parse("12.0.345\n"), [12, 0, 345]);
    assert_eq!(parse("1.4294967295.1\n"), [1, u32::MAX, 1]);
}

#[test]
fn any_other_text_is_refused() {
    for text in [
        "",
        "\n",
        "1.1\n",
        "1.1.0",
        "1.1.0.1\n",
        "1..0\n",
        ".1.0\n",
        "1.1.\n",
        "1.1.0\n\n",
        " 1.1.0\n",
        "v1.1.0\n",
        "1.1.0-rc1\n",
        "1.1.0 \n",
        "1.\n1.0\n",
    ] {
        assert!(catch_unwind(|| parse(text)).is_err(), "{text:?}");
    }
}
