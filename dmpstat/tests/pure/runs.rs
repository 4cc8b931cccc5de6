// SPDX-License-Identifier: GPL-2.0

//! Whole runs of attach and detach, from the command line to a device mapper of a few devices.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use dmpstat::arguments::{self, Command};
use dmpstat::attach::guard::Guard;
use dmpstat::attach::kernel::Number;
use dmpstat::attach::lock::take;
use dmpstat::attach::queue::{self, Queue};
use dmpstat::attach::state::{OFTEN, State, WHILE};
use dmpstat::attach::{Failed, attach_by, detach_by};
use dmpstat::clock::Clock;
use dmpstat::error::Error;
use dmpstat::outside::Outside;
use jiff::Zoned;

use crate::attach::{Armed, text};
use crate::fake::{Fake, LVM, line};

/// The time since boot at the begin of a run, in seconds.
const NOW: u64 = 1000;

/// A clock whose time passes in waits only. A signal comes before the wait or the volume of this number.
pub struct Passing {
    time: Duration,
    left: Option<usize>,
}

impl Passing {
    pub fn new() -> Self {
        Self {
            time: Duration::from_secs(NOW),
            left: None,
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
        // For a moment after another test's fork its child holds copies of locks.
        std::thread::sleep(Duration::from_millis(u64::from(!pause.is_zero())));
        !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        self.left == Some(0)
    }
}

/// The output, the notes and the failure of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub out: String,
    pub notes: String,
    pub failure: Option<String>,
}

impl Ran {
    /// A run that printed this, and no more.
    fn printed(out: &str) -> Self {
        Self {
            out: out.to_owned(),
            notes: String::new(),
            failure: None,
        }
    }

    /// A run that did nothing for this reason.
    fn failed(failure: &str) -> Self {
        Self {
            out: String::new(),
            notes: String::new(),
            failure: Some(failure.to_owned()),
        }
    }
}

/// Runs `dmpstat attach` or `detach` with these words.
pub fn run(fake: &mut Fake, words: &[&str]) -> Ran {
    run_by(fake, &mut Passing::new(), words)
}

/// Runs it by this clock.
pub fn run_by(fake: &mut Fake, clock: &mut dyn Clock, words: &[&str]) -> Ran {
    let mut out = Vec::new();
    let (notes, result) = run_into(fake, clock, words, &mut out);
    Ran {
        out: String::from_utf8(out).unwrap(),
        notes,
        failure: result.err().map(|error| error.to_string()),
    }
}

/// Runs it with this standard output. Returns the notes, and the result.
fn run_into(
    fake: &mut Fake,
    clock: &mut dyn Clock,
    words: &[&str],
    out: &mut dyn Write,
) -> (String, Result<(), Error>) {
    let machine = fake.machine();
    let mut notes = Vec::new();
    let outside = &mut Outside {
        machine: &machine,
        clock,
        out,
        notes: &mut notes,
        width: &|| None,
    };
    let mut start = || -> Result<Box<dyn Guard>, Failed> { Ok(Box::new(Armed::default())) };
    let words = ["dmpstat"].iter().chain(words).map(OsString::from);
    let result = match arguments::parse(words).unwrap().command {
        Some(Command::Attach(options)) => attach_by(&options, fake, &mut start, outside),
        Some(Command::Detach { volumes }) => detach_by(&volumes, fake, &mut start, outside),
        _ => unreachable!("no other command changes a volume"),
    };
    (String::from_utf8(notes).unwrap(), result)
}

/// A volume vg/data, dm-3, over the first disk.
pub fn linear() -> Fake {
    Fake::new(LVM, vec![line("linear", "8:0 0")])
}

/// The table of dm-N of this minor number.
fn table(fake: &Fake, minor: u32) -> Vec<String> {
    text(&fake.devices[&Number::new(253, minor)].live)
}

/// The note about a volume that attach.conf does not list.
fn lasts(volume: &str) -> String {
    format!(
        "dmpstat: this lasts until LVM or another program writes the table anew, or the machine is booted. \
         For good: dmpstat attach --keep {volume}\n"
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
        let message =
            "vg-data: another dmpstat attaches or detaches the volume: try again when it has ended";
        assert_eq!(run(&mut fake, &words), Ran::failed(message));
        assert_eq!(table(&fake, 3), before);
        drop(held);
        assert_eq!(run(&mut fake, &words).failure, None);
        assert_ne!(table(&fake, 3), before);
    }
}

/// A state of dm-3 that was attached at these times.
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

/// A queue with dm-3 in it, which attach.conf lists.
pub fn queued(fake: &Fake) -> Queue {
    fake.file("etc/dmp/attach.conf", "vg/data\n");
    let queue = Queue::new(fake.root().join(&queue::PATH[1..]));
    queue.add("dm-3").unwrap();
    queue
}

#[test]
fn a_listed_volume_that_was_attached_ten_times_within_a_minute_is_left_alone() {
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
                    notes: "dmpstat: vg-data: something changes the table back again and again: the volume \
                            is left as it is. \"dmpstat attach\" attaches it all the same\n"
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

/// The first line that names a volume holds.
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
