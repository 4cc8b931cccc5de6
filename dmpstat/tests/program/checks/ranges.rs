// SPDX-License-Identifier: GPL-2.0

//! Values, compared with ranges of the Monitoring Plugins Development Guidelines.

use crate::checks::{Checked, FIRST, is, output, program, second};
use crate::common::named;

/// The value of r/s is 1.
#[test]
fn each_form_of_a_range_raises_its_alarms() {
    for (range, status) in [
        ("1:", 0),
        ("1.01:", 2),
        ("~:1", 0),
        ("~:0.99", 2),
        ("0:1", 0),
        ("0:0.99", 2),
        ("0.5:2", 0),
        ("1:1", 0),
        ("1.01:2", 2),
        ("0.1:0.99", 2),
        ("0:", 0),
        ("~:", 0),
        ("@1", 2),
        ("@0.99", 0),
        ("@1:", 2),
        ("@1.01:", 0),
        ("@~:1", 2),
        ("@~:0.99", 0),
        ("@0.5:2", 2),
        ("@1:1", 2),
        ("@1.01:2", 0),
        ("@0.1:0.99", 0),
        ("@~:", 2),
    ] {
        let limit = format!("r/s={range}");
        let (found, line) = second(&["-c", &limit], FIRST.with_slow(10));
        assert_eq!(found, status, "{limit}: {line}");
    }
}

#[test]
fn ranges_are_shown_as_written_and_passed_on_in_one_unit() {
    for (limit, expected) in [
        (
            "r_p99=0.1s:",
            "r_p99 61.0ms (limit 0.1s:), 1 volume in 10.0 s | vg-data_r_p99=61ms;;100:;0",
        ),
        (
            "r_p99=10:60",
            "r_p99 61.0ms (limit 10ms:60ms), 1 volume in 10.0 s | vg-data_r_p99=61ms;;10:60;0",
        ),
        // Each number has its own unit.
        (
            "r_p99=500us:60",
            "r_p99 61.0ms (limit 500us:60ms), 1 volume in 10.0 s \
             | vg-data_r_p99=61ms;;0.5:60;0",
        ),
        (
            "r_p99=~:20",
            "r_p99 61.0ms (limit ~:20ms), 1 volume in 10.0 s | vg-data_r_p99=61ms;;~:20;0",
        ),
        (
            "r_p99=@50:0.1s",
            "r_p99 61.0ms (limit @50ms:0.1s), 1 volume in 10.0 s \
             | vg-data_r_p99=61ms;;@50:100;0",
        ),
        (
            "r_p99=@100",
            "r_p99 61.0ms (limit @100ms), 1 volume in 10.0 s | vg-data_r_p99=61ms;;@100;0",
        ),
        (
            "r_p99=@~:",
            "r_p99 61.0ms (limit @~:), 1 volume in 10.0 s | vg-data_r_p99=61ms;;@~:;0",
        ),
        (
            "rkB/s=8:1M",
            "rkB/s 4.0k (limit 8k:1M), 1 volume in 10.0 s \
             | vg-data_rkB_s=4096B;;8192:1048576;0",
        ),
        (
            "rMB/s=1:",
            "rkB/s 4.0k (limit 1M:), 1 volume in 10.0 s | vg-data_rkB_s=4096B;;1048576:;0",
        ),
        // The guidelines leave out a start of 0.
        (
            "r/s=0:0.5",
            "r/s 1 (limit 0:0.5), 1 volume in 10.0 s | vg-data_r_s=1;;0.5;0",
        ),
        (
            "errs=1:",
            "errs 0 (limit 1:), 1 volume in 10.0 s | vg-data_errs=0;;1:;0",
        ),
        (
            "errs=@0:0",
            "errs 0 (limit @0:0), 1 volume in 10.0 s | vg-data_errs=0;;@0;0",
        ),
    ] {
        assert_eq!(
            second(&["-c", limit], FIRST.with_slow(10)),
            is(2, &format!("DMP CRITICAL - vg/data {expected}")),
            "{limit}"
        );
    }
    assert_eq!(
        second(&["-c", "r/s=0:"], FIRST.with_slow(10)),
        is(0, "DMP OK - 1 volume in 10.0 s | vg-data_r_s=1;;0:;0")
    );
}

#[test]
fn either_option_can_have_a_range() {
    let options = ["-w", "r/s=2:,errs=0", "-c", "r/s=0.5:10,errs=3"];
    assert_eq!(
        second(&options, FIRST.with_slow(10)),
        is(
            1,
            "DMP WARNING - vg/data r/s 1 (limit 2:), 1 volume in 10.0 s \
             | vg-data_r_s=1;2:;0.5:10;0 vg-data_errs=0;0;3;0"
        )
    );
    assert_eq!(
        second(&options, FIRST),
        is(
            2,
            "DMP CRITICAL - vg/data r/s 0 (limit 0.5:10), 1 volume in 10.0 s \
             | vg-data_r_s=0;2:;0.5:10;0 vg-data_errs=0;0;3;0"
        )
    );
}

/// A number that was rounded up would not be below the limit.
#[test]
fn a_value_below_its_range_is_rounded_down_for_people() {
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.334:"], FIRST.with_slow(1).after(3)),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.33 (limit 0.334:), 1 volume in 3.0 s \
             | vg-data_r_s=0.333333;0.334:;;0"
        )
    );
    // 0.29 * 100 is a bit less than 29.
    assert_eq!(
        Checked::new().second(&["-w", "r/s=0.3:"], FIRST.with_slow(29).after(100)),
        is(
            1,
            "DMP WARNING - vg/data r/s 0.29 (limit 0.3:), 1 volume in 100.0 s \
             | vg-data_r_s=0.29;0.3:;;0"
        )
    );
    assert_eq!(
        second(&["-w", "r_p99=1.049ms:"], FIRST.with_fast(100)),
        is(
            1,
            "DMP WARNING - vg/data r_p99 1.04ms (limit 1.049ms:), 1 volume in 10.0 s \
             | vg-data_r_p99=1.048576ms;1.049:;;0"
        )
    );
}

/// The distance from a range is a factor on both sides.
#[test]
fn the_volume_farthest_from_its_range_comes_first() {
    let checked = Checked::new();
    let devices = ["dm-4", "dm-5", "dm-6"];
    let write = |device: &str, reads: u64, seconds: u64| {
        let text = FIRST.with_fast(reads).after(seconds).text();
        let name = device.replace("dm-", "v");
        checked.root.write(device, named(&text, device, &name));
    };
    for device in devices {
        write(device, 0, 0);
    }
    let options = ["-w", "r/s=4:8"];
    checked.call(&options);
    checked
        .root
        .write("dm-3", FIRST.with_fast(20).after(10).text());
    for (device, reads) in devices.into_iter().zip([240, 10, 50]) {
        write(device, reads, 10);
    }
    assert_eq!(
        checked.call(&options),
        is(
            1,
            "DMP WARNING - v5 r/s 1 (limit 4:8), v4 r/s 24 (limit 4:8), vg/data r/s 2 (limit 4:8), \
             4 volumes in 10.0 s | vg-data_r_s=2;4:8;;0 v4_r_s=24;4:8;;0 v5_r_s=1;4:8;;0 \
             v6_r_s=5;4:8;;0"
        )
    );
}

#[test]
fn a_malformed_range_is_refused_by_its_wrong_part() {
    let checked = Checked::new();
    let refused = |limit: &str, why: &str| {
        let line = format!(
            "DMP UNKNOWN - invalid value '{limit}' for '--warning <COLUMN=LIMIT>': {why}\n"
        );
        let command = program(&checked.root, &["check", "vg/data", "-w", limit]);
        assert_eq!(output(command), (3, line, String::new()));
    };
    let number = |culprit: &str| {
        format!(
            "\"{culprit}\" is no value of r_p99: write a number of 0 or more, in ns, us, ms or s"
        )
    };
    for (range, culprit) in [
        ("x:20", "x"),
        ("10:x", "x"),
        ("10K:20", "10K"),
        ("-5:20", "-5"),
        ("10:20:30", "20:30"),
        ("10 :20", "10 "),
        ("10:inf", "inf"),
        ("10:1e999", "1e999"),
        ("~5:20", "~5"),
        ("~", "~"),
        ("@", ""),
        ("@@5", "@5"),
        ("10:@20", "@20"),
        ("/root:20ms", "/root"),
    ] {
        refused(&format!("r_p99={range}"), &number(culprit));
    }
    for (range, shown) in [(":", ":"), (":20", ":20"), ("@:20ms", ":20ms")] {
        refused(
            &format!("r_p99={range}"),
            &format!("the range \"{shown}\" has no start: write START:END, START: or END"),
        );
    }
    refused(
        "r_p99=10ms:~",
        "the range \"10ms:~\" ends with \"~\", which is a start: write 10ms: for a range without an end",
    );
    refused(
        "r_p99=20:10",
        "the range \"20:10\" ends below its start: write 10:20",
    );
    refused(
        "r_p99=@1s:20",
        "the range \"1s:20\" ends below its start: write 20:1s",
    );
    refused(
        "rkB/s=1:2ms",
        "\"2ms\" is no value of rkB/s: write a number of 0 or more, in K, M, G or T",
    );
    refused(
        "errs=1K:2",
        "\"1K\" is no value of errs: write a number of 0 or more, without a unit",
    );
}
