// SPDX-License-Identifier: GPL-2.0

//! dmp in linear's place in the tables of volumes that run, and back.
//!
//! [`volume`] finds the volumes, [`line`] is what becomes of a table, [`exchange`] gives it to a volume,
//! through [`kernel`]. [`lock`] keeps others away meanwhile. [`conf`] says which volumes are attached
//! by themselves, and [`state`] is what is remembered of each; [`status`] shows that.

pub mod conf;
pub mod exchange;
pub mod files;
pub mod former;
pub mod kernel;
pub mod line;
pub mod lock;
pub mod queue;
pub mod signals;
pub mod state;
pub mod status;
pub mod volume;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::arguments;
use crate::attach::conf::Conf;
use crate::attach::exchange::exchange;
use crate::attach::kernel::{Control, DeviceMapper, Number, Which};
use crate::attach::line::{DMP, Line, Options};
use crate::attach::lock::Lock;
use crate::attach::state::State;
use crate::attach::volume::{Refusal, Volume};
use crate::error::Error;
use crate::escape;
use crate::outside::Outside;
use crate::selection::Choice;

/// How long LVM and other attaches are waited for: who sits before it, and by udev's rule, which has
/// nobody who would try again.
const PATIENCE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(120)];
/// Where LVM has its locks, if its `locking_dir` is not another.
const LVM_LOCKS: &str = "/run/lock/lvm";

/// What is wanted of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// dmp for linear.
    Attach(Options),
    /// linear for dmp.
    Detach,
}

/// Why nothing was done, or not all.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Failed {
    #[error("attach and detach need root: {0}")]
    Root(io::Error),
    #[error("device mapper is not there: {0}. Load it with \"modprobe dm-mod\"")]
    NoDeviceMapper(io::Error),
    #[error("device mapper has no target dmp: install the dmp module, and try \"modprobe dmp\"")]
    NoTarget,
    #[error("another dmpstat attaches or detaches: try again when it has ended")]
    Busy,
    #[error("LVM is at work on the volume group {0}: try again when it has ended")]
    Lvm(String),
    #[error(
        "cannot read /etc/dmp/attach.conf: {0}. The volumes to attach are written there, one a line"
    )]
    NoConf(io::Error),
    #[error("cannot lock {0}: {1}")]
    Lock(String, io::Error),
    #[error("device mapper does not answer: {0}")]
    Kernel(#[from] io::Error),
    /// What is wrong with each.
    #[error("{}", .0.join("\ndmpstat: "))]
    Volumes(Vec<String>),
}

/// One volume, and what is to become of it.
struct Job {
    device: Number,
    change: Change,
    /// It was named, and not found by a pattern.
    named: bool,
}

/// One volume, and its new table.
struct Plan {
    volume: Volume,
    change: Change,
    new: Vec<Line>,
}

/// Adds these volumes but those that are there: what is said first of one holds.
fn add(jobs: &mut Vec<Job>, found: Vec<Number>, choice: &Choice, change: Change) {
    for device in found {
        if jobs.iter().all(|job| job.device != device) {
            jobs.push(Job {
                device,
                change,
                named: !choice.is_pattern(),
            });
        }
    }
}

/// `dmpstat attach`.
pub fn attach(options: &arguments::Attach, outside: &mut Outside<'_>) -> Result<(), Error> {
    let mut kernel = open(outside)?;
    attach_in(&mut kernel, options, outside)
}

/// `dmpstat detach`.
pub fn detach(volumes: &[OsString], outside: &mut Outside<'_>) -> Result<(), Error> {
    let mut kernel = open(outside)?;
    detach_in(&mut kernel, volumes, outside)
}

fn open(outside: &Outside<'_>) -> Result<Control, Failed> {
    signals::interrupt().map_err(Failed::Kernel)?;
    Control::open(&outside.machine.path("/dev/mapper/control")).map_err(|error| {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Failed::Root(error),
            _ => Failed::NoDeviceMapper(error),
        }
    })
}

/// The same with this device mapper.
pub fn attach_in(
    kernel: &mut dyn DeviceMapper,
    options: &arguments::Attach,
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let mut work = Work {
        kernel,
        outside,
        by_itself: options.listed,
        failed: Vec::new(),
    };
    let jobs = match options.all || options.listed {
        true => work.listed_jobs(options)?,
        false => {
            let change = Change::Attach(Options {
                latency: options.latency,
                flush_bypass: options.flush_bypass,
                ..Options::default()
            });
            work.named_jobs(&options.volumes, change)?
        }
    };
    // Of what the file lists, one volume does not wait for another.
    work.run(jobs, options.dry_run, options.all || options.listed)
}

/// The same with this device mapper.
pub fn detach_in(
    kernel: &mut dyn DeviceMapper,
    volumes: &[OsString],
    outside: &mut Outside<'_>,
) -> Result<(), Error> {
    let mut work = Work {
        kernel,
        outside,
        by_itself: false,
        failed: Vec::new(),
    };
    let jobs = work.named_jobs(volumes, Change::Detach)?;
    work.run(jobs, false, false)
}

struct Work<'a, 'b> {
    kernel: &'a mut dyn DeviceMapper,
    outside: &'a mut Outside<'b>,
    /// Nobody asked for it but udev's rule: what is not to be attached is no news.
    by_itself: bool,
    failed: Vec<String>,
}

impl Work<'_, '_> {
    fn named_jobs(&mut self, volumes: &[OsString], change: Change) -> Result<Vec<Job>, Failed> {
        let devices = self.kernel.devices()?;
        let mut jobs: Vec<Job> = Vec::new();
        for written in volumes {
            let choice = Choice::checked(written).map_err(|error| {
                Failed::Volumes(vec![format!(
                    "\"{}\": {error}",
                    escape::show(written.as_bytes())
                )])
            })?;
            let found = volume::find(&choice, &devices, self.outside.machine);
            if found.is_empty() {
                self.failed
                    .push(volume::unknown(&choice, &devices, self.outside.machine));
            }
            add(&mut jobs, found, &choice, change);
        }
        match self.failed.is_empty() {
            true => Ok(jobs),
            false => Err(Failed::Volumes(std::mem::take(&mut self.failed))),
        }
    }

    /// Of the volumes that the file lists: all, or those that were asked for.
    fn listed_jobs(&mut self, options: &arguments::Attach) -> Result<Vec<Job>, Failed> {
        let conf = match fs::read(self.outside.machine.path(conf::PATH)) {
            Ok(text) => Conf::parse(&text),
            Err(error) if self.by_itself && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(Failed::NoConf(error)),
        };
        self.failed
            .extend(conf.wrong.iter().map(ToString::to_string));
        let devices = self.kernel.devices()?;
        let machine = self.outside.machine;
        let mut asked = devices.clone();
        if options.listed {
            let choices: Vec<Choice> = options
                .volumes
                .iter()
                .filter_map(|volume| Choice::checked(volume).ok())
                .collect();
            let wanted: Vec<Number> = choices
                .iter()
                .flat_map(|choice| volume::find(choice, &devices, machine))
                .collect();
            asked.retain(|(device, _)| wanted.contains(device));
        }
        let mut jobs: Vec<Job> = Vec::new();
        for rule in &conf.rules {
            let found = volume::find(&rule.volumes, &asked, machine);
            if found.is_empty() && options.all && !rule.volumes.is_pattern() {
                let what = volume::unknown(&rule.volumes, &devices, machine);
                self.outside
                    .note(&format!("{}, line {}: {what}", conf::PATH, rule.line));
            }
            let change = Change::Attach(rule.options);
            add(&mut jobs, found, &rule.volumes, change);
        }
        if self.by_itself && jobs.is_empty() {
            // What is wrong with other lines is no news to every device that changes.
            self.failed.clear();
        }
        Ok(jobs)
    }

    fn run(mut self, jobs: Vec<Job>, dry_run: bool, each_by_itself: bool) -> Result<(), Error> {
        let locks = match dry_run || jobs.is_empty() {
            true => Vec::new(),
            false => self.lock(&jobs)?,
        };
        let mut plans = Vec::new();
        for job in &jobs {
            match self.plan(job, dry_run) {
                Ok(plan) => plans.extend(plan),
                Err(Refusal::Gone) if self.by_itself => {}
                Err(Refusal::NotLinear { .. }) if !job.named => {}
                Err(refusal) => {
                    let name = volume::shown(self.kernel, job.device);
                    self.failed.push(format!("{name}: {refusal}"));
                }
            }
        }
        if !self.failed.is_empty() && !each_by_itself {
            return Err(Failed::Volumes(self.failed).into());
        }
        let attaches = |plan: &Plan| plan.new.iter().any(Line::is_dmp);
        if plans.iter().any(attaches) && !self.kernel.has_target(DMP).map_err(Failed::Kernel)? {
            return Err(Failed::NoTarget.into());
        }
        for plan in &plans {
            match dry_run {
                true => self.show(plan)?,
                false => self.carry_out(plan)?,
            }
        }
        drop(locks);
        match self.failed.is_empty() {
            true => Ok(()),
            false => Err(Failed::Volumes(self.failed).into()),
        }
    }

    /// Keeps others away from these volumes.
    fn lock(&mut self, jobs: &[Job]) -> Result<Vec<Lock>, Failed> {
        let mut groups: Vec<String> = jobs
            .iter()
            .filter_map(|job| self.kernel.status(job.device).ok())
            .filter_map(|status| volume::group(&status))
            .collect();
        // LVM's own order, so that no two wait for each other.
        groups.sort_unstable();
        groups.dedup();
        let mut locks = vec![self.take(&format!("{}/lock", state::DIRECTORY), || Failed::Busy)?];
        for group in groups {
            let path = format!("{LVM_LOCKS}/V_{group}");
            locks.push(self.take(&path, || Failed::Lvm(group))?);
        }
        Ok(locks)
    }

    fn take(&mut self, path: &str, busy: impl FnOnce() -> Failed) -> Result<Lock, Failed> {
        let patience = PATIENCE[usize::from(self.by_itself)];
        let clock = &mut self.outside.clock;
        let path_there = self.outside.machine.path(path);
        lock::take(&path_there, patience, &mut |pause| clock.wait(pause))
            .map_err(|error| Failed::Lock(path.to_owned(), error))?
            .ok_or_else(busy)
    }

    fn directory(&self) -> PathBuf {
        self.outside.machine.path(state::DIRECTORY)
    }

    fn now(&self) -> u64 {
        self.outside.clock.boottime().as_secs()
    }

    /// What is to be done with a volume, if anything is.
    fn plan(&mut self, job: &Job, dry_run: bool) -> Result<Option<Plan>, Refusal> {
        let volume = Volume::read(self.kernel, job.device)?;
        let name = volume.shown_name();
        let state = State::read(&self.directory(), &volume.device);
        let state = state.filter(|state| volume.diskseq(self.outside.machine) == state.diskseq);
        let new = match job.change {
            Change::Attach(_) if volume.is_attached() => {
                if !self.by_itself {
                    self.say(&format!("{name}: already attached"))?;
                }
                return Ok(None);
            }
            Change::Detach if !volume.table.iter().any(Line::is_dmp) => {
                self.say(&format!("{name}: not attached"))?;
                self.remember(&volume, job.change);
                return Ok(None);
            }
            Change::Attach(options) => {
                if self.by_itself && state.as_ref().is_some_and(|state| state.detached) {
                    return Ok(None);
                }
                if self.by_itself && state.is_some_and(|state| state.is_too_often(self.now())) {
                    return Err(Refusal::TooOften);
                }
                volume.attached(options, self.kernel, self.outside.machine)?
            }
            Change::Detach => volume.table.iter().map(Line::detached).collect(),
        };
        volume.check()?;
        if volume.status.has_inactive {
            // A dmpstat that was killed before the new table came to life leaves it behind.
            let left = self.kernel.table(job.device, Which::Inactive)?;
            let is_ours = |line: &Line| line.is_dmp() || line.is_linear();
            if left
                .iter()
                .map(Line::detached)
                .ne(volume.table.iter().map(Line::detached))
                || !left.iter().any(is_ours)
            {
                return Err(Refusal::HasInactive(name));
            }
            if !dry_run {
                self.kernel.clear(job.device)?;
            }
        }
        Ok(Some(Plan {
            volume,
            change: job.change,
            new,
        }))
    }

    fn say(&mut self, what: &str) -> io::Result<()> {
        writeln!(self.outside.out, "{what}")
    }

    /// As diff shows tables.
    fn show(&mut self, plan: &Plan) -> Result<(), Error> {
        let name = plan.volume.shown_name();
        self.outside.print(|out| {
            writeln!(out, "{name}")?;
            for (old, new) in plan.volume.table.iter().zip(&plan.new) {
                match old == new {
                    true => writeln!(out, "  {old}")?,
                    false => writeln!(out, "- {old}\n+ {new}")?,
                }
            }
            Ok(())
        })
    }

    fn carry_out(&mut self, plan: &Plan) -> Result<(), Error> {
        let volume = &plan.volume;
        let done = exchange(
            self.kernel,
            volume.number,
            [&volume.table, &plan.new],
            volume.status.read_only,
        );
        let name = volume.shown_name();
        match done {
            Ok(()) => {
                self.remember(volume, plan.change);
                let what = match plan.change {
                    Change::Attach(_) => "attached",
                    Change::Detach => "detached",
                };
                self.say(&format!("{name}: {what}"))
                    .map_err(Error::Output)?;
            }
            Err(exchange::Failure::Gone) if self.by_itself => {}
            Err(failure) => self.failed.push(format!("{name}: {failure}")),
        }
        Ok(())
    }

    /// What is not remembered is only not shown by `dmpstat status`, so that is no failure.
    fn remember(&mut self, volume: &Volume, change: Change) {
        let (directory, now) = (self.directory(), self.now());
        let diskseq = volume.diskseq(self.outside.machine);
        let before = State::read(&directory, &volume.device);
        let facts = State {
            diskseq,
            name: volume.status.name.clone(),
            uuid: volume.status.uuid.clone(),
            ..State::default()
        };
        let state = match change {
            Change::Attach(_) => State::attached(before.as_ref(), facts, now),
            Change::Detach => State::detached(facts, now),
        };
        let written = state.write(&directory, &volume.device);
        if let Err(error) = written {
            self.outside
                .note(&format!("cannot write in {}: {error}", state::DIRECTORY));
        }
    }
}
