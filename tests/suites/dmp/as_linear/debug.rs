// SPDX-License-Identifier: GPL-2.0

//! Lifetimes of lines, their counters and their references to the module.

use super::*;

/// Lines of another device are not counted.
#[test]
fn lines_of_other_devices_are_not_counted() {
    let (mut machine, d) = machine_with_device("0 8 dmp /dev/vda 0 1 as_linear");
    let other = create(&mut machine, "other", "0 8 dmp /dev/vda 8 1 flush_bypass");
    machine.sh(&load("0 8 dmp /dev/vda 0"));
    assert_eq!(
        lines(&mut machine, &d),
        "1 1 as_linear 1 0 flush_bypass 0 0"
    );
    assert_eq!(
        lines(&mut machine, &other),
        "1 0 as_linear 0 0 flush_bypass 1 0"
    );
    // The next device with this number begins without lines.
    machine.sh("dmsetup remove d && dmsetup create next --notable && dmsetup remove other");
    machine.sh("dmsetup reload next --table '0 8 dmp /dev/vda 0'");
    assert_eq!(
        lines(&mut machine, &d),
        "0 1 as_linear 0 0 flush_bypass 0 0"
    );
}

#[test]
fn counters_survive_exchanges_between_dmp_and_as_linear() {
    let mut machine = machine();
    let (linear, dmp) = ("0 2048 linear /dev/vda 0", "0 2048 dmp /dev/vda 0");
    let hidden = &format!("{dmp} 1 as_linear");
    let device = create(&mut machine, "d", linear);
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    let before = machine.sh("dmsetup table d");
    let mut reads = 0;
    for (table, as_linear) in [(hidden, 1), (&dmp.to_owned(), 0), (hidden, 1), (hidden, 1)] {
        machine.sh(&exchange(table));
        machine.sh(&direct_reads("d", 4096, 3));
        reads += 3;
        assert_counts(
            &mut machine,
            &device,
            Count::of(reads, 4096),
            Count::default(),
        );
        assert_eq!(
            lines(&mut machine, &device),
            format!("1 0 as_linear {as_linear} 0 flush_bypass 0 0"),
            "{table}"
        );
        assert_eq!(references(&mut machine), 1, "{table}");
    }
    assert_eq!(machine.sh("dmsetup table d"), before);
    machine.sh(&exchange(linear));
    assert_eq!(machine.sh("dmsetup table d"), before);
    assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    assert_eq!(references(&mut machine), 0);
    machine.sh("rmmod dmp");
}

/// The lines before the wrong one already exist when the load fails.
#[test]
fn a_failed_load_leaves_lines_and_references_unchanged() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 as_linear");
    machine.sh(&load("0 2048 dmp /dev/vda 0 1 flush_bypass"));
    let expected = "1 1 as_linear 1 0 flush_bypass 0 1";
    assert_eq!(lines(&mut machine, &device), expected);
    assert_eq!(references(&mut machine), 2);
    for table in [
        "0 8 dmp /dev/vda 0 1 as_linear\n8 8 dmp /dev/vda x",
        "0 8 dmp /dev/vda 0 1 as_linear\n8 8 dmp /dev/vda 0 2 as_linear as_linear",
        "0 8 dmp /dev/vda 0 1 as_linear\n8 8 dmp /dev/nothing 0 1 as_linear",
        "0 8 dmp /dev/nothing 0 1 as_linear",
        // Good lines of a bad table.
        "0 8 dmp /dev/vda 0 1 as_linear\n16 8 dmp /dev/vda 0 1 as_linear",
        "0 8 dmp /dev/vda 0 1 as_linear\n8 8 nothing",
    ] {
        let output = machine.run(&load(table)).unwrap();
        assert_eq!(output.status, 1, "{table}");
        assert_eq!(lines(&mut machine, &device), expected, "{table}");
        assert_eq!(references(&mut machine), 2, "{table}");
    }
    machine.sh("dmsetup clear d");
    assert_eq!(
        lines(&mut machine, &device),
        "1 0 as_linear 1 0 flush_bypass 0 0"
    );
    machine.sh("dmsetup remove d && rmmod dmp");
}

#[test]
fn lines_shown_as_linear_keep_the_module_in_use() {
    let mut machine = machine();
    create(&mut machine, "true", "0 2048 linear /dev/vda 0");
    machine.sh(&direct_writes("true", 4096, 2));
    let table = machine.sh("dmsetup table true");
    create(&mut machine, "d", "0 2048 dmp /dev/vdb 0 1 as_linear");
    assert_refused(
        &mut machine,
        "rmmod dmp",
        "Resource temporarily unavailable",
    );
    assert_eq!(machine.sh("dmsetup table | grep -c dmp || true"), "0\n");
    machine.sh(&direct_writes("d", 4096, 1));
    // A loaded table alone also holds the module.
    machine.sh("dmsetup create more --notable");
    machine.sh("dmsetup reload more --table '0 8 dmp /dev/vdb 8 1 as_linear'");
    assert_eq!(references(&mut machine), 2);
    machine.sh("dmsetup remove d");
    assert_refused(
        &mut machine,
        "rmmod dmp",
        "Resource temporarily unavailable",
    );
    machine.sh("dmsetup clear more && rmmod dmp && ! [ -e /sys/module/dmp ]");
    assert_eq!(machine.sh("dmsetup table true"), table);
    machine.sh(&direct_reads("true", 4096, 2));
    machine.sh("dmsetup suspend true && dmsetup resume true");
    machine.sh(&direct_writes("true", 4096, 2));
    // The module can be loaded again, and so can its second target type, named linear.
    for _ in 0..2 {
        create(&mut machine, "d", "0 2048 dmp /dev/vdb 0 1 as_linear");
        machine.sh(&direct_reads("d", 4096, 1));
        assert_eq!(machine.sh("dmsetup status d"), "0 2048 linear \n");
        machine.sh("dmsetup remove d && rmmod dmp");
    }
}
