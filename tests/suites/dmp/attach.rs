// SPDX-License-Identifier: GPL-2.0

//! `dmpstat attach` and `detach`: dmp instead of linear under running volumes.

use crate::common::*;

/// Creates a linear volume, `volume`, of 32 MiB over the first disk.
pub fn volume(machine: &mut dmp_vm::Machine) {
    create(machine, "volume", "0 65536 linear /dev/vda 0");
}

#[test]
fn an_attached_volume_is_counted_and_a_detached_one_is_restored() {
    let mut machine = machine();
    volume(&mut machine);
    let before = machine.sh("dmsetup table volume");
    assert_eq!(
        machine.sh("dmpstat attach --dry-run volume"),
        "volume\n- 0 65536 linear 254:0 0\n+ 0 65536 dmp 254:0 0 1 latency\n"
    );
    assert_eq!(machine.sh("dmsetup table volume"), before);
    assert_eq!(machine.sh("dmpstat attach volume"), "volume: attached\n");
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
}

/// The counters stay while options change.
#[test]
fn an_attached_volume_gets_other_options() {
    let mut machine = machine();
    volume(&mut machine);
    machine.sh("dmpstat attach volume");
    machine.sh(&direct_writes("volume", 4096, 7));
    for (options, table, expected) in [
        (
            "--no-latency",
            "dmp 254:0 0",
            "1 0 as_linear 0 0 flush_bypass 0 0",
        ),
        (
            "--as linear",
            "linear 254:0 0",
            "1 0 as_linear 1 0 flush_bypass 0 0",
        ),
        (
            "--as linear --flush-bypass --no-latency",
            "linear 254:0 0",
            "1 0 as_linear 1 0 flush_bypass 1 0",
        ),
        (
            "--as dmp",
            "dmp 254:0 0 1 latency",
            "1 0 as_linear 0 0 flush_bypass 0 0",
        ),
    ] {
        assert_eq!(
            machine.sh(&format!("dmpstat attach {options} volume")),
            "volume: attached\n",
            "{options}"
        );
        assert_eq!(
            machine.sh("dmsetup table volume"),
            format!("0 65536 {table}\n"),
            "{options}"
        );
        assert_eq!(lines(&mut machine, "dm-0"), expected);
        let latency = u64::from(!options.contains("--no-latency"));
        assert_eq!(number(&mut machine, "dm-0/latency"), latency, "{options}");
        assert_eq!(number(&mut machine, "dm-0/write/requests"), 7, "{options}");
    }
    machine.sh("dmpstat attach --as linear volume");
    assert_eq!(machine.sh("dmpstat detach volume"), "volume: detached\n");
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    machine.sh("dmsetup remove volume && rmmod dmp");
}

/// The table of a striped volume moves to a hidden device. The kernel removes the hidden device
/// together with the dmp line over it, in all ways of removing the line.
#[test]
fn a_striped_volume_is_attached_above_and_leaves_nothing() {
    let mut machine = machine();
    let table = "0 1024 striped 1 8 254:16 0\n1024 8 linear 254:0 0\n";
    create(&mut machine, "volume", table);
    let detached = machine.sh("dmsetup table");
    machine.sh("dd if=/dev/urandom of=/run/data bs=4k count=9 2>/dev/null");
    for (way, after) in [
        ("dmpstat detach volume", table),
        (
            "dmsetup load volume --table '0 8 linear /dev/vda 0' && dmsetup resume volume",
            "0 8 linear 254:0 0\n",
        ),
        ("dmsetup remove volume", ""),
    ] {
        assert_eq!(
            machine.sh("dmpstat attach --dry-run volume"),
            "volume\n- 0 1024 striped 1 8 254:16 0\n- 1024 8 linear 254:0 0\n\
             + 0 1032 dmp HIDDEN 0 1 latency\n"
        );
        assert_eq!(machine.sh("dmsetup table"), detached);
        machine.sh("dmpstat attach volume");
        assert_eq!(
            machine.sh("dmsetup table volume"),
            "0 1032 dmp 253:1 0 1 latency\n"
        );
        assert_eq!(machine.sh("dmsetup table -j 253 -m 1"), table);
        assert_eq!(
            machine.sh("dmsetup info -c --noheadings -o uuid,open -j 253 -m 1 | sed 's/[0-9a-f]\\{16\\}/HEX/'"),
            "stratis-1-private-dmp-HEX:1\n"
        );
        machine.sh(
            "dd if=/run/data of=/dev/mapper/volume bs=4k oflag=direct 2>/dev/null && \
             dd if=/dev/mapper/volume of=/run/back bs=4k count=9 iflag=direct 2>/dev/null && \
             cmp /run/data /run/back",
        );
        assert_eq!(number(&mut machine, "dm-0/write/requests"), 9);
        assert_refused(
            &mut machine,
            "dmpstat attach dm-1",
            "the device is dmpstat's own hidden device: detach the volume on top",
        );
        assert_eq!(
            machine.sh("dmpstat attach --flush-bypass volume && dmpstat attach volume"),
            "volume: attached\nvolume: attached\n"
        );
        machine.sh(way);
        let left = machine.sh("dmsetup ls | grep -v 'No devices' | cut -f 1");
        let expected = if after.is_empty() { "" } else { "volume\n" };
        assert_eq!(left, expected, "{way}");
        if after != table && !after.is_empty() {
            assert_eq!(machine.sh("dmsetup table volume"), after);
            machine.sh("dmsetup remove volume");
            create(&mut machine, "volume", table);
        }
    }
    machine.sh("rmmod dmp");
}

/// Asserts that `volume` is not attached while it is suspended, while it has a table loaded, nor
/// for a normal user. Then marks the open volume for removal, and asserts the same.
#[track_caller]
fn assert_refused_in_passing_states(machine: &mut dmp_vm::Machine) {
    machine.sh("dmsetup suspend volume");
    assert_refused(machine, "dmpstat attach volume", "the volume is suspended");
    assert_eq!(
        machine.sh("dmsetup info -c --noheadings -o suspended volume"),
        "Suspended\n"
    );
    machine.sh("dmsetup resume volume && dmsetup load volume --table '0 8 zero'");
    assert_refused(machine, "dmpstat attach volume", "\"dmsetup clear volume\"");
    assert_eq!(machine.sh("dmsetup table --inactive volume"), "0 8 zero \n");
    machine.sh("dmsetup clear volume");
    machine.sh(MAKE_USER);
    assert_refused(
        machine,
        "su user -c 'dmpstat attach volume'",
        "attach and detach need root",
    );
    machine.sh("dmsetup remove --deferred volume");
    assert_refused(
        machine,
        "dmpstat attach volume",
        "the volume has a deferred removal pending",
    );
}

#[test]
fn a_volume_of_another_kind_is_refused_and_unchanged() {
    let mut machine = machine();
    volume(&mut machine);
    create(
        &mut machine,
        "top",
        "0 1024 snapshot-origin /dev/mapper/volume",
    );
    create(&mut machine, "alone", "0 1024 delay /dev/vdb 0 0");
    let tables = machine.sh("dmsetup table");
    for (volumes, message) in [
        (
            "volume top",
            "top: cannot attach snapshot-origin volumes: each of two live instances would have its own list \
             of copied blocks. Attach the underlying volume: volume",
        ),
        (
            "alone",
            "alone: cannot attach delay volumes: only linear, thin and striped volumes can be attached. \
             Create a dmp device on top, and mount the new device instead: \
             dmsetup create NAME --table \"0 $(blockdev --getsz /dev/mapper/alone) dmp /dev/mapper/alone\"",
        ),
        ("/dev/vdb", "/dev/vdb: not a volume of device mapper"),
        (
            "volune",
            "there is no volume \"volune\"; similar names: volume",
        ),
        (
            "vg/data",
            "there is no volume \"vg/data\". Activate an inactive volume with \"lvchange -ay vg/data\"",
        ),
        ("'[v'", "\"[v\" is not a valid pattern: "),
    ] {
        assert_refused(&mut machine, &format!("dmpstat attach {volumes}"), message);
        assert_eq!(machine.sh("dmsetup table"), tables, "{volumes}");
    }
    assert_refused_in_passing_states(&mut machine);
    assert_eq!(machine.sh("dmsetup table"), tables);
    // The kernel removes the volume with `top`, the last device that has it open.
    machine.sh("dmsetup remove top && dmsetup remove alone");
    assert_nothing_left(&mut machine, "after the deferred removal");
}

/// An attached volume with a deferred removal is not detached either, and is removed with its last
/// user. `attach --queue` prints nothing for a removed volume.
#[test]
fn a_volume_with_a_deferred_removal_is_not_changed() {
    let mut machine = machine();
    volume(&mut machine);
    machine.sh("dmpstat attach volume");
    create(&mut machine, "user", "0 8 linear /dev/mapper/volume 0");
    machine.sh("dmsetup remove --deferred volume");
    assert_refused(
        &mut machine,
        "dmpstat detach volume",
        "the volume has a deferred removal pending",
    );
    assert_eq!(
        machine.sh("dmsetup table volume"),
        "0 65536 dmp 254:0 0 1 latency\n"
    );
    machine.sh("mkdir -p /etc/dmp && echo '*' >/etc/dmp/attach.conf && dmsetup remove user");
    assert_eq!(machine.sh("dmpstat attach --queue dm-0 2>&1"), "");
    assert_eq!(machine.sh("ls /run/dmp/queue 2>&1 | grep dm-; true"), "");
    assert_nothing_left(&mut machine, "after the deferred removal");
    machine.sh("rmmod dmp");
}

#[test]
fn a_read_only_volume_with_any_name_stays_read_only() {
    let mut machine = machine();
    let name = "a\\x20b\\xff";
    machine.sh(&format!(
        "dmsetup create --manglename none -r '{name}' --table '0 65536 linear /dev/vda 0'"
    ));
    machine.sh("dmpstat attach dm-0");
    assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n");
    assert_eq!(
        machine.sh("dmsetup table -j 253 -m 0"),
        "0 65536 dmp 254:0 0 1 latency\n"
    );
    machine.sh("dmpstat detach dm-0");
    assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n");
    machine.sh("dmsetup remove_all");
}

/// `blockdev --setro` outlives a table, and dmpstat does not load a read-only table because of it.
#[test]
fn a_volume_set_read_only_can_be_set_writable_again() {
    let mut machine = machine();
    volume(&mut machine);
    for change in ["attach", "detach"] {
        machine.sh("blockdev --setro /dev/mapper/volume");
        machine.sh(&format!("dmpstat {change} volume"));
        assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n", "{change}");
        machine.sh("blockdev --setrw /dev/mapper/volume");
        assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "0\n", "{change}");
        machine.sh(&direct_writes("volume", 4096, 1));
    }
    machine.sh("dmsetup remove volume");
    // A volume with a read-only table cannot be set writable.
    machine.sh("dmsetup create -r volume --table '0 65536 linear /dev/vda 0'");
    for change in ["attach", "detach"] {
        machine.sh(&format!(
            "dmpstat {change} volume; blockdev --setrw /dev/mapper/volume"
        ));
        assert_eq!(machine.sh("cat /sys/block/dm-0/ro"), "1\n", "{change}");
    }
    machine.sh("dmsetup remove volume");
}

/// The kernel recomputes these for each table.
#[test]
fn changed_read_ahead_and_limits_are_kept() {
    let mut machine = machine();
    volume(&mut machine);
    machine.sh(
        "cd /sys/block/dm-0/queue && echo 16 >max_sectors_kb && echo 1 >nomerges && \
         echo 0 >iostats && echo 8 >read_ahead_kb",
    );
    let before = queue(&mut machine, "volume");
    assert!(
        before.contains(&"read_ahead_kb: 8".to_owned()),
        "{before:?}"
    );
    assert!(
        before.contains(&"max_sectors_kb: 16".to_owned()),
        "{before:?}"
    );
    for change in ["attach", "attach --flush-bypass", "detach"] {
        assert_eq!(
            machine.sh(&format!(
                "dmpstat {change} volume 2>&1 >/dev/null | grep -v lasts; true"
            )),
            ""
        );
        assert_eq!(queue(&mut machine, "volume"), before, "{change}");
    }
    machine.sh("dmsetup remove volume");
}

/// Written but unsynced data of a file stay in memory. A freeze of the filesystem would write them,
/// and would wait for the disk while the volume waits, too.
#[test]
fn an_attach_freezes_no_filesystem() {
    let mut machine = machine_with_tools();
    volume(&mut machine);
    // The kernel writes nothing back on its own for ten minutes.
    machine.sh("echo 0 >/proc/sys/vm/dirty_writeback_centisecs && \
         mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/volume && mkdir /mnt && \
         mount -t ext4 -o commit=600 /dev/mapper/volume /mnt && sync");
    let writes = "awk '{ print $5 }' /sys/block/vda/stat";
    for change in ["attach", "detach"] {
        machine.sh("dd if=/dev/zero of=/mnt/file bs=4k count=100 2>/dev/null");
        let before = machine.sh(writes);
        machine.sh(&format!("dmpstat {change} volume"));
        assert_eq!(machine.sh(writes), before, "{change}");
        // There was dirty data to write.
        machine.sh("sync");
        assert_ne!(machine.sh(writes), before, "{change}");
    }
    machine.sh("umount /mnt && dmsetup remove volume");
}
