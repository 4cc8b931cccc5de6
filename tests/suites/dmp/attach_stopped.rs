// SPDX-License-Identifier: GPL-2.0

//! Stopped attaches: by a signal, or by a closed pipe on standard output.

use crate::common::*;

/// Returns a script that starts a read of a volume over `disk`, which hangs until `disk` is
/// resumed. `$dd` is the reader's process ID.
pub fn hung_read(volume: &str) -> String {
    format!(
        "dmsetup suspend disk; \
         dd if=/dev/mapper/{volume} of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null & dd=$!; \
         {}",
        until_asleep("$dd", "blkdev_")
    )
}

/// The reader of dmpstat's output exits after the first of three volumes; or ^C stops dmpstat.
#[test]
fn a_stopped_run_names_the_remaining_volumes_and_fails() {
    let mut machine = machine();
    for (at, name) in ["a", "b", "c"].iter().enumerate() {
        let at = 8 * at;
        create(&mut machine, name, &format!("0 8 linear /dev/vda {at}"));
    }
    let table = "dmsetup table | cut -d ' ' -f 1,4 | tr -d '\\n'";
    // A pipe without a reader.
    machine.sh("mkfifo /run/pipe; : </run/pipe & exec 9>/run/pipe; wait; \
         dmpstat attach '[abc]' >&9 2>/run/said; echo $? >/run/status");
    assert_eq!(machine.sh("cat /run/status"), "1\n");
    assert_eq!(
        machine.sh("cat /run/said"),
        "dmpstat: stopped by a closed pipe on standard output. Changed: a; not tried: b, c\n"
    );
    assert_eq!(machine.sh(table), "a: dmpb: linearc: linear");
    machine.sh("dmpstat detach a");
    // A request of the first volume does not complete.
    create(&mut machine, "disk", "0 8 linear /dev/vdb 0");
    machine.sh("dmsetup load a --table '0 8 linear /dev/mapper/disk 0' && dmsetup resume a");
    machine.sh(&format!(
        "{}; dmpstat attach a b c >/run/out 2>/run/said & pid=$!; {}; \
         kill -INT $pid; wait $pid; echo $? >/run/status; dmsetup resume disk; wait $dd",
        hung_read("a"),
        until_asleep("$pid", "dm_wait"),
    ));
    assert_eq!(machine.sh("cat /run/status"), "1\n");
    assert_eq!(machine.sh("cat /run/out"), "");
    assert_eq!(
        machine.sh("cat /run/said"),
        "dmpstat: a: a signal ended the wait for requests in flight. The volume runs as before\n\
         dmpstat: stopped by a signal. No volume was changed; not tried: b, c\n"
    );
    assert_eq!(
        machine.sh(
            "dmsetup table | grep -c dmp; dmsetup info -c --noheadings -o tables_loaded | sort -u"
        ),
        "0\nLive\n"
    );
    machine.sh("dmsetup remove a b c && dmsetup remove disk");
}

/// The disk below is suspended, so requests do not complete, and a suspension of the volume waits
/// for them. During that time dmpstat and its guard keep all of their memory locked.
#[test]
fn a_stopped_attach_leaves_the_volume_unchanged() {
    let mut machine = machine();
    create(&mut machine, "disk", "0 65536 linear /dev/vda 0");
    create(&mut machine, "volume", "0 65536 linear /dev/mapper/disk 0");
    let interrupted = "dmpstat: volume: a signal ended the wait for requests in flight. The volume runs \
                       as before\n";
    for (signal, said) in [
        ("INT", interrupted),
        ("TERM", interrupted),
        // The guard drops the loaded table.
        ("KILL", ""),
    ] {
        machine.sh(&format!(
            "{}; dmpstat attach volume >/run/said 2>&1 & pid=$!; {}; \
             cat /proc/$pid/status $(grep -l \"^PPid:.$pid$\" /proc/[0-9]*/status) >/run/memory; \
             kill -{signal} $pid; wait $pid; dmsetup resume disk; wait $dd; \
             n=0; until [ -z \"$(dmsetup table --inactive volume)\" ]; do n=$((n + 1)); \
               [ $n -lt 100 ] || exit 1; usleep 10000; done",
            hung_read("volume"),
            until_asleep("$pid", "dm_wait"),
        ));
        assert_eq!(machine.sh("cat /run/said"), said, "{signal}");
        assert_eq!(
            machine.sh("awk '$1 == \"VmLck:\" { print ($2 > 1000) }' /run/memory"),
            "1\n1\n"
        );
        assert_eq!(
            machine.sh("dmsetup table volume"),
            "0 65536 linear 253:0 0\n",
            "{signal}"
        );
        machine.sh(&direct_reads("volume", 4096, 1));
    }
    assert_eq!(
        machine.sh("dmpstat attach volume 2>/dev/null"),
        "volume: attached\n"
    );
    machine.sh("dmpstat detach volume && dmsetup remove volume && dmsetup remove disk");
}
