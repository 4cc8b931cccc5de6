// SPDX-License-Identifier: GPL-2.0

//! Switches of the measurement during requests, and refused ones.

use super::*;

#[test]
fn a_switch_takes_effect_at_once_and_keeps_request_counts() {
    let mut machine = machine();
    slow_disk(&mut machine);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/slow 0");
    let one = direct_reads("d", 4096, 1);
    let by_file = |value: &str| format!("echo {value} >{STAT}/{device}/latency");
    let switches = [
        ("dmsetup message d 0 latency on".to_owned(), true),
        (by_file("0"), false),
        (by_file("1"), true),
        ("dmsetup message d 0 latency off".to_owned(), false),
    ];
    for (reads, (switch, on)) in (1..).zip(&switches) {
        machine.sh(switch);
        assert_latency(&mut machine, &device, *on);
        machine.sh(&one);
        // A second switch to on changes nothing.
        if *on {
            machine.sh(switch);
            assert_measured(&mut machine, &device, "read", 1);
        } else {
            assert_not_measured(&mut machine, &device);
        }
        assert_counts(
            &mut machine,
            &device,
            Count::of(reads, 4096),
            Count::default(),
        );
    }
}

/// A request takes 100 ms here, and the switch happens within that time.
#[test]
fn a_request_in_flight_at_a_switch_is_not_measured() {
    let mut machine = machine();
    slow_disk(&mut machine);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/mapper/slow 0 1 latency");
    let read = direct_reads("d", 4096, 1);
    for (switch, word) in [(0, "off"), (1, "on")] {
        machine.sh(&format!(
            "{read} & while [ $(cat {STAT}/{device}/read/requests) = {switch} ]; do :; done; \
             echo {switch} >{STAT}/{device}/latency; wait"
        ));
        assert_latency(&mut machine, &device, switch == 1);
        if switch == 1 {
            assert_none_measured(&mut machine, &device, word);
        } else {
            assert_not_measured(&mut machine, &device);
        }
    }
    assert_counts(&mut machine, &device, Count::of(2, 4096), Count::default());
}

#[test]
fn anything_but_0_and_1_is_refused_and_changes_nothing() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    for value in [
        "2", "-1", "on", "off", "11", "01", "1 0", "y", "\\n", "1x", "\\377",
    ] {
        assert_refused(
            &mut machine,
            &format!("printf '{value}' >/run/value; cat /run/value >{STAT}/{device}/latency"),
            "Invalid argument",
        );
        assert_latency(&mut machine, &device, true);
    }
    machine.sh(&format!("printf 0 >{STAT}/{device}/latency"));
    assert_latency(&mut machine, &device, false);
}

/// The option takes effect at the first resume of its table, and not at later ones.
#[test]
fn a_reload_applies_its_tables_option_but_a_resume_does_not() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    let mut assert_after = |script: &str, on: bool| {
        machine.sh(script);
        assert_eq!(
            number(&mut machine, &format!("{device}/latency")),
            u64::from(on),
            "{script}"
        );
    };
    let reload = "dmsetup reload d --table '0 2048 dmp /dev/vda 0";
    assert_after("dmsetup suspend d && dmsetup resume d", true);
    assert_after("dmsetup message d 0 latency off", false);
    assert_after("dmsetup suspend d && dmsetup resume d", false);
    assert_after(&format!("{reload} 1 latency'"), false);
    assert_after("dmsetup clear d", false);
    assert_after("dmsetup resume d", false);
    assert_after(&format!("{reload} 1 latency'"), false);
    assert_after("dmsetup suspend d", false);
    assert_after("dmsetup resume d", true);
    assert_after(&format!("{reload}'"), true);
    assert_after("dmsetup resume d", false);
    // One of two lines with the option is enough, either one.
    let two = |first: &str, second: &str| {
        format!(
            "dmsetup reload d <<'END' && dmsetup resume d\n\
             0 8 dmp /dev/vda 0{first}\n8 8 dmp /dev/vdb 0{second}\nEND"
        )
    };
    assert_after(&two(" 1 latency", ""), true);
    assert_after(&two("", ""), false);
    assert_after(&two("", " 1 latency"), true);
}
