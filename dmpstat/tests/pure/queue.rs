// SPDX-License-Identifier: GPL-2.0

//! Volumes that wait for an attach.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use dmpstat::attach::queue::{Outcome, Queue, work};
use dmpstat::clock::Clock;
use jiff::Zoned;
use tempfile::TempDir;

use crate::{mode, under_umasks};

/// A clock whose time passes only in waits. It records the waits, and ends after a last one.
struct Fake {
    time: Duration,
    pauses: Vec<u64>,
    /// Number of waits before a signal.
    left: usize,
}

impl Fake {
    fn new(left: usize) -> Self {
        Self {
            time: Duration::from_secs(100),
            pauses: Vec::new(),
            left,
        }
    }
}

impl Clock for Fake {
    fn now(&self) -> Zoned {
        unreachable!("the queue needs no time of day")
    }

    fn boottime(&self) -> Duration {
        self.time
    }

    fn wait(&mut self, pause: Duration) -> bool {
        if self.left > 0 && !pause.is_zero() {
            self.left -= 1;
            self.pauses.push(pause.as_millis() as u64);
            self.time += pause;
        }
        self.left > 0
    }
}

/// A clock of a machine on which another volume comes 2 s after each completed one, nine times.
struct Adding(Fake, Queue, u64);

impl Clock for Adding {
    fn now(&self) -> Zoned {
        self.0.now()
    }

    fn boottime(&self) -> Duration {
        self.0.boottime()
    }

    fn wait(&mut self, pause: Duration) -> bool {
        let goes_on = self.0.wait(pause);
        let passed = (self.boottime().as_secs() - 100) / 2;
        if passed > self.2 && passed < 10 {
            self.2 = passed;
            self.1.add("dm-1").unwrap();
        }
        goes_on
    }
}

/// A clock of a machine on which another program removes dm-1 from the queue before its attempt.
struct Removing<'a>(Fake, &'a Queue);

impl Clock for Removing<'_> {
    fn now(&self) -> Zoned {
        self.0.now()
    }

    fn boottime(&self) -> Duration {
        self.0.boottime()
    }

    fn wait(&mut self, pause: Duration) -> bool {
        if pause.is_zero() {
            self.1.remove("dm-1").unwrap();
        }
        self.0.wait(pause)
    }
}

fn queue(devices: &[&str]) -> (TempDir, Queue) {
    let directory = TempDir::new().unwrap();
    let queue = Queue::new(directory.path().join("run/queue"));
    for device in devices {
        queue.add(device).unwrap();
    }
    (directory, queue)
}

/// Returns all files of the queue, hidden ones included.
fn files(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path().join("run/queue")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_volume_removed_from_the_queue_gets_no_attempt() {
    let (_directory, queue) = queue(&["dm-1", "dm-2"]);
    let mut attempts = Vec::new();
    let mut attempt = |device: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        attempts.push(device.to_owned());
        Outcome::Done
    };
    work(&queue, &mut attempt, &mut Removing(Fake::new(50), &queue)).unwrap();
    assert_eq!(attempts, ["dm-2"]);
}

#[test]
fn entries_are_sorted_by_minor_and_removed() {
    let (directory, queue) = queue(&["dm-10", "dm-9", "dm-10"]);
    assert_eq!(queue.waiting().unwrap(), ["dm-9", "dm-10"]);
    assert_eq!(queue.reason("dm-9"), None);
    queue
        .set_reason("dm-9", "LVM is changing the volume group vg")
        .unwrap();
    queue.add("dm-9").unwrap();
    assert_eq!(
        queue.reason("dm-9").as_deref(),
        Some("LVM is changing the volume group vg")
    );
    assert_eq!(queue.waiting().unwrap(), ["dm-9", "dm-10"]);
    queue.remove("dm-9").unwrap();
    assert_eq!(files(&directory), ["dm-10"]);
    queue.remove("dm-9").unwrap();
}

#[test]
fn a_missing_queue_is_empty() {
    let queue = Queue::new("/nonexistent/queue");
    assert_eq!(queue.waiting().unwrap(), [""; 0]);
    queue.remove("dm-1").unwrap();
    work(&queue, &mut |_, _, _| unreachable!(), &mut Fake::new(1)).unwrap();
}

#[test]
fn only_devices_can_be_added() {
    let (_directory, queue) = queue(&[]);
    for device in ["", "sda", "../dm-1", "dm-1/x", ".dm-1", "dm-+1", "dm-01"] {
        assert!(queue.add(device).is_err(), "{device}");
    }
    assert_eq!(queue.waiting().unwrap(), [""; 0]);
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    under_umasks("queue::modes");
}

#[test]
#[ignore = "modes_do_not_depend_on_the_umask runs it"]
fn modes() {
    let (directory, queue) = queue(&["dm-1"]);
    queue
        .set_reason("dm-1", "LVM is changing the volume group vg")
        .unwrap();
    let run = directory.path().join("run");
    assert_eq!((mode(&run), mode(&run.join("queue"))), (0o755, 0o755));
    assert_eq!(mode(&run.join("queue/dm-1")), 0o644);
    assert_eq!(mode(&run.join("queue/.dm-1.reason")), 0o644);
}

#[test]
fn work_ends_once_every_volume_is_done() {
    let (directory, queue) = queue(&["dm-10", "dm-9"]);
    let mut seen = Vec::new();
    let mut clock = Fake::new(100);
    let attempt = &mut |device: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        seen.push(device.to_owned());
        Outcome::Done
    };
    work(&queue, attempt, &mut clock).unwrap();
    assert_eq!(seen, ["dm-9", "dm-10"]);
    assert_eq!(files(&directory), [""; 0]);
    // The worker waits for three seconds after the pass.
    assert_eq!(clock.pauses, [100, 200, 400, 800, 1000, 1000]);
}

#[test]
fn a_volume_added_during_its_attempt_gets_another() {
    let (directory, queue) = queue(&["dm-1"]);
    let mut attempts = 0;
    let adding = queue.clone();
    let attempt = &mut |device: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        attempts += 1;
        if attempts < 3 {
            adding.add(device).unwrap();
        }
        Outcome::Done
    };
    work(&queue, attempt, &mut Fake::new(100)).unwrap();
    assert_eq!((attempts, files(&directory)), (3, Vec::new()));
}

#[test]
fn an_entry_exists_during_its_attempt() {
    let (_directory, queue) = queue(&["dm-1"]);
    let during = queue.clone();
    let attempt = &mut |_: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        assert_eq!(during.waiting().unwrap(), ["dm-1"]);
        Outcome::Done
    };
    work(&queue, attempt, &mut Fake::new(100)).unwrap();
}

#[test]
fn an_entry_of_a_killed_worker_goes_to_the_next_worker() {
    let (directory, queue) = queue(&["dm-1", "dm-2"]);
    let path = directory.path().join("run/queue");
    for device in ["dm-1", "dm-2"] {
        fs::rename(path.join(device), path.join(format!(".{device}.taken"))).unwrap();
    }
    queue.add("dm-2").unwrap();
    let mut seen = Vec::new();
    let attempt = &mut |device: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        seen.push(device.to_owned());
        Outcome::Done
    };
    work(&queue, attempt, &mut Fake::new(100)).unwrap();
    assert_eq!(seen, ["dm-1", "dm-2"]);
    assert_eq!(files(&directory), [""; 0]);
}

/// systemd starts the unit at most ten times in 20 s.
#[test]
fn one_worker_attaches_a_sequence_of_volumes() {
    let (directory, queue) = queue(&["dm-1"]);
    let adding = queue.clone();
    let mut clock = Adding(Fake::new(1000), adding, 0);
    let mut attempts = 0;
    let attempt = &mut |_: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        attempts += 1;
        Outcome::Done
    };
    work(&queue, attempt, &mut clock).unwrap();
    assert_eq!((attempts, files(&directory)), (10, Vec::new()));
}

/// Otherwise systemd would start the unit for these files for ever.
#[test]
fn files_that_are_not_entries_are_removed() {
    let (directory, queue) = queue(&[]);
    let path = directory.path().join("run/queue");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("dm-x"), "").unwrap();
    work(&queue, &mut |_, _, _| unreachable!(), &mut Fake::new(100)).unwrap();
    assert_eq!(files(&directory), [""; 0]);
}

#[test]
fn a_busy_group_is_tried_once_a_pass_and_keeps_its_reason() {
    let devices: Vec<String> = (0..1000).map(|minor| format!("dm-{minor}")).collect();
    let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
    let (directory, queue) = queue(&devices);
    queue.add("dm-5000").unwrap();
    let path = directory.path().join("run/queue/.dm-999.reason");
    // These are the attempts, the tries of the lock, and the times at which a reason was written.
    let (mut attempts, mut tries, mut written) = (Vec::new(), 0, Vec::new());
    let mut clock = Fake::new(100);
    let attempt = &mut |device: &str, busy: &BTreeSet<String>, clock: &mut dyn Clock| {
        attempts.push((
            device.to_owned(),
            clock.boottime().as_millis() as u64 - 100_000,
        ));
        if device == "dm-5000" {
            return Outcome::Done;
        }
        if device == "dm-0" && clock.boottime() > Duration::from_secs(100) {
            written.push(fs::metadata(&path).unwrap().modified().unwrap());
        }
        match busy.contains("vg") {
            true => {}
            false if clock.boottime() < Duration::from_secs(105) => tries += 1,
            false => return Outcome::Done,
        }
        Outcome::Busy("vg".to_owned())
    };
    work(&queue, attempt, &mut clock).unwrap();
    // The first pass attempts all volumes. Each later pass attempts a single volume of the group, until the
    // group's lock is free.
    assert_eq!(attempts.len(), 1001 + 7 + 1000);
    let later: Vec<_> = attempts[1001..1001 + 8].to_vec();
    let at = [100, 300, 700, 1500, 2500, 3500, 4500, 5500];
    assert_eq!(later, at.map(|at| ("dm-0".to_owned(), at)));
    assert_eq!(tries, 8);
    assert!(written.windows(2).all(|pair| pair[0] == pair[1]));
    // The pauses are short again after a completed volume.
    assert_eq!(
        clock.pauses[..10],
        [100, 200, 400, 800, 1000, 1000, 1000, 1000, 100, 200]
    );
    assert_eq!(files(&directory), [""; 0]);
}

#[test]
fn a_busy_group_delays_no_other_group() {
    let (directory, queue) = queue(&["dm-1", "dm-2", "dm-3"]);
    let mut seen = Vec::new();
    let attempt = &mut |device: &str, busy: &BTreeSet<String>, _: &mut dyn Clock| {
        seen.push((device.to_owned(), Vec::from_iter(busy.clone())));
        match device {
            "dm-1" => Outcome::Busy("a".to_owned()),
            "dm-2" => Outcome::Busy("b".to_owned()),
            _ => Outcome::Done,
        }
    };
    work(&queue, attempt, &mut Fake::new(1)).unwrap();
    let busy = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect();
    assert_eq!(
        seen,
        [
            ("dm-1".to_owned(), busy(&[])),
            ("dm-2".to_owned(), busy(&["a"])),
            ("dm-3".to_owned(), busy(&["a", "b"])),
        ]
    );
    assert_eq!(
        queue.reason("dm-1").unwrap(),
        "LVM is changing the volume group a"
    );
    assert_eq!(
        queue.reason("dm-2").unwrap(),
        "LVM is changing the volume group b"
    );
    assert_eq!(
        files(&directory),
        [".dm-1.reason", ".dm-2.reason", "dm-1", "dm-2"]
    );
}

#[test]
fn the_backoff_of_failed_attempts_starts_at_one_second_and_doubles() {
    let (_directory, queue) = queue(&["dm-1"]);
    let mut times = Vec::new();
    let attempt = &mut |_: &str, _: &BTreeSet<String>, clock: &mut dyn Clock| {
        times.push(clock.boottime().as_secs_f64() - 100.0);
        match times.len() {
            10 => Outcome::Done,
            number => Outcome::Retry(format!("failure {number}")),
        }
    };
    work(&queue, attempt, &mut Fake::new(1000)).unwrap();
    let between: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Passes are up to a second apart.
    for (between, backoff) in between.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        let late = between - f64::from(backoff);
        assert!((0.0..=1.0).contains(&late), "{between} {backoff}");
    }
    assert_eq!(between.len(), 9);
}

#[test]
fn a_volume_added_again_is_attempted_during_its_backoff() {
    let (_directory, queue) = queue(&["dm-1", "dm-2"]);
    let adding = queue.clone();
    let mut times = Vec::new();
    // Attempts are at 0, 100, 300, 700, 1500 ms: a backoff of a second ends at the last.
    let attempt = &mut |device: &str, _: &BTreeSet<String>, clock: &mut dyn Clock| {
        let now = clock.boottime().as_millis() - 100_000;
        match (device, now) {
            ("dm-1", _) => times.push(now),
            (_, 300) => adding.add("dm-1").unwrap(),
            _ => return Outcome::Busy("vg".to_owned()),
        }
        Outcome::Retry("no memory".to_owned())
    };
    work(&queue, attempt, &mut Fake::new(5)).unwrap();
    assert_eq!(times, [0, 700]);
}

#[test]
fn a_volume_added_again_restarts_its_backoff() {
    let (_directory, queue) = queue(&["dm-1"]);
    let adding = queue.clone();
    let mut times = Vec::new();
    let attempt = &mut |device: &str, _: &BTreeSet<String>, clock: &mut dyn Clock| {
        times.push(clock.boottime().as_millis() - 100_000);
        match times.len() {
            // The next attempt would be after 4 s, but the volume is added again.
            3 => adding.add(device).unwrap(),
            6 => return Outcome::Done,
            _ => {}
        }
        Outcome::Retry("no memory".to_owned())
    };
    work(&queue, attempt, &mut Fake::new(1000)).unwrap();
    // Passes are at 0, 100, 300, 700, 1500 ms, and then each second.
    assert_eq!(times, [0, 1500, 3500, 4500, 5500, 7500]);
}

#[test]
fn an_unreadable_queue_ends_the_work() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("queue");
    fs::write(&path, "").unwrap();
    let queue = Queue::new(&path);
    let kind = |error: std::io::Error| error.kind();
    use std::io::ErrorKind::NotADirectory;
    assert_eq!(queue.waiting().map_err(kind), Err(NotADirectory));
    assert_eq!(queue.remove("dm-1").map_err(kind), Err(NotADirectory));
    let worked = work(&queue, &mut |_, _, _| unreachable!(), &mut Fake::new(9));
    assert_eq!(worked.map_err(kind), Err(NotADirectory));
}

#[test]
fn a_failed_write_of_a_reason_leaves_no_file() {
    let (directory, queue) = queue(&["dm-1"]);
    fs::create_dir(directory.path().join("run/queue/.dm-1.reason")).unwrap();
    queue.set_reason("dm-1", "no memory").unwrap_err();
    assert_eq!(files(&directory), [".dm-1.reason", "dm-1"]);
}

#[test]
fn a_signal_ends_the_work_between_two_volumes_and_the_entries_stay() {
    let (_directory, queue) = queue(&["dm-1", "dm-2"]);
    work(&queue, &mut |_, _, _| unreachable!(), &mut Fake::new(0)).unwrap();
    let retry = &mut |_: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
        Outcome::Retry("no memory".to_owned())
    };
    work(&queue, retry, &mut Fake::new(1)).unwrap();
    assert_eq!(queue.waiting().unwrap(), ["dm-1", "dm-2"]);
    assert_eq!(queue.reason("dm-1").unwrap(), "no memory");
}

/// One thread adds a volume, as udev does, right when the other thread ends an attempt. It then waits for the
/// next attempt.
#[test]
fn no_change_is_lost_if_adding_and_removing_race() {
    let (directory, queue) = queue(&["dm-1"]);
    let (changes, seen, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let lost = std::thread::scope(|scope| {
        let adder = scope.spawn(|| {
            let lost = (1..=1_000).find(|change| {
                changes.store(*change, SeqCst);
                queue.add("dm-1").unwrap();
                let begin = Instant::now();
                while seen.load(SeqCst) < *change && begin.elapsed() < Duration::from_secs(10) {
                    std::thread::yield_now();
                }
                seen.load(SeqCst) < *change
            });
            done.store(true, SeqCst);
            lost
        });
        // systemd starts the unit again as long as the queue is not empty.
        while !done.load(SeqCst) || !queue.waiting().unwrap().is_empty() {
            let attempt = &mut |_: &str, _: &BTreeSet<String>, _: &mut dyn Clock| {
                seen.store(changes.load(SeqCst), SeqCst);
                Outcome::Done
            };
            work(&queue, attempt, &mut Fake::new(usize::MAX)).unwrap();
        }
        adder.join().unwrap()
    });
    assert_eq!((lost, files(&directory)), (None, Vec::new()));
}
