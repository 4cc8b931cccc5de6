// SPDX-License-Identifier: GPL-2.0

//! Errors of attach and detach as a whole; those of one volume are [`Trouble`](crate::attach::change::Trouble).

use std::io;

use crate::error::Error;

/// Reasons why nothing was done, or not all.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Failed {
    #[error("attach and detach need root: {0}")]
    Root(io::Error),
    #[error("cannot open /dev/mapper/control: {0}. Load device mapper with \"modprobe dm-mod\"")]
    NoDeviceMapper(io::Error),
    #[error(
        "device mapper has no target \"dmp\": install the dmp module, and run \"modprobe dmp\""
    )]
    NoTarget,
    #[error(
        "cannot read /etc/dmp/attach.conf: {0}. Write the file, one volume a line, or run \
         \"dmpstat attach --keep VOLUME\""
    )]
    NoConf(io::Error),
    #[error("cannot write /etc/dmp/attach.conf: {0}")]
    Keep(io::Error),
    #[error("cannot read or write the queue /run/dmp/queue: {0}")]
    Queue(io::Error),
    #[error(
        "cannot lock dmpstat in memory for the time that a volume is suspended: {0}. Run dmpstat \
         with the capability CAP_IPC_LOCK"
    )]
    Memory(io::Error),
    #[error("cannot start the guard, the process that restores a volume if dmpstat dies: {0}")]
    Guard(io::Error),
    #[error("an ioctl of device mapper failed: {0}")]
    Kernel(#[from] io::Error),
    /// The message of each volume.
    #[error("{}", .0.join("\ndmpstat: "))]
    Volumes(Vec<String>),
    #[error("stopped by {by}. {}{}", carried_out(.done), not_tried(.left))]
    Stopped {
        by: &'static str,
        done: Vec<String>,
        left: Vec<String>,
    },
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        Self::command(failed)
    }
}

fn carried_out(done: &[String]) -> String {
    match done {
        [] => "No volume was changed".to_owned(),
        done => format!("Changed: {}", done.join(", ")),
    }
}

fn not_tried(left: &[String]) -> String {
    match left {
        [] => String::new(),
        left => format!("; not tried: {}", left.join(", ")),
    }
}
