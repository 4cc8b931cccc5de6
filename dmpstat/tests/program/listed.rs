// SPDX-License-Identifier: GPL-2.0

//! Metrics of the volumes that attach.conf lists.

use std::fs;

use crate::common::{Root, SNAPSHOT, named};

/// The file of listed volumes.
const CONF: &str = "etc/dmp/attach.conf";

/// Makes a mapped device that is not attached.
fn mapped(root: &Root, device: &str, name: &str, uuid: &str) {
    root.file(&format!("sys/block/{device}/dm/name"), &format!("{name}\n"));
    root.file(&format!("sys/block/{device}/dm/uuid"), &format!("{uuid}\n"));
}

/// Makes an attached device.
fn attached(root: &Root, device: &str, name: &str) {
    mapped(root, device, name, "LVM-0123");
    root.write(device, named(SNAPSHOT, device, name));
}

/// Returns the labels of the listed volumes in an output.
fn listed(output: &str) -> Vec<&str> {
    let lines = output.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("dmp_volume_attach_info{"));
    lines
        .map(|line| line.strip_suffix("} 1").unwrap())
        .collect()
}

#[test]
fn listed_volumes_are_named_whether_they_are_attached_or_not() {
    let root = Root::new();
    attached(&root, "dm-0", "vg-data");
    mapped(&root, "dm-1", "vg-db--1", "LVM-1");
    mapped(&root, "dm-2", "vg-other", "LVM-2");
    mapped(&root, "dm-10", "backup", "");
    root.file(
        CONF,
        "# comment\nvg/data\n/dev/mapper/backup flush_bypass\nvg/db-* no_latency\nvg/db-1\nvg/missing\n",
    );
    let output = root.run(&["export"]).output();
    assert_eq!(
        listed(&output),
        [
            r#"name="vg-data",latency="on""#,
            r#"name="vg-db--1",latency="off""#,
            r#"name="backup",latency="on""#,
        ]
    );
    assert!(output.contains(
        "# HELP dmp_volume_attach_info Existing volume that /etc/dmp/attach.conf lists, attached or not, and \
         whether its line asks for latencies.\n# TYPE dmp_volume_attach_info gauge\n"
    ));
}

#[test]
fn listed_volumes_are_named_while_the_module_is_not_loaded() {
    let root = Root::without_module();
    mapped(&root, "dm-1", "vg-data", "LVM-1");
    root.file(CONF, "vg/data\n");
    let ran = root.run(&["export"]);
    assert_eq!(listed(&ran.out), [r#"name="vg-data",latency="on""#]);
}

#[test]
fn a_missing_or_unreadable_list_fails_no_export() {
    let root = Root::new();
    attached(&root, "dm-0", "vg-data");
    let output = root.run(&["export"]).output();
    assert!(!output.contains("dmp_volume_attach_info"));
    fs::create_dir_all(root.path().join(CONF)).unwrap();
    let output = root.run(&["export"]).output();
    assert!(!output.contains("dmp_volume_attach_info"));
}

#[test]
fn an_invalid_line_is_told_once_and_fails_no_export() {
    let root = Root::new();
    attached(&root, "dm-0", "vg-data");
    root.file(CONF, "vg/x quickly\nvg/data\n");
    let note = "dmpstat: /etc/dmp/attach.conf, line 1: \"quickly\" is not an option: expected latency, \
                no_latency, pattern, flush_bypass, as_dmp or as_linear\n";
    let ran = root.run(&["export"]);
    ran.result.unwrap();
    assert_eq!(ran.notes, note);
    assert_eq!(listed(&ran.out), [r#"name="vg-data",latency="on""#]);
    let file = root.path().join("dmp.prom");
    for interval in [&[][..], &["15", "3"]] {
        let arguments = ["export", "--textfile", file.to_str().unwrap()];
        let ran = root.run(&[&arguments, interval].concat());
        ran.result.unwrap();
        assert_eq!(ran.notes, note);
    }
}

/// These would seem to be unattached, because the metrics have no other series of theirs.
#[test]
fn volumes_that_are_not_exported_are_not_listed_either() {
    let root = Root::new();
    attached(&root, "dm-0", "vg-data");
    attached(&root, "dm-1", "vg-home");
    root.file(CONF, "vg/*\n");
    let output = root.run(&["export", "vg/home"]).output();
    assert_eq!(listed(&output), [r#"name="vg-home",latency="on""#]);
    // A group has no information about its volumes.
    let output = root.run(&["export", "--by", "vg"]).output();
    assert_eq!(listed(&output), [""; 0]);
    root.write("dm-0", "no snapshot");
    let ran = root.run(&["export"]);
    assert_eq!(listed(&ran.out), [r#"name="vg-home",latency="on""#]);
}

#[test]
fn a_pattern_lists_no_inner_and_no_private_device() {
    let root = Root::new();
    mapped(&root, "dm-0", "vg-pool_tdata", "LVM-0");
    mapped(&root, "dm-1", "vg-private", "OTHER-1");
    root.file("sys/block/dm-1/dev", "253:1\n");
    root.file(
        "run/udev/data/b253:1",
        "E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1\n",
    );
    mapped(&root, "dm-2", "vg-data", "LVM-2");
    root.file("sys/block/dm-2/dev", "253:2\n");
    root.file(CONF, "vg-*\n");
    let output = root.run(&["export"]).output();
    assert_eq!(listed(&output), [r#"name="vg-data",latency="on""#]);
    root.file(CONF, "vg-pool_tdata\nvg-private\n");
    let output = root.run(&["export"]).output();
    assert_eq!(
        listed(&output),
        [
            r#"name="vg-pool_tdata",latency="on""#,
            r#"name="vg-private",latency="on""#
        ]
    );
}

/// Prometheus refuses a scrape with two equal series.
#[test]
fn listed_volumes_whose_names_look_alike_have_their_uuids() {
    let root = Root::new();
    attached(&root, "dm-0", "a\\x20b");
    mapped(&root, "dm-1", "a b", "u");
    mapped(&root, "dm-2", "a\\x20b", "u");
    root.file(CONF, "a?b\n");
    let output = root.run(&["export"]).output();
    assert_eq!(
        listed(&output),
        [
            r#"name="a b",latency="on""#,
            r#"name="a b",uuid="u",latency="on""#
        ]
    );
}
