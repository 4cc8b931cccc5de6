// SPDX-License-Identifier: GPL-2.0

use dmpstat::lvm::logical_volume;
use dmpstat::sysfs::minor;

#[test]
fn a_logical_volume_is_two_names_with_doubled_hyphens() {
    let volume = |name: &str| {
        logical_volume(name.as_bytes()).map(|volume| String::from_utf8(volume).unwrap())
    };
    assert_eq!(volume("vg-lv").as_deref(), Some("vg/lv"));
    assert_eq!(volume("my--vg-data--1").as_deref(), Some("my-vg/data-1"));
    assert_eq!(volume("a---b").as_deref(), Some("a-/b"));
    // The layers of a volume, and what is none.
    for name in [
        "vg-pool-tpool",
        "plain",
        "a--b",
        "-a",
        "a-",
        "-",
        "",
        "a/b-c",
    ] {
        assert_eq!(volume(name), None, "{name}");
    }
}

#[test]
fn a_minor_number_is_written_in_one_way_only() {
    for (device, expected) in [
        ("dm-0", Some(0)),
        ("dm-1048575", Some(1_048_575)),
        ("dm-", None),
        ("dm-+7", None),
        ("dm-07", None),
        ("dm-99999999999", None),
        ("dm-7p1", None),
    ] {
        assert_eq!(minor(device), expected, "{device}");
    }
}
