// SPDX-License-Identifier: GPL-2.0

//! `dmpstat attach` and `detach`: dmp in linear's place under volumes that run.

use crate::common::*;

/// A linear volume, `volume`, of 32 MiB over the first disk.
fn volume(machine: &mut dmp_vm::Machine) {
    create(machine, "volume", "0 65536 linear /dev/vda 0");
}

#[test]
fn an_attached_volume_is_counted_and_a_detached_one_is_as_it_was() {
    let mut machine = machine();
    volume(&mut machine);
    let before = machine.sh("dmsetup table volume");
    assert_eq!(
        machine.sh("dmpstat attach --dry-run --latency volume"),
        "volume\n- 0 65536 linear 254:0 0\n+ 0 65536 dmp 254:0 0 1 latency\n"
    );
    assert_eq!(machine.sh("dmsetup table volume"), before);
    assert_eq!(
        machine.sh("dmpstat attach --latency volume"),
        "volume: attached\n"
    );
    assert_eq!(
        machine.sh("dmsetup table volume"),
        "0 65536 dmp 254:0 0 1 latency\n"
    );
    machine.sh(&direct_writes("volume", 4096, 7));
    assert_eq!(number(&mut machine, "dm-0/write/requests"), 7);
    assert_eq!(
        machine.sh("dmpstat attach volume"),
        "volume: already attached\n"
    );
    assert_eq!(
        machine.sh("dmpstat detach /dev/mapper/volume"),
        "volume: detached\n"
    );
    assert_eq!(machine.sh("dmsetup table volume"), before);
    assert_eq!(machine.sh("dmpstat detach dm-0"), "volume: not attached\n");
    machine.sh("dmsetup remove volume && rmmod dmp");
    finish(machine);
}

#[test]
fn what_cannot_be_attached_is_refused_with_what_to_do_and_nothing_is_changed() {
    let mut machine = machine();
    volume(&mut machine);
    create(
        &mut machine,
        "top",
        "0 1024 striped 1 8 /dev/mapper/volume 0",
    );
    create(&mut machine, "alone", "0 1024 striped 1 8 /dev/vdb 0");
    let tables = machine.sh("dmsetup table");
    for (volumes, message) in [
        ("volume top", "Attach what it is on: volume"),
        ("alone", "dmsetup create NAME --table"),
        ("/dev/vdb", "it is no volume of device mapper's"),
        ("volune", "there is no volume \"volune\"; there is volume"),
    ] {
        assert_refused(&mut machine, &format!("dmpstat attach {volumes}"), message);
        assert_eq!(machine.sh("dmsetup table"), tables, "{volumes}");
    }
    machine.sh("dmsetup suspend volume");
    assert_refused(&mut machine, "dmpstat attach volume", "it is suspended");
    machine.sh("dmsetup resume volume && dmsetup load volume --table '0 8 zero'");
    assert_refused(
        &mut machine,
        "dmpstat attach volume",
        "\"dmsetup clear volume\"",
    );
    machine.sh("dmsetup clear volume");
    machine.sh(MAKE_USER);
    assert_refused(
        &mut machine,
        "su user -c 'dmpstat attach volume'",
        "attach and detach need root",
    );
    machine.sh("dmsetup remove --deferred volume");
    assert_refused(
        &mut machine,
        "dmpstat attach volume",
        "it is to be removed as soon as nobody has it open",
    );
    assert_eq!(machine.sh("dmsetup table"), tables);
    // It goes with the one that has it open.
    machine.sh("dmsetup remove top && dmsetup remove alone");
    assert_nothing_left(&mut machine, "after the deferred removal");
    finish(machine);
}

/// What was attached and is to be removed is not detached either, and goes with its last user. The unit
/// of a volume that has gone meanwhile says nothing.
#[test]
fn a_volume_that_is_to_be_removed_is_left_alone_and_goes() {
    let mut machine = machine();
    volume(&mut machine);
    machine.sh("dmpstat attach volume");
    create(&mut machine, "user", "0 8 linear /dev/mapper/volume 0");
    machine.sh("dmsetup remove --deferred volume");
    assert_refused(
        &mut machine,
        "dmpstat detach volume",
        "it is to be removed as soon as nobody has it open",
    );
    assert_eq!(machine.sh("dmsetup table volume"), "0 65536 dmp 254:0 0\n");
    machine.sh("mkdir -p /etc/dmp && echo '*' >/etc/dmp/attach.conf && dmsetup remove user");
    assert_eq!(machine.sh("dmpstat attach --listed dm-0 2>&1"), "");
    assert_nothing_left(&mut machine, "after the deferred removal");
    machine.sh("rmmod dmp");
    finish(machine);
}

#[test]
fn a_read_only_volume_stays_so_and_a_name_can_be_anything() {
    let mut machine = machine();
    let name = "a\\x20b\\xff";
    machine.sh(&format!(
        "dmsetup create --manglename none -r '{name}' --table '0 65536 linear /dev/vda 0'"
    ));
    machine.sh("dmpstat attach dm-0");
    assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n");
    assert_eq!(
        machine.sh("dmsetup table -j 253 -m 0"),
        "0 65536 dmp 254:0 0\n"
    );
    machine.sh("dmpstat detach dm-0");
    assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n");
    machine.sh("dmsetup remove_all");
    finish(machine);
}

/// Requests that do not end, as the disk below is suspended, keep a suspend waiting.
#[test]
fn who_is_stopped_while_requests_are_waited_for_leaves_the_volume_as_it_was() {
    let mut machine = machine();
    create(&mut machine, "disk", "0 65536 linear /dev/vda 0");
    create(&mut machine, "volume", "0 65536 linear /dev/mapper/disk 0");
    for (signal, inactive, said) in [
        (
            "INT",
            "",
            "dmpstat: volume: a signal came while requests were waited for. It runs as before\n",
        ),
        ("KILL", "0 65536 dmp 253:0 0", ""),
    ] {
        machine.sh(&format!(
            "dmsetup suspend disk; \
             dd if=/dev/mapper/volume of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null & dd=$!; \
             {}; dmpstat attach volume >/run/said 2>&1 & pid=$!; {}; \
             kill -{signal} $pid; wait $pid; dmsetup resume disk; wait $dd",
            until_asleep("$dd", "blkdev_"),
            until_asleep("$pid", "dm_wait"),
        ));
        assert_eq!(machine.sh("cat /run/said"), said, "{signal}");
        assert_eq!(
            machine.sh("dmsetup table volume"),
            "0 65536 linear 253:0 0\n",
            "{signal}"
        );
        assert_eq!(
            machine.sh("dmsetup table --inactive volume").trim(),
            inactive,
            "{signal}"
        );
        machine.sh(&direct_reads("volume", 4096, 1));
    }
    // What the one that was killed left is no hindrance.
    assert_eq!(machine.sh("dmpstat attach volume"), "volume: attached\n");
    machine.sh("dmpstat detach volume && dmsetup remove volume && dmsetup remove disk");
    finish(machine);
}

#[test]
fn a_listed_volume_is_attached_again_until_it_is_detached() {
    let mut machine = machine();
    volume(&mut machine);
    let relinear =
        "dmsetup load volume --table '0 65536 linear /dev/vda 0' && dmsetup resume volume";
    let table = "dmsetup table volume | cut -d ' ' -f 3-";
    machine.sh("mkdir -p /etc/dmp && printf 'other\\nvol* latency\\n' >/etc/dmp/attach.conf");
    machine.sh("dmpstat attach --all");
    for again in 1..=2 {
        machine.sh(&format!("{relinear} && dmpstat attach --listed dm-0"));
        assert_eq!(machine.sh(table), "dmp 254:0 0 1 latency\n");
        let status = machine.sh("dmpstat status | tail -n 1");
        let words: Vec<_> = status.split_whitespace().collect();
        assert_eq!(words[..3], ["volume", "dm-0", "attached"]);
        assert_eq!(words[5..], [again.to_string()]);
    }
    machine.sh("dmpstat detach volume");
    assert_eq!(machine.sh("dmpstat attach --listed dm-0 dm-77 2>&1"), "");
    assert_eq!(machine.sh(table), "linear 254:0 0\n");
    assert_eq!(
        machine.sh("dmpstat attach --all 2>/dev/null"),
        "volume: attached\n"
    );
    machine.sh("dmsetup remove volume");
    finish(machine);
}

/// With LVM's own tools: it works on attached volumes as on others, and writes linear lines.
#[test]
fn a_volume_of_lvm_is_attached_again_after_each_table_that_lvm_writes() {
    let mut machine = machine_with_tools();
    machine.sh(
        "mkdir -p /run/lvm /etc/dmp && cat >/run/lvm/lvm.conf <<'END'
activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
backup { backup = 0 archive = 0 }
devices { obtain_device_list_from_udev = 0 use_devicesfile = 0 }
global { use_lvmpolld = 0 event_activation = 0 }
END
         echo 'vg/data latency' >/etc/dmp/attach.conf; \
         modprobe -a dm-mirror dm-snapshot",
    );
    let lvm = |command: &str| format!("LVM_SYSTEM_DIR=/run/lvm lvm {command} 2>&1");
    machine.sh(&lvm("vgcreate -q vg /dev/vda /dev/vdb"));
    machine.sh(&lvm("lvcreate -q -y -Wn -n data -L 16m vg"));
    assert_eq!(machine.sh("dmpstat attach --all"), "vg-data: attached\n");
    for (command, table) in [
        ("lvchange -q --refresh vg/data", "0 32768 dmp 254:0 2048"),
        ("lvextend -q -L 24m vg/data", "0 49152 dmp 254:0 2048"),
        (
            "pvmove -q -i 1 /dev/vda /dev/vdb",
            "0 49152 dmp 254:16 2048",
        ),
    ] {
        machine.sh(&lvm(command));
        let linear = table.replace("dmp", "linear");
        assert_eq!(machine.sh("dmsetup table vg-data"), format!("{linear}\n"));
        assert_eq!(
            machine.sh("dmpstat attach --listed dm-0"),
            "vg-data: attached\n"
        );
        assert_eq!(
            machine.sh("dmsetup table vg-data"),
            format!("{table} 1 latency\n")
        );
    }
    machine.sh(&lvm("lvcreate -q -y -s -n snap -L 8m vg/data"));
    assert_refused(
        &mut machine,
        "dmpstat attach vg/data",
        "but snapshot-origin. Attach what it is on: vg-data-real",
    );
    machine.sh("dmpstat attach vg-data-real");
    machine.sh(&lvm("lvremove -q -y vg/snap"));
    machine.sh("dmpstat attach vg/data");
    machine.sh(&lvm("lvremove -q -y vg/data"));
    assert_nothing_left(&mut machine, "after lvremove");
    finish(machine);
}
