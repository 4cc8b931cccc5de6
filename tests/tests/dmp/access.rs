// SPDX-License-Identifier: GPL-2.0

//! Who may read what, and change what.

use crate::common::*;

/// A user without any capability.
const USER: &str = "mkdir -p /etc && echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd";

#[test]
fn any_user_reads_all_statistics_and_only_root_changes_anything() {
    let mut machine = machine();
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    machine.sh(USER);
    machine.sh(&direct_writes("d", 4096, 3));
    // Every file but the one that is only written to; as root sees them.
    let read = format!("cd {STAT} && find . -type f ! -name reset | sort | xargs tail -n +1");
    let seen = machine.sh(&format!("su user -c \"{read}\""));
    assert!(seen.contains("==> ./volumes <=="), "{seen}");
    assert!(
        seen.contains(&format!("==> ./{device}/write/bytes <==\n12288\n")),
        "{seen}"
    );
    assert_eq!(seen, machine.sh(&read));

    for (file, value) in [
        ("reset", "1"),
        ("latency", "1"),
        ("volumes", "0"),
        ("write/requests", "0"),
    ] {
        assert_refused(
            &mut machine,
            &format!("su user -c 'echo {value} >{STAT}/{device}/{file}'"),
            "Permission denied",
        );
    }
    assert_refused(
        &mut machine,
        "su user -c 'dmsetup message d 0 reset'",
        "Permission denied",
    );
    // Not even root writes a counter, or reads what is there to be written.
    for script in [
        format!("echo 0 >{STAT}/{device}/volumes"),
        format!("echo 0 >{STAT}/volumes"),
        format!("echo 0 >{STAT}/{device}/write/requests"),
        format!("cat {STAT}/{device}/reset"),
    ] {
        assert_refused(&mut machine, &script, "Permission denied");
    }
    assert_eq!(number(&mut machine, &format!("{device}/latency")), 0);
    assert_counts(&mut machine, &device, Count::default(), Count::of(3, 4096));
    finish(machine);
}
