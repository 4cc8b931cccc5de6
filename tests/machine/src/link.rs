// SPDX-License-Identifier: GPL-2.0

//! The host's ends of the virtio ports, and the protocol of initramfs/init.

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
pub(crate) const PORTS: [&str; 4] = ["dmp.control", "dmp.stdout", "dmp.stderr", "dmp.files"];

/// The reason for a command without a status.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The time was up.
    Deadline,
    /// QEMU has closed a port.
    Closed,
    /// The output could not be passed on.
    Output(io::Error),
    /// A system call of the host failed.
    Host(io::Error),
}

/// The host's ends of the ports.
#[derive(Debug)]
pub(crate) struct Link {
    control: UnixStream,
    outputs: [UnixStream; 2],
    files: UnixStream,
}

impl Link {
    /// Makes the host's ends, and the ends for QEMU to inherit.
    pub(crate) fn pair() -> io::Result<(Self, [OwnedFd; 4])> {
        let (control, control_far) = UnixStream::pair()?;
        let (stdout, stdout_far) = UnixStream::pair()?;
        let (stderr, stderr_far) = UnixStream::pair()?;
        let (files, files_far) = UnixStream::pair()?;
        stdout.set_nonblocking(true)?;
        stderr.set_nonblocking(true)?;
        let link = Self {
            control,
            outputs: [stdout, stderr],
            files,
        };
        let far = [control_far, stdout_far, stderr_far, files_far];
        Ok((link, far.map(OwnedFd::from)))
    }

    /// Runs a sh script in the guest, and passes its output on immediately. Returns the script's
    /// exit status.
    pub(crate) fn run(
        &self,
        script: &[u8],
        sinks: [&mut dyn Write; 2],
        limit: Limit,
    ) -> Result<i32, Broken> {
        let token = token();
        self.say(&format!("run {token} {}\n", STANDARD.encode(script)), limit)?;
        self.pass_outputs_on(&token, sinks, limit)
    }

    /// Sends an archive, which the guest unpacks. Returns the message of its tar if that fails.
    pub(crate) fn copy(&self, archive: &[u8], limit: Limit) -> Result<Result<(), String>, Broken> {
        let token = token();
        self.say(&format!("copy {token} {}\n", archive.len()), limit)?;
        write(&self.files, archive, limit)?;
        let (mut stdout, mut stderr) = (io::sink(), Vec::new());
        let status = self.pass_outputs_on(&token, [&mut stdout, &mut stderr], limit)?;
        let said = String::from_utf8_lossy(&stderr).into_owned();
        Ok(if status == 0 { Ok(()) } else { Err(said) })
    }

    fn pass_outputs_on(
        &self,
        token: &str,
        mut sinks: [&mut dyn Write; 2],
        limit: Limit,
    ) -> Result<i32, Broken> {
        let mut splitters = [Splitter::new(token), Splitter::new(token)];
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

    /// Asks the guest to power off. The guest may not be able to receive this.
    pub(crate) fn power_off(&self, limit: Limit) {
        let _ = self.say("poweroff\n", limit);
    }

    /// Tells the guest to start its shell.
    pub(crate) fn shell(&self, limit: Limit) -> Result<(), Broken> {
        self.say("shell\n", limit)
    }

    fn say(&self, line: &str, limit: Limit) -> Result<(), Broken> {
        write(&self.control, line.as_bytes(), limit)
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

/// Returns a mark that no command prints.
fn token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn write(mut to: &UnixStream, bytes: &[u8], limit: Limit) -> Result<(), Broken> {
    to.set_write_timeout(Some(left(limit)?))
        .map_err(Broken::Host)?;
    to.write_all(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Broken::Deadline,
        _ => Broken::Closed,
    })
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
