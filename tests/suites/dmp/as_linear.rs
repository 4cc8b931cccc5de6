// SPDX-License-Identifier: GPL-2.0

//! Lines that are shown as linear, and the word in a snapshot's `lines` that counts them.

use dmp_vm::Machine;

use crate::common::*;

mod debug;

/// Returns the number of the first disk, which tables show for the disk.
#[track_caller]
fn vda(machine: &mut Machine) -> String {
    machine.sh("cat /sys/block/vda/dev").trim().to_owned()
}

/// Runs a script, and then asserts the lines of the device.
#[track_caller]
fn assert_lines(machine: &mut Machine, device: &str, script: &str, expected: &str) {
    machine.sh(script);
    assert_eq!(lines(machine, device), expected, "{script}");
}

/// Returns the number of references to the module: each line of a table holds one.
#[track_caller]
fn references(machine: &mut Machine) -> u32 {
    let count = machine.sh("cat /sys/module/dmp/refcnt");
    count.trim().parse().unwrap()
}

/// Returns a script that loads a table of these lines for `d`.
fn load(lines: &str) -> String {
    format!("dmsetup reload d <<'END'\n{lines}\nEND\n")
}

/// Returns a script that loads a table of these lines for `d`, and resumes `d`.
fn exchange(lines: &str) -> String {
    format!("{} [ $? = 0 ] && dmsetup resume d", load(lines))
}

#[test]
fn table_and_status_of_an_as_linear_line_equal_those_of_linear() {
    let mut machine = machine();
    let vda = vda(&mut machine);
    for (offset, options) in [
        (0, "1 as_linear"),
        (7, "1 as_linear"),
        (126_976, "2 latency as_linear"),
        (8, "2 as_linear flush_bypass"),
        (8, "3 flush_bypass as_linear latency"),
    ] {
        create(
            &mut machine,
            "first",
            &format!("0 2048 linear {vda} {offset}"),
        );
        let line = format!("0 2048 dmp {vda} {offset} {options}");
        create(&mut machine, "other", &line);
        machine.sh(&direct_reads("other", 4096, 3));
        let shown = assert_alike(
            &mut machine,
            ["/dev/mapper/first", "/dev/mapper/other"],
            "dmsetup table TARGET; dmsetup status TARGET; dmsetup status --target linear TARGET; \
             dmsetup table --target linear TARGET; dmsetup table --target dmp TARGET; \
             dmsetup deps TARGET; dmsetup suspend TARGET; dmsetup table TARGET; \
             dmsetup status TARGET; dmsetup resume TARGET",
        );
        let (table, status) = (
            format!("0 2048 linear {vda} {offset}\n"),
            "0 2048 linear \n",
        );
        let begin = format!("{table}{status}{status}{table}");
        assert!(shown.stdout.starts_with(&begin), "{line}: {shown:?}");
        assert_eq!((shown.status, &*shown.stderr), (0, ""), "{line}");
        // A loaded table is printed as linear, too.
        machine.sh(&format!(
            "dmsetup reload first --table '0 4096 linear {vda} {offset}'; \
             dmsetup reload other --table '0 4096 dmp {vda} {offset} {options}'",
        ));
        let inactive = "dmsetup table --inactive";
        assert_eq!(
            machine.sh(&format!("{inactive} first; {inactive} other")),
            format!("0 4096 linear {vda} {offset}\n").repeat(2),
            "{line}"
        );
        machine.sh("dmsetup remove first && dmsetup remove other");
    }
}

/// LVM loads a linear line over an attached volume's table in this way.
#[test]
fn the_printed_line_loads_again_as_linear() {
    let (mut machine, _) = machine_with_device("0 2048 dmp /dev/vda 7 2 as_linear latency");
    machine.sh("dmsetup table d >/run/table && dmsetup reload d /run/table && dmsetup resume d");
    let table = machine.sh("cat /run/table");
    assert_eq!(
        machine.sh(&format!("ls {STAT}; dmsetup table d")),
        format!("volumes\n{table}")
    );
    assert_eq!(references(&mut machine), 0);
    machine.sh("rmmod dmp");
    machine.sh(&direct_reads("d", 4096, 2));
}

#[test]
fn a_wrong_line_says_which_option_is_repeated_or_unknown() {
    let mut machine = machine();
    for (options, message) in [
        ("2 as_linear as_linear", "<option> as_linear is repeated"),
        (
            "1 linear",
            "<option> is unknown: expected latency, flush_bypass, as_linear or pattern",
        ),
    ] {
        machine.sh("dmesg -c >/dev/null");
        assert_refused(
            &mut machine,
            &format!("dmsetup create d --table '0 8 dmp /dev/vda 0 {options}'"),
            "Invalid argument",
        );
        let log = machine.sh("dmesg");
        assert!(log.contains(&format!(": dmp: {message} (")), "{log}");
        assert_nothing_left(&mut machine, options);
    }
}

#[test]
fn requests_are_counted_and_messages_work() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 as_linear");
    machine.sh(&direct_writes("d", 4096, 9));
    machine.sh(&direct_reads("d", 4096, 4));
    assert_counts(
        &mut machine,
        &device,
        Count::of(4, 4096),
        Count::of(9, 4096),
    );
    assert_all(&mut machine, Count::of(4, 4096), Count::of(9, 4096));
    machine.sh("dmsetup message d 0 reset");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
    let latency = format!("{device}/latency");
    machine.sh("dmsetup message d 0 latency on");
    assert_eq!(number(&mut machine, &latency), 1);
    machine.sh(&direct_reads("d", 4096, 5));
    let measured = histogram(&mut machine, &format!("{device}/read/latency_histogram"));
    assert_eq!(measured.iter().map(|(_, count)| count).sum::<u64>(), 5);
    machine.sh("dmsetup message d 0 latency off");
    assert_eq!(number(&mut machine, &latency), 0);
    assert_refused(
        &mut machine,
        "dmsetup message d 0 flush",
        "Invalid argument",
    );
    // A linear line accepts no message at all.
    create(&mut machine, "linear", "0 2048 linear /dev/vda 0");
    assert_refused(
        &mut machine,
        "dmsetup message linear 0 reset",
        "Invalid argument",
    );
}

/// Latencies are measured, although the printed line does not show the option.
#[test]
fn as_linear_works_with_latency_and_flush_bypass() {
    let (mut machine, device) =
        machine_with_device("0 2048 dmp /dev/vda 0 3 as_linear latency flush_bypass");
    assert_eq!(number(&mut machine, &format!("{device}/latency")), 1);
    assert_eq!(
        lines(&mut machine, &device),
        "1 0 as_linear 1 0 flush_bypass 1 0"
    );
    let before = disk_stat(&mut machine, "vda");
    machine.sh("dd if=/dev/null of=/dev/mapper/d conv=fsync,notrunc status=none");
    assert_eq!((disk_stat(&mut machine, "vda") - before).flushes, 1);
    assert_operations_without_flushes(&mut machine, &device, &[]);
}

/// `dmsetup measure` prints the text that the kernel gives to its integrity measurement
/// architecture.
#[test]
fn integrity_measurement_names_dmp_and_its_version() {
    let mut machine = machine();
    let vda = vda(&mut machine);
    create(&mut machine, "d", "0 2048 dmp /dev/vda 7 1 as_linear");
    assert_eq!(
        machine.sh("dmsetup measure d"),
        format!(
            "0 2048 linear target_name=dmp,target_version={VERSION},device_name={vda},start=7;\n"
        )
    );
    create(&mut machine, "linear", "0 2048 linear /dev/vda 7");
    let linear = machine.sh("dmsetup measure linear");
    assert!(
        linear.starts_with("0 2048 linear target_name=linear,target_version="),
        "{linear}"
    );
}

#[test]
fn targets_lists_dmp_once_and_linear_once() {
    let mut machine = machine();
    let targets = |machine: &mut Machine| machine.sh("dmsetup targets | sort");
    let before = targets(&mut machine);
    create(&mut machine, "d", "0 2048 dmp /dev/vda 0 1 as_linear");
    assert_eq!(targets(&mut machine), before);
    let names = |name: &str| before.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!((names("dmp "), names("linear ")), (1, 1), "{before}");
}

#[test]
fn lines_follow_loads_resumes_and_clears() {
    let mut machine = machine();
    machine.sh("dmsetup create d --notable");
    let device = "dm-0";
    let plain = "0 2048 dmp /dev/vda 0";
    for (script, expected) in [
        (
            load(&format!("{plain} 1 as_linear")),
            "0 1 as_linear 0 1 flush_bypass 0 0",
        ),
        (
            "dmsetup resume d".to_owned(),
            "1 0 as_linear 1 0 flush_bypass 0 0",
        ),
        (load(plain), "1 1 as_linear 1 0 flush_bypass 0 0"),
        // A load replaces the table of the previous load.
        (
            load(&format!("{plain} 1 flush_bypass")),
            "1 1 as_linear 1 0 flush_bypass 0 1",
        ),
        (
            "dmsetup clear d".to_owned(),
            "1 0 as_linear 1 0 flush_bypass 0 0",
        ),
        (
            load(&format!("{plain} 2 flush_bypass as_linear")),
            "1 1 as_linear 1 1 flush_bypass 0 1",
        ),
        (
            "dmsetup suspend d".to_owned(),
            "1 1 as_linear 1 1 flush_bypass 0 1",
        ),
        (
            "dmsetup resume d".to_owned(),
            "1 0 as_linear 1 0 flush_bypass 1 0",
        ),
        // No table is loaded here.
        (
            "dmsetup suspend d && dmsetup resume d".to_owned(),
            "1 0 as_linear 1 0 flush_bypass 1 0",
        ),
        (
            "dmsetup suspend d".to_owned(),
            "1 0 as_linear 1 0 flush_bypass 1 0",
        ),
        (
            format!("{} dmsetup clear d; dmsetup resume d", load(plain)),
            "1 0 as_linear 1 0 flush_bypass 1 0",
        ),
        (exchange(plain), "1 0 as_linear 0 0 flush_bypass 0 0"),
    ] {
        assert_lines(&mut machine, device, &script, expected);
    }
}

#[test]
fn each_line_of_a_table_is_counted() {
    let (mut machine, device) = machine_with_device(
        "0 1024 dmp /dev/vda 0 1 as_linear\n1024 1024 dmp /dev/vda 4096 1 flush_bypass\n\
         2048 8 linear /dev/vdb 0",
    );
    assert_eq!(
        lines(&mut machine, &device),
        "2 0 as_linear 1 0 flush_bypass 1 0"
    );
    let vda = vda(&mut machine);
    let table = machine.sh("dmsetup table d");
    let shown: Vec<&str> = table.lines().collect();
    assert_eq!(
        shown[..2],
        [
            format!("0 1024 linear {vda} 0"),
            format!("1024 1024 dmp {vda} 4096 1 flush_bypass")
        ]
    );
    let many: Vec<String> = (0..200)
        .map(|n| format!("{} 8 dmp /dev/vda 0 1 as_linear", n * 8))
        .collect();
    for (script, expected) in [
        (
            load(&many.join("\n")),
            "2 200 as_linear 1 200 flush_bypass 1 0",
        ),
        (
            "dmsetup resume d".to_owned(),
            "200 0 as_linear 200 0 flush_bypass 0 0",
        ),
        (
            exchange("0 8 linear /dev/vdb 0\n8 8 dmp /dev/vda 0"),
            "1 0 as_linear 0 0 flush_bypass 0 0",
        ),
    ] {
        assert_lines(&mut machine, &device, &script, expected);
    }
}
