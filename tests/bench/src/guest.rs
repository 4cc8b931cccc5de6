// SPDX-License-Identifier: GPL-2.0

//! The machine of the measurements.

use std::path::Path;
use std::time::Duration;

use dmp_vm::{Accel, Builder, Disk, Machine};

/// Time limit of one script.
pub const LIMIT: Duration = Duration::from_secs(600);

/// The reason for a missing result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The machine failed.
    #[error(transparent)]
    Machine(#[from] dmp_vm::Error),
    /// A script in the machine failed.
    #[error("status {status} from:\n{script}\n{stderr}")]
    Script {
        status: i32,
        script: String,
        stderr: String,
    },
    /// A program printed unexpected output.
    #[error("{0}")]
    Words(String),
}

/// Returns a builder of a machine in which every clock counts instructions.
pub fn counting() -> Builder {
    Machine::builder().accel(Accel::Icount).limit(LIMIT)
}

/// A machine that runs scripts.
#[derive(Debug)]
pub struct Guest {
    machine: Machine,
}

impl Guest {
    /// Boots the machine, with a given dmp.ko instead of its own if there is one.
    pub fn boot(builder: Builder, module: Option<&Path>) -> Result<Self, Failure> {
        let builder = match module {
            Some(path) => builder.disk(Disk::Own {
                path: path.into(),
                read_only: true,
            }),
            None => builder,
        };
        let mut guest = Self {
            machine: builder.boot()?,
        };
        if module.is_some() {
            guest.run("rmmod dmp && cat /dev/vda >/tmp/dmp.ko && insmod /tmp/dmp.ko")?;
        }
        Ok(guest)
    }

    /// Waits until the kernel has chosen its final clocksource. That takes a second, and newer
    /// kernels then read the clock in fewer instructions.
    pub fn wait_for_clock(&mut self) -> Result<(), Failure> {
        self.run(
            "clock=/sys/devices/system/clocksource/clocksource0/current_clocksource
             for n in $(seq 50); do
                 ! grep -qx tsc $clock || exit 0
                 usleep 100000
             done
             echo \"the clock is $(cat $clock), not tsc\" >&2
             exit 1",
        )?;
        Ok(())
    }

    /// Runs a sh script that must succeed. Returns its output.
    pub fn run(&mut self, script: &str) -> Result<String, Failure> {
        let output = self.machine.run(&format!("set -e\n{script}"))?;
        if output.status != 0 {
            return Err(Failure::Script {
                status: output.status,
                script: script.into(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Powers the machine off. Fails if its kernel logged a complaint.
    pub fn finish(self) -> Result<(), Failure> {
        Ok(self.machine.finish()?)
    }
}
