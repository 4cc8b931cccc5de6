// SPDX-License-Identifier: GPL-2.0

//! The host's ends of the three virtio ports, and what initramfs/init speaks on them.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::limit::Limit;
use crate::split::Splitter;

/// The ports' names, in the order of [`Link::pair`]'s far ends.
pub(crate) const PORTS: [&str; 3] = ["dmp.control", "dmp.stdout", "dmp.stderr"];

/// Why a command has no status.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The time was up.
    Deadline,
    /// QEMU has closed a port.
    Closed,
    /// The output could not be passed on.
    Output(io::Error),
    /// The host's system failed.
    Host(io::Error),
}

/// The host's ends.
#[derive(Debug)]
pub(crate) struct Link {
    control: UnixStream,
    outputs: [UnixStream; 2],
}

impl Link {
    /// The host's ends, and the ones for QEMU to inherit.
    pub(crate) fn pair() -> io::Result<(Self, [OwnedFd; 3])> {
        let (control, control_far) = UnixStream::pair()?;
        let (stdout, stdout_far) = UnixStream::pair()?;
        let (stderr, stderr_far) = UnixStream::pair()?;
        stdout.set_nonblocking(true)?;
        stderr.set_nonblocking(true)?;
        let link = Self {
            control,
            outputs: [stdout, stderr],
        };
        Ok((
            link,
            [control_far.into(), stdout_far.into(), stderr_far.into()],
        ))
    }

    /// Has the guest run a sh script; passes its output on as it comes; gives its exit status.
    pub(crate) fn run(
        &mut self,
        script: &[u8],
        mut sinks: [&mut dyn Write; 2],
        limit: Limit,
    ) -> Result<i32, Broken> {
        let token = format!("{:032x}", fastrand::u128(..));
        self.say(&format!("run {token} {}\n", STANDARD.encode(script)), limit)?;
        let mut splitters = [Splitter::new(&token), Splitter::new(&token)];
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let (Some(status), Some(_)) = (splitters[0].status(), splitters[1].status()) {
                return Ok(status);
            }
            self.wait_readable(limit)?;
            for ((from, splitter), sink) in self.outputs.iter().zip(&mut splitters).zip(&mut sinks)
            {
                pass_on(from, splitter, sink, &mut buffer)?;
            }
        }
    }

    /// Asks the guest to power off. It may be unable to hear it.
    pub(crate) fn power_off(&mut self, limit: Limit) {
        let _ = self.say("poweroff\n", limit);
    }

    fn say(&mut self, line: &str, limit: Limit) -> Result<(), Broken> {
        self.control
            .set_write_timeout(Some(left(limit)?))
            .map_err(Broken::Host)?;
        self.control
            .write_all(line.as_bytes())
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Broken::Deadline,
                _ => Broken::Closed,
            })
    }

    fn wait_readable(&self, limit: Limit) -> Result<(), Broken> {
        let left = Timespec::try_from(left(limit)?).ok();
        let mut fds = [0, 1].map(|n| PollFd::new(&self.outputs[n], PollFlags::IN));
        match poll(&mut fds, left.as_ref()) {
            Ok(0) => Err(Broken::Deadline),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Broken::Host(error.into())),
        }
    }
}

fn left(limit: Limit) -> Result<Duration, Broken> {
    match limit.left() {
        Duration::ZERO => Err(Broken::Deadline),
        left => Ok(left),
    }
}

fn pass_on(
    mut from: &UnixStream,
    splitter: &mut Splitter,
    sink: &mut dyn Write,
    buffer: &mut [u8],
) -> Result<(), Broken> {
    match from.read(buffer) {
        Ok(0) => Err(Broken::Closed),
        Ok(length) => splitter
            .push(&buffer[..length], sink)
            .and_then(|()| sink.flush())
            .map_err(Broken::Output),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(_) => Err(Broken::Closed),
    }
}
