// SPDX-License-Identifier: GPL-2.0

//! Whole runs of attach and detach, from the command line to a simulated device mapper.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use dmpstat::attach::conf::Conf;
use dmpstat::attach::error::Failed;
use dmpstat::attach::guard::Guard;
use dmpstat::attach::listed;
use dmpstat::attach::lock::take;
use dmpstat::attach::queue::{self, Queue};
use dmpstat::attach::run::{attach_by, detach_by};
use dmpstat::attach::state::{OFTEN, State, WHILE};
use dmpstat::cli;
use dmpstat::cli::invocation::Command;
use dmpstat::clock::Clock;
use dmpstat::environment::Environment;
use dmpstat::error::Error;
use dmpstat::source::kernel::line::Line;
use dmpstat::source::kernel::number::Number;
use jiff::Zoned;
use rustix::io::Errno;

use crate::attach::{Armed, text};
use crate::fake::{DEVICE, Deed, Fake, Fault, LVM, line};

/// The time since boot at the begin of a run, in seconds.
const NOW: u64 = 1000;

/// A clock whose time passes only in waits.
struct Passing {
    time: Duration,
    /// The number of waits and checks before a signal.
    left: Cell<usize>,
}

impl Passing {
    fn new(left: usize) -> Self {
        Self {
            time: Duration::from_secs(NOW),
            left: Cell::new(left),
        }
    }
}

impl Clock for Passing {
    fn now(&self) -> Zoned {
        "2026-11-29T12:00:00[+00:00]".parse().unwrap()
    }

    fn boottime(&self) -> Duration {
        self.time
    }

    fn wait(&mut self, pause: Duration) -> bool {
        self.time += pause;
        // Real time passes, because a child that another test forks holds copies of locks for a moment.
        thread::sleep(Duration::from_millis(u64::from(!pause.is_zero())));
        !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0
    }
}

/// The output, the notes and the failure of a run.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    out: String,
    notes: String,
    failure: Option<String>,
}

impl Ran {
    /// Returns a run with this output and nothing else.
    fn printed(out: &str) -> Self {
        Self {
            out: out.to_owned(),
            notes: String::new(),
            failure: None,
        }
    }

    /// Returns a run that did nothing, for this reason.
    fn failed(failure: &str) -> Self {
        Self {
            out: String::new(),
            notes: String::new(),
            failure: Some(failure.to_owned()),
        }
    }
}

/// Runs `dmpstat attach` or `detach` with these words.
fn run(fake: &mut Fake, words: &[&str]) -> Ran {
    run_by(fake, &mut Passing::new(usize::MAX), words)
}

/// Runs `dmpstat attach` or `detach` with this clock.
fn run_by(fake: &mut Fake, clock: &mut dyn Clock, words: &[&str]) -> Ran {
    let mut out = Vec::new();
    let (notes, result) = run_into(fake, clock, words, &mut out);
    Ran {
        out: String::from_utf8(out).unwrap(),
        notes,
        failure: result.err().map(|error| error.to_string()),
    }
}

/// Runs `dmpstat attach` or `detach` with this standard output. Returns the notes, and the result.
fn run_into(
    fake: &mut Fake,
    clock: &mut dyn Clock,
    words: &[&str],
    out: &mut dyn Write,
) -> (String, Result<(), Error>) {
    let machine = fake.machine();
    let mut notes = Vec::new();
    let environment = &mut Environment {
        machine: &machine,
        recording: None,
        clock,
        out,
        notes: &mut notes,
        has_blocks: false,
        width: &|| None,
    };
    let mut start = || -> Result<Box<dyn Guard>, Failed> { Ok(Box::new(Armed::default())) };
    let words = ["dmpstat"].iter().chain(words).map(OsString::from);
    let result = match cli::parse(words).unwrap().command {
        Some(Command::Attach(options)) => attach_by(&options, fake, &mut start, environment),
        Some(Command::Detach { volumes }) => detach_by(&volumes, fake, &mut start, environment),
        _ => unreachable!("no other command changes a volume"),
    };
    (String::from_utf8(notes).unwrap(), result)
}

/// Makes a volume vg/data, dm-3, over the first disk.
fn linear() -> Fake {
    Fake::new(LVM, vec![line("linear", "8:0 0")])
}

/// Returns the table of dm-N with this minor number.
fn table(fake: &Fake, minor: u32) -> Vec<String> {
    text(&fake.devices[&Number::new(253, minor)].live)
}

/// Returns the note about a volume that attach.conf does not list.
fn lasts(volume: &str) -> String {
    format!(
        "dmpstat: the attachment lasts until LVM or another program replaces the table, or until the next boot. \
         Keep it with \"dmpstat attach --keep {volume}\"\n"
    )
}

#[test]
fn volumes_of_several_groups_are_all_attached() {
    let linear = |start| vec![line("linear", &format!("8:0 {start}"))];
    let mut fake = Fake::new(LVM, linear(0))
        .with(4, "b-one", "LVM-b1", linear(1))
        .with(5, "a-one", "LVM-a1", linear(2))
        .with(6, "b-two", "LVM-b2", linear(3));
    let ran = run(&mut fake, &["attach", "b/one", "a/one", "b/two"]);
    assert_eq!(
        ran,
        Ran {
            out: "b-one: attached\na-one: attached\nb-two: attached\n".to_owned(),
            notes: lasts("b/one a/one b/two"),
            failure: None
        }
    );
    for (minor, offset) in [(4, 1), (5, 2), (6, 3)] {
        let dmp = format!("0 2048 dmp 8:0 {offset} 2 latency as_linear");
        assert_eq!(table(&fake, minor), [dmp]);
    }
    assert_eq!(table(&fake, 3), ["0 2048 linear 8:0 0"]);
}

#[test]
fn a_volume_whose_own_lock_is_held_is_busy() {
    for (words, lock) in [
        (["attach", "vg/data"], "dm-3.lock"),
        (["detach", "vg/data"], "dm-3.lock"),
    ] {
        let mut fake = linear();
        if words[0] == "detach" {
            run(&mut fake, &["attach", "vg/data"]);
        }
        let before = table(&fake, 3);
        let path = fake.root().join("run/dmp").join(lock);
        let held = take(&path, Duration::ZERO, &mut |_| false).unwrap();
        assert!(held.is_some());
        let message = "vg-data: another dmpstat is changing the volume: try again when the other one has finished";
        assert_eq!(run(&mut fake, &words), Ran::failed(message));
        assert_eq!(table(&fake, 3), before);
        drop(held);
        assert_eq!(run(&mut fake, &words).failure, None);
        assert_ne!(table(&fake, 3), before);
    }
}

/// Writes a state of dm-3 that was attached at these times.
fn attached_at(fake: &Fake, times: [u64; OFTEN]) {
    let facts = State {
        diskseq: 21,
        ..State::default()
    };
    let state = times.into_iter().fold(None, |state: Option<State>, time| {
        Some(State::attached(state.as_ref(), facts.clone(), time))
    });
    let directory = fake.root().join("run/dmp");
    state.unwrap().write(&directory, "dm-3").unwrap();
}

/// Makes a queue with dm-3, which attach.conf lists.
fn queued(fake: &Fake) -> Queue {
    fake.file("etc/dmp/attach.conf", "vg/data\n");
    let queue = Queue::new(fake.root().join(&queue::PATH[1..]));
    queue.add("dm-3").unwrap();
    queue
}

#[test]
fn a_listed_volume_is_not_attached_more_than_ten_times_a_minute() {
    for (age, is_attached) in [(WHILE - 1, false), (WHILE, true)] {
        let mut fake = linear();
        let queue = queued(&fake);
        attached_at(&fake, [NOW - age; OFTEN]);
        let ran = run(&mut fake, &["attach", "--queued"]);
        let (expected, dmp) = match is_attached {
            true => (
                Ran::printed("vg-data: attached\n"),
                "0 2048 dmp 8:0 0 2 latency as_linear",
            ),
            false => (
                Ran {
                    notes: "dmpstat: vg-data: another program keeps changing the table back, so dmpstat \
                            has stopped attaching the volume. Attach the volume by hand with \
                            \"dmpstat attach\"\n"
                        .to_owned(),
                    ..Ran::printed("")
                },
                "0 2048 linear 8:0 0",
            ),
        };
        assert_eq!(ran, expected, "{age}");
        assert_eq!(table(&fake, 3), [dmp], "{age}");
        assert_eq!(queue.waiting().unwrap(), [""; 0]);
    }
}

/// The first line that matches a volume applies.
#[test]
fn a_volume_that_two_lines_name_is_attached_once_by_the_first() {
    for (conf, dmp) in [
        ("vg/data no_latency\nvg/*\n", "0 2048 dmp 8:0 0 1 as_linear"),
        (
            "vg/*\nvg/data no_latency\n",
            "0 2048 dmp 8:0 0 2 latency as_linear",
        ),
    ] {
        let mut fake = linear();
        fake.file("etc/dmp/attach.conf", conf);
        let ran = run(&mut fake, &["attach", "--all"]);
        assert_eq!(ran, Ran::printed("vg-data: attached\n"));
        assert_eq!(table(&fake, 3), [dmp], "{conf}");
        let mut fake = linear();
        queued(&fake);
        fake.file("etc/dmp/attach.conf", conf);
        run(&mut fake, &["attach", "--queued"]);
        assert_eq!(table(&fake, 3), [dmp], "{conf}");
    }
    let mut fake = linear();
    let ran = run(&mut fake, &["attach", "vg/data", "vg/*", "dm-3"]);
    assert_eq!(ran.out, "vg-data: attached\n");
}

/// The new table of a volume over the first disk.
const DMP: &str = "0 2048 dmp 8:0 0 2 latency as_linear";

#[test]
fn a_dry_run_shows_the_tables_and_changes_nothing() {
    let thin = |start, length| Line {
        start,
        length,
        ..line("thin", "253:9 1")
    };
    for (table, shown) in [
        (
            vec![line("linear", "8:0 0")],
            "- 0 2048 linear 8:0 0\n+ 0 2048 dmp 8:0 0 2 latency as_linear\n",
        ),
        (
            vec![line("error", ""), line("linear", "8:0 0")],
            "  0 2048 error \n- 0 2048 linear 8:0 0\n+ 0 2048 dmp 8:0 0 2 latency as_linear\n",
        ),
        (
            vec![thin(0, 2048), thin(2048, 8)],
            "- 0 2048 thin 253:9 1\n- 2048 8 thin 253:9 1\n+ 0 2056 dmp HIDDEN 0 1 latency\n",
        ),
    ] {
        let mut fake = Fake::new(LVM, table.clone());
        let ran = run(&mut fake, &["attach", "--dry-run", "vg/data"]);
        assert_eq!(ran.out, format!("vg-data\n{shown}"));
        assert_eq!(ran.failure, None);
        assert_eq!(fake.volume().live, table);
        assert_eq!(fake.others().len(), 0);
        assert!(!fake.root().join("run/dmp").exists());
    }
    let mut fake = linear();
    run(&mut fake, &["attach", "vg/data"]);
    let ran = run(&mut fake, &["attach", "--dry-run", "vg/data"]);
    assert_eq!(ran.out, "vg-data: already attached\n");
    let ran = run(
        &mut fake,
        &["attach", "--dry-run", "--no-latency", "vg/data"],
    );
    assert_eq!(ran.out, "vg-data\n  latency off\n");
    assert_eq!(table(&fake, 3), [DMP]);
    let ran = run(
        &mut fake,
        &["attach", "--dry-run", "--as", "dmp", "vg/data"],
    );
    assert_eq!(
        ran.out,
        "vg-data\n- 0 2048 dmp 8:0 0 2 latency as_linear\n+ 0 2048 dmp 8:0 0 1 latency\n"
    );
    assert_eq!(table(&fake, 3), [DMP]);
}

/// Makes the volumes vg/data and vg/raid. vg/raid cannot be attached.
fn with_raid() -> Fake {
    linear().with(4, "vg-raid", "LVM-raid", vec![line("raid", "x")])
}

const RAID: &str = "vg-raid: cannot attach raid volumes: two live instances would write the same metadata. \
                    Create a dmp device on top, and mount the new device instead: \
                    dmsetup create NAME --table \"0 $(blockdev --getsz /dev/vg/raid) dmp /dev/vg/raid\"";

#[test]
fn a_refused_volume_stops_the_run_only_if_it_was_named() {
    let mut fake = with_raid();
    let ran = run(&mut fake, &["attach", "vg/data", "vg/raid"]);
    assert_eq!(ran, Ran::failed(RAID));
    assert_eq!(table(&fake, 3), ["0 2048 linear 8:0 0"]);
    // A pattern skips vg/raid.
    let ran = run(&mut fake, &["attach", "vg/*"]);
    assert_eq!(
        ran,
        Ran {
            out: "vg-data: attached\n".to_owned(),
            notes: format!(
                "dmpstat: {}\n{}",
                RAID.replacen(": ", ": skipped: ", 1),
                lasts("'vg/*'")
            ),
            failure: None
        }
    );
    assert_eq!(table(&fake, 3), [DMP]);
    // A volume of attach.conf that cannot be attached does not stop the attach of the others.
    let mut fake = with_raid();
    fake.file("etc/dmp/attach.conf", "vg/gone\nvg/x*\nvg/raid\nvg/data\n");
    let ran = run(&mut fake, &["attach", "--all"]);
    assert_eq!(ran.out, "vg-data: attached\n");
    let gone = "/etc/dmp/attach.conf, line 1: there is no volume \"vg/gone\"";
    let failure = ran.failure.unwrap();
    assert!(failure.starts_with(gone), "{failure}");
    assert!(
        failure.ends_with(&format!("\ndmpstat: {RAID}")),
        "{failure}"
    );
    assert_eq!(table(&fake, 3), [DMP]);
}

#[test]
fn a_change_is_recorded_and_reported() {
    for (uuid, first, above) in [
        (LVM, line("linear", "8:0 0"), false),
        (LVM, line("thin", "253:9 1"), true),
        ("", line("striped", "1 8 8:0 0"), true),
    ] {
        let mut fake = Fake::new(uuid, vec![first]);
        let facts = State {
            diskseq: 21,
            name: b"vg-data".to_vec(),
            uuid: uuid.as_bytes().to_vec(),
            above,
            ..State::default()
        };
        let state = |fake: &Fake| State::read(&fake.root().join("run/dmp"), "dm-3");
        assert_eq!(
            run(&mut fake, &["attach", "dm-3"]).out,
            "vg-data: attached\n"
        );
        let attached = State::attached(None, facts.clone(), NOW);
        assert_eq!(state(&fake), Some(attached.clone()));
        let ran = run(&mut fake, &["attach", "dm-3"]);
        assert_eq!(ran.out, "vg-data: already attached\n");
        assert_eq!(state(&fake), Some(attached.clone()));
        let ran = run(&mut fake, &["attach", "--flush-bypass", "dm-3"]);
        assert_eq!(ran.out, "vg-data: attached\n");
        let again = State::attached(Some(&attached), facts.clone(), NOW);
        assert_eq!(state(&fake), Some(again));
        let ran = run(&mut fake, &["detach", "dm-3"]);
        assert_eq!(ran, Ran::printed("vg-data: detached\n"));
        let state = state(&fake).unwrap();
        assert_eq!((state.since, state.detached), (NOW, true));
    }
    // A detached volume is never attached automatically, even if it was not attached before.
    let mut fake = linear();
    let ran = run(&mut fake, &["detach", "vg/data"]);
    assert_eq!(ran, Ran::printed("vg-data: not attached\n"));
    queued(&fake);
    assert_eq!(run(&mut fake, &["attach", "--queued"]), Ran::printed(""));
    assert_eq!(table(&fake, 3), ["0 2048 linear 8:0 0"]);
}

/// Makes three volumes: vg/data, vg/a and vg/b.
fn three() -> Fake {
    let linear = |start| vec![line("linear", &format!("8:0 {start}"))];
    Fake::new(LVM, linear(0))
        .with(4, "vg-a", "LVM-a", linear(1))
        .with(5, "vg-b", "LVM-b", linear(2))
}

/// The command line of a run over three volumes, which a test stops.
const THREE: [&str; 4] = ["attach", "vg/data", "vg/a", "vg/b"];

#[test]
fn a_stopped_run_names_the_volumes_that_were_not_tried() {
    for (left, expected, out) in [
        (
            0,
            "stopped by a signal. No volume was changed; not tried: vg-data, vg-a, vg-b",
            "",
        ),
        (
            2,
            "stopped by a signal. Changed: vg-data, vg-a; not tried: vg-b",
            "vg-data: attached\nvg-a: attached\n",
        ),
    ] {
        let mut fake = three();
        let ran = run_by(&mut fake, &mut Passing::new(left), &THREE);
        assert_eq!(
            (ran.failure.as_deref(), ran.out.as_str()),
            (Some(expected), out)
        );
        assert_eq!(table(&fake, 5), ["0 2048 linear 8:0 2"]);
    }
    // An earlier failure is reported as well.
    let mut fake = three();
    fake.after_load = Some(Deed::Rename);
    let ran = run_by(&mut fake, &mut Passing::new(1), &THREE);
    assert!(ran.notes.contains(": another program changed the table"));
    assert!(ran.failure.unwrap().ends_with("not tried: vg-a, vg-b"));
}

/// Standard output that fails.
struct Fails(io::ErrorKind);

impl Write for Fails {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_stops_when_its_output_cannot_be_written() {
    for (kind, expected) in [
        (
            io::ErrorKind::BrokenPipe,
            "stopped by a closed pipe on standard output. Changed: vg-data; not tried: vg-a, vg-b",
        ),
        (
            io::ErrorKind::StorageFull,
            "cannot write the output: no storage space",
        ),
    ] {
        let mut fake = three();
        let clock = &mut Passing::new(usize::MAX);
        let (_, result) = run_into(&mut fake, clock, &THREE, &mut Fails(kind));
        assert_eq!(result.unwrap_err().to_string(), expected);
        assert_eq!(table(&fake, 4), ["0 2048 linear 8:0 1"]);
    }
}

#[test]
fn a_listed_or_kept_volume_is_attached_without_a_note() {
    let mut fake = linear();
    fake.file("etc/dmp/attach.conf", "vg/d*\n");
    let ran = run(&mut fake, &["attach", "vg/data"]);
    assert_eq!(ran, Ran::printed("vg-data: attached\n"));
    for (words, kept) in [
        (["vg/data", "--flush-bypass"], "vg/data flush_bypass\n"),
        (["dm-3", "--as=dmp"], "vg/data as_dmp\n"),
        (["vg/d*", "--as=linear"], "vg/d* as_linear\n"),
        (
            ["/dev/mapper/vg-data", "--no-latency"],
            "vg/data no_latency\n",
        ),
    ] {
        let mut fake = linear();
        fake.file("dev/mapper/vg-data", "");
        let words = ["attach", "--keep", words[0], words[1]];
        let ran = run(&mut fake, &words);
        assert_eq!(ran, Ran::printed("vg-data: attached\n"), "{words:?}");
        let conf = fs::read_to_string(fake.root().join("etc/dmp/attach.conf"));
        assert_eq!(conf.unwrap(), kept);
    }
    let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
    run(&mut fake, &["attach", "--keep", "vg-data"]);
    let conf = fs::read_to_string(fake.root().join("etc/dmp/attach.conf"));
    assert_eq!(conf.unwrap(), "vg-data\n");
}

#[test]
fn an_error_about_an_unknown_volume_gives_advice() {
    let mut fake = linear();
    fake.file("dev/sda", "");
    fake.file("sys/class/block/sda/dev", "8:0\n");
    for (written, expected) in [
        (
            "vg/datb",
            "there is no volume \"vg/datb\"; similar names: vg/data. Activate an inactive volume with \
             \"lvchange -ay vg/datb\"",
        ),
        (
            "/dev/a/b",
            "there is no volume \"/dev/a/b\"; similar names: /dev/vg/data. Activate an inactive volume with \"lvchange -ay a/b\"",
        ),
        (
            "/dev/mapper/b",
            "there is no volume \"/dev/mapper/b\"; similar names: /dev/mapper/vg-data",
        ),
        ("a/*", "there is no volume \"a/*\""),
        ("dm-77", "there is no volume \"dm-77\"; similar names: dm-3"),
        (
            "/dev/sda",
            "/dev/sda: not a volume of device mapper. Create a dmp device on top, and mount the new \
             device instead: dmsetup create NAME --table \"0 $(blockdev --getsz /dev/sda) dmp /dev/sda\"",
        ),
        (
            "a[",
            "\"a[\" is not a valid pattern: Pattern syntax error near position 1: invalid range pattern",
        ),
    ] {
        let ran = run(&mut fake, &["attach", written]);
        assert_eq!(ran, Ran::failed(expected));
    }
}

/// A pattern leaves out parts of other volumes, and devices that udev's database marks as private.
#[test]
fn a_pattern_matches_only_whole_and_public_volumes() {
    let table = || vec![line("linear", "8:0 8")];
    let mut fake = linear()
        .with(4, "vg-own", "LVM-own", table())
        .with(5, "vg-pool_tdata", "LVM-tdata", table())
        .with(6, "vg-public", "LVM-public", table());
    fake.file(
        "run/udev/data/b253:4",
        "S:x\nE:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1\n",
    );
    fake.file(
        "run/udev/data/b253:6",
        "E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=0\n",
    );
    let ran = run(&mut fake, &["attach", "vg/*"]);
    assert_eq!(ran.out, "vg-data: attached\nvg-public: attached\n");
    let ran = run(&mut fake, &["attach", "vg/own", "vg-pool_tdata"]);
    assert_eq!(ran.out, "vg-own: attached\nvg-pool_tdata: attached\n");
}

#[test]
fn a_missing_target_is_reported_and_empties_the_queue() {
    let message =
        "device mapper has no target \"dmp\": install the dmp module, and run \"modprobe dmp\"";
    let mut fake = linear();
    fake.has_no_target = true;
    assert_eq!(run(&mut fake, &["attach", "vg/data"]), Ran::failed(message));
    let queue = queued(&fake);
    let ran = run(&mut fake, &["attach", "--queued"]);
    assert_eq!(
        (ran.notes, ran.failure),
        (format!("dmpstat: {message}\n"), None)
    );
    assert_eq!(queue.waiting().unwrap(), [""; 0]);
}

/// udev's rule runs this for each change of a device.
#[test]
fn a_listed_unattached_volume_is_queued() {
    type Change = fn(&mut Fake);
    let cases: [(&str, bool, Change); 8] = [
        ("vg/data\n", true, |_| {}),
        ("other\n*\n", true, |_| {}),
        ("other\n", false, |_| {}),
        ("vg/data\n", false, |fake| {
            drop(run(fake, &["attach", "dm-3"]))
        }),
        ("vg/data\n", false, |fake| {
            drop(run(fake, &["detach", "dm-3"]))
        }),
        ("vg/data\n", false, |fake| fake.deed(Some(Deed::Suspend))),
        ("vg/data\n", false, |fake| fake.deed(Some(Deed::Remove))),
        ("vg/data\n", false, |fake| {
            fake.devices.get_mut(&DEVICE).unwrap().live = vec![line("raid", "x")];
        }),
    ];
    for (conf, is_queued, change) in cases {
        let mut fake = linear().with(4, "home", "", vec![line("linear", "8:0 8")]);
        change(&mut fake);
        let conf = Conf::parse(conf.as_bytes());
        let machine = fake.machine();
        listed::enqueue_by("dm-3", &conf, &mut fake, &machine).unwrap();
        let queue = Queue::new(fake.root().join(&queue::PATH[1..]));
        let expected: &[&str] = if is_queued { &["dm-3"] } else { &[] };
        assert_eq!(queue.waiting().unwrap(), expected);
    }
}

#[test]
fn a_queued_volume_waits_while_lvm_locks_its_group() {
    let mut fake = linear().with(4, "vg-a", "LVM-a", vec![line("linear", "8:0 8")]);
    let queue = queued(&fake);
    queue.add("dm-4").unwrap();
    fake.file("etc/dmp/attach.conf", "vg/*\n");
    let lock = fake.root().join("run/lock/lvm/V_vg");
    let held = take(&lock, Duration::ZERO, &mut |_| false).unwrap();
    let ran = run_by(&mut fake, &mut Passing::new(20), &["attach", "--queued"]);
    assert_eq!(ran, Ran::printed(""));
    assert_eq!(queue.waiting().unwrap(), ["dm-3", "dm-4"]);
    let reason = Some("LVM is changing the volume group vg".to_owned());
    assert_eq!(
        (queue.reason("dm-3"), queue.reason("dm-4")),
        (reason.clone(), reason)
    );
    drop(held);
    let ran = run(&mut fake, &["attach", "--queued"]);
    assert_eq!(ran, Ran::printed("vg-data: attached\nvg-a: attached\n"));
    assert_eq!(queue.waiting().unwrap(), [""; 0]);
}

/// A volume whose attempt fails waits with the reason, which is reported once. A volume that cannot be
/// attached, or must not be, does not wait.
#[test]
fn a_queued_volume_waits_only_if_a_later_attempt_can_succeed() {
    type Change = fn(&mut Fake);
    let suspended = "the volume is suspended. Wait for the program that suspended the volume, or run \
                     \"dmsetup resume vg-data\"";
    let raid = &RAID
        .replace("vg-raid", "vg-data")
        .replace("vg/raid", "vg/data")[9..];
    let old = "the loaded dmp module is 1.0.9, and the option as_linear needs 1.1.0. Detach all volumes and load \
               the new module with \"modprobe -r dmp\" and \"modprobe dmp\", or attach with --as dmp";
    let cases: [(&str, Change, Option<&str>, bool); 6] = [
        (
            "vg/data",
            |fake| fake.deed(Some(Deed::Suspend)),
            Some(suspended),
            true,
        ),
        ("vg/data", |fake| fake.deed(Some(Deed::Remove)), None, false),
        ("vg/data", |fake| fake.version = [1, 0, 9], Some(old), false),
        (
            "vg/data",
            |fake| fake.devices.get_mut(&DEVICE).unwrap().deferred = true,
            None,
            false,
        ),
        (
            "vg/data",
            |fake| fake.devices.get_mut(&DEVICE).unwrap().live = vec![line("raid", "x")],
            Some(raid),
            false,
        ),
        (
            "vg/*",
            |fake| fake.devices.get_mut(&DEVICE).unwrap().live = vec![line("raid", "x")],
            None,
            false,
        ),
    ];
    for (conf, change, note, waits) in cases {
        let mut fake = linear();
        let queue = queued(&fake);
        fake.file("etc/dmp/attach.conf", &format!("{conf}\n"));
        change(&mut fake);
        let ran = run_by(&mut fake, &mut Passing::new(40), &["attach", "--queued"]);
        let notes = note.map_or(String::new(), |note| format!("dmpstat: vg-data: {note}\n"));
        assert_eq!(
            ran,
            Ran {
                notes,
                ..Ran::printed("")
            }
        );
        let expected: &[&str] = if waits { &["dm-3"] } else { &[] };
        assert_eq!(queue.waiting().unwrap(), expected);
        assert_eq!(queue.reason("dm-3").as_deref(), note.filter(|_| waits));
    }
}

/// The guard's signal ends the wait for in-flight requests in an unattended attach, and the attempt is
/// repeated.
#[test]
fn a_queued_volume_with_hung_requests_is_retried() {
    let mut whole = linear();
    queued(&whole);
    run(&mut whole, &["attach", "--queued"]);
    assert_eq!(table(&whole, 3), [DMP]);
    let mut fake = linear();
    let queue = queued(&fake);
    fake.fault = Some(Fault {
        call: whole.calls - 2,
        times: 1,
        errno: Errno::INTR,
    });
    let ran = run(&mut fake, &["attach", "--queued"]);
    assert_eq!(
        ran.notes,
        "dmpstat: vg-data: requests in flight did not end within 2 s. The volume runs as before\n"
    );
    assert_eq!(ran.out, "vg-data: attached\n");
    assert_eq!(queue.waiting().unwrap(), [""; 0]);
    // A volume with stalled requests in flight stays unchanged.
    let mut fake = linear();
    let queue = queued(&fake);
    fake.file("sys/block/dm-3/inflight", "       0        3\n");
    fake.file("sys/block/dm-3/stat", "5 0 0 0 7 0 0 0 0 0 0 0 0 0 0 0 0\n");
    // A signal comes between two checks of the requests.
    let ran = run_by(&mut fake, &mut Passing::new(15), &["attach", "--queued"]);
    assert!(
        ran.notes
            .starts_with("dmpstat: vg-data: requests in flight do not end, and an attach ")
    );
    assert_eq!(table(&fake, 3), ["0 2048 linear 8:0 0"]);
    assert_eq!((queue.waiting().unwrap().len(), fake.loads.len()), (1, 0));
    // A user's attach changes the volume nevertheless.
    assert_eq!(run(&mut fake, &["attach", "vg/data"]).failure, None);
}
