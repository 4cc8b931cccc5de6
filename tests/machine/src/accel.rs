// SPDX-License-Identifier: GPL-2.0

//! The choice of KVM or TCG.
//!
//! `/dev/kvm` may exist, open, and even create a machine on a host where no guest's kernel runs
//! under KVM. So KVM becomes the default only after a guest has run.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cache;
use crate::console::Console;
use crate::error::Error;
use crate::qemu::{Invocation, Parts};
use crate::tsc;
use crate::workdir::Workdir;

/// The accelerator for the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// KVM if a guest boots under it, otherwise TCG.
    Auto,
    /// KVM.
    Kvm,
    /// QEMU's own translator.
    Tcg,
    /// TCG with clocks that advance a nanosecond for each instruction. Processors take turns.
    Icount,
}

impl std::str::FromStr for Accel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            "icount" => Ok(Self::Icount),
            _ => Err("expected auto, kvm, tcg or icount".into()),
        }
    }
}

/// [`Accel`] after the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    Kvm,
    Tcg,
    Icount,
}

impl Chosen {
    /// QEMU's oldest processor with rdtscp, which reads the clock in order. Each processor that
    /// Linux runs on today has rdtscp.
    const CPU: &str = "qemu64,+rdtscp";

    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => &["-accel", "tcg", "-cpu", Self::CPU],
            Self::Icount => &[
                "-accel",
                "tcg",
                "-cpu",
                Self::CPU,
                "-icount",
                "shift=0,sleep=off",
            ],
        }
    }

    /// Returns the kernel argument with the frequency of the processors' counters. The guest's
    /// kernel would measure it by the timer chip, which fails if instructions are slow.
    pub(crate) fn kernel_arguments(self) -> String {
        match self {
            // The hypervisor's clock reports the frequency.
            Self::Kvm => String::new(),
            Self::Tcg => format!("tsc_early_khz={} ", tsc::frequency()),
            Self::Icount => "tsc_early_khz=1000000 ".into(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Icount => "icount",
        }
    }
}

/// Time limit for a kernel's first line under KVM.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// Time for which a probe's result is valid.
const PROBE_HOLDS: Duration = Duration::from_secs(3600);

impl Accel {
    /// Makes the choice. Later machines in this boot of the host reuse a probe's result.
    pub(crate) fn choose(self, parts: &Parts) -> Result<Chosen, Error> {
        match self {
            Self::Kvm => Ok(Chosen::Kvm),
            Self::Tcg => Ok(Chosen::Tcg),
            Self::Icount => Ok(Chosen::Icount),
            Self::Auto if !can_open_kvm() => Ok(Chosen::Tcg),
            Self::Auto => {
                let note = note_path(parts);
                if let Some(chosen) = note.as_deref().and_then(read_note) {
                    return Ok(chosen);
                }
                let chosen = if guest_gets_through(parts)? {
                    Chosen::Kvm
                } else {
                    Chosen::Tcg
                };
                if let Some(note) = note {
                    write_note(&note, chosen);
                }
                Ok(chosen)
            }
        }
    }
}

fn can_open_kvm() -> bool {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok()
}

/// Tells if the kernel prints its first line under KVM. Boots a kernel without an init.
fn guest_gets_through(parts: &Parts) -> Result<bool, Error> {
    let workdir = Workdir::new()?;
    let console = workdir.path().join("console");
    let mut invocation = Invocation::new(parts, Chosen::Kvm, "ignore_loglevel");
    invocation.console_file(&console).own_process_group();
    let mut qemu = invocation.start(&workdir.path().join("qemu.log"))?;
    let deadline = Instant::now() + PROBE_LIMIT;
    loop {
        let exited = qemu.wait(Duration::from_millis(50))?.is_some();
        if Console::read(&console).has_booted() {
            return Ok(true);
        }
        if exited || Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

/// Returns the path of the result's file. A result is valid for one boot of the host, one QEMU and
/// one kernel.
fn note_path(parts: &Parts) -> Option<PathBuf> {
    let boot = cache::boot_of_host()?;
    let mut hasher = DefaultHasher::new();
    (boot, &parts.qemu, &parts.kernel).hash(&mut hasher);
    Some(cache::directory()?.join(format!("accel-{:016x}", hasher.finish())))
}

fn read_note(path: &Path) -> Option<Chosen> {
    let age = fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    let text = fs::read_to_string(path).ok()?;
    [Chosen::Kvm, Chosen::Tcg]
        .into_iter()
        .find(|chosen| age < PROBE_HOLDS && chosen.name() == text)
}

/// Writes the result's file. A failure is ignored, because the next machine then probes again.
fn write_note(path: &Path, chosen: Chosen) {
    let Some(directory) = path.parent() else {
        return;
    };
    let Ok(mut file) = tempfile::NamedTempFile::new_in(directory) else {
        return;
    };
    if file.write_all(chosen.name().as_bytes()).is_ok() {
        let _ = file.persist(path);
    }
}
