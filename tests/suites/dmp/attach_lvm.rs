// SPDX-License-Identifier: GPL-2.0

//! Attached volumes under LVM's own tools.

use crate::common::*;
use crate::lvm::configure;

/// LVM's tools see the tables that LVM wrote.
#[test]
fn an_lvm_volume_is_attached_again_after_each_table_of_lvm() {
    let mut machine = machine_with_tools();
    configure(&mut machine, "vd[ab]");
    machine.sh("mkdir -p /etc/dmp && echo 'vg/*' >/etc/dmp/attach.conf; \
         modprobe -a dm-mirror dm-snapshot dm-thin-pool");
    let lvm = |command: &str| format!("LVM_SYSTEM_DIR=/run/lvm lvm {command} 2>&1");
    machine.sh(&lvm("vgcreate -q vg /dev/vda /dev/vdb"));
    machine.sh(&lvm("lvcreate -q -y -Wn -n data -L 16m vg"));
    assert_eq!(machine.sh("dmpstat attach --all"), "vg-data: attached\n");
    let state = lvm("lvs --noheadings -o lv_attr,segtype vg/data");
    for (command, table) in [
        ("lvchange -q --refresh vg/data", "0 32768 linear 254:0 2048"),
        ("lvextend -q -L 24m vg/data", "0 49152 linear 254:0 2048"),
        (
            "pvmove -q -i 1 /dev/vda /dev/vdb",
            "0 49152 linear 254:16 2048",
        ),
    ] {
        machine.sh(&lvm(command));
        machine.sh("dmpstat attach --queue dm-0 && dmpstat attach --queued");
        assert_eq!(machine.sh("dmsetup table vg-data"), format!("{table}\n"));
        assert_eq!(
            machine.sh("dmsetup status vg-data"),
            "0 SIZE linear \n".replace("SIZE", table.split(' ').nth(1).unwrap())
        );
        assert_eq!(
            lines(&mut machine, "dm-0"),
            "1 0 as_linear 1 0 flush_bypass 0 0"
        );
        // LVM prints exactly this, without a warning.
        assert_eq!(machine.sh(&state), "  -wi-a----- linear\n", "{command}");
    }
    // LVM finds its own table unchanged, and loads none.
    machine.sh(&direct_writes("vg-data", 4096, 3));
    machine.sh(&lvm("lvchange -q --refresh vg/data"));
    assert_eq!(number(&mut machine, "dm-0/write/requests"), 3);
    machine.sh(&lvm("lvcreate -q -y -s -n snap -L 8m vg/data"));
    assert_refused(
        &mut machine,
        "dmpstat attach vg/data",
        "Attach the underlying volume: vg-data-real",
    );
    machine.sh("dmpstat attach vg-data-real");
    machine.sh(&lvm("lvremove -q -y vg/snap"));
    machine.sh("dmpstat attach vg/data");
    machine.sh(&lvm("lvremove -q -y vg/data"));
    assert_nothing_left(&mut machine, "after lvremove");
    thin(&mut machine, lvm);
}

/// Attaches a thin volume above, and checks that LVM reaches its pool through the hidden device.
fn thin(machine: &mut dmp_vm::Machine, lvm: impl Fn(&str) -> String) {
    machine.sh(&lvm(
        "lvcreate -q -y --type thin-pool -n pool -L 16m -Zn vg",
    ));
    machine.sh(&lvm("lvcreate -q -y -Wn -V 32m -n thin --thinpool pool vg"));
    let transaction = lvm("lvs --noheadings -o transaction_id vg/pool");
    machine.sh("dd if=/dev/urandom of=/run/data bs=64k count=9 2>/dev/null");
    // Neither the pool nor its parts are attached.
    assert_eq!(
        machine.sh("dmpstat attach --all 2>/dev/null"),
        "vg-thin: attached\n"
    );
    machine.sh("dd if=/run/data of=/dev/mapper/vg-thin bs=64k oflag=direct 2>/dev/null");
    let before: u32 = machine.sh(&transaction).trim().parse().unwrap();
    machine.sh(&lvm("lvcreate -q -y -s -n copy vg/thin"));
    machine.sh(&lvm("lvchange -q -ay -K vg/copy"));
    let after: u32 = machine.sh(&transaction).trim().parse().unwrap();
    assert_eq!(after, before + 1, "the pool got the message");
    for volume in ["vg-copy", "vg-thin"] {
        machine.sh(&format!(
            "dd if=/dev/mapper/{volume} of=/run/back bs=64k count=9 iflag=direct 2>/dev/null && \
             cmp /run/data /run/back"
        ));
    }
    let hidden = "dmsetup ls | grep -c '^dmp-[0-9a-f]*-real'";
    machine.sh("dmpstat attach vg/thin vg/copy");
    assert_eq!(machine.sh(hidden), "2\n");
    machine.sh(&lvm("lvextend -q -L 48m vg/thin"));
    assert_eq!(machine.sh(hidden), "1\n");
    machine.sh("dmpstat attach vg/thin && dmpstat detach vg/copy");
    assert_eq!(machine.sh(hidden), "1\n");
    machine.sh(&lvm("lvremove -q -y vg/copy"));
    machine.sh(&lvm("lvchange -q -an vg/thin"));
    machine.sh(&lvm("lvchange -q -ay vg/thin"));
    machine.sh("dmpstat attach vg/thin");
    machine.sh(&lvm("lvremove -q -y vg/thin"));
    machine.sh(&lvm("vgremove -q -y vg"));
    assert_nothing_left(machine, "after vgremove");
}
