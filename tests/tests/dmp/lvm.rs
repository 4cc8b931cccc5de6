// SPDX-License-Identifier: GPL-2.0

//! LVM's own tools over dmp devices.

use dmp_vm::Machine;

use crate::common::*;

/// Without udev, which makes the nodes and links elsewhere; and with none but the dmp devices, as
/// the disks below have the same content.
const CONFIGURATION: &str = r#"
activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
backup { backup = 0 archive = 0 }
devices {
  obtain_device_list_from_udev = 0
  use_devicesfile = 0
  filter = [ "a|^/dev/mapper/(left|right)$|", "r|.*|" ]
}
global {
  use_lvmpolld = 0
  event_activation = 0
  thin_check_executable = "/usr/local/bin/thin_check"
}
"#;

#[track_caller]
fn lvm(machine: &mut Machine, command: &str) -> String {
    machine.sh(&format!("LVM_SYSTEM_DIR=/run/lvm lvm {command}"))
}

/// Two physical volumes that are dmp devices; the volumes of a group that spans both.
#[test]
fn a_volume_group_of_dmp_devices_is_made_grown_moved_and_removed() {
    let mut machine = machine_with_tools();
    let left = create(&mut machine, "left", "0 131072 dmp /dev/vda 0");
    let right = create(&mut machine, "right", "0 131072 dmp /dev/vdb 0");
    // Its own idea of where modprobe is need not be the machine's.
    machine.sh("modprobe -a dm-mirror dm-raid dm-snapshot dm-thin-pool");
    machine.sh(&format!(
        "mkdir -p /run/lvm && cat >/run/lvm/lvm.conf <<'END'\n{CONFIGURATION}END"
    ));
    lvm(
        &mut machine,
        "pvcreate -q /dev/mapper/left /dev/mapper/right",
    );
    lvm(
        &mut machine,
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
        lvm(&mut machine, &format!("lvcreate -q -y {volume} {group}"));
    }
    for volume in ["line", "stripes", "pair", "thin", "snap"] {
        machine.sh(&format!(
            "dd if=/dev/urandom of=/run/{volume} bs=64k count=32 status=none && \
             dd if=/run/{volume} of=/dev/group/{volume} bs=64k oflag=direct status=none"
        ));
    }
    lvm(&mut machine, "lvextend -q -L 16m group/stripes");
    // All of one physical volume's data onto the other, with its volumes in use.
    lvm(
        &mut machine,
        "lvremove -q -y group/snap group/pair group/stripes",
    );
    // It looks every second whether it is done, and not every fifteen.
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
        for operation in ["read", "write"] {
            let file = |what| format!("{device}/{operation}/{what}");
            assert!(
                number(&mut machine, &file("requests")) > 0,
                "{device} {operation}"
            );
            assert_eq!(
                number(&mut machine, &file("errors")),
                0,
                "{device} {operation}"
            );
        }
    }
    lvm(&mut machine, "vgremove -q -y group");
    lvm(
        &mut machine,
        "pvremove -q /dev/mapper/left /dev/mapper/right",
    );
    machine.sh("dmsetup remove left && dmsetup remove right && rmmod dmp");
    finish(machine);
}
