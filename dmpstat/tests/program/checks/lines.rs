// SPDX-License-Identifier: GPL-2.0

//! The volumes in the line, and their order.

use std::fs;

use crate::checks::{Checked, Counts, FIRST, is};
use crate::common::named;

#[test]
fn the_worst_volume_comes_first() {
    let checked = Checked::new();
    let other = |device: &str, counts: Counts| {
        let number = device.strip_prefix("dm-").unwrap();
        named(&counts.text(), device, &format!("vg-v{number}"))
    };
    let devices = ["dm-4", "dm-5", "dm-6"];
    for device in devices {
        checked.root.write(device, other(device, FIRST));
    }
    let options = ["-w", "r_p99=20ms,errs=1", "-c", "errs=3"];
    checked.call(&options);
    let counts = [
        FIRST.with_errors(2),
        FIRST.with_errors(4),
        FIRST.with_errors(8),
        FIRST.with_slow(10),
    ];
    checked.root.write("dm-3", counts[0].after(10).text());
    for (device, counts) in devices.into_iter().zip(&counts[1..]) {
        checked.root.write(device, other(device, counts.after(10)));
    }
    assert_eq!(
        checked.call(&options),
        is(
            2,
            "DMP CRITICAL - vg/v5 errs 8 (limit 3), vg/v4 errs 4 (limit 3), \
             vg/v6 r_p99 61.0ms (limit 20ms), vg/data errs 2 (limit 1), 4 volumes in 10.0 s \
             | vg-data_errs=2;1;3;0 vg-v4_errs=4;1;3;0 vg-v5_errs=8;1;3;0 \
             vg-v6_r_p99=61ms;20;;0 vg-v6_errs=0;1;3;0"
        )
    );
}

#[test]
fn ten_problems_are_named_and_the_others_counted() {
    let checked = Checked::new();
    let write = |counts: Counts| {
        for number in 3..15 {
            let device = format!("dm-{number}");
            let text = named(&counts.text(), &device, &format!("v{number}"));
            checked.root.write(&device, text);
        }
    };
    write(FIRST);
    checked.call(&["-c", "errs=0"]);
    write(FIRST.after(10).with_errors(1));
    let (status, line) = checked.call(&["-c", "errs=0"]);
    assert_eq!(status, 2);
    let (text, values) = line.split_once(" | ").unwrap();
    let names = (3..13).map(|number| format!("v{number} errs 1 (limit 0), "));
    let names: String = names.collect();
    assert_eq!(
        text,
        format!("DMP CRITICAL - {names}2 more, 12 volumes in 10.0 s")
    );
    assert_eq!(values.split(' ').count(), 12);
}

#[test]
fn groups_are_compared_as_a_whole() {
    let checked = Checked::new();
    let other = |counts: Counts| named(&counts.text(), "dm-4", "vg-home");
    checked.root.write("dm-4", other(FIRST));
    let options = ["--by", "vg", "-w", "errs=3"];
    checked.call(&options);
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(2).text());
    checked
        .root
        .write("dm-4", other(FIRST.after(10).with_errors(2)));
    assert_eq!(
        checked.call(&options),
        is(
            1,
            "DMP WARNING - vg errs 4 (limit 3), 2 volumes in 10.0 s | vg_errs=4;3;;0"
        )
    );
    let (status, line) = checked.call(&["--by", "vg-(.)", "-w", "inflight=0"]);
    assert_eq!(
        (status, line.as_str()),
        (
            0,
            "DMP OK - 2 volumes in 0.0 s | d_inflight=0;0;;0 h_inflight=0;0;;0"
        )
    );
}

#[test]
fn devices_are_chosen_by_name_and_pattern() {
    let checked = Checked::new();
    let other = named(&FIRST.text(), "dm-4", "db-1");
    checked.root.write("dm-4", other);
    for (device, line) in [
        ("vg/data", "DMP OK - 1 volume, no interval yet: first call"),
        ("*", "DMP OK - 2 volumes, no interval yet: first call"),
    ] {
        assert_eq!(checked.call(&[device]).1.split(" |").next(), Some(line));
        fs::remove_file(checked.state()).unwrap();
    }
}

/// A quote or "=" ends a label, and "|" the text.
#[test]
fn names_cannot_break_the_line() {
    let checked = Checked::new();
    let text = |counts: Counts| {
        let text = counts.text().replace("uuid LVM-0123\n", "");
        text.replace("vg-data", "a'b=c\\x7cd\\x0a\\x20e\"")
    };
    checked.root.write("dm-3", text(FIRST));
    checked.call(&["-c", "errs=0"]);
    let failed = FIRST.after(10).with_errors(1);
    checked.root.write("dm-3", text(failed));
    assert_eq!(
        checked.call(&["-c", "errs=0"]),
        is(
            2,
            "DMP CRITICAL - a'b=c\\x7cd\\x0a e\" errs 1 (limit 0), 1 volume in 10.0 s \
             | a_b_c_d_x0a_e\"_errs=1;;0;0"
        )
    );
}

#[test]
fn a_hung_suspended_reset_or_new_volume_is_in_the_text() {
    let checked = Checked::new();
    let options = ["-c", "age=60s"];
    let hung = FIRST.after(10).with_inflight(2);
    assert_eq!(
        checked.second(&options, hung),
        is(
            0,
            "DMP OK - vg/data is hung, 1 volume in 10.0 s | vg-data_age=40000ms;;60000;0"
        )
    );
    checked.root.file("sys/block/dm-3/dm/suspended", "1\n");
    checked
        .root
        .write("dm-3", FIRST.after(20).with_fast(2).text());
    assert_eq!(
        checked.call(&options),
        is(
            0,
            "DMP OK - vg/data is suspended, 1 volume in 10.0 s | vg-data_age=0ms;;60000;0"
        )
    );
    checked.root.file("sys/block/dm-3/dm/suspended", "0\n");
    // The interval begins at the reset.
    let reset = |counts: Counts| {
        let text = counts.text();
        text.replace("since 5000000000", "since 24000000000")
    };
    let new = named(&FIRST.after(30).with_errors(1).text(), "dm-4", "vg-new");
    checked.root.write("dm-4", new);
    checked
        .root
        .write("dm-3", reset(FIRST.after(30).with_errors(1)));
    let errors = ["-c", "errs=3"];
    assert_eq!(
        checked.call(&errors),
        is(
            2,
            "DMP CRITICAL - vg/data errs 4 (limit 3), vg/new errs 4 (limit 3), vg/data was reset, \
             vg/new is new, 2 volumes in 10.0 s | vg-data_errs=4;;3;0 vg-new_errs=4;;3;0"
        )
    );
    checked.root.remove("dm-4");
    let switched = reset(FIRST.after(40).with_errors(1));
    let switched = switched.replace("latency_since 24", "latency_since 35");
    checked.root.write("dm-3", switched);
    assert_eq!(
        checked.call(&["-c", "errs=3"]),
        is(
            0,
            "DMP OK - vg/data had latency switched, 1 volume in 10.0 s | vg-data_errs=0;;3;0"
        )
    );
}

/// Checkmk divides labels at spaces, and refuses a slash, a colon and a backslash.
#[test]
fn a_label_is_one_word_without_slash_colon_and_backslash() {
    let checked = Checked::new();
    let text = FIRST
        .text()
        .replace("vg-data", "a:b\\x2fc\\x5cd\\x20e\\xc2\\xa0\\xc3\\xa9");
    checked.root.write("dm-3", text);
    checked.call(&["-w", "r/s=1,r_p99.9=1s"]);
    assert_eq!(
        checked.call(&["-w", "inflight=0", "-c", "age=1s"]),
        is(
            0,
            "DMP OK - 1 volume in 0.0 s \
             | a_b_c_x5cd_e_xc2_xa0\u{e9}_inflight=0;0;;0 a_b_c_x5cd_e_xc2_xa0\u{e9}_age=0ms;;1000;0"
        )
    );
}
