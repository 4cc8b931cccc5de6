// SPDX-License-Identifier: GPL-2.0

//! Volumes that attach.conf lists, and the queue of waiting volumes.

use crate::attach::volume;
use crate::attach_stopped::hung_read;
use crate::common::*;

#[test]
fn a_listed_volume_is_attached_again_until_it_is_detached() {
    let mut machine = machine();
    volume(&mut machine);
    let relinear =
        "dmsetup load volume --table '0 65536 linear /dev/vda 0' && dmsetup resume volume";
    let table = "dmsetup table volume | cut -d ' ' -f 3-";
    machine.sh("mkdir -p /etc/dmp && printf 'vol*\\n' >/etc/dmp/attach.conf");
    machine.sh("dmpstat attach --all");
    for again in 1..=2 {
        // Attached, unlisted and removed volumes are not queued.
        assert_eq!(
            machine.sh("for d in dm-0 dm-77 vda; do dmpstat attach --queue $d 2>&1; done"),
            ""
        );
        assert_eq!(machine.sh("ls /run/dmp/queue 2>/dev/null; true"), "");
        machine.sh(&format!("{relinear} && dmpstat attach --queue dm-0"));
        assert_eq!(machine.sh("ls /run/dmp/queue"), "dm-0\n");
        assert_eq!(
            machine.sh("dmpstat attach --queued 2>&1"),
            "volume: attached\n"
        );
        assert_eq!(machine.sh("ls -A /run/dmp/queue"), "");
        assert_eq!(machine.sh(table), "dmp 254:0 0 1 latency\n");
        let status = machine.sh("dmpstat status | tail -n 1");
        let words: Vec<_> = status.split_whitespace().collect();
        assert_eq!(words[..4], ["volume", "dm-0", "attached", "dmp"]);
        assert_eq!(words[6..], [again.to_string()]);
    }
    machine.sh("dmpstat detach volume");
    assert_eq!(
        machine.sh("dmpstat attach --queue dm-0 2>&1; ls -A /run/dmp/queue"),
        ""
    );
    assert_eq!(machine.sh(table), "linear 254:0 0\n");
    // A missing volume in attach.conf is a failure, but the others are attached.
    machine.sh("printf 'other\\nvol* no_latency\\n' >/etc/dmp/attach.conf");
    let output = machine.run("dmpstat attach --all").unwrap();
    assert_eq!(
        (
            output.status,
            String::from_utf8_lossy(&output.stdout).as_ref()
        ),
        (1, "volume: attached\n")
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "dmpstat: /etc/dmp/attach.conf, line 1: there is no volume \"other\"\n"
    );
    assert_eq!(machine.sh(table), "dmp 254:0 0\n");
    machine.sh("dmsetup remove volume");
}

/// udev marks private devices by a flag in its database.
#[test]
fn a_pattern_matches_no_private_device() {
    let mut machine = machine();
    volume(&mut machine);
    create(&mut machine, "voltwo", "0 8 linear /dev/vdb 0");
    create(&mut machine, "volthree", "0 8 delay /dev/vdb 0 0");
    machine.sh("mkdir -p /run/udev/data && \
         echo E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1 >/run/udev/data/b253:1");
    let output = machine.run("dmpstat attach 'vol*'").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "volume: attached\n"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.starts_with("dmpstat: volthree: skipped: cannot attach delay volumes: "),
        "{said}"
    );
    assert!(
        said.ends_with("Keep it with \"dmpstat attach --keep 'vol*'\"\n"),
        "{said}"
    );
    assert_eq!(
        machine.sh("dmpstat attach voltwo 2>/dev/null"),
        "voltwo: attached\n"
    );
    machine.sh("dmsetup remove volume voltwo volthree");
}

#[test]
fn a_kept_volume_is_listed() {
    let mut machine = machine();
    volume(&mut machine);
    assert_eq!(
        machine.sh("dmpstat attach volume 2>&1 >/dev/null"),
        "dmpstat: the attachment lasts until LVM or another program replaces the table, or until the \
         next boot. Keep it with \"dmpstat attach --keep volume\"\n"
    );
    assert_eq!(
        machine.sh("dmpstat attach --keep --flush-bypass volume 2>&1 && cat /etc/dmp/attach.conf"),
        "volume: attached\nvolume flush_bypass\n"
    );
    assert_eq!(
        machine.sh("dmpstat detach volume && dmpstat attach volume 2>&1"),
        "volume: detached\nvolume: attached\n"
    );
    machine.sh("dmsetup remove volume");
}

/// No user watches the queue, so dmpstat does not suspend a volume whose requests do not complete:
/// the volume waits.
#[test]
fn a_queued_volume_with_hung_requests_waits() {
    let mut machine = machine();
    create(&mut machine, "disk", "0 65536 linear /dev/vda 0");
    create(&mut machine, "volume", "0 65536 linear /dev/mapper/disk 0");
    machine.sh("mkdir -p /etc/dmp && echo volume >/etc/dmp/attach.conf");
    machine.sh(&format!(
        "{}; dmpstat attach --queue dm-1; \
         dmpstat attach --queued >/run/out 2>/run/said & pid=$!; \
         until grep -q 'requests in flight do not end' /run/said; do usleep 100000; done; \
         dmpstat status >/run/status; dmsetup table volume >/run/table; \
         dmsetup resume disk; wait $dd; wait $pid",
        hung_read("volume"),
    ));
    assert_eq!(machine.sh("cat /run/out"), "volume: attached\n");
    assert_eq!(machine.sh("cat /run/table"), "0 65536 linear 253:0 0\n");
    let status = machine.sh("tail -n 1 /run/status");
    assert!(status.starts_with("volume  dm-1    waiting"), "{status}");
    assert!(status.contains("requests in flight do not end"), "{status}");
    machine.sh("dmsetup remove volume && dmsetup remove disk");
}

/// Requests complete all the time, but each takes three seconds.
#[test]
fn a_queued_volume_is_suspended_for_at_most_two_seconds() {
    let mut machine = machine();
    machine.sh("modprobe dm-delay");
    create(&mut machine, "disk", "0 65536 delay /dev/vda 0 3000");
    create(&mut machine, "volume", "0 65536 linear /dev/mapper/disk 0");
    machine.sh(
        "mkdir -p /etc/dmp && echo volume >/etc/dmp/attach.conf; \
         for n in $(seq 20); do \
           { until [ -e /run/stop ]; do \
               dd if=/dev/mapper/volume of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; done; } & \
           usleep 150000; done; \
         dmpstat attach --queue dm-1; \
         dmpstat attach --queued >/run/out 2>/run/said & pid=$!; \
         until [ -s /run/said ]; do usleep 100000; done; \
         dmsetup table volume >/run/table; touch /run/stop; wait",
    );
    assert_eq!(
        machine.sh("head -n 1 /run/said"),
        "dmpstat: volume: requests in flight did not end within 2 s. The volume runs as before\n"
    );
    assert_eq!(machine.sh("cat /run/table"), "0 65536 linear 253:0 0\n");
    assert_eq!(machine.sh("cat /run/out"), "volume: attached\n");
    machine.sh("dmsetup remove volume && dmsetup remove disk");
}
