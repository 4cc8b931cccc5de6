// SPDX-License-Identifier: GPL-2.0

//! The machine that is measured in.

use std::path::Path;
use std::time::Duration;

use dmp_vm::{Accel, Builder, Disk, Machine};

/// How long one script may take.
pub const LIMIT: Duration = Duration::from_secs(600);

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The machine failed.
    #[error(transparent)]
    Machine(#[from] dmp_vm::Error),
    /// A script in it did.
    #[error("status {status} from:\n{script}\n{stderr}")]
    Script {
        status: i32,
        script: String,
        stderr: String,
    },
    /// It printed something else than expected.
    #[error("{0}")]
    Words(String),
}

/// The machine to be: every clock of it counts instructions.
pub fn counting() -> Builder {
    Machine::builder().accel(Accel::Icount).limit(LIMIT)
}

/// A machine, and the script that every one of its scripts begins with.
#[derive(Debug)]
pub struct Guest {
    machine: Machine,
}

impl Guest {
    /// Boots it; with another dmp.ko than its own if one is given.
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

    /// Waits for the kernel to have the clock that it keeps. That takes it a second; from then on
    /// newer kernels read it in fewer instructions.
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

    /// Runs a sh script that must succeed; gives what it printed.
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

    /// Powers it off; its kernel must not have complained.
    pub fn finish(self) -> Result<(), Failure> {
        Ok(self.machine.finish()?)
    }
}
