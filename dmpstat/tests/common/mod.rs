// SPDX-License-Identifier: GPL-2.0

//! A machine with files in a directory for devices, and a clock under a test's control.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use dmpstat::cli;
use dmpstat::clock::Clock;
use dmpstat::environment::Environment;
use dmpstat::source::sysfs::Machine;
use jiff::Zoned;
use tempfile::TempDir;

/// The file `snapshot` of a device with 500 reads of 4 KiB in 4 s.
pub const SNAPSHOT: &str = "\
dmp 1
device dm-3
name vg-data
uuid LVM-0123
diskseq 21
since 5000000000
taken 9000000000
latency on
read requests 500 bytes 2048000 errors 0 again 0 inflight 0 latency_ns 10000000 latency_max_ns 32000
read sizes 4096:500
read latencies 16384:480 32768:20
write requests 0 bytes 0 errors 0 again 0 inflight 0 latency_ns 0 latency_max_ns 0
write sizes
write latencies
";

/// The last line of a scrape in the classic form.
pub const BUILD_INFO: &str = concat!(
    "dmp_exporter_build_info{version=\"",
    env!("CARGO_PKG_VERSION"),
    "\"} 1\n"
);

/// Returns the snapshot of dm-3, changed to another device.
pub fn named(snapshot: &str, device: &str, name: &str) -> String {
    snapshot.replace("dm-3", device).replace("vg-data", name)
}

/// The time since boot, which is constant in these tests.
pub const BOOTTIME: Duration = Duration::from_secs(100_000);

/// A root directory, and the terminal's width.
pub struct Root(TempDir, Option<usize>);

impl Root {
    /// Makes a machine with the module loaded, and no device.
    pub fn new() -> Self {
        let root = Self::without_module();
        fs::create_dir_all(root.stat()).unwrap();
        fs::write(root.stat().join("volumes"), "").unwrap();
        root
    }

    pub fn without_module() -> Self {
        Self(TempDir::new().unwrap(), None)
    }

    /// Makes a machine with the device of [`SNAPSHOT`].
    pub fn with_device() -> Self {
        let root = Self::new();
        root.write("dm-3", SNAPSHOT);
        root
    }

    /// Gives the program a terminal of this width.
    pub fn on_terminal(self, width: usize) -> Self {
        Self(self.0, Some(width))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn stat(&self) -> PathBuf {
        self.0.path().join("sys/module/dmp/stat")
    }

    /// Makes a device, or changes its counters.
    pub fn write(&self, device: &str, snapshot: impl AsRef<[u8]>) {
        let directory = self.stat().join(device);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("volumes"), "").unwrap();
        // A rename replaces the file, because sysfs has no half-written snapshot either.
        fs::write(directory.join("new"), snapshot).unwrap();
        fs::rename(directory.join("new"), directory.join("snapshot")).unwrap();
        for file in ["reset", "latency"] {
            fs::write(directory.join(file), "").unwrap();
        }
    }

    /// Writes a file of the machine, and makes its directories.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, device: &str) {
        fs::remove_dir_all(self.stat().join(device)).unwrap();
    }

    /// Returns the text that was written into a file of a device.
    pub fn written(&self, device: &str, file: &str) -> String {
        fs::read_to_string(self.stat().join(device).join(file)).unwrap()
    }

    pub fn machine(&self) -> Machine {
        Machine::new(self.path())
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_while(arguments, |_| {})
    }

    /// Runs the program. Each wait for an interval calls `step` with its number, from 1.
    pub fn run_while(&self, arguments: &[&str], step: impl FnMut(u32)) -> Ran {
        self.run_with(arguments, 100, Duration::ZERO, step)
    }

    /// Runs the program with a clock that moves by the interval at each wait, and ends at this wait.
    pub fn run_in_time(&self, arguments: &[&str], waits: u32, step: impl FnMut(u32)) -> Ran {
        self.run_with(arguments, waits, Duration::MAX, step)
    }

    fn run_with(
        &self,
        arguments: &[&str],
        waits: u32,
        most: Duration,
        step: impl FnMut(u32),
    ) -> Ran {
        let mut clock = Steps {
            done: 0,
            waits,
            most,
            passed: Duration::ZERO,
            step,
        };
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let name = [OsString::from("dmpstat")].into_iter();
        let arguments = name.chain(arguments.iter().map(OsString::from));
        let mut environment = Environment {
            machine: &self.machine(),
            recording: None,
            clock: &mut clock,
            out: &mut out,
            notes: &mut notes,
            has_blocks: self.1.is_some(),
            width: &|| self.1,
        };
        let result = match cli::parse(arguments) {
            Ok(invocation) => dmpstat::run(&invocation, &mut environment).map_err(Box::from),
            Err(usage) => Err(usage.into()),
        };
        let plain = |text: Vec<u8>| {
            String::from_utf8(anstream::adapter::strip_bytes(&text).into_vec()).unwrap()
        };
        Ran {
            styled: String::from_utf8_lossy(&out).into_owned(),
            out: plain(out),
            notes: plain(notes),
            status: result.as_ref().ok().copied(),
            result: result.map(|_| ()),
        }
    }
}

/// The outcome of a run of the program.
pub struct Ran {
    /// The output with its styles, as a terminal gets it.
    pub styled: String,
    pub out: String,
    pub notes: String,
    pub result: Result<(), Box<dyn Error>>,
    /// The exit status of a run without an error.
    pub status: Option<u8>,
}

impl Ran {
    /// Returns the output of a run that succeeded without notes.
    pub fn output(self) -> String {
        self.result.unwrap();
        assert_eq!(self.notes, "");
        self.out
    }

    /// Returns the output of a run that succeeded with a note about unmeasured latencies.
    pub fn output_without_latencies(self) -> String {
        self.result.unwrap();
        assert!(
            self.notes
                .contains(" not measure latency; enable it with \"dmpstat latency on "),
            "{}",
            self.notes
        );
        self.out
    }

    /// Returns the error of a run that failed.
    pub fn message(self) -> String {
        self.result.unwrap_err().to_string()
    }
}

/// A clock whose intervals are a test's steps. It ends after some of them.
struct Steps<F> {
    done: u32,
    waits: u32,
    /// The most that the clock moves in an interval.
    most: Duration,
    passed: Duration,
    step: F,
}

impl<F: FnMut(u32)> Clock for Steps<F> {
    fn now(&self) -> Zoned {
        let start: Zoned = "2026-11-26T21:00:00[+01:00]".parse().unwrap();
        start + self.passed
    }

    fn boottime(&self) -> Duration {
        BOOTTIME + self.passed
    }

    fn wait(&mut self, interval: Duration) -> bool {
        self.passed += interval.min(self.most);
        self.done += 1;
        (self.step)(self.done);
        self.done < self.waits
    }
}
