// SPDX-License-Identifier: GPL-2.0

//! Volumes that attach.conf lists: udev's rule puts them into the queue, and a unit attaches them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::attach::change::{Changer, Trouble, remember};
use crate::attach::conf::{self, Conf};
use crate::attach::error::Failed;
use crate::attach::guard::Guard;
use crate::attach::jobs::{self, Job};
use crate::attach::plan::Plan;
use crate::attach::queue::{self, Outcome, Queue};
use crate::attach::request::Change;
use crate::attach::request::Options;
use crate::attach::start::{Start, prepare};
use crate::attach::state::State;
use crate::attach::volume::{self, Refusal, Volume};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::Error;
use crate::model::escape;
use crate::source::kernel::control::Control;
use crate::source::kernel::mapper::{DeviceMapper, Status};
use crate::source::kernel::number::Number;
use crate::source::sysfs::Machine;

/// Runs `dmpstat attach --queue dm-N`: queues the volume for the unit, if it is listed, can be attached and
/// is not attached. udev runs this command for each change of a mapped device, and LVM waits for udev. So the
/// command takes no lock, and prints nothing about other volumes.
pub fn enqueue(device: &str, environment: &mut Environment<'_>) -> Result<(), Error> {
    let machine = environment.machine;
    let Ok(conf) = Conf::read(machine) else {
        return Ok(());
    };
    if conf.rules.is_empty() {
        return Ok(());
    }
    match Control::open(machine) {
        Ok(mut kernel) => enqueue_by(device, &conf, &mut kernel, machine),
        Err(_) => Ok(()),
    }
}

/// Queues a volume of this device mapper, if attach.conf lists it.
pub fn enqueue_by(
    device: &str,
    conf: &Conf,
    kernel: &mut dyn DeviceMapper,
    machine: &Machine,
) -> Result<(), Error> {
    let job = job(device, conf, kernel, machine);
    if job.is_ok_and(|job| job.is_some_and(|job| is_wanted(&job, kernel, machine))) {
        let queue = Queue::new(machine.path(queue::PATH));
        queue.add(device).map_err(Failed::Queue)?;
    }
    Ok(())
}

/// Returns attach.conf's job for a device, dm-N, by the first rule that names it. `None` if no rule does, or
/// if the device was removed.
fn job(
    device: &str,
    conf: &Conf,
    kernel: &mut dyn DeviceMapper,
    machine: &Machine,
) -> io::Result<Option<Job>> {
    let mut devices = kernel.devices()?;
    devices.retain(|(number, _)| volume::device(*number) == device);
    let mut jobs = Vec::new();
    for rule in &conf.rules {
        let found = jobs::find(&rule.volumes, &devices, machine);
        let change = Change::Attach(rule.options);
        jobs::add(&mut jobs, found, &rule.volumes, change, kernel, machine);
    }
    Ok(jobs.pop())
}

/// Returns whether a volume is to be attached without a user's command: not if it is already counted in some
/// way, cannot be attached, or was detached by a user.
fn is_wanted(job: &Job, kernel: &mut dyn DeviceMapper, machine: &Machine) -> bool {
    let Ok(volume) = Volume::read(kernel, job.device, machine) else {
        return false;
    };
    !volume.is_attached()
        && volume.way().is_ok()
        && volume.check().is_ok()
        && !State::of(machine, &volume.device, volume.diskseq).is_some_and(|state| state.detached)
}

/// Runs `dmpstat attach --queued`: works until the queue is empty.
pub fn work(
    kernel: &mut dyn DeviceMapper,
    start: &mut Start<'_>,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let queue = Queue::new(environment.machine.path(queue::PATH));
    let mut guard = match prepare(kernel, start) {
        Ok(guard) => guard,
        Err(failed @ Failed::NoTarget) => {
            // DKMS may not have built the module for this kernel yet, so no volume can be attached.
            environment.note(&failed);
            let mut nothing = |_: &str, _: &BTreeSet<String>, _: &mut dyn Clock| Outcome::Done;
            return queue::work(&queue, &mut nothing, environment.clock)
                .map_err(|error| Failed::Queue(error).into());
        }
        Err(failed) => return Err(failed.into()),
    };
    let mut worker = Worker {
        kernel,
        guard: guard.as_mut(),
        queue: &queue,
    };
    let (machine, out, notes) = (
        environment.machine,
        &mut *environment.out,
        &mut *environment.notes,
    );
    let mut attempt = |device: &str, busy: &BTreeSet<String>, clock: &mut dyn Clock| {
        let environment = &mut Environment {
            machine,
            recording: None,
            clock,
            out: &mut *out,
            notes: &mut *notes,
            has_blocks: false,
            width: &|| None,
        };
        worker.attempt(device, busy, environment)
    };
    queue::work(&queue, &mut attempt, environment.clock)
        .map_err(|error| Failed::Queue(error).into())
}

/// The worker that attaches the queue's volumes.
struct Worker<'a> {
    kernel: &'a mut dyn DeviceMapper,
    guard: &'a mut dyn Guard,
    queue: &'a Queue,
}

impl Worker<'_> {
    fn attempt(
        &mut self,
        device: &str,
        busy: &BTreeSet<String>,
        environment: &mut Environment<'_>,
    ) -> Outcome {
        let Ok(conf) = Conf::read(environment.machine) else {
            return Outcome::Done;
        };
        let job = match job(device, &conf, self.kernel, environment.machine) {
            Ok(Some(job)) => job,
            Ok(None) => return Outcome::Done,
            Err(error) => return Outcome::Retry(error.to_string()),
        };
        let group = self.kernel.status(job.device).ok();
        let group = group.and_then(|status| volume::group(&status));
        if let Some(group) = group.filter(|group| busy.contains(group)) {
            return Outcome::Busy(group);
        }
        match self.attach(&job, environment) {
            Ok(()) => Outcome::Done,
            Err(trouble) => self.outcome(&job, device, trouble, environment),
        }
    }

    fn attach(&mut self, job: &Job, environment: &mut Environment<'_>) -> Result<(), Trouble> {
        let volume = Volume::read(self.kernel, job.device, environment.machine)?;
        let state = State::of(environment.machine, &volume.device, volume.diskseq);
        let now = environment.clock.boottime().as_secs();
        if volume.is_attached() || state.as_ref().is_some_and(|state| state.detached) {
            return Ok(());
        }
        if state.is_some_and(|state| state.is_too_often(now)) {
            return Err(Refusal::TooOften.into());
        }
        let mut changer = Changer {
            kernel: self.kernel,
            environment,
            guard: self.guard,
            unattended: true,
        };
        let (volume, plan) = changer.change(job)?;
        if plan != Plan::Already {
            remember(&volume, job.change, plan.is_above(&volume), environment);
            // Errors are ignored, because there may be no journal.
            let _ = writeln!(environment.out, "{}: attached", volume.shown_name());
            let _ = environment.out.flush();
        }
        Ok(())
    }

    fn outcome(
        &mut self,
        job: &Job,
        device: &str,
        trouble: Trouble,
        environment: &mut Environment<'_>,
    ) -> Outcome {
        let name = volume::shown(self.kernel, job.device);
        match trouble {
            Trouble::Lvm(group) => Outcome::Busy(group),
            Trouble::Refused(Refusal::Gone | Refusal::Another | Refusal::ToBeRemoved) => {
                Outcome::Done
            }
            Trouble::Refused(Refusal::Kind { .. } | Refusal::NoTable) if !job.named => {
                Outcome::Done
            }
            Trouble::Refused(
                Refusal::Kind { .. }
                | Refusal::NoTable
                | Refusal::Hidden
                | Refusal::Inner
                | Refusal::TooOften,
            )
            | Trouble::OldModule(_) => {
                environment.note(&format!("{name}: {trouble}"));
                Outcome::Done
            }
            trouble => {
                let reason = trouble.to_string();
                if self.queue.reason(device).as_ref() != Some(&reason) {
                    environment.note(&format!("{name}: {reason}"));
                }
                Outcome::Retry(reason)
            }
        }
    }
}

/// Lists the volumes of these jobs in attach.conf if `keep` is set. Otherwise notes the attached volumes that
/// are not listed there.
pub fn after(
    jobs: &[Job],
    attached: &[String],
    keep: bool,
    kernel: &mut dyn DeviceMapper,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let machine = environment.machine;
    let path = machine.path(conf::PATH);
    let conf = Conf::read(machine).unwrap_or_default();
    let mut passing = Vec::new();
    for listing in listings(jobs, kernel) {
        if keep {
            let kept = Conf::keep(&path, &listing.volume, listing.options);
            kept.map_err(Failed::Keep)?;
            continue;
        }
        let is_listed = conf.rules.iter().any(|rule| {
            let found = jobs::find(&rule.volumes, &listing.devices, machine);
            !found.is_empty()
        });
        let names = listing.devices.iter().map(|(_, name)| escape::shown(name));
        if !is_listed && names.clone().any(|name| attached.contains(&name)) {
            passing.push(quoted(&listing.volume));
        }
    }
    if !passing.is_empty() {
        environment.note(&format!(
            "the attachment lasts until LVM or another program replaces the table, or until the next boot. \
             Keep it with \"dmpstat attach --keep {}\"",
            passing.join(" ")
        ));
    }
    Ok(())
}

/// Returns a name, quoted for a shell if necessary.
fn quoted(name: &OsStr) -> String {
    let shown = escape::show(name.as_bytes());
    let is_plain = |character: char| character.is_alphanumeric() || "/._+-".contains(character);
    match shown.chars().all(is_plain) {
        true => shown,
        false => format!("'{}'", shown.replace('\'', "'\\''")),
    }
}

/// A line of attach.conf for the volumes of one argument.
struct Listing {
    volume: OsString,
    options: Options,
    devices: Vec<(Number, Vec<u8>)>,
}

/// Returns the lines for these jobs: the volume's name, or the pattern that found it.
fn listings(jobs: &[Job], kernel: &mut dyn DeviceMapper) -> Vec<Listing> {
    let mut listings: Vec<Listing> = Vec::new();
    for job in jobs {
        let (Change::Attach(options), Ok(status)) = (job.change, kernel.status(job.device)) else {
            continue;
        };
        let volume = match job.named {
            true => listed_name(&status),
            false => job.written.clone(),
        };
        let device = (job.device, status.name);
        match listings.iter_mut().find(|listing| listing.volume == volume) {
            Some(listing) => listing.devices.push(device),
            None => listings.push(Listing {
                volume,
                options,
                devices: vec![device],
            }),
        }
    }
    listings
}

/// Returns a volume's name for attach.conf: VG/LV, or the device-mapper name.
fn listed_name(status: &Status) -> OsString {
    status.logical_volume().map_or_else(
        || OsString::from(escape::shown(&status.name)),
        OsString::from_vec,
    )
}
