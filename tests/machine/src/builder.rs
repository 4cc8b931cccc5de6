// SPDX-License-Identifier: GPL-2.0

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::accel::{Accel, Chosen};
use crate::copy::{Copy, Packed};
use crate::disk::Disk;
use crate::error::{Doing, Error};
use crate::limit::{Limit, Limits};
use crate::link::{Link, PORTS};
use crate::machine::{Machine, console_path};
use crate::qemu::{Invocation, Parts};
use crate::qmp::Monitor;
use crate::state::{self, Found, State};
use crate::sysrq::SysRq;
use crate::workdir::Workdir;

/// Kernel arguments of a guest whose init (initramfs/init) runs commands for the host.
const AGENT: &str = "ignore_loglevel -- agent";
/// Time limit of a guest from power-on to its first command. It takes about three seconds under TCG
/// on an idle host. Under icount it takes twenty of a processor, of which a busy host gives a sixth.
const BOOT_LIMIT: Duration = Duration::from_secs(400);
/// Number of starts of a guest whose kernel hangs before its init. Under load QEMU's translator now
/// and then makes a kernel with several processors hang or oops during its boot.
const STARTS: u32 = 3;
/// Length of silence after which a kernel counts as hung. Before its init a kernel prints something
/// every tenth of a second.
const SILENCE: Duration = Duration::from_secs(20);
/// Time limit of a guest from its saved state to its first command. It takes a third of a second.
const RESUME_LIMIT: Duration = Duration::from_secs(10);
/// Time limit of a command, unless the builder sets another one.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// A builder of a machine.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) disks: Vec<Disk>,
    pub(crate) cpus: u32,
    pub(crate) memory: String,
    pub(crate) kernel_arguments: String,
    pub(crate) tools: bool,
    pub(crate) accel: Accel,
    pub(crate) limits: Limits,
    pub(crate) copies: Vec<Copy>,
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
            copies: Vec::new(),
        }
    }
}

impl Builder {
    /// Adds a disk.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Sets the number of processors; one by default.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// Sets the memory, in the form of QEMU's `-m`; 512M by default.
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

    /// Adds fio, LVM and more to the guest, whose boot then takes about a second longer.
    pub fn tools(mut self, tools: bool) -> Self {
        self.tools = tools;
        self
    }

    /// Copies a file or folder of the host into the guest, before its first command.
    pub fn copy(mut self, copy: Copy) -> Self {
        self.copies.push(copy);
        self
    }

    /// Sets the accelerator. The default is that of `DMP_VM_ACCEL`, otherwise [`Accel::Auto`].
    pub fn accel(mut self, accel: Accel) -> Self {
        self.accel = accel;
        self
    }

    /// Sets the limit of each command; five minutes by default, and longer on a slow kernel.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limits.command = limit;
        self
    }

    /// Sets a limit for everything from now on, including the boot. It replaces all other limits,
    /// and is not longer on a slow kernel.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.total = Some(Limit::exactly(timeout));
        self
    }

    /// Brings the machine up, with the module loaded and ready for commands. The machine exits with
    /// the thread that calls this. If the [state](crate::state) of an equal machine is saved, the
    /// machine starts from it, with new disks, the host's time and its own random numbers.
    pub fn boot(self) -> Result<Machine, Error> {
        let packed = self.pack()?;
        let mut machine = self.bring_up()?;
        packed
            .iter()
            .try_for_each(|packed| machine.unpack(packed))?;
        Ok(machine)
    }

    /// Packs all copies for the guest.
    pub(crate) fn pack(&self) -> Result<Vec<Packed>, Error> {
        self.copies.iter().map(Copy::pack).collect()
    }

    fn bring_up(&self) -> Result<Machine, Error> {
        let limit = self.limits.of(BOOT_LIMIT);
        let Some(shape) = self.shape()? else {
            return self.power_on(limit);
        };
        match state::find(&shape, limit) {
            Found::State(state) => match self.resume(&state) {
                Ok(machine) => return Ok(machine),
                Err(error) if limit.left().is_zero() => return Err(error),
                Err(error) => {
                    eprintln!(
                        "dmp-vm: a machine did not start from its saved state, so one is booted: {error}"
                    );
                    state.discard();
                }
            },
            Found::Turn(turn) => {
                let mut machine = self.power_on(limit)?;
                machine.save(turn, limit);
                return Ok(machine);
            }
            Found::Nothing => (),
        }
        self.power_on(limit)
    }

    /// Returns everything that the machine's saved state depends on. `None` for a machine that
    /// always boots: KVM boots quickly, icount counts from the boot on, and a disk may have
    /// content.
    fn shape(&self) -> Result<Option<Vec<u8>>, Error> {
        let (invocation, accel) = self.invocation(AGENT)?;
        if accel != Chosen::Tcg || self.disks.iter().any(Disk::has_content) {
            return Ok(None);
        }
        let shape = invocation.shape().ok();
        Ok(shape.map(|shape| [shape, format!("{:?}\n", self.disks).into_bytes()].concat()))
    }

    /// Boots the machine. If the kernel exits or hangs before its init, boots another machine.
    fn power_on(&self, limit: Limit) -> Result<Machine, Error> {
        let mut machine = self.start(None)?;
        // Under icount a kernel does not hang, because its processors take turns, and it is slow.
        let silence = match self.accel {
            Accel::Icount => BOOT_LIMIT,
            _ => SILENCE,
        };
        for _ in 1..STARTS {
            if machine.is_sound(silence, limit)? || limit.left().is_zero() {
                break;
            }
            eprintln!(
                "dmp-vm: the guest's kernel exited or hung before its init: booting again\n{}",
                machine.console().tail()
            );
            machine = self.start(None)?;
        }
        machine.ready(":", limit)
    }

    /// Resumes a machine from the saved state.
    fn resume(&self, state: &State) -> Result<Machine, Error> {
        let limit = self.limits.of(RESUME_LIMIT);
        self.start(Some(state))?.ready(&wake(), limit)
    }

    /// Starts QEMU, with a saved state if there is one.
    fn start(&self, from: Option<&State>) -> Result<Machine, Error> {
        let workdir = Workdir::new()?;
        let console = console_path(&workdir);
        let keys = workdir.path().join("keys");
        let sysrq = SysRq::new(&keys)?;
        let (link, sockets) = Link::pair().doing(|| "make sockets".into())?;
        let (monitor, socket) = Monitor::pair().doing(|| "make sockets".into())?;
        let (mut invocation, _) = self.invocation(AGENT)?;
        invocation
            .console_files(&console, &keys)
            .ports(&PORTS, sockets.into())
            .monitor(socket)
            .own_process_group();
        let disks = self.attach_disks(&mut invocation, &workdir)?;
        if let Some(state) = from {
            fs::copy(state.console(), &console).doing(|| "copy a console".into())?;
            invocation.incoming(&state.memory());
        }
        let qemu = invocation.start(&workdir.path().join("qemu.log"))?;
        Ok(Machine::started(
            qemu,
            link,
            monitor,
            sysrq,
            disks,
            self.limits,
            workdir,
        ))
    }

    /// Returns the machine without its console and the content of its disks, and the chosen
    /// accelerator.
    pub(crate) fn invocation(&self, cmdline: &str) -> Result<(Invocation, Chosen), Error> {
        let mut parts = Parts::from_env()?;
        if self.tools {
            parts = parts.with_tools()?;
        }
        let accel = self.accel.choose(&parts)?;
        let cmdline = format!("{}{cmdline}", self.kernel_arguments);
        let mut invocation = Invocation::new(&parts, accel, &cmdline);
        invocation
            .machine(["-initrd".as_ref(), parts.initrd.as_os_str()])
            .machine(["-m", &self.memory])
            // The firmware's MP table has one processor a socket.
            .machine(["-smp", &format!("{0},sockets={0}", self.cpus)]);
        for index in 0..self.disks.len() {
            invocation.machine(Disk::device(index));
        }
        Ok((invocation, accel))
    }

    /// Attaches the files of the machine's disks. Returns the names of these files.
    pub(crate) fn attach_disks(
        &self,
        invocation: &mut Invocation,
        workdir: &Workdir,
    ) -> Result<Vec<PathBuf>, Error> {
        self.disks
            .iter()
            .enumerate()
            .map(|(index, disk)| disk.attach(index, workdir.path(), invocation))
            .collect()
    }
}

/// Returns the first command of a machine that starts from a state: initramfs/wake.c.
fn wake() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "wake {} {} {:032x}{:032x}",
        now.as_secs(),
        now.subsec_nanos(),
        fastrand::u128(..),
        fastrand::u128(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tcg_machine_with_empty_disks_has_a_state() {
        let empty = Builder::default()
            .accel(Accel::Tcg)
            .disk(Disk::Scratch(512));
        let own = empty.clone().disk(Disk::Own {
            path: "disk".into(),
            read_only: true,
        });
        let has_shape = |builder: &Builder| builder.shape().unwrap().is_some();
        assert!(has_shape(&empty));
        assert!(!has_shape(&own));
        assert!(!has_shape(&empty.clone().accel(Accel::Icount)));
        assert!(!has_shape(&empty.accel(Accel::Kvm)));
    }
}
