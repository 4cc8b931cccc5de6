// SPDX-License-Identifier: GPL-2.0

//! Values, compared with limits.

use crate::checks::{Checked, FIRST, is, second};
use crate::common::SNAPSHOT;

#[test]
fn a_value_above_the_limit_of_either_option_decides() {
    let options = ["-w", "r_p99=20ms,errs=0", "-c", "r_p99=50ms"];
    assert_eq!(
        second(&options, FIRST.with_fast(100)),
        is(
            0,
            "DMP OK - 1 volume in 10.0 s | vg-data_r_p99=1.048576ms;20;50;0 vg-data_errs=0;0;;0"
        )
    );
    assert_eq!(
        second(&options, FIRST.with_fast(100).with_errors(3)),
        is(
            1,
            "DMP WARNING - vg/data errs 3 (limit 0), 1 volume in 10.0 s \
             | vg-data_r_p99=1.048576ms;20;50;0 vg-data_errs=3;0;;0"
        )
    );
    assert_eq!(
        second(&options, FIRST.with_slow(10).with_errors(3)),
        is(
            2,
            "DMP CRITICAL - vg/data r_p99 61.0ms (limit 50ms), vg/data errs 3 (limit 0), \
             1 volume in 10.0 s | vg-data_r_p99=61ms;20;50;0 vg-data_errs=3;0;;0"
        )
    );
    let warning = ["-w", "r_p99=20ms", "-c", "r_p99=0.1s"];
    assert_eq!(
        second(&warning, FIRST.with_slow(10)),
        is(
            1,
            "DMP WARNING - vg/data r_p99 61.0ms (limit 20ms), 1 volume in 10.0 s \
             | vg-data_r_p99=61ms;20;100;0"
        )
    );
}

#[test]
fn a_value_equal_to_its_limit_raises_no_alarm() {
    for (limit, status) in [
        ("r_p99=61ms", 0),
        ("r_p99=0.061s", 0),
        ("r_p99=61000us", 0),
        ("r_p99=61000000ns", 0),
        ("r_p99=61", 0),
        ("r_p99=60999999ns", 2),
        ("r/s=1", 0),
        ("r/s=0.99", 2),
        ("rkB/s=4", 0),
        ("rkB/s=3.99", 2),
        ("rkB/s=4K", 0),
        ("rkB/s=4k", 0),
        ("rMB/s=0.00390625", 0),
        ("rMB/s=0.0039", 2),
        ("rkB/s=0.00390625M", 0),
        ("rareq-sz=4", 0),
        ("rareq-sz=0.001M", 2),
        ("errs=0", 0),
        ("aqu-sz=1e3", 0),
    ] {
        let (found, line) = second(&["-c", limit], FIRST.with_slow(10));
        assert_eq!(found, status, "{limit}: {line}");
    }
}

#[test]
fn limits_are_shown_as_written_and_passed_on_in_one_unit() {
    for (limit, expected) in [
        (
            "r_p99=20",
            "r_p99 61.0ms (limit 20ms), 1 volume in 10.0 s | vg-data_r_p99=61ms;;20;0",
        ),
        (
            "r_max=0.5us",
            "r_max 61.0ms (limit 0.5us), 1 volume in 10.0 s | vg-data_r_max=61ms;;0.0005;0",
        ),
        (
            "rkB/s=2",
            "rkB/s 4.0k (limit 2k), 1 volume in 10.0 s | vg-data_rkB_s=4096B;;2048;0",
        ),
        (
            "rMB/s=0.002",
            "rkB/s 4.0k (limit 0.002M), 1 volume in 10.0 s | vg-data_rkB_s=4096B;;2097.152;0",
        ),
        (
            "rkB/s=0.000001G",
            "rkB/s 4.0k (limit 0.000001G), 1 volume in 10.0 s \
             | vg-data_rkB_s=4096B;;1073.741824;0",
        ),
        (
            "r/s=0.5",
            "r/s 1 (limit 0.5), 1 volume in 10.0 s | vg-data_r_s=1;;0.5;0",
        ),
    ] {
        assert_eq!(
            second(&["-c", limit], FIRST.with_slow(10)),
            is(2, &format!("DMP CRITICAL - vg/data {expected}")),
            "{limit}"
        );
    }
}

#[test]
fn a_rate_is_rounded_up_for_people_and_exact_for_programs() {
    let counts = FIRST.with_slow(1).after(2);
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.3"], FIRST.with_slow(1).after(3)),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.34 (limit 0.3), 1 volume in 3.0 s \
             | vg-data_r_s=0.333333;0.3;;0"
        )
    );
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.3"], counts),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.5 (limit 0.3), 1 volume in 2.0 s \
             | vg-data_r_s=0.5;0.3;;0"
        )
    );
}

#[test]
fn empty_limits_are_none() {
    assert_eq!(
        second(&["-w", "", "-c", "errs=0,"], FIRST),
        is(0, "DMP OK - 1 volume in 10.0 s | vg-data_errs=0;;0;0")
    );
}

#[test]
fn the_last_limit_of_a_column_counts() {
    assert_eq!(
        second(
            &["-w", "errs=0,r/s=0", "-w", "errs=5"],
            FIRST.with_errors(5)
        ),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.5 (limit 0), 1 volume in 10.0 s \
             | vg-data_errs=5;5;;0 vg-data_r_s=0.5;0;;0"
        )
    );
}

#[test]
fn a_check_without_limits_has_the_columns_of_the_short_table() {
    assert_eq!(
        second(&[], FIRST.with_slow(10)),
        is(
            0,
            "DMP OK - 1 volume in 10.0 s | vg-data_r_s=1;;;0 vg-data_r_await=61ms;;;0 \
             vg-data_r_p99=61ms;;;0 vg-data_w_s=0;;;0 vg-data_w_await=0ms;;;0 \
             vg-data_aqu-sz=0.061;;;0 vg-data_inflight=0;;;0 vg-data_errs=0;;;0"
        )
    );
}

#[test]
fn a_percentile_without_a_request_is_ok() {
    assert_eq!(
        second(&["-c", "r_p99=0,w_p99=0,r_await=0"], FIRST),
        is(0, "DMP OK - 1 volume in 10.0 s | vg-data_r_await=0ms;;0;0")
    );
}

#[test]
fn unmeasured_columns_with_limits_are_unknown() {
    let checked = Checked::new();
    checked.root.write("dm-3", FIRST.off());
    let line =
        "vg/data does not measure r_p99 and age: enable latency with \"dmpstat latency on dm-3\"";
    let options = ["-w", "r_p99=20ms,errs=5", "-c", "age=30s,errs=9"];
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!("DMP UNKNOWN - {line}, 1 volume, no interval yet: first call")
        )
    );
    checked
        .root
        .write("dm-3", FIRST.after(10).with_errors(4).off());
    assert_eq!(
        checked.call(&options),
        is(
            3,
            &format!("DMP UNKNOWN - {line}, 1 volume in 10.0 s | vg-data_errs=4;5;9;0")
        )
    );
    // An alarm is worse than an unknown value.
    checked
        .root
        .write("dm-3", FIRST.after(20).with_errors(14).off());
    assert_eq!(
        checked.call(&options),
        is(
            2,
            &format!(
                "DMP CRITICAL - vg/data errs 10 (limit 9), {line}, 1 volume in 10.0 s \
                 | vg-data_errs=10;5;9;0"
            )
        )
    );
    // An older module measures no ages.
    let checked = Checked::new();
    checked.root.write("dm-3", SNAPSHOT);
    assert_eq!(
        checked.call(&["-w", "age=1s,r_age=1s", "-c", "r_p99=1s"]),
        is(
            3,
            "DMP UNKNOWN - vg/data does not measure age and r_age, 1 volume, no interval yet: first call"
        )
    );
    // The snapshot has no line of flushes.
    let checked = Checked::new();
    assert_eq!(
        checked.call(&["-w", "f/s=1,f_p99=1"]),
        is(
            3,
            "DMP UNKNOWN - vg/data does not measure f/s and f_p99, 1 volume, no interval yet: first call"
        )
    );
    assert_eq!(
        checked.call(&["-w", "f/s=1,r/s=1", "--by", "vg"]),
        is(
            3,
            "DMP UNKNOWN - vg does not measure f/s, 1 volume in 0.0 s"
        )
    );
}
