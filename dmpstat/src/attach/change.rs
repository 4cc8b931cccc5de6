// SPDX-License-Identifier: GPL-2.0

//! The change of one volume: under its locks, after a second check, and with a guard.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::attach::exchange::{self, Exchange, Failure};
use crate::attach::guard::{self, Guard};
use crate::attach::hidden::Hidden;
use crate::attach::jobs::Job;
use crate::attach::lock::{self, Lock};
use crate::attach::plan::{self, Plan, plan};
use crate::attach::request::Change;
use crate::attach::settings::Settings;
use crate::attach::state::{self, State};
use crate::attach::volume::{self, Refusal, Volume};
use crate::attach::{block, hidden, stall};
use crate::environment::Environment;
use crate::error::Error;
use crate::source::kernel::line::{DMP, Line, LineOptions};
use crate::source::kernel::mapper::{DeviceMapper, Which};

/// The longest wait for the locks of LVM and of other attaches, in an interactive run.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait for in-flight requests, in an unattended run.
const STANDSTILL: Duration = Duration::from_secs(2);
/// The directory of LVM's locks: the default of its `locking_dir`.
const LVM_LOCKS: &str = "/run/lock/lvm";
/// The first version of the module with the option as_linear.
const KNOWS_AS_LINEAR: [u32; 3] = [1, 1, 0];

/// A changer of volumes, one after the other.
pub struct Changer<'a, 'b> {
    /// The device mapper.
    pub kernel: &'a mut dyn DeviceMapper,
    /// The program's environment.
    pub environment: &'a mut Environment<'b>,
    /// The process that cleans up if this one dies.
    pub guard: &'a mut dyn Guard,
    /// No user waits for the result, and a failed change is retried.
    pub unattended: bool,
}

/// Reasons why a volume was not changed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Trouble {
    #[error("LVM is changing the volume group {0}: try again when LVM has finished")]
    Lvm(String),
    #[error("another dmpstat is changing the volume: try again when the other one has finished")]
    Busy,
    #[error("cannot lock {0}: {1}")]
    Lock(String, io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(
        "requests in flight do not end, and an attach would have new requests wait for them. Check \
         the underlying disks, or attach the volume by hand"
    )]
    Stalled,
    #[error("requests in flight did not end within 2 s. The volume runs as before")]
    Slow,
    #[error(
        "the loaded dmp module is {}.{}.{}, and the option as_linear needs 1.1.0. Detach all volumes and \
         load the new module with \"modprobe -r dmp\" and \"modprobe dmp\", or attach with --as dmp",
        .0[0], .0[1], .0[2]
    )]
    OldModule([u32; 3]),
    #[error("cannot create the hidden device for the table: {0}")]
    Hidden(io::Error),
    #[error(
        "the guard, the process that restores the volume if dmpstat dies, does not answer: {0}"
    )]
    Guard(io::Error),
    #[error("{0}")]
    Measure(Box<Error>),
}

impl Changer<'_, '_> {
    /// Changes a volume. Returns the volume before the change, and the executed plan.
    pub fn change(&mut self, job: &Job) -> Result<(Volume, Plan), Trouble> {
        let locks = self.lock(job)?;
        let (volume, plan) = self.look(job)?;
        match &plan {
            Plan::Already => {}
            Plan::Measure(switches) => {
                let machine = self.environment.machine;
                for (measurement, on) in switches {
                    let text = if *on { "1" } else { "0" };
                    let written = machine.write(&volume.device, measurement.name(), text);
                    written.map_err(|error| Trouble::Measure(Box::new(error)))?;
                }
            }
            Plan::Table(new) => self.guarded(&volume, &locks, None, new)?,
            Plan::Hide(options) => {
                let hidden = Hidden::new(&volume.status).map_err(Trouble::Hidden)?;
                self.guarded(&volume, &locks, Some((hidden, *options)), &[])?;
            }
        }
        Ok((volume, plan))
    }

    /// Reads the volume, and plans its change.
    pub fn look(&mut self, job: &Job) -> Result<(Volume, Plan), Trouble> {
        let machine = self.environment.machine;
        let volume = Volume::read(self.kernel, job.device, machine)?;
        if (&volume.status.uuid, volume.diskseq) != (&job.uuid, job.diskseq) {
            return Err(Refusal::Another.into());
        }
        volume.check()?;
        let plan = plan(&volume, job.change, self.kernel, machine)?;
        if plan != Plan::Already {
            self.check_inactive(&volume)?;
        }
        Ok((volume, plan))
    }

    /// Refuses a volume with another program's inactive table. If dmpstat and its guard were both killed,
    /// they left an inactive table of dmp lines with the volume's own mapping: such a table may be dropped.
    fn check_inactive(&mut self, volume: &Volume) -> Result<(), Refusal> {
        if !volume.status.state.has_inactive || self.is_left_over(volume)? {
            return Ok(());
        }
        Err(Refusal::HasInactive(volume.shown_name()))
    }

    fn is_left_over(&mut self, volume: &Volume) -> Result<bool, Refusal> {
        let snapshot = self.environment.machine.snapshot(&volume.device);
        let lines = snapshot.ok().flatten().and_then(|snapshot| snapshot.lines);
        if lines.is_none_or(|lines| lines.loaded.all == 0) {
            return Ok(false);
        }
        let loaded = self.kernel.table(volume.number, Which::Inactive)?;
        let loaded = loaded.iter().map(Line::detached);
        Ok(loaded.eq(volume.table.iter().map(Line::detached)))
    }

    /// Takes the lock of the volume's group, and the volume's own. Retries if the group was renamed during
    /// the wait.
    fn lock(&mut self, job: &Job) -> Result<Vec<Lock>, Trouble> {
        let mut status = self.kernel.status(job.device).map_err(Refusal::from)?;
        loop {
            let group = volume::group(&status);
            let mut locks = Vec::new();
            if let Some(group) = &group {
                let path = format!("{LVM_LOCKS}/V_{group}");
                locks.extend(self.take(&path, || Trouble::Lvm(group.clone()))?);
            }
            let path = format!("{}/{}.lock", state::DIRECTORY, volume::device(job.device));
            locks.extend(self.take(&path, || Trouble::Busy)?);
            status = self.kernel.status(job.device).map_err(Refusal::from)?;
            if volume::group(&status) == group {
                return Ok(locks);
            }
        }
    }

    fn take(
        &mut self,
        path: &str,
        busy: impl FnOnce() -> Trouble,
    ) -> Result<Option<Lock>, Trouble> {
        let patience = if self.unattended {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let clock = &mut self.environment.clock;
        let there = self.environment.machine.path(path);
        let taken = lock::take(&there, patience, &mut |pause| clock.wait(pause));
        match taken.map_err(|error| Trouble::Lock(path.to_owned(), error))? {
            None => Err(busy()),
            lock => Ok(lock),
        }
    }

    /// Exchanges the table. The guard can clean up from the first change on.
    fn guarded(
        &mut self,
        volume: &Volume,
        locks: &[Lock],
        hide: Option<(Hidden, LineOptions)>,
        new: &[Line],
    ) -> Result<(), Trouble> {
        let machine = self.environment.machine;
        if self.unattended && stall::is_stalled(machine, &volume.device, self.environment.clock) {
            return Err(Trouble::Stalled);
        }
        if new.iter().any(|line| *line != line.shown()) {
            self.check_module()?;
        }
        if volume.status.state.has_inactive {
            self.kernel.clear(volume.number).map_err(Refusal::from)?;
        }
        let state = self.kernel.state(volume.number).map_err(Refusal::from)?;
        let mut plan = guard::Plan {
            read_only: state.read_only.then_some(volume.number),
            hidden: self.hidden(volume, hide.as_ref().map(|(hidden, _)| hidden))?,
            settings: Settings::read(machine, &volume.device),
            patience: self.unattended.then_some(STANDSTILL),
            exchange: None,
        };
        let locks: Vec<_> = locks.iter().map(AsFd::as_fd).collect();
        self.guard.arm(&plan, &locks).map_err(Trouble::Guard)?;
        let done = self.exchanged(volume, &mut plan, &locks, hide, new);
        if let Some(hidden) = &plan.hidden {
            hidden.remove(self.kernel);
        }
        for setting in plan.settings.restore() {
            let name = volume.shown_name();
            self.environment.note(&format!(
                "{name}: cannot restore queue/{setting} of {}",
                volume.device
            ));
        }
        // A guard that does not answer is dead, so it does not clean up either.
        let _ = self.guard.disarm();
        done
    }

    /// Returns the hidden device that no line may be left over: the new one if the exchange fails, the old
    /// one if it succeeds.
    fn hidden(&mut self, volume: &Volume, new: Option<&Hidden>) -> Result<Option<Hidden>, Refusal> {
        let below = volume.attachment.and_then(|attachment| attachment.hidden);
        match (new, below) {
            (Some(new), _) => Ok(Some(new.clone())),
            (None, Some(below)) => Ok(Some(self.kernel.status(below)?.into())),
            (None, None) => Ok(None),
        }
    }

    fn exchanged(
        &mut self,
        volume: &Volume,
        plan: &mut guard::Plan,
        locks: &[BorrowedFd<'_>],
        hide: Option<(Hidden, LineOptions)>,
        new: &[Line],
    ) -> Result<(), Trouble> {
        let read_only = match plan.read_only.take() {
            Some(device) => {
                block::table_is_read_only(self.kernel, device).map_err(Refusal::from)?
            }
            None => false,
        };
        let mut new = new.to_vec();
        let mut made = None;
        if let Some((hidden, options)) = &hide {
            let device = hidden.make(self.kernel).map_err(Trouble::Hidden)?;
            let table: Vec<Line> = volume.table.iter().map(Line::detached).collect();
            hidden::start(self.kernel, device, &table, read_only).map_err(Trouble::Hidden)?;
            new = plan::above(volume, device, *options);
            made = Some((hidden, device));
        }
        let exchange = plan
            .exchange
            .insert(plan::exchange(volume, new, read_only))
            .clone();
        self.guard.arm(plan, locks).map_err(Trouble::Guard)?;
        exchange::load(self.kernel, &exchange)?;
        if let Some((hidden, device)) = made {
            if let Err(error) = hidden.leave(self.kernel, device) {
                exchange::drop_loaded(self.kernel, &exchange);
                return Err(Trouble::Hidden(error));
            }
        }
        self.guard.resuming().map_err(|error| {
            exchange::drop_loaded(self.kernel, &exchange);
            Trouble::Guard(error)
        })?;
        match exchange::exchange(self.kernel, &exchange) {
            Err(Failure::Resume(_) | Failure::Interrupted) if self.has(volume, &exchange) => Ok(()),
            // The guard sent the signal: the clock has seen none.
            Err(Failure::Interrupted) if self.unattended && !self.environment.clock.has_ended() => {
                Err(Trouble::Slow)
            }
            done => Ok(done?),
        }
    }

    /// Returns whether a volume has its new table although its first resume failed. Two tables can look
    /// alike, so the module's count of dmp lines decides.
    fn has(&mut self, volume: &Volume, exchange: &Exchange) -> bool {
        let Ok(now) = Volume::read(self.kernel, volume.number, self.environment.machine) else {
            return false;
        };
        let lines = exchange.new.loaded.iter();
        let dmp = lines.filter(|line| line.is_dmp()).count() as u64;
        now.table == exchange.new.shown && now.attachment.map_or(0, |is| is.lines.all) == dmp
    }

    fn check_module(&mut self) -> Result<(), Trouble> {
        match self.kernel.target_version(DMP).map_err(Refusal::Kernel)? {
            Some(version) if version < KNOWS_AS_LINEAR => Err(Trouble::OldModule(version)),
            _ => Ok(()),
        }
    }
}

/// Writes the state of a changed volume. A failure is only a note, because the change itself is done.
pub fn remember(volume: &Volume, change: Change, above: bool, environment: &mut Environment<'_>) {
    let directory = environment.machine.path(state::DIRECTORY);
    let now = environment.clock.boottime().as_secs();
    let facts = State {
        diskseq: volume.diskseq,
        name: volume.status.name.clone(),
        uuid: volume.status.uuid.clone(),
        above,
        ..State::default()
    };
    let before = State::read(&directory, &volume.device);
    let state = match change {
        Change::Attach(_) => State::attached(before.as_ref(), facts, now),
        Change::Detach => State::detached(facts, now),
    };
    if let Err(error) = state.write(&directory, &volume.device) {
        environment.note(&format!("cannot write to {}: {error}", state::DIRECTORY));
    }
}
