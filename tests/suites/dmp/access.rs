// SPDX-License-Identifier: GPL-2.0

//! Permissions: of the files in sysfs, and of messages.

use crate::common::*;

#[test]
fn any_user_reads_all_statistics_and_only_root_changes_anything() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(MAKE_USER);
    machine.sh(&direct_writes("d", 4096, 3));
    // `reset` is write-only. A snapshot's line `taken` differs between two reads.
    let read = format!(
        "cd {STAT} && find . -type f ! -name reset | sort | xargs tail -n +1 | grep -v ^taken"
    );
    let seen = machine.sh(&format!("su user -c \"{read}\""));
    assert!(seen.contains("==> ./volumes <=="), "{seen}");
    assert!(
        seen.contains(&format!("==> ./{device}/write/bytes <==\n12288\n")),
        "{seen}"
    );
    assert!(seen.contains("/snapshot <==\ndmp 1\n"), "{seen}");
    assert_eq!(seen, machine.sh(&read));

    for (file, value) in [
        ("reset", "1"),
        ("latency", "1"),
        ("pattern", "1"),
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
    // Root can neither write a counter nor read `reset`.
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
}

/// The name and the UUID have the maximum length of device mapper.
#[test]
fn files_are_shorter_than_a_page_and_contain_no_address() {
    let mut machine = machine();
    let name = "n".repeat(127);
    machine.sh(&format!(
        "dmsetup create {name} --uuid {} --table '0 2048 dmp /dev/vda 0 2 latency pattern'",
        "u".repeat(128)
    ));
    machine.sh(&direct_reads(&name, 4096, 9));
    let files = machine.sh(&format!(
        "cd {STAT} && for file in $(find . -type f ! -name reset \
           \\( ! -name seek_histogram -o -path '*/read/*' -o -path '*/write/*' \\)); do \
           text=$(cat $file; echo .) || exit; echo \"$file ${{#text}}\"; \
           case $text in *ffff????????????*) echo \"an address: $text\"; esac; done"
    ));
    assert_eq!(files.lines().count(), 1 + 6 + 6 * 10 + 2, "{files}");
    for line in files.lines() {
        let (file, length) = line.split_once(' ').unwrap();
        let length: usize = length.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(length < 4096, "{file}: {length}");
    }
}
