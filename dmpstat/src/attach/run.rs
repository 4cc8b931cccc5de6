// SPDX-License-Identifier: GPL-2.0

//! Runs over the volumes that the command line or attach.conf names.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use crate::attach::change::{Changer, Trouble, remember};
use crate::attach::conf::{self, Conf};
use crate::attach::error::Failed;
use crate::attach::guard::{self, Guard};
use crate::attach::jobs::{self, Job};
use crate::attach::listed;
use crate::attach::plan::Plan;
use crate::attach::request::{Change, Request};
use crate::attach::start::{Start, open, prepare, start};
use crate::attach::volume::{self, Refusal, Volume};
use crate::environment::Environment;
use crate::error::Error;
use crate::model::escape;
use crate::source::kernel::control::Control;
use crate::source::kernel::line::Line;
use crate::source::kernel::mapper::DeviceMapper;
use crate::source::selection::Choice;

/// Runs `dmpstat attach`.
pub fn attach(request: &Request, environment: &mut Environment<'_>) -> Result<(), Error> {
    if let Some(device) = &request.queue {
        return listed::enqueue(device, environment);
    }
    let mut kernel = open(environment)?;
    attach_by(request, &mut kernel, &mut start, environment)
}

/// Attaches volumes of this device mapper. `start` starts the guard.
pub fn attach_by(
    request: &Request,
    kernel: &mut dyn DeviceMapper,
    start: &mut Start<'_>,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    if request.queued {
        return listed::work(kernel, start, environment);
    }
    let run = Run::new(kernel, start, environment, request.dry_run);
    if request.all {
        return run.listed();
    }
    run.named(
        &request.volumes,
        Change::Attach(request.options),
        request.keep,
    )
}

/// Runs `dmpstat detach`.
pub fn detach(volumes: &[OsString], environment: &mut Environment<'_>) -> Result<(), Error> {
    let mut kernel = open(environment)?;
    detach_by(volumes, &mut kernel, &mut start, environment)
}

/// Detaches volumes of this device mapper. `start` starts the guard.
pub fn detach_by(
    volumes: &[OsString],
    kernel: &mut dyn DeviceMapper,
    start: &mut Start<'_>,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    Run::new(kernel, start, environment, false).named(volumes, Change::Detach, false)
}

/// Runs `dmpstat guard`.
pub fn guard(environment: &Environment<'_>) -> Result<(), Error> {
    let machine = environment.machine;
    let run = guard::run(|| Ok(Box::new(Control::open(machine)?)));
    Ok(run.map_err(Failed::Guard)?)
}

/// A run over volumes that the command line or attach.conf names.
struct Run<'a, 'b> {
    kernel: &'a mut dyn DeviceMapper,
    start: &'a mut Start<'a>,
    environment: &'a mut Environment<'b>,
    dry_run: bool,
    /// Each volume is changed independently: a failure of one does not stop the others.
    each_by_itself: bool,
    failed: Vec<String>,
}

impl<'a, 'b> Run<'a, 'b> {
    fn new(
        kernel: &'a mut dyn DeviceMapper,
        start: &'a mut Start<'a>,
        environment: &'a mut Environment<'b>,
        dry_run: bool,
    ) -> Self {
        Self {
            kernel,
            start,
            environment,
            dry_run,
            each_by_itself: false,
            failed: Vec::new(),
        }
    }

    /// Changes the volumes that the command line names.
    fn named(mut self, volumes: &[OsString], change: Change, keep: bool) -> Result<(), Error> {
        let devices = self.kernel.devices().map_err(Failed::Kernel)?;
        let machine = self.environment.machine;
        let mut jobs: Vec<Job> = Vec::new();
        for written in volumes {
            let choice = Choice::checked(written).map_err(|error| {
                Failed::Volumes(vec![format!(
                    "\"{}\" is not a valid pattern: {error}",
                    escape::show(written.as_bytes())
                )])
            })?;
            let found = jobs::find(&choice, &devices, machine);
            if found.is_empty() {
                self.failed.push(jobs::unknown(&choice, &devices, machine));
            }
            jobs::add(&mut jobs, found, &choice, change, self.kernel, machine);
        }
        if !self.failed.is_empty() {
            return Err(Failed::Volumes(self.failed).into());
        }
        let result = self.run(&jobs)?;
        listed::after(&jobs, &result, keep, self.kernel, self.environment)
    }

    /// Changes all volumes that attach.conf lists.
    fn listed(mut self) -> Result<(), Error> {
        self.each_by_itself = true;
        let conf = Conf::read(self.environment.machine).map_err(Failed::NoConf)?;
        self.failed
            .extend(conf.wrong.iter().map(ToString::to_string));
        let devices = self.kernel.devices().map_err(Failed::Kernel)?;
        let machine = self.environment.machine;
        let mut jobs: Vec<Job> = Vec::new();
        for rule in &conf.rules {
            let found = jobs::find(&rule.volumes, &devices, machine);
            if found.is_empty() && !rule.volumes.is_pattern() {
                let unknown = jobs::unknown(&rule.volumes, &devices, machine);
                self.failed
                    .push(format!("{}, line {}: {unknown}", conf::PATH, rule.line));
            }
            let change = Change::Attach(rule.options);
            jobs::add(
                &mut jobs,
                found,
                &rule.volumes,
                change,
                self.kernel,
                machine,
            );
        }
        self.run(&jobs).map(drop)
    }

    /// Checks all volumes, and then changes them. Changes none if the check of one fails, unless
    /// `each_by_itself` is set. Returns the names of the changed volumes.
    fn run(&mut self, jobs: &[Job]) -> Result<Vec<String>, Error> {
        let mut guard = NoGuard;
        let mut todo = Vec::new();
        for job in jobs {
            let look = self.changer(&mut guard).look(job);
            match look {
                Ok((volume, Plan::Already)) => self.already(&volume, job)?,
                Ok(found) => todo.push((job, found)),
                Err(trouble) => self.trouble(job, &trouble),
            }
        }
        if !self.each_by_itself {
            self.finish(Vec::new())?;
        }
        if self.dry_run {
            for (_, (volume, plan)) in &todo {
                self.show(volume, plan)?;
            }
        } else if !todo.is_empty() {
            let mut guard = prepare(self.kernel, self.start)?;
            let jobs: Vec<&Job> = todo.into_iter().map(|(job, _)| job).collect();
            return self.change(&jobs, guard.as_mut());
        }
        self.finish(Vec::new())
    }

    fn change(&mut self, jobs: &[&Job], guard: &mut dyn Guard) -> Result<Vec<String>, Error> {
        let mut done = Vec::new();
        for (at, job) in jobs.iter().enumerate() {
            if self.environment.clock.has_ended() {
                return Err(self.stopped("a signal", done, &jobs[at..]));
            }
            let changed = self.changer(guard).change(job);
            let said = match changed {
                Ok((volume, plan)) => {
                    let name = volume.shown_name();
                    remember(
                        &volume,
                        job.change,
                        plan.is_above(&volume),
                        self.environment,
                    );
                    done.push(name.clone());
                    let said = format!("{name}: {}", job.change.done());
                    writeln!(self.environment.out, "{said}")
                        .and_then(|()| self.environment.out.flush())
                }
                Err(trouble) => {
                    self.trouble(job, &trouble);
                    Ok(())
                }
            };
            match said {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    let by = "a closed pipe on standard output";
                    return Err(self.stopped(by, done, &jobs[at + 1..]));
                }
                Err(error) => return Err(Error::Output(error)),
            }
        }
        self.finish(done)
    }

    /// Returns the error of a run that ends early. Prints the earlier failures as notes.
    fn stopped(&mut self, by: &'static str, done: Vec<String>, left: &[&Job]) -> Error {
        for failed in std::mem::take(&mut self.failed) {
            self.environment.note(&failed);
        }
        let left = left.iter();
        let left = left.map(|job| volume::shown(self.kernel, job.device));
        Failed::Stopped {
            by,
            done,
            left: left.collect(),
        }
        .into()
    }

    fn finish(&mut self, done: Vec<String>) -> Result<Vec<String>, Error> {
        match self.failed.is_empty() {
            true => Ok(done),
            false => Err(Failed::Volumes(std::mem::take(&mut self.failed)).into()),
        }
    }

    fn changer<'c>(&'c mut self, guard: &'c mut dyn Guard) -> Changer<'c, 'b> {
        Changer {
            kernel: self.kernel,
            environment: self.environment,
            guard,
            unattended: false,
        }
    }

    /// Records the reason why a volume was not changed. A volume that only a pattern names, and whose kind
    /// cannot be attached, is skipped with a note.
    fn trouble(&mut self, job: &Job, trouble: &Trouble) {
        let name = volume::shown(self.kernel, job.device);
        let message = format!("{name}: {trouble}");
        match trouble {
            Trouble::Refused(Refusal::Kind { .. } | Refusal::NoTable) if !job.named => {
                self.environment
                    .note(&format!("{name}: skipped: {trouble}"));
            }
            _ => self.failed.push(message),
        }
    }

    fn already(&mut self, volume: &Volume, job: &Job) -> Result<(), Error> {
        let name = volume.shown_name();
        let said = match job.change {
            Change::Attach(_) => "already attached",
            Change::Detach => {
                if !self.dry_run {
                    remember(volume, job.change, false, self.environment);
                }
                "not attached"
            }
        };
        writeln!(self.environment.out, "{name}: {said}").map_err(Error::Output)
    }

    /// Prints the old table and the new one as diff does.
    fn show(&mut self, volume: &Volume, plan: &Plan) -> Result<(), Error> {
        let name = volume.shown_name();
        let old = volume.loadable();
        self.environment.print(|out| {
            writeln!(out, "{name}")?;
            match plan {
                Plan::Already => Ok(()),
                Plan::Measure(switches) => switches.iter().try_for_each(|(measurement, on)| {
                    let on = if *on { "on" } else { "off" };
                    writeln!(out, "  {} {on}", measurement.name())
                }),
                Plan::Table(new) if new.len() == old.len() => {
                    old.iter()
                        .zip(new)
                        .try_for_each(|(old, new)| match old == new {
                            true => writeln!(out, "  {old}"),
                            false => writeln!(out, "- {old}\n+ {new}"),
                        })
                }
                Plan::Table(new) => {
                    old.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
                    new.iter().try_for_each(|line| writeln!(out, "+ {line}"))
                }
                Plan::Hide(options) => {
                    old.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
                    let over = Line::over(None, volume.length(), *options);
                    writeln!(out, "+ {over}")
                }
            }
        })
    }
}

/// The guard of a check, which changes nothing.
struct NoGuard;

impl Guard for NoGuard {
    fn arm(&mut self, _: &guard::Plan, _: &[std::os::fd::BorrowedFd<'_>]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn resuming(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn disarm(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
