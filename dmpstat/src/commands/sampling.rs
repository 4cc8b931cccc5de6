// SPDX-License-Identifier: GPL-2.0

//! Samples of the devices, one in each interval, and reports of them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::time::Duration;

use crate::clock::Repeat;
use crate::commands::groups::By;
use crate::commands::problems::Told;
use crate::environment::Environment;
use crate::error::Error;
use crate::format::report::{Report, Row};
use crate::model::column::Column;
use crate::model::interval::Interval;
use crate::model::snapshot::Snapshot;
use crate::source::devices::Devices;
use crate::source::selection::Selection;
use crate::source::sysfs::Readings;

/// A request for reports.
#[derive(Debug)]
pub struct Request {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// The interval and the number of reports.
    pub repeat: Option<Repeat>,
    /// Idle devices are left out: without a request in the interval, and without one in flight.
    pub omit_idle: bool,
    /// The first report is left out, which covers the time before the program's start.
    pub omit_first: bool,
    /// The column by which devices are sorted, the largest numbers first.
    pub sort: Option<&'static Column>,
    /// The user asked for latencies.
    pub latencies: bool,
    /// Devices are added up in these groups.
    pub by: Option<By>,
}

/// Writes reports until the last one or ^C.
pub fn run(
    request: &Request,
    report: &mut dyn Report,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let result = go(request, report, environment);
    // The end of the document is written even if the reports end early.
    if !matches!(result, Err(Error::Output(_))) {
        let now = environment.clock.now();
        environment.print(|text| report.end(text, &now))?;
    }
    result
}

fn go(
    request: &Request,
    report: &mut dyn Report,
    environment: &mut Environment<'_>,
) -> Result<(), Error> {
    let repeat = request.repeat;
    let mut left = repeat.map_or(Some(1), |repeat| repeat.count);
    let mut sampling = Sampling::new(&request.devices, repeat.is_some());
    let mut told = Told::default();
    loop {
        let first = sampling.is_first();
        let Sample {
            devices,
            mut problems,
        } = match sampling.sample(environment.devices()) {
            // The device may come later in the recording.
            Err(Error::NoSuchDevice { .. })
                if environment.recording.is_some() && environment.clock.wait(Duration::ZERO) =>
            {
                continue;
            }
            sample => sample?,
        };
        // The last problem becomes the error of a single report.
        let failed = if repeat.is_none() {
            problems.pop()
        } else {
            None
        };
        told.tell(problems, environment);
        let off: Vec<&Snapshot> = devices.iter().filter(|of| !of.latency).collect();
        if first && request.latencies && !off.is_empty() {
            environment.note(&unmeasured(&off));
        }
        if !(first && request.omit_first && repeat.is_some()) {
            if !(devices.is_empty() && report.needs_devices()) {
                let rows = rows(request, &sampling, &devices);
                let now = environment.clock.now();
                report.fit((environment.width)());
                environment.print(|text| report.write(text, &now, &rows))?;
            }
            left = left.map(|left| left - 1);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let Some(repeat) = repeat.filter(|_| left != Some(0)) else {
            return Ok(());
        };
        sampling.keep(devices);
        if !environment.clock.wait(repeat.interval) {
            return Ok(());
        }
    }
}

/// A reader of the selected devices, sample by sample.
pub struct Sampling {
    selection: Selection,
    waits: bool,
    /// The last snapshot of each device, by its kernel name.
    before: Option<HashMap<String, Snapshot>>,
    /// Devices that could not be read the last time.
    failed: HashSet<String>,
}

/// Devices at one time.
#[derive(Debug, Default)]
pub struct Sample {
    /// Selected devices, in the order of the arguments, and then by number.
    pub devices: Vec<Snapshot>,
    /// Errors about missing devices.
    pub problems: Vec<Error>,
}

impl Sampling {
    /// Makes a reader of these devices. With `waits`, devices that match a pattern may come later.
    pub fn new(devices: &[OsString], waits: bool) -> Self {
        Self {
            selection: Selection::new(devices),
            waits,
            before: None,
            failed: HashSet::new(),
        }
    }

    /// Returns whether there is no earlier sample.
    pub fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// Reads the selected devices. The first sample fails without the module, and if an argument matches no
    /// device. All other errors become problems of the sample, and the program continues.
    pub fn sample(&mut self, source: &dyn Devices) -> Result<Sample, Error> {
        let read = match self.is_first() {
            true => self
                .selection
                .first(source, self.waits)
                .map(|of| (of, Vec::new())),
            false => self.selection.next(source),
        };
        let may_wait = |error: &Error| match error {
            Error::NoDevices(_) => self.waits && self.selection.may_wait(),
            // A later sample of the recording may be readable.
            Error::Recorded(_) => self.waits,
            _ => false,
        };
        let (readings, mut problems) = match read {
            Err(error) if !self.is_first() || may_wait(&error) => {
                (Readings::default(), vec![error])
            }
            read => read?,
        };
        let Readings {
            snapshots,
            failures,
        } = readings.with_disks(source);
        self.failed = failures.iter().map(|of| of.device.clone()).collect();
        problems.extend(failures.into_iter().map(|failure| failure.error));
        Ok(Sample {
            devices: snapshots,
            problems,
        })
    }

    /// Returns the interval of a device since the previous sample.
    pub fn interval(&self, device: &Snapshot) -> Interval {
        match &self.before {
            None => Interval::since_reset(device),
            Some(before) => Interval::between(before.get(&device.device), device),
        }
    }

    /// Keeps a sample for comparison with the next one.
    pub fn keep(&mut self, devices: Vec<Snapshot>) {
        let mut before = self.before.take().unwrap_or_default();
        // The next interval of a device that could not be read will be longer.
        before.retain(|device, _| self.failed.contains(device));
        before.extend(devices.into_iter().map(|of| (of.device.clone(), of)));
        self.before = Some(before);
    }
}

fn rows<'a>(request: &Request, sampling: &Sampling, devices: &'a [Snapshot]) -> Vec<Row<'a>> {
    let interval = |device: &Snapshot| sampling.interval(device);
    let mut rows: Vec<Row<'a>> = match &request.by {
        None => devices
            .iter()
            .map(|device| Row {
                device: Cow::Borrowed(device),
                interval: interval(device),
            })
            .collect(),
        Some(by) => by
            .rows(devices, interval)
            .into_iter()
            .map(|(group, interval)| Row {
                device: Cow::Owned(group),
                interval,
            })
            .collect(),
    };
    rows.retain(|row| !request.omit_idle || !row.interval.is_idle());
    if let Some(column) = request.sort {
        rows.sort_by(|one, other| column.most_first(&one.interval, &other.interval));
    }
    rows
}

/// Returns the note for a user who asked for latencies that some devices do not measure.
fn unmeasured(devices: &[&Snapshot]) -> String {
    let (subject, names) = match devices {
        [device] => (
            format!("{} does", device.shown_name()),
            device.device.as_str(),
        ),
        _ => (format!("{} devices do", devices.len()), "DEVICE..."),
    };
    format!("{subject} not measure latency; enable it with \"dmpstat latency on {names}\"")
}
