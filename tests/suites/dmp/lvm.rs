// SPDX-License-Identifier: GPL-2.0

//! LVM's own tools over dmp devices.

use dmp_vm::Machine;

use crate::common::*;

/// LVM's configuration. It does not use udev, which makes the nodes and links elsewhere. It uses
/// only DISKS, because the disks below dmp devices have the same content.
const CONFIGURATION: &str = r#"
activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
backup { backup = 0 archive = 0 }
devices {
  obtain_device_list_from_udev = 0
  use_devicesfile = 0
  filter = [ "a|^/dev/DISKS$|", "r|.*|" ]
}
global {
  use_lvmpolld = 0
  event_activation = 0
  thin_check_executable = "/usr/local/bin/thin_check"
}
"#;

/// Configures LVM to use the disks in /dev that the pattern matches.
#[track_caller]
pub fn configure(machine: &mut Machine, disks: &str) {
    let configuration = CONFIGURATION.replace("DISKS", disks);
    machine.sh(&format!(
        "mkdir -p /run/lvm && cat >/run/lvm/lvm.conf <<'END'\n{configuration}END"
    ));
}

#[track_caller]
fn lvm(machine: &mut Machine, command: &str) -> String {
    machine.sh(&format!("LVM_SYSTEM_DIR=/run/lvm lvm {command}"))
}

/// Makes a volume group of `left` and `right`, with a volume of each kind and data on each volume
/// except the pool. /run has the data.
#[track_caller]
fn make_group(machine: &mut Machine) {
    lvm(machine, "pvcreate -q /dev/mapper/left /dev/mapper/right");
    lvm(
        machine,
        "vgcreate -q group /dev/mapper/left /dev/mapper/right",
    );
    for volume in [
        "-Wn -n line -L 8m",
        "-Wn -n stripes -i 2 -L 8m",
        "-Wn --type raid1 -m 1 --nosync -n pair -L 8m",
        "--type thin-pool -n pool -L 16m -Zn",
        "-Wn -V 32m -n thin --thinpool pool",
        "-s -n snap -L 8m group/line",
    ] {
        let group = if volume.contains("group/") {
            ""
        } else {
            "group"
        };
        lvm(machine, &format!("lvcreate -q -y {volume} {group}"));
    }
    for volume in ["line", "stripes", "pair", "thin", "snap"] {
        machine.sh(&format!(
            "dd if=/dev/urandom of=/run/{volume} bs=64k count=32 status=none && \
             dd if=/run/{volume} of=/dev/group/{volume} bs=64k oflag=direct status=none"
        ));
    }
}

#[track_caller]
fn assert_counted_without_errors(machine: &mut Machine, device: &str) {
    for operation in ["read", "write"] {
        let file = |what| format!("{device}/{operation}/{what}");
        assert!(
            number(machine, &file("requests")) > 0,
            "{device} {operation}"
        );
        assert_eq!(number(machine, &file("errors")), 0, "{device} {operation}");
    }
}

/// Two dmp devices are the physical volumes of a group. The group's volumes span both.
#[test]
fn a_volume_group_on_dmp_devices_is_created_grown_moved_and_removed() {
    let mut machine = machine_with_tools();
    let left = create(&mut machine, "left", "0 131072 dmp /dev/vda 0");
    let right = create(&mut machine, "right", "0 131072 dmp /dev/vdb 0");
    // LVM may search modprobe at a path that the machine does not have.
    machine.sh("modprobe -a dm-mirror dm-raid dm-snapshot dm-thin-pool");
    configure(&mut machine, "mapper/(left|right)");
    make_group(&mut machine);
    lvm(&mut machine, "lvextend -q -L 16m group/stripes");
    // All data of one physical volume moves to the other, while its volumes are active.
    lvm(
        &mut machine,
        "lvremove -q -y group/snap group/pair group/stripes",
    );
    // pvmove checks its progress every second instead of every fifteen.
    lvm(
        &mut machine,
        "pvmove -q -i 1 /dev/mapper/left /dev/mapper/right",
    );
    for volume in ["line", "thin"] {
        machine.sh(&format!(
            "dd if=/dev/group/{volume} of=/run/back bs=64k count=32 iflag=direct status=none && \
             cmp /run/{volume} /run/back"
        ));
    }
    lvm(&mut machine, "vgreduce -q group /dev/mapper/left");
    let listed = lvm(
        &mut machine,
        "pvs --noheadings -o pv_name,vg_name --sort pv_name",
    );
    let listed: Vec<_> = listed.split_whitespace().collect();
    assert_eq!(listed, ["/dev/mapper/left", "/dev/mapper/right", "group"]);
    for device in [&left, &right] {
        assert_counted_without_errors(&mut machine, device);
    }
    lvm(&mut machine, "vgremove -q -y group");
    lvm(
        &mut machine,
        "pvremove -q /dev/mapper/left /dev/mapper/right",
    );
    machine.sh("dmsetup remove left && dmsetup remove right && rmmod dmp");
}

/// LVM warns about dmp lines. An extension loads linear lines, like every change of a volume.
#[test]
fn lvm_accepts_as_linear_lines_as_its_own() {
    let mut machine = machine_with_tools();
    configure(&mut machine, "vd[ab]");
    lvm(&mut machine, "pvcreate -q /dev/vda /dev/vdb");
    lvm(&mut machine, "vgcreate -q group /dev/vda /dev/vdb");
    // The volume has two segments.
    lvm(&mut machine, "lvcreate -q -y -Wn -n line -L 72m group");
    let before = machine.sh("dmsetup table group-line");
    assert_eq!(before.lines().count(), 2, "{before}");
    let exchange = |options: &str| {
        format!(
            "dmsetup table group-line | sed 's/linear/dmp/; s/$/{options}/' >/run/table && \
             dmsetup reload group-line /run/table && \
             dmsetup suspend group-line && dmsetup resume group-line"
        )
    };
    let list =
        "LVM_SYSTEM_DIR=/run/lvm lvm lvs --noheadings -o lv_name,lv_attr,lv_health_status 2>&1";
    let healthy = machine.sh(list);
    machine.sh(&exchange(""));
    let listed = machine.sh(list);
    assert!(listed.contains("segment type"), "{listed}");
    // The dmp lines are printed without options, so sed adds the first one.
    machine.sh(&exchange(" 1 as_linear"));
    assert_eq!(machine.sh("dmsetup table group-line"), before);
    assert_eq!(machine.sh(list), healthy);
    machine.sh(&direct_writes("group-line", 4096, 5));
    let device = machine.sh("ls /sys/module/dmp/stat | grep dm-");
    assert_counts(
        &mut machine,
        device.trim(),
        Count::default(),
        Count::of(5, 4096),
    );
    lvm(&mut machine, "lvextend -q -L 80m group/line");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    assert_eq!(machine.sh(list), healthy);
    machine.sh("rmmod dmp");
    lvm(&mut machine, "vgremove -q -y group");
}
