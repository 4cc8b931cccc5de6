// SPDX-License-Identifier: GPL-2.0

//! Changes of volumes.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Duration;

use dmpstat::attach::change::{Changer, Trouble};
use dmpstat::attach::guard::{Guard, Plan as Guarded};
use dmpstat::attach::hidden::is_hidden;
use dmpstat::attach::jobs::Job;
use dmpstat::attach::lock::take;
use dmpstat::attach::plan::{Plan, exchange};
use dmpstat::attach::request::Change;
use dmpstat::attach::request::{Options, Shown};
use dmpstat::attach::volume::Volume;
use dmpstat::clock::Clock;
use dmpstat::environment::Environment;
use dmpstat::model::measurement::{Measurement, Measurements};
use dmpstat::model::snapshot::LineCount;
use dmpstat::source::kernel::line::{Line, LineOptions};
use dmpstat::source::kernel::number::Number;
use jiff::Zoned;

use crate::fake::{DEVICE, Deed, Device, Fake, LVM, line, others};

/// A clock with a constant time. Its waits let real time pass, because a child that another test forks holds
/// copies of locks for a moment.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> Zoned {
        "2026-11-29T12:00:00[+00:00]".parse().unwrap()
    }

    fn boottime(&self) -> Duration {
        Duration::from_secs(1000)
    }

    fn wait(&mut self, _: Duration) -> bool {
        thread::sleep(Duration::from_millis(10));
        true
    }
}

/// A guard that records the last plan.
#[derive(Default)]
pub struct Armed {
    plan: Option<Guarded>,
    words: Vec<&'static str>,
}

impl Guard for Armed {
    fn arm(&mut self, plan: &Guarded, locks: &[BorrowedFd<'_>]) -> io::Result<()> {
        // A guard that replaced a killed one has no locks yet.
        assert!(!locks.is_empty());
        self.plan = Some(plan.clone());
        self.words.push("arm");
        Ok(())
    }

    fn resuming(&mut self) -> io::Result<()> {
        self.words.push("resuming");
        Ok(())
    }

    fn disarm(&mut self) -> io::Result<()> {
        self.plan = None;
        self.words.push("disarm");
        Ok(())
    }
}

/// The measurement of latencies alone.
pub const LATENCY: Measurements = Measurements {
    latency: true,
    pattern: false,
};

pub const OPTIONS: Options = Options {
    measurements: LATENCY,
    flush_bypass: false,
    shown: Shown::Auto,
};

/// Returns the job of a change of the volume, as if a user named it.
pub fn job(fake: &Fake, change: Change) -> Job {
    Job {
        device: DEVICE,
        uuid: fake.volume().uuid.clone(),
        diskseq: 21,
        change,
        named: true,
        written: OsString::from("vg/data"),
    }
}

/// Runs a job. Returns the plan, and the notes.
pub fn run(
    fake: &mut Fake,
    job: &Job,
    clock: &mut dyn Clock,
    guard: &mut dyn Guard,
) -> (Result<Plan, Trouble>, String) {
    let machine = fake.machine();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut changer = Changer {
        kernel: fake,
        environment: &mut Environment {
            machine: &machine,
            recording: None,
            clock,
            out: &mut out,
            notes: &mut notes,
            has_blocks: false,
            width: &|| None,
        },
        guard,
        unattended: false,
    };
    let changed = changer.change(job).map(|(_, plan)| plan);
    (changed, String::from_utf8(notes).unwrap())
}

/// Changes the volume. Returns the plan, the guard, and the notes.
pub fn change(fake: &mut Fake, change: Change) -> (Result<Plan, Trouble>, Armed, String) {
    let mut guard = Armed::default();
    let job = job(fake, change);
    let (changed, notes) = run(fake, &job, &mut Still, &mut guard);
    (changed, guard, notes)
}

pub fn attach(fake: &mut Fake) -> Result<Plan, Trouble> {
    change(fake, Change::Attach(OPTIONS)).0
}

/// A case: its name, a device mapper before the change, and the change.
pub type Case = (&'static str, fn() -> Fake, Change);

/// Returns all cases.
pub fn cases() -> Vec<Case> {
    let attach = Change::Attach(OPTIONS);
    let bypass = Change::Attach(Options {
        flush_bypass: true,
        ..OPTIONS
    });
    let linear = || Fake::new(LVM, vec![line("linear", "8:0 0")]);
    let plain = || Fake::new("", vec![line("linear", "8:0 0")]);
    let thin = || Fake::new(LVM, vec![line("thin", "253:9 1")]);
    let attached = || {
        let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
        change(&mut fake, Change::Attach(OPTIONS)).0.unwrap();
        fake
    };
    let above = || {
        let mut fake = Fake::new(LVM, vec![line("thin", "253:9 1")]);
        change(&mut fake, Change::Attach(OPTIONS)).0.unwrap();
        fake
    };
    let striped = || Fake::new("", vec![line("striped", "1 8 8:0 0")]);
    let striped_above = || {
        let mut fake = Fake::new("", vec![line("striped", "1 8 8:0 0")]);
        change(&mut fake, Change::Attach(OPTIONS)).0.unwrap();
        fake
    };
    vec![
        ("attach LVM's", linear, attach),
        ("attach another", plain, attach),
        ("attach above", thin, attach),
        ("attach another above", striped, attach),
        ("detach", attached, Change::Detach),
        ("detach from above", above, Change::Detach),
        ("detach another from above", striped_above, Change::Detach),
        ("other options", attached, bypass),
        ("other options above", above, bypass),
    ]
}

pub fn text(lines: &[Line]) -> Vec<String> {
    lines.iter().map(Line::to_string).collect()
}

#[test]
fn each_change_gives_the_expected_table_and_leaves_nothing_else() {
    let expected = [
        ("0 2048 dmp 8:0 0 2 latency as_linear", None),
        ("0 2048 dmp 8:0 0 1 latency", None),
        ("0 2048 dmp 253:4 0 1 latency", Some("0 2048 thin 253:9 1")),
        (
            "0 2048 dmp 253:4 0 1 latency",
            Some("0 2048 striped 1 8 8:0 0"),
        ),
        ("0 2048 linear 8:0 0", None),
        ("0 2048 thin 253:9 1", None),
        ("0 2048 striped 1 8 8:0 0", None),
        ("0 2048 dmp 8:0 0 3 latency flush_bypass as_linear", None),
        (
            "0 2048 dmp 253:4 0 2 latency flush_bypass",
            Some("0 2048 thin 253:9 1"),
        ),
    ];
    for ((what, begin, wanted), (table, hidden)) in cases().into_iter().zip(expected) {
        let mut fake = begin();
        let (result, guard, notes) = change(&mut fake, wanted);
        result.unwrap();
        assert_eq!(text(&fake.volume().live), [table], "{what}");
        assert!(!fake.volume().suspended && fake.volume().inactive.is_none());
        let others: Vec<_> = fake.others();
        let tables: Vec<_> = others
            .iter()
            .flat_map(|device| text(&device.live))
            .collect();
        assert_eq!(tables, Vec::from_iter(hidden.map(str::to_owned)), "{what}");
        for hidden in others {
            let name = String::from_utf8_lossy(&hidden.name).into_owned();
            let uuid = String::from_utf8_lossy(&hidden.uuid).into_owned();
            // The kernel removes the hidden device with the line over it, but LVM removes its own.
            match fake.volume().uuid.is_empty() {
                true => assert_eq!(uuid, format!("stratis-1-private-{name}")),
                false => assert_eq!(uuid, format!("{LVM}-real")),
            }
            assert_eq!(hidden.deferred, fake.volume().uuid.is_empty(), "{what}");
        }
        assert_eq!(notes, "");
        assert_eq!(guard.words.last(), Some(&"disarm"), "{what}");
        assert_eq!(guard.words[guard.words.len() - 2], "resuming", "{what}");
        // The user had set read-ahead, and the kernel has computed it for the new table.
        assert_eq!(fake.read_ahead(), "8\n", "{what}");
    }
}

#[test]
fn a_suspended_volume_is_refused_and_stays_suspended() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    fake.deed(Some(Deed::Suspend));
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(message.contains("\"dmsetup resume vg-data\""), "{message}");
    assert!(fake.volume().suspended);
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    fake.deed(Some(Deed::Load));
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(message.contains("\"dmsetup clear vg-data\""), "{message}");
    assert_eq!(fake.volume().inactive, Some(others()));
}

/// A dmpstat that was killed with its guard leaves a table of dmp lines with the same mapping.
#[test]
fn an_inactive_table_of_dmp_lines_with_the_same_mapping_is_dropped() {
    for (target, left, is_dropped) in [
        ("dmp", "8:0 0 1 latency", true),
        ("dmp", "8:16 0", false),
        // A linear line is LVM's, not dmpstat's.
        ("linear", "8:0 0", false),
    ] {
        let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
        fake.devices.get_mut(&DEVICE).unwrap().inactive = Some(vec![line(target, left)]);
        fake.deed(None);
        assert_eq!(attach(&mut fake).is_ok(), is_dropped, "{left}");
    }
}

/// A table from dmsetup leaves the hidden device of an LVM volume without a line over it. A device of LVM's
/// own with that uuid is in use.
#[test]
fn a_left_over_hidden_device_is_replaced() {
    let uuid = format!("{LVM}-real").into_bytes();
    for (name, is_ours) in [("dmp-0123456789abcdef-real", true), ("vg-data-real", false)] {
        let mut fake = Fake::new(LVM, vec![line("thin", "253:9 1")]);
        let left = Device {
            name: name.as_bytes().to_vec(),
            uuid: uuid.clone(),
            live: vec![line("thin", "253:9 1")],
            ..Device::default()
        };
        fake.devices.insert(Number(DEVICE.0 + 1), left);
        assert_eq!(attach(&mut fake).is_ok(), is_ours, "{name}");
        let others = fake.others();
        assert_eq!(others.len(), 1, "{name}");
        assert_eq!(others[0].name == name.as_bytes(), !is_ours, "{name}");
    }
}

/// The hidden device gets a deferred removal once the line is loaded, in case dmpstat and its guard die
/// before the exchange.
#[test]
fn a_hidden_device_is_marked_for_removal_before_the_exchange() {
    for (uuid, was_deferred) in [("", true), (LVM, false)] {
        let mut fake = Fake::new(uuid, vec![line("striped", "1 8 8:0 0")]);
        attach(&mut fake).unwrap();
        assert_eq!(fake.was_deferred, was_deferred);
    }
}

#[test]
fn an_older_module_is_named() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    fake.version = [1, 0, 9];
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(
        message.starts_with("the loaded dmp module is 1.0.9"),
        "{message}"
    );
    let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
    fake.version = [1, 0, 9];
    attach(&mut fake).unwrap();
}

/// The older module's snapshot has no line "lines", and its table shows each dmp line as dmp.
#[test]
fn an_older_modules_dmp_lines_are_counted_from_the_table() {
    for (table, lines) in [
        (vec![line("dmp", "8:0 0")], Some(1)),
        (vec![line("dmp", "8:0 0"), line("dmp", "8:16 0")], Some(2)),
        (
            vec![line("dmp", "8:0 0"), line("linear", "8:16 0")],
            Some(1),
        ),
        (vec![line("linear", "8:0 0")], None),
    ] {
        let mut fake = Fake::new(LVM, table);
        let text = "dmp 1\ndevice dm-3\nname vg-data\ndiskseq 21\nsince 1\ntaken 2\nlatency off\n";
        fake.file("sys/module/dmp/stat/dm-3/snapshot", text);
        let machine = fake.machine();
        let volume = Volume::read(&mut fake, DEVICE, &machine).unwrap();
        let expected = lines.map(|all| LineCount {
            all,
            as_linear: 0,
            flush_bypass: 0,
        });
        assert_eq!(
            volume.attachment.map(|attachment| attachment.lines),
            expected
        );
    }
}

/// One line of an attached volume can be linear, for example after an extension by hand.
#[test]
fn a_partly_attached_volume_is_attached_whole() {
    let lines = [line("dmp", "8:0 0 1 latency"), line("linear", "8:16 0")];
    let mut fake = Fake::new("", lines.to_vec());
    attach(&mut fake).unwrap();
    assert_eq!(
        text(&fake.volume().live),
        ["0 2048 dmp 8:0 0 1 latency", "0 2048 dmp 8:16 0 1 latency"]
    );
}

/// A failed exchange loads the old lines, among them dmp lines that the table shows as linear.
#[test]
fn a_failed_exchange_restores_as_linear_lines() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    attach(&mut fake).unwrap();
    let machine = fake.machine();
    let volume = Volume::read(&mut fake, DEVICE, &machine).unwrap();
    let plan = exchange(&volume, vec![line("linear", "8:0 0")], false);
    assert_eq!(text(&plan.old.shown), ["0 2048 linear 8:0 0"]);
    assert_eq!(
        text(&plan.old.loaded),
        ["0 2048 dmp 8:0 0 2 latency as_linear"]
    );
}

#[test]
fn a_hidden_device_is_recognized_by_its_name_and_uuid() {
    for (name, uuid, expected) in [
        (
            "dmp-0123456789abcdef",
            "stratis-1-private-dmp-0123456789abcdef",
            true,
        ),
        ("dmp-0123456789abcdef-real", "LVM-x-real", true),
        ("dmp-0123456789abcdef", "LVM-x", false),
        ("dmp-0123456789abcde", "stratis-1-private-x", false),
        ("dmp-0123456789abcdeg", "stratis-1-private-x", false),
        ("vg-data-real", "LVM-x-real", false),
    ] {
        let is = is_hidden(name.as_bytes(), uuid.as_bytes());
        assert_eq!(is, expected, "{name} {uuid}");
    }
}

/// Each option but the measurements needs another table.
#[test]
fn an_attached_volume_gets_other_options() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    assert!(matches!(attach(&mut fake), Ok(Plan::Table(_))));
    assert_eq!(attach(&mut fake).unwrap(), Plan::Already);
    let other = Change::Attach(Options {
        measurements: Measurements {
            latency: false,
            pattern: true,
        },
        ..OPTIONS
    });
    assert_eq!(
        change(&mut fake, other).0.unwrap(),
        Plan::Measure(vec![
            (Measurement::Latency, false),
            (Measurement::Pattern, true)
        ])
    );
    for (file, text) in [("latency", "0"), ("pattern", "1")] {
        let file = fake.root().join("sys/module/dmp/stat/dm-3").join(file);
        assert_eq!(fs::read_to_string(file).unwrap(), text);
    }
    let shown = Change::Attach(Options {
        shown: Shown::Dmp,
        ..OPTIONS
    });
    change(&mut fake, shown).0.unwrap();
    assert_eq!(text(&fake.volume().live), ["0 2048 dmp 8:0 0 1 latency"]);
}

/// During the wait for LVM's lock the number can become another volume's.
#[test]
fn a_job_changes_only_the_device_that_was_named() {
    for (uuid, diskseq) in [("LVM-", 22), ("LVM-other", 21)] {
        let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
        let job = Job {
            uuid: uuid.as_bytes().to_vec(),
            diskseq,
            ..job(&fake, Change::Attach(OPTIONS))
        };
        let (changed, _) = run(&mut fake, &job, &mut Still, &mut Armed::default());
        let message = changed.unwrap_err().to_string();
        assert!(
            message.starts_with("another volume has taken the name or number"),
            "{message}"
        );
        assert_eq!(text(&fake.volume().live), ["0 2048 linear 8:0 0"]);
    }
}

/// The volume's group is renamed during the wait for the lock of the old name.
#[test]
fn the_lock_follows_a_rename_of_the_group() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    let locks = fake.root().join("run/lock/lvm");
    let hold = |name: &str| take(&locks.join(name), Duration::ZERO, &mut |_| false);
    let mut first = hold("V_vg").unwrap();
    let second = hold("V_other").unwrap();
    assert!(first.is_some() && second.is_some());
    let job = job(&fake, Change::Attach(OPTIONS));
    // vgrename holds the lock of the old name. The device has the new name when vgrename exits.
    fake.name_after_status = Some(b"other-data".to_vec());
    let mut clock = Lets(|| first = None);
    let (changed, _) = run(&mut fake, &job, &mut clock, &mut Armed::default());
    let message = changed.unwrap_err().to_string();
    assert_eq!(
        message,
        "LVM is changing the volume group other: try again when LVM has finished"
    );
    assert_eq!(text(&fake.volume().live), ["0 2048 linear 8:0 0"]);
    drop(second);
    attach(&mut fake).unwrap();
}

/// A clock that changes the machine during a wait.
struct Lets<F>(F);

impl<F: FnMut()> Clock for Lets<F> {
    fn now(&self) -> Zoned {
        Still.now()
    }

    fn boottime(&self) -> Duration {
        Still.boottime()
    }

    fn wait(&mut self, _: Duration) -> bool {
        (self.0)();
        true
    }
}

#[test]
fn stateful_targets_are_refused_by_name() {
    for (target, reason, advice) in [
        ("raid", "would write the same metadata", "dmp device on top"),
        (
            "mirror",
            "would write the same metadata",
            "dmp device on top",
        ),
        ("cache", "its own dirty blocks", "dmp device on top"),
        ("writecache", "its own dirty blocks", "dmp device on top"),
        (
            "integrity",
            "would write the same journal",
            "dmp device on top",
        ),
        (
            "snapshot",
            "its own list of copied blocks",
            "dmp device on top",
        ),
        (
            "snapshot-origin",
            "list of copied blocks",
            "dmp device on top",
        ),
        (
            "crypt",
            "the key cannot be loaded again",
            "dmp device on top",
        ),
        ("multipath", "multipathd owns", "Attach the volumes on top"),
        (
            "thin-pool",
            "only thin volumes use a pool",
            "Attach the volumes on top",
        ),
        (
            "new",
            "only linear, thin and striped volumes",
            "dmp device on top",
        ),
    ] {
        for table in [
            vec![line(target, "x")],
            vec![line("linear", "8:0 0"), line(target, "x")],
        ] {
            let mut fake = Fake::new(LVM, table.clone());
            let message = attach(&mut fake).unwrap_err().to_string();
            let begin = format!("cannot attach {target} volumes: ");
            assert!(message.starts_with(&begin), "{message}");
            assert!(message.contains(reason), "{message}");
            assert!(message.contains(advice), "{message}");
            assert_eq!(fake.volume().live, table);
        }
    }
    // An inner volume is refused, because LVM would look for its hidden device under another uuid.
    let inner = format!("{LVM}{}-tdata", "x".repeat(64));
    let mut fake = Fake::new(&inner, vec![line("striped", "1 8 8:0 0")]);
    let message = attach(&mut fake).unwrap_err().to_string();
    assert_eq!(
        message,
        "the volume is a part of another volume, and not linear: attach the other volume"
    );
    let mut fake = Fake::new(LVM, vec![line("error", "")]);
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(message.starts_with("the volume has no table"), "{message}");
    // This is a partly activated volume of LVM's.
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0"), line("error", "")]);
    attach(&mut fake).unwrap();
    assert_eq!(
        text(&fake.volume().live),
        ["0 2048 dmp 8:0 0 2 latency as_linear", "0 2048 error "]
    );
}

#[test]
fn the_advice_names_the_nearest_volumes_below_that_a_user_may_change() {
    let uuid = |suffix: &str| format!("{LVM}{}{suffix}", "x".repeat(64));
    let linear = || vec![line("linear", "8:0 0")];
    let refused = || vec![line("raid", "x")];
    // dm-3 is over dm-4 and dm-5. Both are over dm-6, which is over dm-8, dm-9 and a disk in turn.
    let advice = |fake: Fake| {
        for (above, below) in [(3, 4), (3, 5), (4, 6), (5, 6), (6, 8), (8, 9)] {
            fake.file(&format!("sys/class/block/dm-{above}/slaves/dm-{below}"), "");
        }
        fake.file("sys/class/block/dm-9/slaves/sda", "");
        let message = attach(&mut { fake }).unwrap_err().to_string();
        let advice = message.split_once("dmp. ").unwrap().1;
        advice.split(':').map(str::to_owned).collect::<Vec<_>>()
    };
    let crypt = || Fake::new("", vec![line("crypt", "x")]);
    let own = "Create a dmp device on top, and mount the new device instead";
    // The nearest volume on each path down is named, and each only once.
    let fake = crypt()
        .with(4, "b", "", linear())
        .with(5, "raid", "", refused())
        .with(6, "a", "", linear())
        .with(8, "far", "", linear());
    assert_eq!(advice(fake), ["Attach the underlying volume", " a, b"]);
    // LVM's inner volumes are not named, except a volume under a snapshot.
    let fake = crypt()
        .with(4, "vg-data_rimage_0", &uuid(""), linear())
        .with(5, "vg-data-real", &uuid("-real"), linear());
    assert_eq!(
        advice(fake),
        ["Attach the underlying volume", " vg-data-real"]
    );
    let fake = crypt().with(4, "vg-data_rimage_0", &uuid(""), linear());
    assert_eq!(advice(fake)[0], own);
    // The volume is four levels below.
    let fake = crypt()
        .with(4, "one", "", refused())
        .with(6, "two", "", refused())
        .with(8, "three", "", refused())
        .with(9, "four", "", linear());
    assert_eq!(advice(fake), ["Attach the underlying volume", " four"]);
    assert_eq!(advice(crypt())[0], own);
}

#[test]
fn a_linear_line_becomes_dmp_and_linear_again_and_others_stay() {
    let options = |latency, flush_bypass, as_linear| LineOptions {
        measurements: Measurements {
            latency,
            pattern: false,
        },
        flush_bypass,
        as_linear,
    };
    let pattern = LineOptions {
        measurements: Measurements {
            latency: true,
            pattern: true,
        },
        ..options(false, false, true)
    };
    let linear = line("linear", "8:0 2048");
    for (options, parameters) in [
        (options(false, false, false), "8:0 2048"),
        (options(true, false, false), "8:0 2048 1 latency"),
        (
            options(true, true, false),
            "8:0 2048 2 latency flush_bypass",
        ),
        (
            options(true, true, true),
            "8:0 2048 3 latency flush_bypass as_linear",
        ),
        (pattern, "8:0 2048 3 latency as_linear pattern"),
    ] {
        let dmp = line("dmp", parameters);
        assert_eq!(linear.attached(options), dmp);
        assert_eq!(dmp.detached(), linear);
        assert_eq!(
            dmp.attached(LineOptions::default()),
            line("dmp", "8:0 2048")
        );
        let shown = if options.as_linear { &linear } else { &dmp };
        assert_eq!(dmp.shown(), *shown);
    }
    let crypt = line("crypt", "aes-xts-plain64 0123456789abcdef 0 8:0 0");
    assert_eq!(crypt.attached(options(true, true, true)), crypt);
    assert_eq!(crypt.detached(), crypt);
    assert_eq!(crypt.to_string(), "0 2048 crypt ...");
}

#[test]
fn device_numbers_are_converted_to_major_and_minor() {
    assert_eq!(Number(0xfd03).in_table(), "253:3");
    assert_eq!(Number(0x0010_fd07).in_table(), "253:263");
    assert_eq!(Number::new(253, 263), Number(0x0010_fd07));
}
