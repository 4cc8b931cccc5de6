// SPDX-License-Identifier: GPL-2.0

//! The settings of a volume's queue, and stalled requests.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use dmpstat::attach::settings::Settings;
use dmpstat::attach::stall::is_stalled;
use dmpstat::clock::Clock;
use dmpstat::source::sysfs::Machine;
use jiff::Zoned;
use tempfile::TempDir;

/// Makes a machine with these files of dm-3.
fn machine(files: &[(&str, &str)]) -> (TempDir, Machine) {
    let root = TempDir::new().unwrap();
    let machine = Machine::new(root.path());
    for (file, text) in files {
        let path = path(&machine, file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (root, machine)
}

fn path(machine: &Machine, file: &str) -> PathBuf {
    machine.path(format!("/sys/block/dm-3/{file}"))
}

#[test]
fn settings_are_written_back_and_a_refused_one_is_named() {
    let (_root, machine) = machine(&[
        ("queue/read_ahead_kb", "8\n"),
        ("queue/max_sectors_kb", "16\n"),
        ("queue/nomerges", "1\n"),
        ("queue/gone", "1\n"),
        ("queue/hw_sector_size", "512\n"),
    ]);
    // A read-only file is not a setting.
    let read_only = path(&machine, "queue/hw_sector_size");
    let set_mode = |mode| fs::set_permissions(&read_only, Permissions::from_mode(mode)).unwrap();
    set_mode(0o444);
    fs::create_dir(path(&machine, "queue/iosched")).unwrap();
    let settings = Settings::read(&machine, "dm-3");
    assert_eq!(settings.restore(), [""; 0]);
    set_mode(0o644);
    for file in ["read_ahead_kb", "max_sectors_kb", "hw_sector_size"] {
        fs::write(path(&machine, &format!("queue/{file}")), "128\n").unwrap();
    }
    set_mode(0o444);
    let gone = path(&machine, "queue/gone");
    fs::remove_file(&gone).unwrap();
    fs::create_dir(&gone).unwrap();
    assert_eq!(settings.restore(), ["gone"]);
    let now = |file: &str| fs::read_to_string(path(&machine, &format!("queue/{file}"))).unwrap();
    assert_eq!(now("read_ahead_kb"), "8\n");
    assert_eq!(now("max_sectors_kb"), "16\n");
    assert_eq!(now("nomerges"), "1\n");
    assert_eq!(now("hw_sector_size"), "128\n");
    assert_eq!(Settings::read(&machine, "dm-4"), Settings::default());
}

/// The kernel changes read-ahead at each write of a limit.
#[test]
fn read_ahead_is_written_last() {
    let (_root, machine) = machine(&[
        ("queue/a", "1"),
        ("queue/read_ahead_kb", "1"),
        ("queue/z", "1"),
    ]);
    let settings = Settings::read(&machine, "dm-3");
    for file in ["a", "read_ahead_kb", "z"] {
        let path = path(&machine, &format!("queue/{file}"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(path).unwrap();
    }
    assert_eq!(settings.restore(), ["a", "z", "read_ahead_kb"]);
}

/// A clock that calls `deed` in each wait, and returns its result.
struct Deeds<F> {
    time: Duration,
    deed: F,
}

impl<F: FnMut(Duration) -> bool> Clock for Deeds<F> {
    fn now(&self) -> Zoned {
        unreachable!("no time of day is needed")
    }

    fn boottime(&self) -> Duration {
        self.time
    }

    fn wait(&mut self, pause: Duration) -> bool {
        self.time += pause;
        (self.deed)(self.time)
    }
}

/// Returns whether dm-3 is stalled, and the milliseconds until the answer.
fn stalled(machine: &Machine, deed: impl FnMut(Duration) -> bool) -> (bool, u128) {
    let mut clock = Deeds {
        time: Duration::ZERO,
        deed,
    };
    let is = is_stalled(machine, "dm-3", &mut clock);
    (is, clock.time.as_millis())
}

#[test]
fn requests_in_flight_are_stalled_after_a_second_without_a_completion() {
    let stat = |at: usize| {
        let numbers = (0..17).map(|number| if number == at { "2" } else { "1" });
        numbers.collect::<Vec<_>>().join(" ") + "\n"
    };
    for inflight in ["       1        0\n", "       0        1\n"] {
        let (_root, machine) = machine(&[("inflight", inflight), ("stat", &stat(99))]);
        assert_eq!(stalled(&machine, |_| true), (true, 1000));
        // A signal ends the check early. The requests might complete later, but the answer is "stalled".
        assert_eq!(stalled(&machine, |_| false), (true, 100));
        // One more read, write, discard or flush has completed. Other numbers have no effect.
        for at in 0..17 {
            let complete_at = |time: Duration| {
                let text = if time.as_millis() == 300 {
                    stat(at)
                } else {
                    return true;
                };
                fs::write(path(&machine, "stat"), text).unwrap();
                true
            };
            let expected = match at {
                0 | 4 | 11 | 15 => (false, 300),
                _ => (true, 1000),
            };
            assert_eq!(stalled(&machine, complete_at), expected, "{at}");
            fs::write(path(&machine, "stat"), stat(99)).unwrap();
        }
        // The last request has completed.
        let idle = |_| fs::write(path(&machine, "inflight"), "0 0\n").is_ok();
        assert_eq!(stalled(&machine, idle), (false, 100));
    }
    let (_root, machine) = machine(&[("inflight", "       0        0\n")]);
    assert_eq!(stalled(&machine, |_| true), (false, 0));
    let (_root, machine) = self::machine(&[]);
    assert_eq!(stalled(&machine, |_| true), (false, 0));
}
