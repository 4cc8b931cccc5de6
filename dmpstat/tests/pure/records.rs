// SPDX-License-Identifier: GPL-2.0

//! Recordings: blocks, files and limits.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dmpstat::model::histogram::{Histogram, INFINITE, from_signed};
use dmpstat::model::operation::Operation;
use dmpstat::model::snapshot::{Counters, Disk, LineCount, Lines, Snapshot, Timing};
use dmpstat::model::statistic::{Statistic, Values};
use dmpstat::record::block::{self, Block};
use dmpstat::record::cells;
use dmpstat::record::column::{self, Column};
use dmpstat::record::days::{self, Cut, Limits};
use dmpstat::record::frame::{self, HEADER, SAMPLES};
use dmpstat::record::frames::{Frames, Part};
use dmpstat::record::header::Header;
use dmpstat::record::index::{Index, Why};
use dmpstat::record::recorder::{Recorder, Target};
use dmpstat::record::sample::{Failure, Sample};
use dmpstat::record::when::When;
use dmpstat::source::host::Host;
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tempfile::TempDir;

/// Numbers of all lengths.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..10u64,
        4 => any::<u64>().prop_flat_map(|most| 0..=most),
        1 => Just(u64::MAX),
    ]
}

fn values() -> impl Strategy<Value = Values> {
    vec(option::of(number()), Statistic::COUNT).prop_map(|numbers| {
        let mut values = Values::NONE;
        for (statistic, number) in Statistic::ALL.into_iter().zip(numbers) {
            values.set(statistic, number);
        }
        values
    })
}

/// Histograms, a few of them with bounds that no header has.
fn histogram() -> impl Strategy<Value = Histogram> {
    let bound = prop_oneof![
        8 => (9..37u32).prop_map(|bit| 1 << bit),
        1 => Just(INFINITE),
        1 => 1..1000u64,
    ];
    vec((bound, number()), 0..6).prop_map(Histogram::new)
}

/// Distances, with bounds on both sides of 0.
fn seeks() -> impl Strategy<Value = Histogram> {
    let bound = prop_oneof![
        8 => prop::sample::select(vec![i64::MIN, -16_777_217, -9, -1, 0, 8, 16_777_216])
            .prop_map(from_signed),
        1 => Just(INFINITE),
        1 => (-1000..1000i64).prop_map(from_signed),
    ];
    vec((bound, number()), 0..6).prop_map(Histogram::new)
}

fn counters() -> impl Strategy<Value = Counters> {
    let timing = (values(), histogram());
    let all = (
        values(),
        histogram(),
        option::of(timing),
        option::of(seeks()),
    );
    all.prop_map(|(values, sizes, timing, seeks)| Counters {
        values,
        sizes,
        timing: timing.map(|(values, latencies)| Timing { values, latencies }),
        seeks,
    })
}

fn lines() -> impl Strategy<Value = Lines> {
    [number(), number(), number(), number(), number(), number()].prop_map(|numbers| {
        let count = |at: usize| LineCount {
            all: numbers[at],
            as_linear: numbers[at + 1],
            flush_bypass: numbers[at + 2],
        };
        Lines {
            live: count(0),
            loaded: count(3),
        }
    })
}

fn disk() -> impl Strategy<Value = Disk> {
    let inflight = option::of([number(), number()]);
    (any::<bool>(), inflight, option::of(number())).prop_map(|(suspended, inflight, completed)| {
        Disk {
            suspended,
            inflight,
            completed,
        }
    })
}

/// Snapshots of a few devices, some of which have the same number.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let identity = (vec(any::<u8>(), 0..3), vec(any::<u8>(), 0..3), 0..3u64);
    let since = (option::of(number()), option::of(number()));
    let times = (number(), number(), any::<bool>(), since);
    let operations = vec(option::of(counters()), Operation::COUNT);
    (identity, times, option::of(lines()), operations, disk()).prop_map(
        |(
            (name, uuid, diskseq),
            (since, taken, latency, (latency_since, pattern_since)),
            lines,
            operations,
            disk,
        )| {
            Snapshot {
                device: String::new(),
                name,
                uuid,
                diskseq,
                since,
                taken,
                latency,
                latency_since,
                pattern_since,
                lines,
                operations: operations.try_into().unwrap(),
                disk,
            }
        },
    )
}

fn sample() -> impl Strategy<Value = Sample> {
    let failure = (vec(any::<u8>(), 0..3), "[a-z]{0,3}");
    let devices = btree_map(0..12u32, snapshot(), 0..4);
    let failures = btree_map(20..24u32, failure, 0..2);
    (any::<i64>(), number(), devices, failures).prop_map(
        |(realtime, boottime, devices, failures)| {
            let devices = devices.into_iter();
            let failures = failures.into_iter();
            Sample {
                realtime,
                boottime,
                snapshots: devices
                    .map(|(number, snapshot)| Snapshot {
                        device: format!("dm-{number}"),
                        ..snapshot
                    })
                    .collect(),
                failures: failures
                    .map(|(number, (name, message))| Failure {
                        device: format!("dm-{number}"),
                        name,
                        message,
                    })
                    .collect(),
            }
        },
    )
}

/// Returns the samples of a block.
fn decode(plain: &[u8], header: &Header) -> Vec<Sample> {
    let block = Block::read(plain).unwrap();
    let reader = cells::Reader::new(header);
    let samples = 0..block.times().count;
    samples.map(|at| block.sample(at, &reader)).collect()
}

proptest! {
    #[test]
    fn any_column_comes_back(values in vec(number(), 0..70)) {
        let mut bytes = Vec::new();
        column::write(&values, &mut bytes);
        bytes.push(7);
        let mut input = bytes.as_slice();
        let column = Column::read(&mut input, values.len()).unwrap();
        let read: Vec<u64> = (0..values.len()).map(|at| column.at(at)).collect();
        prop_assert_eq!(read, values);
        prop_assert_eq!(input, [7]);
    }

    #[test]
    fn any_samples_come_back(samples in vec(sample(), 1..6)) {
        let mut writer = block::Writer::new(Header::new(Host::default()));
        // Two blocks, because bounds of the first one stay in the header of the second one.
        for _ in 0..2 {
            for sample in &samples {
                writer.add(sample);
            }
            writer.update();
            let header = Header::read(&writer.header().write()).unwrap();
            let plain = writer.finish();
            prop_assert_eq!(&decode(&plain, &header), &samples);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Block::read(&bytes);
        let _ = Header::read(&bytes);
        let mut input = bytes.as_slice();
        let _ = Column::read(&mut input, 5);
    }

    #[test]
    fn a_damaged_block_does_not_make_the_reader_panic(
        samples in vec(sample(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut writer = block::Writer::new(Header::new(Host::default()));
        samples.iter().for_each(|sample| writer.add(sample));
        let mut plain = writer.finish();
        let at = at.index(plain.len());
        plain[at] = byte;
        if let Some(block) = Block::read(&plain) {
            let reader = cells::Reader::new(writer.header());
            for at in 0..block.times().count.min(10) {
                block.sample(at, &reader);
            }
        }
    }
}

/// Returns a sample of one device with this number of reads of 4 KiB, `seconds` after a boot.
fn reads(seconds: u64, requests: u64) -> Sample {
    let taken = seconds * 1_000_000_000 + 5;
    let text = format!(
        "dmp 1\ndevice dm-3\nname vg-data\nuuid LVM-0123\ndiskseq 21\nsince 5\ntaken {taken}\n\
         latency on\nread requests {requests} bytes {} errors 0 again 0 inflight 0 latency_ns {} \
         latency_max_ns 900\nread sizes 4096:{requests}\nread latencies 1024:{requests}\n",
        requests * 4096,
        requests * 700
    );
    Sample {
        realtime: (1_795_000_000 + seconds as i64) * 1_000_000_000,
        boottime: seconds * 1_000_000_000,
        snapshots: vec![Snapshot::parse(text.as_bytes()).unwrap()],
        failures: Vec::new(),
    }
}

const DATE: jiff::civil::Date = date(2026, 11, 18);

fn host(boot: &str) -> Host {
    Host {
        boot_id: boot.to_owned(),
        name: "here".to_owned(),
        ..Host::default()
    }
}

fn recorder(target: Target, boot: &str) -> Recorder {
    Recorder::new(target, host(boot), Duration::from_secs(1), DATE).unwrap()
}

/// Records blocks of two samples into a file. Returns the samples.
fn record(path: &Path, boot: &str, blocks: std::ops::Range<u64>) -> Vec<Sample> {
    let mut recorder = recorder(Target::File(path.to_owned()), boot);
    let mut samples = Vec::new();
    for block in blocks {
        for seconds in [block * 2, block * 2 + 1] {
            let sample = reads(seconds, seconds * 100);
            recorder.add(&sample, DATE).unwrap();
            samples.push(sample);
        }
        recorder.finish().unwrap();
    }
    samples
}

/// Returns all samples of a recording.
fn play(index: &Index) -> Vec<Sample> {
    let mut samples = Vec::new();
    for entry in &index.blocks {
        let block = index.block(entry).unwrap();
        samples.extend((0..entry.times.count).map(|at| block.sample(at, index.reader(entry))));
    }
    samples
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("file")
}

/// Returns the bytes of each frame.
fn frames(path: &Path) -> Vec<std::ops::Range<u64>> {
    let file = fs::File::open(path).unwrap();
    let mut frames = Frames::new(&file, 0);
    let mut all = Vec::new();
    while let Some(part) = frames.part().unwrap() {
        match part {
            Part::Frame { bytes, .. } => all.push(bytes),
            Part::Damage(bytes) => panic!("{bytes:?}"),
        }
    }
    all
}

#[test]
fn a_file_is_continued() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let mut samples = record(&path, "one", 0..3);
    samples.extend(record(&path, "two", 0..2));
    let index = Index::read(&path).unwrap();
    assert_eq!(play(&index), samples);
    assert_eq!(index.problems, []);
    assert_eq!(index.host, host("two"));
}

#[test]
fn a_file_cut_off_at_any_byte_keeps_all_whole_blocks() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let samples = record(&path, "one", 0..3);
    let frames = frames(&path);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(frames.len(), 4);
    let cut = directory.path().join("cut");
    for length in 0..=bytes.len() as u64 {
        fs::write(&cut, &bytes[..length as usize]).unwrap();
        let index = Index::read(&cut).unwrap();
        let whole = frames.iter().filter(|frame| frame.end <= length).count();
        let blocks = whole.saturating_sub(1);
        assert_eq!(play(&index), samples[..blocks * 2], "{length}");
        let end = frames[..whole].last().map_or(0, |frame| frame.end);
        let problems: Vec<_> = index
            .problems
            .iter()
            .map(|of| (of.bytes.clone(), of.why))
            .collect();
        match end == length {
            true => assert_eq!(problems, []),
            false => assert_eq!(problems, [(end..length, Why::Torn)]),
        }
        // A recorder continues the file after the torn block.
        if length % 16 == 0 {
            let more = record(&cut, "one", 3..4);
            let all = [&samples[..blocks * 2], &more].concat();
            assert_eq!(play(&Index::read(&cut).unwrap()), all, "{length}");
        }
    }
}

#[test]
fn a_flipped_byte_damages_one_block_only() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let samples = record(&path, "one", 0..3);
    let frames = frames(&path);
    let bytes = fs::read(&path).unwrap();
    let damaged = directory.path().join("damaged");
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        fs::write(&damaged, &bytes).unwrap();
        let index = Index::read(&damaged).unwrap();
        let hit = frames
            .iter()
            .position(|of| of.contains(&(at as u64)))
            .unwrap();
        let mut left = samples.clone();
        // Blocks do not need the header of their own version.
        if let Some(block) = hit.checked_sub(1) {
            left.drain(block * 2..block * 2 + 2);
        }
        assert_eq!(play(&index), left, "{at}");
        let hurt = index.problems.iter().map(|of| of.bytes.clone());
        assert_eq!(hurt.collect::<Vec<_>>(), [frames[hit].clone()], "{at}");
    }
}

/// Appends a frame to a file.
fn append(path: &Path, kind: u8, plain: &[u8]) {
    let mut file = fs::File::options().append(true).open(path).unwrap();
    let frame = frame::write(kind, plain).unwrap();
    file.write_all(&frame).unwrap();
}

#[test]
fn unknown_types_are_skipped() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let mut samples = record(&path, "one", 0..1);
    append(&path, 9, b"something");
    samples.extend(record(&path, "one", 1..2));
    let index = Index::read(&path).unwrap();
    assert_eq!((play(&index), index.problems), (samples, Vec::new()));
}

#[test]
fn blocks_of_a_newer_format_are_skipped_and_named() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let mut samples = record(&path, "one", 0..1);
    append(&path, HEADER, br#"{"format":2,"later":[]}"#);
    let begin = fs::metadata(&path).unwrap().len();
    append(&path, SAMPLES, b"new");
    append(&path, SAMPLES, b"newer");
    let end = fs::metadata(&path).unwrap().len();
    samples.extend(record(&path, "one", 1..2));
    let index = Index::read(&path).unwrap();
    assert_eq!(play(&index), samples);
    assert_eq!(
        index
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [format!(
            "skipped bytes {begin} to {end} of {}: a newer dmpstat has written them",
            path.display()
        )]
    );
}

/// A later version has another operation first, and another statistic.
#[test]
fn counters_of_a_later_version_are_skipped() {
    let mut header = Header::new(host("one"));
    let sample = reads(3, 700);
    let mut writer = block::Writer::new(header.clone());
    writer.add(&sample);
    let plain = writer.finish();
    // The names of the second operation and statistic are unknown, so only their values are.
    header.operations[1] = "verify".to_owned();
    header.statistics[5] = "later".to_owned();
    let mut expected = sample.clone();
    expected.snapshots[0].operations[1] = None;
    let reads = expected.snapshots[0].operations[0].as_mut().unwrap();
    let timing = reads.timing.as_mut().unwrap();
    timing.values.set(Statistic::LatencySum, None);
    assert_eq!(decode(&plain, &header), [expected]);
}

/// The clock was set back by an hour between two blocks.
#[test]
fn blocks_of_a_boot_are_in_the_order_of_its_time() {
    let directory = TempDir::new().unwrap();
    let target = Target::Directory(directory.path().to_owned(), Limits::default());
    let mut recorder = recorder(target, "one");
    let (late, early) = (
        reads(10, 1),
        Sample {
            realtime: 1_794_900_000_000_000_000,
            ..reads(20, 2)
        },
    );
    recorder.add(&late, DATE).unwrap();
    recorder.add(&early, date(2026, 11, 17)).unwrap();
    recorder.finish().unwrap();
    assert_eq!(
        days::list(directory.path()).unwrap(),
        ["2026-11-17.dmpstat", "2026-11-18.dmpstat"].map(|name| directory.path().join(name))
    );
    let index = Index::read(directory.path()).unwrap();
    assert_eq!(play(&index), [late, early]);
}

#[test]
fn a_block_has_a_minute_at_most() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let mut recorder = recorder(Target::File(path.clone()), "one");
    let blocks = || {
        let index = Index::read(&path).unwrap();
        index
            .blocks
            .iter()
            .map(|of| of.times.count)
            .collect::<Vec<_>>()
    };
    for second in 0..60 {
        assert_eq!(blocks(), [0; 0]);
        recorder.add(&reads(second, second), DATE).unwrap();
    }
    assert_eq!(blocks(), [60]);
    recorder.add(&reads(60, 60), DATE).unwrap();
    // The machine was suspended for an hour.
    recorder.add(&reads(3660, 61), DATE).unwrap();
    assert_eq!(blocks(), [60, 1]);
    recorder.finish().unwrap();
    assert_eq!(blocks(), [60, 1, 1]);
}

#[test]
fn two_recorders_do_not_share_a_file() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let _first = recorder(Target::File(path.clone()), "one");
    let failed = Recorder::new(
        Target::File(path.clone()),
        host("one"),
        Duration::from_secs(1),
        DATE,
    );
    assert_eq!(
        failed.unwrap_err().source.to_string(),
        "another dmpstat records into the file"
    );
}

#[test]
fn day_files_are_kept_by_number_and_others_are_left_alone() {
    let directory = TempDir::new().unwrap();
    let others = [
        "2026-11-1.dmpstat",
        "2026-02-30.dmpstat",
        "2026-11-11.dmpstat.gz",
        "a",
    ];
    for name in others {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let limits = Limits {
        days: Some(2),
        size: None,
    };
    let target = Target::Directory(directory.path().to_owned(), limits);
    let mut recorder = recorder(target, "one");
    // The clock runs a day too late for one sample.
    for (second, day) in [(0, 16), (1, 17), (2, 30), (3, 18), (4, 19)] {
        recorder
            .add(&reads(second, second), date(2026, 11, day))
            .unwrap();
    }
    recorder.finish().unwrap();
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = others.to_vec();
    expected.extend(["2026-11-19.dmpstat", "2026-11-30.dmpstat"]);
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(recorder.cut(), Cut::default());
}

#[test]
fn the_size_holds_at_every_block() {
    let directory = TempDir::new().unwrap();
    let limits = Limits {
        days: None,
        size: Some(6000),
    };
    let target = Target::Directory(directory.path().to_owned(), limits);
    let mut recorder = recorder(target, "one");
    let mut cut = Cut::default();
    let mut last = None;
    for block in 0..100 {
        let day = date(2026, 11, if block < 10 { 17 } else { 18 });
        let sample = reads(block, block * block);
        recorder.add(&sample, day).unwrap();
        recorder.finish().unwrap();
        last = Some(sample);
        let files = days::list(directory.path()).unwrap();
        let sizes = files.iter().map(|path| path.metadata().unwrap().len());
        assert!(sizes.sum::<u64>() <= 6000, "{block}");
        let more = recorder.cut();
        cut.deleted.extend(more.deleted);
        cut.shortened |= more.shortened;
    }
    let first = directory.path().join("2026-11-17.dmpstat");
    assert_eq!((cut.deleted, cut.shortened), (vec![first], true));
    let index = Index::read(directory.path()).unwrap();
    assert_eq!(index.problems, []);
    assert_eq!(index.host, host("one"));
    let samples = play(&index);
    assert!(samples.len() > 5);
    assert_eq!(samples.last(), last.as_ref());
    assert!(samples.is_sorted_by_key(|sample| sample.boottime));
}

#[test]
fn times_are_of_the_last_day_of_a_day_or_exact() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let day = date(2026, 11, 18);
    for (text, expected) in [
        ("12:30", "2026-11-18T12:30:00+01:00"),
        ("12:30:05", "2026-11-18T12:30:05+01:00"),
        ("2026-07-01 12:30", "2026-07-01T12:30:00+02:00"),
        ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ("2026-07-01T12:30:00Z", "2026-07-01T12:30:00Z"),
    ] {
        let when: When = text.parse().unwrap();
        let expected: jiff::Timestamp = expected.parse().unwrap();
        let nanoseconds = when.nanoseconds(day, &zone).unwrap();
        assert_eq!(i128::from(nanoseconds), expected.as_nanosecond(), "{text}");
    }
    for text in ["", "noon", "25:00"] {
        assert!(text.parse::<When>().is_err(), "{text}");
    }
}

#[test]
fn blocks_wait_for_room_on_the_disk() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory);
    let away = directory.path().join("away");
    let mut recorder = recorder(Target::File(path.clone()), "one");
    let samples: Vec<Sample> = (0..4).map(|second| reads(second, second * 7)).collect();
    recorder.add(&samples[0], DATE).unwrap();
    recorder.finish().unwrap();
    // The disk becomes full.
    fs::rename(&path, &away).unwrap();
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    for sample in &samples[1..3] {
        recorder.add(sample, DATE).unwrap();
        let failed = recorder.finish().unwrap_err();
        assert_eq!(failed.path, path);
        assert_eq!(failed.source.raw_os_error(), Some(28));
    }
    fs::remove_file(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    recorder.add(&samples[3], DATE).unwrap();
    recorder.finish().unwrap();
    let index = Index::read(&path).unwrap();
    assert_eq!((play(&index), index.problems), (samples, Vec::new()));
    assert_eq!(recorder.lost, 0);
}
