// SPDX-License-Identifier: GPL-2.0

//! Facts about attached volumes, until the next boot.

use std::fs;
use std::time::Duration;

use dmpstat::attach::state::{OFTEN, State, WHILE};
use dmpstat::clock::{Clock, System};
use jiff::Zoned;

use crate::{mode, under_umasks};

/// Returns facts about a device with this diskseq.
fn facts(diskseq: u64) -> State {
    State {
        diskseq,
        name: b"vg-data".to_vec(),
        uuid: b"LVM-0123".to_vec(),
        ..State::default()
    }
}

#[test]
fn repeated_attaches_are_counted_until_a_detach_or_another_device() {
    let first = State::attached(None, facts(21), 1000);
    assert_eq!((first.since, first.again), (1000, 0));
    let again = State::attached(Some(&first), facts(21), 1005);
    assert_eq!((again.since, again.again), (1000, 1));
    assert_eq!(again.recent, [1000, 1005]);
    let other = State::attached(Some(&again), facts(22), 1010);
    assert_eq!((other.since, other.again), (1010, 0));
    let detached = State::detached(facts(21), 1007);
    assert_eq!((detached.since, detached.detached), (1007, true));
    let anew = State::attached(Some(&detached), facts(21), 1010);
    assert_eq!((anew.since, anew.again, anew.detached), (1010, 0, false));
}

#[test]
fn the_last_state_of_a_volume_applies() {
    let first = State::attached(None, facts(21), 1000);
    let renamed = State {
        name: b"vg-db".to_vec(),
        above: true,
        ..facts(21)
    };
    let again = State::attached(Some(&first), renamed, 1005);
    assert_eq!((again.name.as_slice(), again.above), (&b"vg-db"[..], true));
}

#[test]
fn a_volume_whose_table_keeps_being_restored_is_not_attached_for_a_while() {
    let mut state = State::attached(None, facts(21), 1000);
    for _ in 1..OFTEN {
        assert!(!state.is_too_often(1000));
        state = State::attached(Some(&state), facts(21), 1000);
    }
    assert!(state.is_too_often(1000));
    assert!(state.is_too_often(1000 + WHILE - 1));
    assert!(!state.is_too_often(1000 + WHILE));
    // An older dmpstat wrote seconds since 1970.
    assert!(!state.is_too_often(999));
    assert_eq!(state.recent.len(), OFTEN);
    let again = State::attached(Some(&state), facts(21), 2000);
    assert_eq!((again.recent.len(), again.recent[OFTEN - 1]), (OFTEN, 2000));
}

#[test]
fn a_written_state_is_read_back_unchanged() {
    let hostile = State {
        name: b" a b\n\\x20\xff ".to_vec(),
        uuid: Vec::new(),
        above: true,
        detached: true,
        ..State::attached(None, facts(21), 7)
    };
    let empty = State::default();
    for state in [State::attached(None, facts(21), 1000), hostile, empty] {
        assert_eq!(State::parse(&state.text()), state);
    }
    assert_eq!(
        State::attached(None, facts(21), 1000).text(),
        "diskseq 21\nname vg-data\nuuid LVM-0123\nsince 1000\nagain 0\nrecent 1000\n"
    );
    // A dmpstat of another version may have written such a file.
    let other = State::parse("diskseq 21\nsince soon\n\nrecent 1 x 2\nnew 3\nabove now\n");
    assert_eq!((other.diskseq, other.since, other.above), (21, 0, true));
    assert_eq!(other.recent, [1, 2]);
}

/// A clock that was set after the attach of a volume.
struct Set(&'static str, u64);

impl Clock for Set {
    fn now(&self) -> Zoned {
        self.0.parse().unwrap()
    }

    fn boottime(&self) -> Duration {
        Duration::from_secs(self.1)
    }

    fn wait(&mut self, _: Duration) -> bool {
        unreachable!("no time passes")
    }
}

#[test]
fn since_is_right_after_the_clock_was_set() {
    let state = State::attached(None, facts(21), 1000);
    let since = |clock: Set| state.since_by(&clock).map(|since| since.to_string());
    assert_eq!(
        since(Set("2026-11-26T21:00:00[+01:00]", 1090)).as_deref(),
        Some("2026-11-26T20:58:30+01:00[+01:00]")
    );
    // The clock is at 1970, as without a battery.
    assert_eq!(
        since(Set("1970-01-01T01:00:00[+01:00]", 1090)).as_deref(),
        Some("1970-01-01T00:58:30+01:00[+01:00]")
    );
    assert_eq!(since(Set("2026-11-26T21:00:00[+01:00]", 999)), None);
    assert_eq!(
        State::default().since_by(&Set("2026-11-26T21:00:00[+01:00]", 9)),
        None
    );
}

#[test]
fn the_time_since_boot_is_the_kernels() {
    let uptime = || -> f64 {
        let text = fs::read_to_string("/proc/uptime").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let before = uptime();
    let boottime = System::new().unwrap().boottime().as_secs_f64();
    // /proc/uptime has two decimals.
    assert!((before - 0.01..=uptime() + 0.01).contains(&boottime));
}

#[test]
fn states_of_all_devices_are_read_in_order() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(State::all(&directory.path().join("missing")), []);
    for device in ["dm-10", "dm-9"] {
        facts(9).write(directory.path(), device).unwrap();
    }
    fs::write(directory.path().join("lock"), "").unwrap();
    fs::create_dir(directory.path().join("queue")).unwrap();
    let devices: Vec<String> = State::all(directory.path())
        .into_iter()
        .map(|(device, state)| {
            assert_eq!(state, facts(9));
            device
        })
        .collect();
    assert_eq!(devices, ["dm-9", "dm-10"]);
}

#[test]
fn modes_of_states_do_not_depend_on_the_umask() {
    under_umasks("state::modes");
}

#[test]
#[ignore = "modes_of_states_do_not_depend_on_the_umask runs it"]
fn modes() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("dmp");
    facts(21).write(&directory, "dm-3").unwrap();
    assert_eq!(
        (mode(&directory), mode(&directory.join("dm-3"))),
        (0o755, 0o644)
    );
    let files = fs::read_dir(&directory).unwrap().count();
    assert_eq!(files, 1);
}
