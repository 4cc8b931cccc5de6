// SPDX-License-Identifier: GPL-2.0

//! `dmpstat heatmap`: heatmaps of a recording in the terminal.

use crate::common::{Ran, Root};
use crate::recordings::Recording;

/// Runs the command over a recording of seven seconds.
fn run(root: &Root, arguments: &[&str]) -> Ran {
    let recording = Recording::new();
    let (measure, devices) = arguments.split_first().unwrap();
    root.run(&[&["heatmap", *measure, &recording.path], devices].concat())
}

#[test]
fn a_heatmap_has_a_character_for_each_bucket_and_second() {
    let ran = run(&Root::without_module(), &["latency", "vg-data"]);
    assert_eq!(
        ran.output(),
        "vg-data, latency of reads, 2026-11-26 21:00:00 to 2026-11-26 21:00:07, in columns of a second
  32.8us     ++
  16.4us +++ -@+
   reset     !!
         21:00:00
         1 .:-=+*#%@ 678 requests

"
    );
}

#[test]
fn a_terminal_gets_two_rows_in_a_line_and_colours() {
    let terminal = Root::without_module().on_terminal(40);
    let ran = run(&terminal, &["latency", "vg-data"]);
    let colour = |colour: u8, text: &str| format!("\x1b[38;5;{colour}m{text}\x1b[0m");
    let lower = colour(142, "\u{2584}");
    let both =
        |upper: u8, lower: u8| format!("\x1b[38;5;{upper}m\x1b[48;5;{lower}m\u{2580}\x1b[0m");
    let line = format!(
        "  32.8us {lower}{lower}{lower} {}{}{lower}",
        both(70, 35),
        both(70, 196)
    );
    let lines: Vec<&str> = ran.styled.lines().collect();
    assert_eq!(lines[1], line);
    let scale = [33, 37, 35, 70, 142, 172, 202, 196].map(|of| colour(of, "\u{2588}"));
    assert_eq!(
        lines[4],
        format!("         1 {} 678 requests", scale.concat())
    );
    // The recorded operations without latencies have no heatmap.
    assert_eq!(lines.len(), 6);
}

#[test]
fn a_narrow_terminal_gets_longer_columns() {
    let terminal = Root::without_module().on_terminal(13);
    let ran = run(&terminal, &["size", "vg-data", "db-*"]);
    ran.result.unwrap();
    let titles = ran.out.lines().filter(|line| line.contains("columns"));
    assert_eq!(
        titles.collect::<Vec<_>>(),
        [
            "vg-data, size of reads, 2026-11-26 21:00:00 to 2026-11-26 21:00:08, in columns of 2 seconds",
            "db-1, size of reads, 2026-11-26 21:00:00 to 2026-11-26 21:00:08, in columns of 2 seconds",
        ]
    );
}

#[test]
fn an_unmeasured_device_says_so() {
    let root = Root::new();
    let snapshot = crate::common::SNAPSHOT.replace("latency on", "latency off");
    root.write("dm-3", snapshot);
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("file");
    let path = path.to_str().unwrap();
    root.run_in_time(&["record", "-o", path], 3, |_| {})
        .output();
    let ran = root.run(&["heatmap", "latency", path]);
    assert_eq!(ran.output(), "vg-data, latency\nnot measured\n\n");
    let ran = root.run(&["heatmap", "size", path]);
    assert_eq!(ran.output(), "vg-data, size\nno request was counted\n\n");
}
