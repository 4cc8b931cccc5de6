// SPDX-License-Identifier: GPL-2.0

//! The guard: a second process that cleans up if dmpstat dies.
//!
//! A volume may be suspended while its table is exchanged. If dmpstat is killed in that time, its guard
//! resumes the volume, drops the loaded table, removes an unused hidden device, and restores a read-only flag
//! that dmpstat cleared. Until then the guard also holds the locks, so that LVM waits.

use std::env;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, Signal, getppid, kill_process};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::attach::exchange::{self, Exchange};
use crate::attach::hidden::Hidden;
use crate::attach::settings::Settings;
use crate::attach::{block, memory, signals};
use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;

/// The number of a volume's locks: its own, and its group's.
const LOCKS: usize = 2;
/// The pause between two signals that interrupt a wait in the kernel. One signal is not enough: a signal
/// before the wait interrupts nothing.
const AGAIN: Duration = Duration::from_millis(100);

/// The guard's work after dmpstat's death.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The volume, if it is read-only: dmpstat clears its flag for a moment.
    pub read_only: Option<Number>,
    /// The hidden device, if the exchange creates or removes one.
    pub hidden: Option<Hidden>,
    /// The exchange, from before the load of its table on.
    pub exchange: Option<Exchange>,
    /// The volume's settings before the exchange.
    pub settings: Settings,
    /// The longest wait for in-flight requests, in an unattended run.
    pub patience: Option<Duration>,
}

/// Messages to the guard, and from the guard.
mod word {
    /// A plan follows: its length, and its text.
    pub const PLAN: u8 = b'p';
    /// The volume may be suspended from now on.
    pub const RESUMING: u8 = b'r';
    /// The volume runs.
    pub const DONE: u8 = b'd';
    /// The guard is ready.
    pub const READY: u8 = b'y';
}

/// The guard, as dmpstat uses it.
pub trait Guard {
    /// Gives the guard its work after dmpstat's death, and the locks to hold until the work is done. Each
    /// call passes the locks, because the guard may be a new process that replaces a killed one.
    fn arm(&mut self, plan: &Plan, locks: &[BorrowedFd<'_>]) -> io::Result<()>;
    /// Tells the guard that the volume may be suspended from now on.
    fn resuming(&mut self) -> io::Result<()>;
    /// Tells the guard that the change is complete.
    fn disarm(&mut self) -> io::Result<()>;
}

/// The guard as a process of this program.
pub struct Process {
    child: Child,
    socket: UnixStream,
}

impl Process {
    /// Starts the process, and waits until it is ready.
    pub fn start() -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(env::current_exe()?)
            .arg("guard")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // The guard is in a process group of its own, so that ^C reaches dmpstat alone.
            .process_group(0)
            .spawn()?;
        let mut guard = Self { child, socket };
        guard.expect_ready()?;
        Ok(guard)
    }

    fn expect_ready(&mut self) -> io::Result<()> {
        let mut answer = [0];
        self.socket.read_exact(&mut answer)?;
        match answer[0] {
            word::READY => Ok(()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Guard for Process {
    fn arm(&mut self, plan: &Plan, locks: &[BorrowedFd<'_>]) -> io::Result<()> {
        if self.tell(plan, locks).is_ok() {
            return Ok(());
        }
        // The guard was killed.
        *self = Self::start()?;
        self.tell(plan, locks)
    }

    fn resuming(&mut self) -> io::Result<()> {
        self.socket.write_all(&[word::RESUMING])
    }

    fn disarm(&mut self) -> io::Result<()> {
        self.socket.write_all(&[word::DONE])?;
        self.expect_ready()
    }
}

impl Process {
    fn tell(&mut self, plan: &Plan, locks: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(plan)?;
        let length = (text.len() as u64).to_ne_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LOCKS))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        rights.push(SendAncillaryMessage::ScmRights(locks));
        let word = [IoSlice::new(&[word::PLAN])];
        sendmsg(&self.socket, &word, &mut rights, SendFlags::empty())?;
        self.socket.write_all(&length)?;
        self.socket.write_all(&text)?;
        self.expect_ready()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard exits when its socket is shut.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// Runs the guard: `dmpstat guard`, with the socket to dmpstat as standard input.
pub fn run(open: impl FnOnce() -> io::Result<Box<dyn DeviceMapper>>) -> io::Result<()> {
    // These signals come when a terminal is closed, or when systemd stops a service.
    signals::hold(&[SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    let parent = getppid().ok_or(io::ErrorKind::NotFound)?;
    let mut kernel = open()?;
    memory::lock()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let mut watch = Watch::new(UnixStream::from(socket), parent);
    watch.socket.write_all(&[word::READY])?;
    while watch.hear(kernel.as_mut()).unwrap_or(false) {}
    watch.plan.finish(kernel.as_mut(), watch.resuming);
    Ok(())
}

/// The state of the guard.
struct Watch {
    socket: UnixStream,
    parent: Pid,
    plan: Plan,
    resuming: bool,
    locks: Vec<OwnedFd>,
}

impl Watch {
    fn new(socket: UnixStream, parent: Pid) -> Self {
        Self {
            socket,
            parent,
            plan: Plan::default(),
            resuming: false,
            locks: Vec::new(),
        }
    }

    /// Receives the next message. Fails, or returns false, once dmpstat has exited.
    fn hear(&mut self, kernel: &mut dyn DeviceMapper) -> io::Result<bool> {
        match self.next_word()? {
            Some(word::PLAN) => {
                self.plan = self.read_plan()?;
                if let Some(exchange) = &self.plan.exchange {
                    exchange.reserve(kernel);
                }
            }
            Some(word::RESUMING) => {
                self.resuming = true;
                self.wait_for_the_resume()?;
                return Ok(true);
            }
            Some(word::DONE) => {
                (self.plan, self.resuming) = (Plan::default(), false);
                self.locks.clear();
            }
            _ => return Ok(false),
        }
        self.socket.write_all(&[word::READY])?;
        Ok(true)
    }

    /// Receives one byte, and the locks that come with it.
    fn next_word(&mut self) -> io::Result<Option<u8>> {
        let mut word = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LOCKS))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(&mut word)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = retry_on_intr(|| recvmsg(&self.socket, &mut into, &mut rights, flags))?;
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(locks) = message {
                self.locks = locks.collect();
            }
        }
        Ok((received.bytes > 0).then_some(word[0]))
    }

    fn read_plan(&mut self) -> io::Result<Plan> {
        let mut length = [0; 8];
        self.socket.read_exact(&mut length)?;
        let length = usize::try_from(u64::from_ne_bytes(length)).unwrap_or(usize::MAX);
        let mut text = vec![0; length];
        self.socket.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Interrupts dmpstat's wait for in-flight requests after its time limit.
    fn wait_for_the_resume(&self) -> io::Result<()> {
        let mut timeout = self.plan.patience;
        while let Some(time) = timeout {
            let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut sockets, Timespec::try_from(time).ok().as_ref()) {
                Ok(0) => {
                    // The signal fails if dmpstat has exited, and then the next read of the socket says so.
                    let _ = kill_process(self.parent, Signal::ALARM);
                    timeout = Some(AGAIN);
                }
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Cleans up after dmpstat's death. `resuming` tells that the volume may be suspended.
    pub fn finish(&self, kernel: &mut dyn DeviceMapper, resuming: bool) {
        if let Some(device) = self.read_only {
            // The error is ignored, because no process is left that could report it.
            let _ = block::restore(kernel, device);
        }
        if let Some(exchange) = &self.exchange {
            match resuming {
                // The result is dropped: nobody is left to hear that the volume is suspended.
                true => drop(exchange::mend(kernel, exchange)),
                false => exchange::drop_loaded(kernel, exchange),
            }
        }
        if let Some(hidden) = &self.hidden {
            hidden.remove(kernel);
        }
        if resuming {
            self.settings.restore();
        }
    }
}
