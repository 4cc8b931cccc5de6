// SPDX-License-Identifier: GPL-2.0

//! Table lines, messages and writes of arbitrary words: none of them does harm.

use crate::common::*;
use crate::load::*;

/// Words that a parser expects, and others.
const WORDS: &[&str] = &[
    "dmp",
    "linear",
    "/dev/vda",
    "/dev/vdb",
    "/dev/mapper/r",
    "/dev/null",
    "252:0",
    "0",
    "1",
    "8",
    "-1",
    "2",
    "131072",
    "18446744073709551615",
    "18446744073709551616",
    "0x10",
    "latency",
    "latency latency",
    "flush_bypass",
    "as_linear",
    "pattern",
    "reset",
    "on",
    "off",
    "@stats_list",
    "%s%n",
    "\\",
    "''",
];

fn line(random: &mut fastrand::Rng) -> String {
    let count = random.usize(0..7);
    let words: Vec<String> = (0..count)
        .map(|_| match random.u8(0..8) {
            0 => (0..random.usize(1..40))
                .map(|_| random.char('!'..='~'))
                .collect(),
            1 => random.u64(..).to_string(),
            2 => "x".repeat(random.usize(1..600)),
            _ => (*random.choice(WORDS).unwrap()).to_owned(),
        })
        .collect();
    words.join(" ")
}

/// Each line is tried as a table, as a message and as a write to each file, while requests pass.
/// The device of the messages and writes keeps its counters, and every created device can be
/// removed.
#[test]
fn any_words_are_refused_or_harmless() {
    let mut random = fastrand::Rng::with_seed(seed());
    let lines: String = (0..operations(200))
        .map(|_| line(&mut random) + "\n")
        .collect();

    let mut machine = machine_of(2);
    create(&mut machine, "busy", "0 65536 dmp /dev/vdb 0");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    assert_eq!(device, "dm-1");
    machine.sh(&direct_writes("d", 4096, 3));
    machine.sh(&format!("cat >/run/lines <<'THE_END'\n{lines}THE_END"));
    run_against(
        &mut machine,
        "while read -r line; do \
           for table in \"$line\" \"0 8 dmp $line\" \"0 8 dmp /dev/vda $line\"; do \
             dmsetup create r --table \"$table\" && { dmsetup remove r || exit; }; done; \
           dmsetup message d 0 \"x$line\"; dmsetup message d 0 latency \"x$line\"; \
           for file in reset latency volumes name; do \
             echo \"x$line\" >/sys/module/dmp/stat/dm-1/$file; done; true; \
         done </run/lines >/dev/null 2>&1",
        &[&format!(
            "fio --name=load --rate_iops=100 {} >/dev/null",
            random_load("/dev/mapper/busy")
        )],
    );
    assert_counts(&mut machine, &device, Count::default(), Count::of(3, 4096));
    assert_eq!(number(&mut machine, &format!("{device}/latency")), 0);
    assert_all_goes(machine);
}
