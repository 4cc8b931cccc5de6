// SPDX-License-Identifier: GPL-2.0

use std::path::PathBuf;
use std::time::Duration;

use crate::accel::Accel;
use crate::disk::Disk;
use crate::error::{Doing, Error};
use crate::limit::{Limit, Limits};
use crate::link::{Link, PORTS};
use crate::machine::{Machine, console_path};
use crate::qemu::{Invocation, Parts};
use crate::sysrq::SysRq;
use crate::workdir::Workdir;

/// How long a guest may take from power on to its first command. It takes about three seconds
/// under TCG on an idle host.
const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// How often it is started, if its kernel does not come to its init in that part of this time.
/// Under load QEMU's translator now and then lets a kernel of several processors hang or oops while
/// it boots.
const STARTS: u32 = 3;
/// How long a command may take unless the machine was made with another limit.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// A machine to be.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) disks: Vec<Disk>,
    pub(crate) cpus: u32,
    pub(crate) memory: String,
    pub(crate) kernel_arguments: String,
    pub(crate) tools: bool,
    pub(crate) accel: Accel,
    pub(crate) limits: Limits,
}

impl Default for Builder {
    fn default() -> Self {
        let accel = std::env::var("DMP_VM_ACCEL").ok();
        Self {
            disks: Vec::new(),
            cpus: 1,
            memory: "512M".into(),
            kernel_arguments: String::new(),
            tools: false,
            accel: accel
                .and_then(|name| name.parse().ok())
                .unwrap_or(Accel::Auto),
            limits: Limits {
                command: COMMAND_LIMIT,
                total: None,
            },
        }
    }
}

impl Builder {
    /// Adds a disk.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// How many processors; one by default.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// How much memory, as QEMU's `-m` takes it; 512M by default.
    pub fn memory(mut self, memory: &str) -> Self {
        self.memory = memory.into();
        self
    }

    /// Adds arguments to the guest's kernel command line.
    pub fn kernel_arguments(mut self, arguments: &str) -> Self {
        self.kernel_arguments += arguments;
        self.kernel_arguments.push(' ');
        self
    }

    /// Has fio, LVM and more in the guest, at the cost of about a second of its boot.
    pub fn tools(mut self, tools: bool) -> Self {
        self.tools = tools;
        self
    }

    /// What runs its instructions; by default what `DMP_VM_ACCEL` says, else [`Accel::Auto`].
    pub fn accel(mut self, accel: Accel) -> Self {
        self.accel = accel;
        self
    }

    /// How long each command may take; a minute by default, and longer on a slow kernel.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limits.command = limit;
        self
    }

    /// How long everything may take from now on, the boot too: in the place of all other limits,
    /// and no longer on any kernel.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.total = Some(Limit::exactly(timeout));
        self
    }

    /// Boots it, with the module loaded and ready for commands. It does not outlive the thread
    /// that boots it. A kernel that ends or hangs before its init, where there is no module yet, is
    /// given another machine.
    pub fn boot(self) -> Result<Machine, Error> {
        let limit = self.limits.of(BOOT_LIMIT);
        let mut machine = self.start()?;
        for _ in 1..STARTS {
            let part = Limit::about(BOOT_LIMIT / STARTS).deadline;
            if machine.is_sound(part.min(limit.deadline))? || limit.left().is_zero() {
                break;
            }
            eprintln!(
                "dmp-vm: the guest's kernel ended or hung before its init: once more\n{}",
                machine.console().tail()
            );
            machine = self.start()?;
        }
        machine.ready(limit)
    }

    /// Starts QEMU.
    fn start(&self) -> Result<Machine, Error> {
        let workdir = Workdir::new()?;
        let (link, sockets) = Link::pair().doing(|| "make sockets".into())?;
        let keys = workdir.path().join("keys");
        let sysrq = SysRq::new(&keys)?;
        let (mut invocation, disks) = self.invocation(&workdir, "ignore_loglevel -- agent")?;
        invocation
            .console_files(&console_path(&workdir), &keys)
            .ports(&PORTS, sockets.into())
            .own_process_group();
        let qemu = invocation.start(&workdir.path().join("qemu.log"))?;
        Ok(Machine::started(
            qemu,
            link,
            sysrq,
            disks,
            self.limits,
            workdir,
        ))
    }

    /// The machine without its console.
    pub(crate) fn invocation(
        &self,
        workdir: &Workdir,
        cmdline: &str,
    ) -> Result<(Invocation, Vec<PathBuf>), Error> {
        let mut parts = Parts::from_env()?;
        if self.tools {
            parts = parts.with_tools()?;
        }
        let cmdline = format!("{}{cmdline}", self.kernel_arguments);
        let mut invocation = Invocation::new(&parts, self.accel.choose(&parts)?, &cmdline);
        invocation
            .args(["-initrd".as_ref(), parts.initrd.as_os_str()])
            .args(["-m", &self.memory])
            // The firmware's MP table has one processor a socket.
            .args(["-smp", &format!("{0},sockets={0}", self.cpus)]);
        let disks = self
            .disks
            .iter()
            .enumerate()
            .map(|(index, disk)| disk.attach(index, workdir.path(), &mut invocation))
            .collect::<Result<_, _>>()?;
        Ok((invocation, disks))
    }
}
