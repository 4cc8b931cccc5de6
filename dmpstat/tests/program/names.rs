// SPDX-License-Identifier: GPL-2.0

//! Names of devices.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;

use crate::common::{Root, SNAPSHOT, named};

/// Makes devices dm-0, dm-1 and so on with these names, as the module writes them.
fn root(names: &[&str]) -> Root {
    let root = Root::new();
    for (number, name) in names.iter().enumerate() {
        let device = format!("dm-{number}");
        root.write(&device, named(SNAPSHOT, &device, name));
    }
    root
}

/// Returns the devices that these arguments select.
fn meant(root: &Root, devices: &[&str]) -> Vec<String> {
    let output = root.run(&[&["-N", "-o", "r/s"], devices].concat()).output();
    let lines = output.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_device_is_selected_by_any_of_its_names() {
    let root = root(&["vg-data", "my--vg-my--data", "a\\x5cx20b", "plain"]);
    for name in [
        "vg-data",
        "vg/data",
        "/dev/vg/data",
        "/dev/mapper/vg-data",
        "dm-0",
        "/dev/dm-0",
    ] {
        assert_eq!(meant(&root, &[name]), ["dm-0"], "{name}");
    }
    for name in [
        "my--vg-my--data",
        "my-vg/my-data",
        "/dev/my-vg/my-data",
        "/dev/mapper/my--vg-my--data",
    ] {
        assert_eq!(meant(&root, &[name]), ["dm-1"], "{name}");
    }
    for name in ["a b", "a\\x20b", "/dev/mapper/a b", "/dev/mapper/a\\x20b"] {
        assert_eq!(meant(&root, &[name]), ["dm-2"], "{name}");
    }
    assert_eq!(meant(&root, &["plain", "vg/data"]), ["dm-3", "dm-0"]);
    assert_eq!(meant(&root, &[]), ["dm-0", "dm-1", "dm-2", "dm-3"]);
}

#[test]
fn patterns_match_each_name_of_a_device() {
    let root = root(&["vg-data", "vg-home", "other-data", "a[1]"]);
    assert_eq!(meant(&root, &["vg-*"]), ["dm-0", "dm-1"]);
    assert_eq!(meant(&root, &["*/data"]), ["dm-0", "dm-2"]);
    assert_eq!(meant(&root, &["/dev/vg/*"]), ["dm-0", "dm-1"]);
    assert_eq!(meant(&root, &["dm-[12]"]), ["dm-1", "dm-2"]);
    assert_eq!(meant(&root, &["a*", "vg-h?me"]), ["dm-3", "dm-1"]);
    // Devices of a pattern are in the order of their numbers, and each device appears once.
    assert_eq!(
        meant(&root, &["vg-home", "*-data", "dm-1"]),
        ["dm-1", "dm-0", "dm-2"]
    );
    // An argument that is a device's name selects that device, even if it is a valid pattern as well.
    assert_eq!(meant(&root, &["a[1]"]), ["dm-3"]);
}

#[test]
fn other_paths_are_followed_to_the_device() {
    let root = root(&["vg-data", "vg-home"]);
    let dev = root.path().join("dev/disk/by-id");
    fs::create_dir_all(&dev).unwrap();
    fs::write(root.path().join("dev/dm-1"), "").unwrap();
    symlink("../../dm-1", dev.join("home")).unwrap();
    assert_eq!(meant(&root, &["/dev/disk/by-id/home"]), ["dm-1"]);
}

#[test]
fn a_file_named_like_a_device_selects_no_device() {
    let root = root(&["vg-data", "vg-home"]);
    fs::create_dir_all(root.path().join("dev/disk")).unwrap();
    fs::create_dir_all(root.path().join("tmp/x")).unwrap();
    for file in ["tmp/x/dm-0", "dm-0", "dev/disk/dm-0"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    symlink("../tmp/x/dm-0", root.path().join("dev/link")).unwrap();
    symlink("/dev/null", root.path().join("dev/dm-9")).unwrap();
    for path in [
        "/tmp/x/dm-0",
        "/dm-0",
        "/dev/disk/dm-0",
        "/dev/link",
        "/dev/../tmp/x/dm-0",
        "/tmp/x",
    ] {
        let message = root.run(&[path]).message();
        let expected = format!("there is no dmp device \"{path}\"");
        assert!(message.starts_with(&expected), "{message}");
    }
    // These two are names, with or without such a node.
    assert_eq!(meant(&root, &["dm-0"]), ["dm-0"]);
    assert_eq!(meant(&root, &["/dev/dm-0"]), ["dm-0"]);
}

/// Only root can create a node, so without root this tests nothing.
#[test]
fn a_block_device_is_selected_by_its_number_not_its_name() {
    let root = root(&["vg-data", "vg-home"]);
    let node = root.path().join("tmp/dm-0");
    fs::create_dir_all(root.path().join("tmp")).unwrap();
    let number = makedev(253, 1);
    match mknodat(CWD, &node, FileType::BlockDevice, Mode::RUSR, number) {
        Err(Errno::PERM) => return,
        made => made.unwrap(),
    }
    let block = root.path().join("sys/dev/block");
    fs::create_dir_all(&block).unwrap();
    symlink("../../devices/virtual/block/dm-1", block.join("253:1")).unwrap();
    assert_eq!(meant(&root, &["/tmp/dm-0"]), ["dm-1"]);
    fs::remove_file(block.join("253:1")).unwrap();
    assert_eq!(
        root.run(&["/tmp/dm-0"]).message(),
        "there is no dmp device \"/tmp/dm-0\""
    );
}

#[test]
fn names_of_any_bytes_can_be_typed_as_they_are_shown() {
    let root = root(&["\\xff\\x22\\x5c\\x0a\\xc3\\xa9", &"x".repeat(127)]);
    let output = root.run(&["-o", "r/s", "\\xff\"\\x5c\\x0aé"]).output();
    assert!(
        output
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("\\xff\"\\x5c\\x0aé "),
        "{output}"
    );
    assert_eq!(meant(&root, &["*\\x5c*"]), ["dm-0"]);
    assert_eq!(meant(&root, &[&"x".repeat(127)]), ["dm-1"]);
}

#[test]
fn a_name_selects_the_device_with_this_current_name() {
    let root = root(&["a", "b"]);
    let output = root
        .run_while(&["-yN", "-o", "r/s", "a", "1", "1"], |_| {
            root.write("dm-0", named(SNAPSHOT, "dm-0", "old"));
            root.write("dm-1", named(SNAPSHOT, "dm-1", "a"));
        })
        .output();
    assert!(
        output.lines().nth(1).unwrap().starts_with("dm-1 "),
        "{output}"
    );
}

#[test]
fn an_error_explains_numbers_before_the_devices() {
    let root = root(&["vg-data"]);
    assert_eq!(
        root.run(&["1", "4", "vg-data"]).message(),
        "there is no dmp device \"1\". Write INTERVAL and COUNT after the devices"
    );
    // These words parse as floats, and are names here.
    for name in ["inf", "nan", "infinity"] {
        assert_eq!(
            root.run(&[name, "vg-data"]).message(),
            format!("there is no dmp device \"{name}\"")
        );
    }
}
