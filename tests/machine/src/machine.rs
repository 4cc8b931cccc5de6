// SPDX-License-Identifier: GPL-2.0

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use crate::builder::Builder;
use crate::console::Console;
use crate::copy::Packed;
use crate::error::Error;
use crate::limit::{Limit, Limits};
use crate::link::{Broken, Link};
use crate::qemu::Qemu;
use crate::qmp::Monitor;
use crate::state::Turn;
use crate::sysrq::SysRq;
use crate::workdir::Workdir;

/// Limit of a power-off.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn console_path(workdir: &Workdir) -> PathBuf {
    workdir.path().join("console")
}

/// Returns the error of a QEMU that exited unexpectedly.
pub(crate) fn explain_end(
    status: ExitStatus,
    message: String,
    console: &Console,
    what: &str,
) -> Error {
    let tail = console.tail();
    if console.has_panicked() {
        Error::Panic { console: tail }
    } else if status.success() {
        Error::WentDown {
            what: what.into(),
            console: tail,
        }
    } else {
        Error::Qemu {
            status: status.to_string(),
            message,
            console: tail,
        }
    }
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A running machine. Its drop ends it as [`Machine::finish`] does, and panics if the kernel logged
/// complaints. While the thread panics, the drop only stops QEMU.
#[derive(Debug)]
pub struct Machine {
    qemu: Qemu,
    link: Link,
    monitor: Monitor,
    sysrq: SysRq,
    disks: Vec<PathBuf>,
    limits: Limits,
    /// The user's own check of the guest, which runs at its end.
    check: Option<fn(&mut Self)>,
    /// True if the log has been checked, or need not be.
    over: bool,
    /// This field is dropped last, because QEMU has its files there.
    workdir: Workdir,
}

impl Machine {
    /// Makes a builder of a machine, with no disks yet.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Makes the machine of a QEMU that was just started, with the limits of its builder.
    pub(crate) fn started(
        qemu: Qemu,
        link: Link,
        monitor: Monitor,
        sysrq: SysRq,
        disks: Vec<PathBuf>,
        limits: Limits,
        workdir: Workdir,
    ) -> Self {
        Self {
            qemu,
            link,
            monitor,
            sysrq,
            disks,
            limits,
            check: None,
            over: true,
            workdir,
        }
    }

    /// Runs the machine's first command, and waits for its end.
    pub(crate) fn ready(mut self, first: &str, limit: Limit) -> Result<Self, Error> {
        let (mut stdout, mut stderr) = (io::sink(), Vec::new());
        let status = self
            .exchange(first.as_bytes(), [&mut stdout, &mut stderr], limit)
            .map_err(|broken| self.explain(broken, "its first command", limit))?;
        if status != 0 {
            return Err(Error::Host {
                what: format!("run the machine's first command ({first})"),
                source: io::Error::other(String::from_utf8_lossy(&stderr).into_owned()),
            });
        }
        self.over = false;
        Ok(self)
    }

    /// Saves the machine's state for other machines. This machine continues. A failure leaves no
    /// state.
    pub(crate) fn save(&mut self, turn: Turn, limit: Limit) {
        let console = console_path(&self.workdir);
        let kept = turn.keep(&console, |memory| self.monitor.save(memory, limit));
        if let Err(error) = kept {
            eprintln!("dmp-vm: cannot save the machine's state, so the next is booted: {error}");
        }
    }

    /// Sets the limit of each command from now on.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limits.command = limit;
    }

    /// Sets a check of the guest, which panics if it fails. The machine's end runs the check before
    /// the power-off, unless the test has already failed or the machine has exited.
    pub fn check_at_end(&mut self, check: fn(&mut Self)) {
        self.check = Some(check);
    }

    /// Runs a sh script in the guest.
    pub fn run(&mut self, script: &str) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run_to(script.as_bytes(), [&mut stdout, &mut stderr])?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Runs a sh script in the guest, and passes its output on immediately. An error ends the
    /// machine.
    pub fn run_to(&mut self, script: &[u8], sinks: [&mut dyn Write; 2]) -> Result<i32, Error> {
        let limit = self.limits.of_command();
        self.exchange(script, sinks, limit)
            .map_err(|broken| self.explain(broken, "the command", limit))
            .inspect_err(|_| self.over = true)
    }

    /// Sends an archive, which the guest unpacks.
    pub(crate) fn unpack(&mut self, packed: &Packed) -> Result<(), Error> {
        let limit = self.limits.of_command();
        packed
            .send(&self.link, limit)
            .unwrap_or_else(|broken| Err(self.explain(broken, "a copy", limit)))
            .inspect_err(|_| self.over = true)
    }

    /// Runs a sh script that must succeed. Returns its standard output.
    ///
    /// # Panics
    /// If the script fails. The message has the script, its output, and the end of the guest's
    /// console.
    #[track_caller]
    pub fn sh(&mut self, script: &str) -> String {
        let output = self.run(script).unwrap_or_else(|error| panic!("{error}"));
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status != 0 {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!(
                "status {} from: {script}\nstdout: {stdout}\nstderr: {stderr}\n{}",
                output.status,
                self.console().tail()
            );
        }
        stdout
    }

    /// Returns the file of disk number `index`. The file has a write of the guest's once the guest
    /// has completed it.
    pub fn disk_file(&self, index: usize) -> &Path {
        &self.disks[index]
    }

    /// Returns the console so far.
    pub fn console(&self) -> Console {
        Console::read(&console_path(&self.workdir))
    }

    /// Powers the machine off.
    pub fn power_off(&mut self) -> Result<(), Error> {
        self.over = true;
        let limit = self.limits.of(POWER_OFF_LIMIT);
        self.link.power_off(limit);
        let Some(status) = self.qemu.wait(limit.left())? else {
            return Err(self.timeout("the guest to power off", limit));
        };
        let console = self.console();
        if status.success() && !console.has_panicked() {
            return Ok(());
        }
        Err(explain_end(
            status,
            self.qemu.message(),
            &console,
            "the end",
        ))
    }

    /// Ends the machine as a power cut would: its caches and requests in flight are lost. The
    /// user's own disks keep their content of this moment.
    pub fn cut_power(mut self) {
        self.over = true;
        self.qemu.kill();
    }

    /// Runs the check of [`Machine::check_at_end`], and powers the machine off. Fails if the
    /// kernel's log has a complaint.
    ///
    /// # Panics
    /// If the check fails.
    pub fn finish(mut self) -> Result<(), Error> {
        self.check_and_power_off()
    }

    fn check_and_power_off(&mut self) -> Result<(), Error> {
        if let Some(check) = self.check {
            check(self);
        }
        self.power_off()?;
        let console = self.console();
        match console.complaints() {
            none if none.is_empty() => Ok(()),
            complaints => Err(Error::Complaints {
                complaints,
                console: console.tail(),
            }),
        }
    }

    /// Tells if the kernel reaches its init within the limit without a `silence`. Also returns true
    /// if QEMU failed, because QEMU then reports the reason.
    pub(crate) fn is_sound(&mut self, silence: Duration, limit: Limit) -> Result<bool, Error> {
        let mut last = self.console();
        let mut patience = Limit::about(silence);
        while !last.has_reached_init() {
            if let Some(status) = self.qemu.wait(Duration::from_millis(20))? {
                return Ok(status.code().is_some_and(|code| code != 0));
            }
            let now = self.console();
            if now.since(&last).is_empty() {
                if patience.left().is_zero() || limit.left().is_zero() {
                    return Ok(false);
                }
            } else {
                patience = Limit::about(silence);
            }
            last = now;
        }
        Ok(true)
    }

    fn exchange(
        &mut self,
        script: &[u8],
        sinks: [&mut dyn Write; 2],
        limit: Limit,
    ) -> Result<i32, Broken> {
        self.link.run(script, sinks, limit)
    }

    /// Returns the cause of a broken exchange. QEMU may close its ports a moment before it exits.
    fn explain(&mut self, broken: Broken, what: &str, limit: Limit) -> Error {
        match broken {
            Broken::Output(error) => Error::Output(error),
            Broken::Host(source) => Error::Host {
                what: "talk to QEMU".into(),
                source,
            },
            Broken::Closed => match self.qemu.wait(Duration::from_secs(5)) {
                Ok(Some(status)) => explain_end(status, self.qemu.message(), &self.console(), what),
                Ok(None) => self.timeout(what, limit),
                Err(error) => error,
            },
            Broken::Deadline => self.timeout(what, limit),
        }
    }

    fn timeout(&self, what: &str, limit: Limit) -> Error {
        let before = self.console();
        // The kernel does not listen before its init.
        let silent = before.has_reached_init() && !self.sysrq.ask(|| self.console());
        Error::Timeout {
            what: what.into(),
            limit: limit.length,
            silent,
            console: self.console().tail_since(&before),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.over || thread::panicking() {
            return;
        }
        if let Err(error) = self.check_and_power_off() {
            panic!("{error}");
        }
    }
}

#[cfg(test)]
mod tests;
