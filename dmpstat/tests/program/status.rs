// SPDX-License-Identifier: GPL-2.0

//! `dmpstat status`: attached and listed volumes.

use dmpstat::attach::queue::{self, Queue};
use dmpstat::attach::state::{self, State};

use crate::common::{BOOTTIME, Root, SNAPSHOT, named};

/// The uuid of a volume of LVM's.
const UUID: &str = "LVM-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Makes a mapped device with diskseq 21.
fn device(root: &Root, device: &str, name: &str, uuid: &str) {
    root.file(&format!("sys/block/{device}/dm/name"), &format!("{name}\n"));
    root.file(&format!("sys/block/{device}/dm/uuid"), &format!("{uuid}\n"));
    root.file(&format!("sys/block/{device}/diskseq"), "21\n");
}

/// Makes a counted device with these dmp lines.
fn counted(root: &Root, name: &str, volume: &str, lines: &str) {
    device(root, name, volume, UUID);
    root.write(name, format!("{}{lines}", named(SNAPSHOT, name, volume)));
}

/// Returns the state of a device that was attached a quarter of an hour ago.
fn attached() -> State {
    let facts = State {
        diskseq: 21,
        ..State::default()
    };
    State::attached(None, facts, BOOTTIME.as_secs() - 900)
}

fn remember(root: &Root, device: &str, state: &State) {
    state
        .write(&root.machine().path(state::DIRECTORY), device)
        .unwrap();
}

fn queue(root: &Root) -> Queue {
    Queue::new(root.machine().path(queue::PATH))
}

#[test]
fn status_without_attached_or_listed_volumes_is_a_heading() {
    let root = Root::without_module();
    device(&root, "dm-0", "vg-data", UUID);
    assert_eq!(
        root.run(&["status"]).output(),
        "Volume  Device  State  Table  Since  Again  Note\n"
    );
}

#[test]
fn status_shows_each_volumes_state_and_table() {
    let root = Root::new();
    counted(&root, "dm-0", "vg-linear", "lines 2 0 as_linear 2 0\n");
    remember(&root, "dm-0", &attached());
    counted(&root, "dm-1", "vg-dmp", "lines 1 0 as_linear 0 0\n");
    let again = State {
        again: 3,
        ..attached()
    };
    remember(&root, "dm-1", &again);
    counted(&root, "dm-2", "vg-thin", "lines 1 0 as_linear 0 0\n");
    let above = State {
        above: true,
        ..attached()
    };
    remember(&root, "dm-2", &above);
    // One device was created with dmsetup, and one has a module that does not report its lines.
    counted(&root, "dm-3", "own", "lines 1 0 as_linear 0 0\n");
    counted(&root, "dm-4", "old", "");
    remember(&root, "dm-4", &attached());
    for (minor, name) in [
        (5, "vg-wait"),
        (6, "vg-new"),
        (7, "vg-listed"),
        (8, "vg-off"),
    ] {
        device(&root, &format!("dm-{minor}"), name, UUID);
    }
    for device in ["dm-5", "dm-6"] {
        queue(&root).add(device).unwrap();
    }
    queue(&root)
        .set_reason("dm-5", "LVM is changing the volume group vg")
        .unwrap();
    let off = State::detached(attached(), BOOTTIME.as_secs() - 60);
    remember(&root, "dm-8", &off);
    device(&root, "dm-9", "other", UUID);
    root.file(
        "etc/dmp/attach.conf",
        "vg/*\nvg/gone latency\n/dev/vg/gone2\nvg/gone as_dmp\nno-*\n",
    );
    assert_eq!(
        root.run(&["status"]).output(),
        "\
Volume         Device  State         Table      Since                Again  Note
vg-linear      dm-0    attached      linear     2026-11-26 20:45:00  0
vg-dmp         dm-1    attached      dmp        2026-11-26 20:45:00  3
vg-thin        dm-2    attached      dmp above  2026-11-26 20:45:00  0
own            dm-3    dmp           dmp        -                    -
old            dm-4    attached      dmp        2026-11-26 20:45:00  0
vg-wait        dm-5    waiting       -          -                    -      LVM is changing the volume group vg
vg-new         dm-6    waiting       -          -                    -
vg-listed      dm-7    not attached  -          -                    -
vg-off         dm-8    detached      -          2026-11-26 20:59:00  -
vg/gone        -       missing       -          -                    -
/dev/vg/gone2  -       missing       -          -                    -
"
    );
}

/// LVM has replaced the volume's table. The module keeps a directory while a dmp line is loaded.
#[test]
fn a_volume_without_live_dmp_lines_is_not_attached() {
    let root = Root::new();
    counted(&root, "dm-0", "vg-data", "lines 0 1 as_linear 0 1\n");
    remember(&root, "dm-0", &attached());
    device(&root, "dm-1", "vg-home", UUID);
    let again = State {
        again: 2,
        ..attached()
    };
    remember(&root, "dm-1", &again);
    assert_eq!(
        root.run(&["status"]).output(),
        "\
Volume   Device  State         Table  Since  Again  Note
vg-data  dm-0    not attached  -      -      0
vg-home  dm-1    not attached  -      -      2
"
    );
}

/// The table may be shown as linear, and the device may differ from the attached one.
#[test]
fn the_state_of_an_earlier_device_is_ignored() {
    let root = Root::new();
    counted(&root, "dm-0", "vg-data", "lines 1 0 as_linear 1 0\n");
    let other = State {
        diskseq: 20,
        ..attached()
    };
    remember(&root, "dm-0", &other);
    device(&root, "dm-1", "vg-home", UUID);
    remember(&root, "dm-1", &State::detached(other, 100));
    assert_eq!(
        root.run(&["status"]).output(),
        "\
Volume   Device  State  Table   Since  Again  Note
vg-data  dm-0    dmp    linear  -      -
"
    );
}

#[test]
fn a_pattern_lists_no_inner_device_but_a_whole_name_does() {
    let root = Root::new();
    device(&root, "dm-0", "vg-pool_tdata", UUID);
    device(&root, "dm-1", "vg-data-real", &format!("{UUID}-real"));
    device(&root, "dm-2", "dmp-0123", "stratis-1-private-dmp-0123");
    device(&root, "dm-3", "vg-snap-cow", &format!("{UUID}-cow"));
    root.file("etc/dmp/attach.conf", "*\nvg-data-real\n");
    assert_eq!(
        root.run(&["status"]).output(),
        "\
Volume        Device  State         Table  Since  Again  Note
vg-data-real  dm-1    not attached  -      -      -
"
    );
}

#[test]
fn invalid_lines_are_noted_and_the_others_apply() {
    let root = Root::new();
    device(&root, "dm-0", "vg-data", UUID);
    root.file(
        "etc/dmp/attach.conf",
        "vg/data\nvg/home latency no_latency\n",
    );
    let ran = root.run(&["status"]);
    assert_eq!(
        ran.notes,
        "dmpstat: /etc/dmp/attach.conf, line 2: latency and no_latency exclude each other\n"
    );
    assert_eq!(ran.out.lines().count(), 2);
}
