// SPDX-License-Identifier: GPL-2.0

//! The page of devices over a long time.

use dmpstat::format::page::heatmap::{colour, png as picture};
use dmpstat::format::page::{self, Part};
use dmpstat::model::heatmap::Heatmap;
use dmpstat::model::measure::Measure;
use dmpstat::model::operation::Operation::{Discard, Flush, Read, Write};
use dmpstat::model::snapshot::Snapshot;
use dmpstat::model::timeline::Timeline;
use jiff::tz::TimeZone;

const SECOND: i64 = 1_000_000_000;
/// 2026-11-30 00:00:00 UTC.
const BEGIN: i64 = 1_796_083_200 * SECOND;

/// The counts of a made-up volume: of reads and writes, by the bucket of size and of latency.
#[derive(Clone)]
struct Volume {
    counts: [[u64; 64]; 4],
    errors: u64,
}

impl Volume {
    const NEW: Self = Self {
        counts: [[0; 64]; 4],
        errors: 0,
    };

    fn text(&self, number: usize, name: &str, taken: i64, since: i64) -> String {
        let histogram = |of: &[u64; 64]| -> String {
            let buckets = of.iter().enumerate().filter(|(_, count)| **count > 0);
            let words = buckets.map(|(power, count)| format!(" {}:{count}", 1_u64 << power));
            words.collect::<Vec<_>>().concat()
        };
        let mut text = format!(
            "dmp 1\ndevice dm-{number}\nname {name}\nuuid LVM-{number}\ndiskseq {number}\nsince {since}\ntaken {taken}\n\
             latency on\nlatency_since {since}\n"
        );
        for (operation, at, errors) in [("read", 0, self.errors), ("write", 2, 0)] {
            let (sizes, latencies) = (&self.counts[at], &self.counts[at + 1]);
            let sum = |of: &[u64; 64]| -> u64 {
                of.iter()
                    .enumerate()
                    .map(|(power, count)| count << power)
                    .sum()
            };
            let highest = latencies
                .iter()
                .rposition(|count| *count > 0)
                .map_or(0, |power| 1_u64 << power);
            text += &format!(
                "{operation} requests {} bytes {} errors {errors} again 0 inflight 0 latency_ns {} latency_max_ns {highest} \
                 age_ns 0 rest_ns 0 rest {errors}\n{operation} sizes{}\n{operation} latencies{}\n",
                sizes.iter().sum::<u64>(),
                sum(sizes),
                sum(latencies),
                histogram(sizes),
                histogram(latencies),
            );
        }
        text
    }
}

/// Makes a day of volumes, with a reading in each minute. The disk of the first one is slow from noon to two
/// o'clock.
fn day(volumes: usize) -> Timeline {
    let mut timeline = Timeline::new(BEGIN, BEGIN + 86400 * SECOND, page::COLUMNS);
    let mut all = vec![Volume::NEW; volumes];
    let mut random = 1_u64;
    let mut next = move |below: u64| {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (random >> 33) % below
    };
    for minute in 0..=1440_i64 {
        let mut devices = Vec::new();
        for (number, volume) in all.iter_mut().enumerate() {
            let is_slow = number == 0 && (720..840).contains(&minute);
            let busy = 20
                + (number as u64 * 7) % 50
                + if (480..1080).contains(&minute) {
                    200
                } else {
                    0
                };
            for (at, rate) in [(0, busy), (2, busy / 3)] {
                volume.counts[at][12 + next(3) as usize * 2] += rate;
                let base = if is_slow { 24 } else { 16 };
                volume.counts[at + 1][base + next(3) as usize] += rate - rate / 20;
                volume.counts[at + 1][base + 3 + next(3) as usize] += rate / 20;
            }
            volume.errors += u64::from(is_slow && minute % 30 == 0);
            let taken = (1000 + minute * 60) * SECOND;
            // The second volume is reset at six o'clock.
            let since = if number == 1 && minute >= 360 {
                (1000 + 360 * 60) * SECOND - 1
            } else {
                SECOND
            };
            if number == 1 && minute == 360 {
                *volume = Volume::NEW;
            }
            let name = if number == 2 {
                "vg-<b>&\\x22x".to_owned()
            } else {
                format!("vg-data{number}")
            };
            // The recorder was off for an hour.
            if !(200..260).contains(&minute) {
                let text = volume.text(number, &name, taken, since);
                devices.push(Snapshot::parse(text.as_bytes()).unwrap());
            }
        }
        timeline.add(BEGIN + minute * 60 * SECOND, devices);
    }
    timeline.finish();
    timeline
}

fn part(volumes: usize, machine: &str) -> Part {
    Part {
        machine: machine.to_owned(),
        timeline: day(volumes),
    }
}

fn written(part: &Part, other: Option<&Part>) -> String {
    let mut out = Vec::new();
    page::write(&mut out, part, other, &TimeZone::UTC).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_page_needs_no_other_file_and_escapes_names() {
    let page = written(&part(3, "host <&>, Linux 6.12"), None);
    assert!(!page.contains("http"), "a link");
    assert!(page.contains("<h1>Volumes of host &lt;&amp;&gt;, Linux 6.12</h1>"));
    assert!(page.contains("<h2>vg-&lt;b&gt;&amp;&quot;x</h2>"));
    assert!(!page.contains("<b>"));
    for tag in ["figure", "section", "table", "details", "svg", "div"] {
        let count = |text: &str| page.matches(text).count();
        assert_eq!(
            count(&format!("<{tag}")),
            count(&format!("</{tag}>")),
            "{tag}"
        );
    }
    // Each picture has a description.
    assert_eq!(
        page.matches("<img ").count(),
        page.matches(" alt=\"").count()
    );
    assert!(page.contains("alt=\"Latency of reads: "));
}

#[test]
fn a_heatmap_has_a_cell_for_each_bucket_and_column() {
    let timeline = day(2);
    assert_eq!((timeline.columns, timeline.step.as_secs()), (720, 120));
    let track = &timeline.tracks[0];
    let map = Heatmap::new(track, Read, Measure::Latency).unwrap();
    assert_eq!(
        map.bounds,
        (16..=29).map(|power| 1 << power).collect::<Vec<u64>>()
    );
    let total: u64 = map.counts.iter().flatten().sum();
    let read = track.total().unwrap();
    assert_eq!(
        total,
        read.of(Read)
            .unwrap()
            .timing
            .as_ref()
            .unwrap()
            .latencies
            .count()
    );
    // The columns without a recorder are empty, and no other one is.
    for column in 0..timeline.columns {
        let count: u64 = map.counts.iter().map(|row| row[column]).sum();
        assert_eq!(count == 0, (100..129).contains(&column), "{column}");
    }
    // The least count differs from none, and the colours are those of a logarithm.
    let most = *map.counts.iter().flatten().max().unwrap();
    let one = 63.0 * 2_f64.ln() / (most as f64 + 1.0).ln();
    let colours = [0, 1, most].map(|count| colour(&map, count));
    assert_eq!(colours, [0, 1 + one.round() as u8, 64]);
    for operation in [Discard, Flush] {
        assert!(Heatmap::new(track, operation, Measure::Latency).is_none());
    }
    assert!(Heatmap::new(track, Write, Measure::Size).is_some());
}

/// A scale of its own would show the slow hours as the fast ones.
#[test]
fn heatmaps_that_are_compared_have_the_same_rows_and_colours() {
    let timeline = day(1);
    let track = &timeline.tracks[0];
    let mut fast = Timeline::new(BEGIN, BEGIN + 86400 * SECOND, 720);
    let mut volume = Volume::NEW;
    for minute in 0..3 {
        volume.counts[1][16] += 1;
        let text = volume.text(0, "vg-data0", (1000 + minute * 60) * SECOND, SECOND);
        let device = Snapshot::parse(text.as_bytes()).unwrap();
        fast.add(BEGIN + minute * 60 * SECOND, vec![device]);
    }
    fast.finish();
    let tracks = [track, &fast.tracks[0]];
    let [one, other] = Heatmap::alike(tracks, Read, Measure::Latency).unwrap();
    assert_eq!(one.bounds, other.bounds);
    assert_eq!((one.most, other.most), (one.most, one.most));
    let alone = Heatmap::new(track, Read, Measure::Latency).unwrap();
    assert_eq!(one.counts, alone.counts);
    let total: u64 = other.counts.iter().flatten().sum();
    assert_eq!(total, 2);
    assert_eq!(colour(&one, 100), colour(&other, 100));
    assert!(Heatmap::alike(tracks, Discard, Measure::Latency).is_none());
    let timelines = [day(1), fast];
    let [one, other] = timelines.map(|timeline| Part {
        machine: "host".to_owned(),
        timeline,
    });
    let page = written(&one, Some(&other));
    // The upper rows of the fast one are empty.
    let alt = "alt=\"Latency of reads, B: 2 requests. The highest row is 65.5us, first at 2026-12-01 00:00:00.\"";
    assert!(page.contains(alt));
}

/// Decodes the picture with the same library's decoder.
#[test]
fn a_picture_has_the_colours_of_the_counts_from_top_to_bottom() {
    let timeline = day(1);
    let map = Heatmap::new(&timeline.tracks[0], Read, Measure::Latency).unwrap();
    let bytes = picture(&map).unwrap();
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (720, map.bounds.len() as u32));
    let rows = map.counts.iter().rev();
    let expected: Vec<u8> = rows.flatten().map(|count| colour(&map, *count)).collect();
    assert_eq!(pixels, expected);
}

#[test]
fn a_comparison_shows_both_and_the_difference() {
    let (one, other) = (part(1, "a"), part(2, "b"));
    let page = written(&one, Some(&other));
    assert!(page.contains("<th scope=\"row\">vg-data0, A</th>"));
    assert!(page.contains("<th scope=\"row\">vg-data0, B</th>"));
    assert!(page.contains("<th scope=\"row\">B compared with A</th><td>0 %</td>"));
    assert!(page.contains("Latency of reads, A") && page.contains("Latency of reads, B"));
    assert!(page.contains("<p>Only in B: vg-data1.</p>"));
    assert_eq!(page.matches("vg-data1").count(), 1);
    assert!(!page.contains("Only in A"));
    let page = written(&other, Some(&one));
    assert!(page.contains("<p>Only in A: vg-data1.</p>") && !page.contains("Only in B"));
}
