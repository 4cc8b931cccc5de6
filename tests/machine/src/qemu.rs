// SPDX-License-Identifier: GPL-2.0

//! One QEMU process.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::FdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::accel::Chosen;
use crate::error::{Doing, Error};
use crate::limit::Limit;

/// Paths of the machine's parts.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) qemu: PathBuf,
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
}

impl Parts {
    /// Replaces the initramfs by the one with more tools.
    pub(crate) fn with_tools(self) -> Result<Self, Error> {
        Ok(Self {
            initrd: variable("DMP_VM_TOOLS", "the guest's initramfs with tools")?,
            ..self
        })
    }

    pub(crate) fn from_env() -> Result<Self, Error> {
        Ok(Self {
            qemu: variable("DMP_VM_QEMU", "the program qemu-system-x86_64")?,
            kernel: variable("DMP_VM_KERNEL", "the guest's kernel, a bzImage")?,
            initrd: variable("DMP_VM_INITRD", "the guest's initramfs")?,
        })
    }
}

fn variable(name: &'static str, what: &'static str) -> Result<PathBuf, Error> {
    match std::env::var_os(name) {
        Some(value) if !value.is_empty() => Ok(value.into()),
        _ => Err(Error::Environment { name, what }),
    }
}

/// Arguments of every guest's kernel. A panic ends the guest. All processors have one clock, which
/// the kernel would not believe of processors in several sockets. There are no legacy
/// pseudo-terminals, because hundreds of them take a third of a debug kernel's boot.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 panic=-1 tsc=reliable pty.legacy_count=0";

/// The arguments of a QEMU before its start.
#[derive(Debug)]
pub(crate) struct Invocation {
    parts: Parts,
    accel: Chosen,
    cmdline: String,
    /// Arguments for the guest-visible machine.
    machine: Vec<OsString>,
    /// Arguments that the guest cannot see: names of the host's files, and the like.
    host: Vec<OsString>,
    inherited: Vec<OwnedFd>,
    /// True if a terminal's Ctrl-C does not reach QEMU.
    apart: bool,
}

impl Invocation {
    /// Makes a machine with nothing but a processor and a kernel.
    pub(crate) fn new(parts: &Parts, accel: Chosen, cmdline: &str) -> Self {
        let mut invocation = Self {
            parts: parts.clone(),
            accel,
            cmdline: format!("{KERNEL_ARGUMENTS} {cmdline}"),
            machine: Vec::new(),
            host: Vec::new(),
            inherited: Vec::new(),
            apart: false,
        };
        invocation
            .machine(["-nodefaults", "-no-user-config", "-no-reboot"])
            .machine(["-display", "none", "-machine", "pc"])
            .machine(accel.arguments());
        invocation
    }

    /// Adds arguments that change the guest-visible machine.
    pub(crate) fn machine<S: AsRef<OsStr>>(
        &mut self,
        args: impl IntoIterator<Item = S>,
    ) -> &mut Self {
        self.machine
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds arguments that the guest cannot see: names of the host's files, and the like.
    pub(crate) fn host<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Self {
        self.host
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Returns everything that distinguishes the machine from others, except the content of its
    /// disks.
    pub(crate) fn shape(&self) -> io::Result<Vec<u8>> {
        let mut shape = Vec::new();
        for file in [&self.parts.qemu, &self.parts.kernel, &self.parts.initrd] {
            let metadata = file.metadata()?;
            shape.extend_from_slice(file.as_os_str().as_bytes());
            let of_file = format!(" {} {:?}\n", metadata.len(), metadata.modified()?);
            shape.extend(of_file.bytes());
        }
        for argument in self.machine.iter().chain([&OsString::from(&self.cmdline)]) {
            shape.extend_from_slice(argument.as_bytes());
            shape.push(b'\n');
        }
        Ok(shape)
    }

    /// Writes the guest's serial console to a file.
    pub(crate) fn console_file(&mut self, path: &Path) -> &mut Self {
        self.console(&option("file,id=console,path=", path))
    }

    /// Appends the guest's serial console to a file, and reads its keys from another.
    pub(crate) fn console_files(&mut self, output: &Path, input: &Path) -> &mut Self {
        let mut console = option("file,id=console,mux=on,append=on,path=", output);
        console.push(option(",input-path=", input));
        self.console(&console)
    }

    fn console(&mut self, chardev: &OsStr) -> &mut Self {
        self.host([OsStr::new("-chardev"), chardev])
            .machine(["-serial", "chardev:console"])
    }

    /// Puts the guest's serial console on the terminal, and writes it to a file.
    pub(crate) fn console_terminal(&mut self, path: &Path) -> &mut Self {
        self.console(&option("stdio,id=console,mux=on,signal=off,logfile=", path))
            .host(["-mon", "chardev=console"])
    }

    /// Adds virtio ports of these names, each on a socket that QEMU inherits.
    pub(crate) fn ports(&mut self, names: &[&str], sockets: Vec<OwnedFd>) -> &mut Self {
        self.machine(["-device", "virtio-serial-pci"]);
        for (name, socket) in names.iter().zip(sockets) {
            self.socket(name, socket).machine([
                "-device",
                &format!("virtserialport,chardev={name},name={name}"),
            ]);
        }
        self
    }

    /// Puts QEMU's monitor on a socket that QEMU inherits.
    pub(crate) fn monitor(&mut self, socket: OwnedFd) -> &mut Self {
        self.socket("monitor", socket)
            .host(["-mon", "chardev=monitor,mode=control"])
    }

    /// Starts the machine from the state that a monitor has saved, instead of a boot.
    pub(crate) fn incoming(&mut self, state: &Path) -> &mut Self {
        let mut from = OsString::from("file:");
        from.push(state);
        self.host(["-incoming".as_ref(), from.as_os_str()])
    }

    fn socket(&mut self, name: &str, socket: OwnedFd) -> &mut Self {
        let fd = socket.as_raw_fd();
        self.inherited.push(socket);
        self.host(["-chardev", &format!("socket,id={name},fd={fd}")])
    }

    fn command(&self) -> Command {
        let clock = self.accel.kernel_arguments();
        // The init's arguments come last, so those of the clock come first.
        let cmdline = format!("{clock}{}", self.cmdline);
        let mut command = Command::new(&self.parts.qemu);
        command
            .arg("-kernel")
            .arg(&self.parts.kernel)
            .args(["-append", &cmdline])
            .args(&self.machine)
            .args(&self.host);
        if self.apart {
            command
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
        }
        command
    }

    /// Starts QEMU. Its own output goes to `log`. QEMU exits with the thread that calls this.
    pub(crate) fn start(mut self, log: &Path) -> Result<Qemu, Error> {
        let output = File::create(log).doing(|| format!("create {}", log.display()))?;
        let mut command = self.command();
        command.stderr(output);
        let inherited = std::mem::take(&mut self.inherited);
        let parent = rustix::process::getpid();
        // SAFETY: between fork and exec the closure only makes system calls: it neither
        // allocates nor takes a lock.
        unsafe {
            command.pre_exec(move || {
                for socket in &inherited {
                    rustix::io::fcntl_setfd(socket, FdFlags::empty())?;
                }
                die_with(parent)
            });
        }
        let child = command
            .spawn()
            .doing(|| format!("run QEMU ({})", self.parts.qemu.display()))?;
        let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .doing(|| "watch QEMU".into())?;
        Ok(Qemu {
            child,
            pidfd,
            log: log.to_owned(),
        })
    }

    /// Moves QEMU into its own process group, so that the terminal's Ctrl-C does not reach it.
    pub(crate) fn own_process_group(&mut self) -> &mut Self {
        self.apart = true;
        self
    }
}

/// Makes one QEMU option of `prefix` and a path. A comma in the path is doubled.
pub(crate) fn option(prefix: &str, path: &Path) -> OsString {
    let mut option = prefix.as_bytes().to_vec();
    for byte in path.as_os_str().as_bytes() {
        option.push(*byte);
        if *byte == b',' {
            option.push(b',');
        }
    }
    OsString::from_vec(option)
}

/// Tells the kernel to kill this process when the thread that forked it exits.
fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() == Some(parent) {
        Ok(())
    } else {
        // The parent has already exited.
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// A started QEMU, which is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Qemu {
    child: Child,
    pidfd: OwnedFd,
    log: PathBuf,
}

impl Qemu {
    /// Waits for QEMU to exit. Returns `None` if it is still running after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Error> {
        let limit = Limit::exactly(limit);
        while !readable(self.pidfd.as_fd(), limit.left())? {
            if limit.left().is_zero() {
                return Ok(None);
            }
        }
        self.child.wait().map(Some).doing(|| "wait for QEMU".into())
    }

    /// Kills QEMU.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns QEMU's own output.
    pub(crate) fn message(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn readable(fd: BorrowedFd<'_>, limit: Duration) -> Result<bool, Error> {
    let limit = Timespec::try_from(limit).ok();
    match poll(&mut [PollFd::new(&fd, PollFlags::IN)], limit.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error).doing(|| "wait for QEMU".into()),
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.kill();
    }
}
