// SPDX-License-Identifier: GPL-2.0

//! `dmpstat record`: samples over time in a file, or in day files.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use crate::commands::problems::Told;
use crate::environment::Environment;
use crate::error::Error;
use crate::model::units;
use crate::record::days::{self, Cut, Limits};
use crate::record::recorder::{Failed, Recorder, Target};
use crate::record::sample::{Failure, Sample};
use crate::source::host::Host;
use crate::source::selection::Selection;
use crate::source::sysfs::{Machine, Readings};

/// The directory of day files, unless another place is named.
pub const DIRECTORY: &str = "/var/log/dmpstat";

/// The options of a recording.
#[derive(Debug)]
pub struct Options {
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
    /// The time between two samples.
    pub interval: Duration,
    /// The file or directory.
    pub output: PathBuf,
    /// The limits of a directory.
    pub limits: Limits,
}

/// Errors of a recording.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordError {
    #[error(
        "--keep and --max-size need a directory of day files, and {} is a file; write a slash after the \
         name of a new directory",
        .0.display()
    )]
    NeedsDirectory(PathBuf),
}

/// Records samples until a signal comes.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let selection = Selection::new(&options.devices);
    let target = target(options)?;
    // Nothing is written if a device is missing.
    let mut taken = take(&selection, true, environment)?;
    let host = Host::of(environment.machine);
    let recorder = Recorder::new(target, host, options.interval, taken.date);
    let mut recorder = recorder.map_err(failed)?;
    let (mut told, mut lost) = (Told::default(), 0);
    loop {
        let added = recorder.add(&taken.sample, taken.date);
        let mut problems = taken.problems;
        problems.extend(added.err().map(failed));
        told.tell(problems, environment);
        tell_losses(&mut recorder, &mut lost, options, environment);
        if !environment.clock.wait(options.interval) {
            let finished = recorder.finish().map_err(failed);
            tell_losses(&mut recorder, &mut lost, options, environment);
            return finished;
        }
        taken = take(&selection, false, environment)?;
    }
}

/// Writes notes about deleted files and lost blocks.
fn tell_losses(
    recorder: &mut Recorder,
    lost: &mut u64,
    options: &Options,
    environment: &mut Environment<'_>,
) {
    if let Some(note) = shortened(&recorder.cut(), &options.output) {
        environment.note(&note);
    }
    if recorder.lost > *lost {
        *lost = recorder.lost;
        environment.note(&"gave up the oldest unwritten block, because too many wait for room");
    }
}

/// A sample, its day, and errors about missing devices.
struct Taken {
    sample: Sample,
    date: Date,
    problems: Vec<Error>,
}

/// Takes a sample.
fn take(
    selection: &Selection,
    is_first: bool,
    environment: &Environment<'_>,
) -> Result<Taken, Error> {
    let (now, boottime) = (environment.clock.now(), environment.clock.boottime());
    let (sample, problems) = read(selection, is_first, environment.machine)?;
    Ok(Taken {
        sample: Sample {
            realtime: i64::try_from(now.timestamp().as_nanosecond()).unwrap_or_default(),
            boottime: u64::try_from(boottime.as_nanos()).unwrap_or_default(),
            ..sample
        },
        date: now.date(),
        problems,
    })
}

/// Returns the place of the recording.
fn target(options: &Options) -> Result<Target, Error> {
    let output = &options.output;
    let is_directory = output.is_dir()
        || output.as_os_str().as_bytes().ends_with(b"/")
        || output == Path::new(DIRECTORY);
    match is_directory {
        true => Ok(Target::Directory(output.clone(), options.limits)),
        false if options.limits == Limits::default() => Ok(Target::File(output.clone())),
        false => Err(Error::command(RecordError::NeedsDirectory(output.clone()))),
    }
}

/// Reads the devices, and returns them without the time. Only a missing device is an error, and only at the
/// start: the module and all other devices may come later.
fn read(
    selection: &Selection,
    is_first: bool,
    machine: &Machine,
) -> Result<(Sample, Vec<Error>), Error> {
    let read = match is_first {
        true => selection.first(machine, true).map(|of| (of, Vec::new())),
        false => selection.next(machine),
    };
    let mut sample = Sample::default();
    let (readings, mut problems) = match read {
        Err(error @ Error::NoSuchDevice { .. }) => return Err(error),
        Err(Error::NoDevices(wanted)) if is_first && !selection.may_wait() => {
            return Err(Error::NoDevices(wanted));
        }
        Err(error) => {
            // A sample without devices tells enough if the list of devices was readable.
            if !matches!(error, Error::NoDevices(_)) {
                sample.failures.push(Failure {
                    device: String::new(),
                    name: Vec::new(),
                    message: error.to_string(),
                });
            }
            (Readings::default(), vec![error])
        }
        Ok(read) => read,
    };
    let Readings {
        snapshots,
        failures,
    } = readings.with_disks(machine);
    sample.snapshots = snapshots;
    for failure in failures {
        sample.failures.push(Failure {
            name: machine
                .attribute(&failure.device, "name")
                .unwrap_or_default(),
            device: failure.device,
            message: failure.error.to_string(),
        });
        problems.push(failure.error);
    }
    // A recording of devices named in another order has them in the order of their numbers, too.
    sample.sort();
    Ok((sample, problems))
}

/// Returns the note about files that were deleted because of the size.
fn shortened(cut: &Cut, directory: &Path) -> Option<String> {
    let name = |path: &PathBuf| path.file_name().map(|of| of.to_string_lossy().into_owned());
    let mut lost: Vec<String> = match &cut.deleted[..] {
        [] => Vec::new(),
        deleted => {
            let names: Vec<String> = deleted.iter().filter_map(name).collect();
            vec![format!("deleted {}", names.join(", "))]
        }
    };
    if cut.shortened {
        lost.push("removed the oldest blocks of the current file".to_owned());
    }
    if lost.is_empty() {
        return None;
    }
    let days = days::list(directory).map_or(0, |files| files.len());
    let plural = if days == 1 { "" } else { "s" };
    Some(format!(
        "--max-size cuts the recording to {days} day{plural}: {}",
        lost.join(", and ")
    ))
}

/// Reads a size: bytes, or a number with K, M, G or T.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected bytes, or a number with K, M, G or T, 1M or more".to_owned();
    let (digits, unit) = units::split(text);
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    let size = number.checked_mul(1 << shift);
    size.filter(|size| *size >= 1 << 20).ok_or_else(expected)
}

fn failed(Failed { path, source }: Failed) -> Error {
    Error::File {
        what: "write",
        path,
        source,
    }
}
