// SPDX-License-Identifier: GPL-2.0

//! The labels and the information of volumes in `dmpstat export`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use crate::common::Root;
use crate::export::{device, lines, put_on};

/// Writes the mount points that the first process sees, and the number of dm-3.
pub fn mount(root: &Root, mounts: &str) {
    root.file("proc/1/mountinfo", mounts);
    let numbers = root.path().join("sys/dev/block");
    fs::create_dir_all(&numbers).unwrap();
    let link = numbers.join("253:3");
    if !link.is_symlink() {
        symlink("../../devices/virtual/block/dm-3", link).unwrap();
    }
}

/// Recordings have the counters alone.
#[test]
fn an_export_of_a_recording_lacks_disks_mounts_and_the_list() {
    let root = Root::with_device();
    device(&root, "dm-4", "vg-pool", "LVM-4");
    put_on(&root, "dm-3", &["dm-4", "sda"]);
    mount(
        &root,
        "90 1 253:3 / /srv rw - ext4 /dev/mapper/vg-data rw\n",
    );
    root.file("sys/block/dm-3/dm/name", "vg-data\n");
    root.file("etc/dmp/attach.conf", "vg/data\n");
    let path = root.path().join("recording");
    let path = path.to_str().unwrap();
    root.run_in_time(&["record", "-o", path], 2, |_| {})
        .output();
    let live = root.run(&["export"]).output();
    let recorded = root.run(&["export", "-f", path]).output();
    let families = |text: &str| -> BTreeSet<String> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.map(str::to_owned).collect()
    };
    let (all, found) = (families(&live), families(&recorded));
    let missing: Vec<&String> = all.difference(&found).collect();
    assert_eq!(
        missing,
        [
            "dmp_volume_attach_info gauge",
            "dmp_volume_mount_info gauge",
            "dmp_volume_underlying_info gauge",
        ]
    );
    let info = |text: &str| lines(text, "dmp_volume_info{");
    assert!(info(&live)[0].contains("stacked_on=\"dm-4\""));
    let lone: Vec<String> = info(&live)
        .iter()
        .map(|line| line.replace("stacked_on=\"dm-4\"", "stacked_on=\"\""))
        .collect();
    assert_eq!(info(&recorded), lone);
}

#[test]
fn volumes_have_their_mount_points() {
    let root = Root::with_device();
    mount(
        &root,
        "22 1 0:21 / /proc rw,nosuid - proc proc rw\n\
         90 1 253:3 / /srv/with\\040space rw shared:1 master:2 - ext4 /dev/mapper/vg-data rw\n\
         91 1 253:3 /below /srv/bound rw - ext4 /dev/mapper/vg-data rw\n\
         92 1 253:3 / /srv/bound rw - ext4 /dev/mapper/vg-data rw\n\
         93 1 0:44 / /srv/btrfs rw - btrfs /dev/mapper/vg-data rw\n\
         94 1 0:45 / /srv/btrfs2 rw - btrfs /dev/dm-3 rw\n\
         95 1 253:9 / /other rw - xfs /dev/mapper/other rw\n\
         96 1 0:46 / /srv/\\134x rw - overlay /dev/mapper/vg-other rw\n\
         malformed\n",
    );
    let output = root.run(&["export"]).output();
    let series = |point: &str, kind: &str| {
        format!(
            "dmp_volume_mount_info{{name=\"vg-data\",mountpoint=\"{point}\",fstype=\"{kind}\"}} 1"
        )
    };
    assert_eq!(
        lines(&output, "dmp_volume_mount_info"),
        [
            series("/srv/bound", "ext4"),
            series("/srv/btrfs", "btrfs"),
            series("/srv/btrfs2", "btrfs"),
            series("/srv/with space", "ext4"),
        ]
    );
    // A service without privileges may read only its own mount points.
    fs::remove_file(root.path().join("proc/1/mountinfo")).unwrap();
    root.file(
        "proc/self/mountinfo",
        "90 1 253:3 / /own rw - ext4 /dev/mapper/vg-data rw\n",
    );
    let output = root.run(&["export"]).output();
    assert_eq!(
        lines(&output, "dmp_volume_mount_info"),
        [series("/own", "ext4")]
    );
}

#[test]
fn names_are_escaped_as_on_the_screen_and_then_as_labels() {
    let root = Root::new();
    device(
        &root,
        "dm-0",
        "\\x22\\x5c\\x0a\\xff\\xc3\\xa9",
        "u\\x22\\xfe",
    );
    device(&root, "dm-1", &"x".repeat(127), "");
    device(&root, "dm-2", "a\\x5cx20b", "");
    let output = root.run(&["export", "--operations", "read"]).output();
    assert_eq!(
        lines(&output, "dmp_request_errors_total"),
        [
            r#"dmp_request_errors_total{name="\"\\x5c\\x0a\\xffé",operation="read"} 0"#.to_owned(),
            format!(
                r#"dmp_request_errors_total{{name="{}",operation="read"}} 0"#,
                "x".repeat(127)
            ),
            r#"dmp_request_errors_total{name="a b",operation="read"} 0"#.to_owned(),
        ]
    );
}

#[test]
fn no_two_devices_have_the_same_labels() {
    let names = |root: &Root| {
        let output = root.run(&["export", "--operations", "read"]).output();
        let lines = lines(&output, "dmp_request_errors_total{name=");
        let names = lines
            .iter()
            .map(|line| line.split('"').nth(1).unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    let root = Root::new();
    // Two names look alike, because libdevmapper has escaped only one of them. The form of a third one equals
    // the kernel's name of the second.
    device(&root, "dm-0", "a\\x20b", "");
    device(&root, "dm-1", "a\\x5cx20b", "");
    assert_eq!(names(&root), ["a b", "a\\\\x5cx20b"]);
    device(&root, "dm-2", "a\\x5cx5cx20b", "");
    assert_eq!(names(&root), ["a b", "a\\\\x5cx20b", "a\\\\x5cx5cx20b"]);
    // The uuid distinguishes devices with the same name.
    device(&root, "dm-2", "a\\x20b", "u");
    assert_eq!(names(&root), ["a b", "a\\\\x5cx20b", "a b"]);
    let output = root.run(&["export", "--operations", "read"]).output();
    assert_eq!(
        lines(&output, "dmp_inflight_requests"),
        [
            r#"dmp_inflight_requests{name="a b",uuid="",operation="read"} 0"#,
            r#"dmp_inflight_requests{name="a\\x5cx20b",operation="read"} 0"#,
            r#"dmp_inflight_requests{name="a b",uuid="u",operation="read"} 0"#,
        ]
    );
    // A name moved from one device to another while devices were read.
    let root = Root::new();
    device(&root, "dm-0", "swapped", "");
    device(&root, "dm-1", "other", "");
    device(&root, "dm-2", "swapped", "");
    let output = root.run(&["export"]).output();
    let devices = lines(&output, "dmp_volume_info{device=");
    let devices: Vec<&str> = devices
        .iter()
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(devices, ["dm-1", "dm-2"]);
}

/// Returns the values of these labels in the information of a device.
fn info(root: &Root, device: &str, labels: &[&str]) -> Vec<String> {
    let output = root.run(&["export"]).output();
    let line = &lines(&output, &format!("dmp_volume_info{{device=\"{device}\""))[0];
    let value = |label: &&str| {
        let (_, rest) = line.split_once(&format!("{label}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    labels.iter().map(value).collect()
}

#[test]
fn logical_volumes_have_their_group_and_name() {
    let root = Root::new();
    let volumes = [
        ("vg-data", "LVM-0123", ["vg", "data"]),
        ("my--vg-my--data", "LVM-0123", ["my-vg", "my-data"]),
        ("a----b-c", "LVM-0123", ["a--b", "c"]),
        ("vg-pool-tpool", "LVM-0123-tpool", ["vg", "pool"]),
        // A device that is not LVM's has neither, even if its name looks like it.
        ("vg-data", "", ["", ""]),
        ("vg-data", "CRYPT-LUKS2-0123", ["", ""]),
        ("odd", "LVM-0123", ["", ""]),
    ];
    for (name, uuid, expected) in volumes {
        device(&root, "dm-3", name, uuid);
        assert_eq!(
            info(&root, "dm-3", &["vg_name", "lv_name"]),
            expected,
            "{name} {uuid}"
        );
    }
}

/// Returns the disks directly under a device.
fn underlying(output: &str, name: &str) -> Vec<String> {
    let lines = lines(
        output,
        &format!("dmp_volume_underlying_info{{name=\"{name}\""),
    );
    let disk = |line: &String| line.rsplit('"').nth(1).unwrap().to_owned();
    lines.iter().map(disk).collect()
}

#[test]
fn metrics_name_the_underlying_disks_and_the_dmp_volumes_below() {
    let root = Root::new();
    for counted in ["dm-2", "dm-10", "dm-3", "dm-4"] {
        device(&root, counted, counted, "");
    }
    put_on(&root, "dm-2", &["sda1", "sdb"]);
    put_on(&root, "dm-10", &["sda1"]);
    // dm-7 is an uncounted linear device between the two.
    put_on(&root, "dm-7", &["dm-2"]);
    put_on(&root, "dm-3", &["dm-7", "dm-10"]);
    put_on(&root, "md0", &["dm-3"]);
    put_on(&root, "dm-4", &["md0"]);
    let output = root.run(&["export"]).output();
    for (device, disks, stacked_on) in [
        ("dm-2", &["sdb", "sda1"][..], ""),
        ("dm-10", &["sda1"], ""),
        ("dm-3", &["dm-7", "dm-10"], "dm-2,dm-10"),
        ("dm-4", &["md0"], "dm-2,dm-3,dm-10"),
    ] {
        assert_eq!(underlying(&output, device), disks, "{device}");
        assert_eq!(
            info(&root, device, &["stacked_on"]),
            [stacked_on],
            "{device}"
        );
    }
}

/// The sum over volumes with an empty stacked_on would lack requests if stacked_on named volumes that are not
/// exported.
#[test]
fn stacked_on_lists_only_exported_volumes_but_underlying_lists_all() {
    let root = Root::new();
    for counted in ["dm-2", "dm-3", "dm-4"] {
        device(&root, counted, counted, "");
    }
    put_on(&root, "dm-2", &["sda"]);
    put_on(&root, "dm-3", &["dm-2"]);
    put_on(&root, "dm-4", &["dm-3"]);
    let export = |devices: &[&str]| {
        let output = root.run(&[&["export"], devices].concat()).output();
        let lines = lines(&output, "dmp_volume_info");
        let stacked_on = lines
            .iter()
            .map(|line| line.rsplit('"').nth(1).unwrap().to_owned());
        (
            stacked_on.collect::<Vec<String>>(),
            underlying(&output, "dm-4"),
        )
    };
    assert_eq!(
        export(&["dm-4"]),
        (vec![String::new()], vec!["dm-3".to_owned()])
    );
    let (stacked_on, _) = export(&["dm-2", "dm-4"]);
    assert_eq!(stacked_on, ["", "dm-2"]);
    // An unreadable volume is not exported either.
    root.write("dm-2", "no snapshot");
    let ran = root.run(&["export"]);
    let stacked_on = lines(&ran.out, "dmp_volume_info");
    assert!(
        stacked_on[0].ends_with("stacked_on=\"\"} 1"),
        "{stacked_on:?}"
    );
    assert!(
        stacked_on[1].ends_with("stacked_on=\"dm-3\"} 1"),
        "{stacked_on:?}"
    );
}
