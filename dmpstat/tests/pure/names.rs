// SPDX-License-Identifier: GPL-2.0

use dmpstat::source::likeness::nearest;
use dmpstat::source::lvm::{device_name, is_inner, logical_volume};
use dmpstat::source::selection::{Choice, Selection};
use dmpstat::source::sysfs::{Machine, minor};

#[test]
fn a_logical_volume_is_two_names_with_doubled_hyphens() {
    let volume = |name: &str| {
        logical_volume(name.as_bytes()).map(|volume| String::from_utf8(volume).unwrap())
    };
    assert_eq!(volume("vg-lv").as_deref(), Some("vg/lv"));
    assert_eq!(volume("my--vg-data--1").as_deref(), Some("my-vg/data-1"));
    assert_eq!(volume("a---b").as_deref(), Some("a-/b"));
    // These are layers of a volume, and names that belong to no volume.
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
fn a_minor_number_has_one_form_only() {
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
fn a_selection_of_numbers_leaves_other_devices_unread() {
    for (devices, expected) in [
        (&[][..], true),
        (&["dm-1"], true),
        (&["dm-1", "dm-2"], true),
        (&["dm-2"], false),
        (&["dm-2", "dm-3"], false),
        // A name or a pattern may match any device.
        (&["dm-2", "vg/lv"], true),
        (&["dm-2", "dm-*"], true),
    ] {
        let written: Vec<_> = devices.iter().map(Into::into).collect();
        let may_have = Selection::new(&written).may_have("dm-1");
        assert_eq!(may_have, expected, "{devices:?}");
    }
}

#[test]
fn a_logical_volume_has_a_device_mapper_name() {
    for (volume, name) in [
        ("vg/lv", Some("vg-lv")),
        ("my-vg/data-1", Some("my--vg-data--1")),
        ("vg", None),
        ("vg/lv/x", None),
        ("/lv", None),
        ("vg/", None),
    ] {
        let expected = name.map(|name| name.as_bytes().to_vec());
        assert_eq!(device_name(volume.as_bytes()), expected, "{volume}");
        if let Some(name) = expected {
            assert_eq!(logical_volume(&name).unwrap(), volume.as_bytes());
        }
    }
}

/// Returns the uuid of a user's volume, with a suffix.
fn uuid(suffix: &str) -> Vec<u8> {
    format!("LVM-{}{suffix}", "0123456789abcdef".repeat(4)).into_bytes()
}

#[test]
fn inner_devices_of_lvm_are_distinguished_from_users_volumes() {
    // The uuid's suffix decides, with any name.
    for suffix in ["-real", "-cow", "-tpool", "-pool", "-cdata"] {
        assert!(is_inner(b"vg-data", &uuid(suffix)), "{suffix}");
    }
    // A name that LVM reserves decides, and so does a layer.
    for name in [
        "vg-pvmove0",
        "vg-snapshot0",
        "vg-data_rimage_0",
        "vg-data_rmeta_0",
        "vg-data_mimage_1",
        "vg-data_mimagetmp_1",
        "vg-data_mlog",
        "vg-pool_tdata",
        "vg-pool_tmeta",
        "vg-pool_cdata",
        "vg-pool_cmeta",
        "vg-cache_cvol",
        "vg-cache_cpool",
        "vg-data_corig",
        "vg-data_wcorig",
        "vg-lvol0_pmspare",
        "vg-vdo_vdata",
        "vg-data_vorigin",
        "vg-data_rimage_0_imeta",
        "vg-data_rimage_0_iorig",
        "vg-data-real",
        "my--vg-data-cow",
    ] {
        assert!(is_inner(name.as_bytes(), &uuid("")), "{name}");
        // These uuids are not LVM's.
        assert!(!is_inner(name.as_bytes(), b"CRYPT-0123"), "{name}");
        assert!(!is_inner(name.as_bytes(), b""), "{name}");
    }
    for name in [
        "vg-data",
        "vg-data--real",
        "my--vg-data",
        "pvmove-data",
        "vg_tmeta-data",
        "vg-my_snapshot",
        "vg-rimage",
        "data",
    ] {
        assert!(!is_inner(name.as_bytes(), &uuid("")), "{name}");
    }
}

#[test]
fn a_pattern_attaches_no_inner_device_but_a_whole_name_does() {
    let attaches = |choice: &str, name: &str, suffix: &str| {
        let choice = Choice::checked(choice.as_ref()).unwrap();
        choice.attaches("dm-3", name.as_bytes(), &uuid(suffix), None)
    };
    assert!(attaches("vg/*", "vg-data", ""));
    assert!(attaches("*", "vg-data", ""));
    for (name, suffix) in [
        ("vg-data-real", "-real"),
        ("vg-pvmove0", ""),
        ("vg-data", "-cow"),
    ] {
        for pattern in ["*", "vg*", "vg-*", "vg/*", "/dev/mapper/*", "dm-*"] {
            assert!(!attaches(pattern, name, suffix), "{pattern} {name}");
        }
        assert!(attaches(name, name, suffix), "{name}");
        assert!(
            attaches(&format!("/dev/mapper/{name}"), name, suffix),
            "{name}"
        );
    }
    assert!(!attaches("vg/home", "vg-data", ""));
    // Parts of Stratis' volumes and hidden devices have such a uuid.
    let private = b"stratis-1-private-dmp-0123";
    let attaches = |choice: &str| {
        let choice = Choice::checked(choice.as_ref()).unwrap();
        choice.attaches("dm-3", b"dmp-0123", private, None)
    };
    assert_eq!((attaches("dmp*"), attaches("dmp-0123")), (false, true));
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

#[test]
fn the_nearest_name_is_the_last_of_the_most_similar_ones() {
    let name = |wanted, names: &[&'static str]| nearest(wanted, names).map(|(_, name)| *name);
    assert_eq!(
        name("r_p98", &["r_p50", "r_p95", "r_p99", "w/s"]),
        Some("r_p99")
    );
    assert_eq!(name("r_p98", &["r_p98", "r_p99"]), Some("r_p98"));
    // The similarity is (1 + 2 * common letters / all letters) / 3: 7/9, and 0.73.
    assert_eq!(name("abcdef", &["xbcdey"]), Some("xbcdey"));
    assert_eq!(name("abcde", &["xbcdy"]), None);
    assert_eq!(name("abcde", &[]), None);
}
