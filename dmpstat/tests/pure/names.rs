// SPDX-License-Identifier: GPL-2.0

use dmpstat::lvm::logical_volume;
use dmpstat::sysfs::{Machine, minor};

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

#[test]
fn a_block_device_is_found_by_its_number() {
    let root = tempfile::tempdir().unwrap();
    let block = root.path().join("sys/dev/block");
    std::fs::create_dir_all(&block).unwrap();
    for (number, path) in [("253:7", "virtual/block/dm-7"), ("8:1", "pci/sda/sda1")] {
        let target = format!("../../devices/{path}");
        std::os::unix::fs::symlink(target, block.join(number)).unwrap();
    }
    let machine = Machine::new(root.path());
    let device = |major, minor| machine.block_device(rustix::fs::makedev(major, minor));
    assert_eq!(device(253, 7).unwrap(), "dm-7");
    assert_eq!(device(8, 1).unwrap(), "sda1");
    assert_eq!(device(253, 8), None);
}
