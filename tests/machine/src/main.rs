// SPDX-License-Identifier: GPL-2.0

//! `dmp-vm`: the machine on the command line.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use dmp_vm::{Accel, Builder, Copy, Disk, Error, Machine};

/// Sizes of a machine's default disks.
const SCRATCH: [u64; 2] = [64 << 20, 64 << 20];
/// Longer than anybody waits, so without effect.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Boots a virtual machine with the dmp module, and runs a shell or one command there.
///
/// dmp-vm passes on the command's output and exit status. Other statuses: 123 if the guest panicked
/// or went down before the command ended, 124 if the time was up, 125 if QEMU or dmp-vm failed.
#[derive(Debug, Parser)]
#[command(name = "dmp-vm")]
struct Arguments {
    /// Attaches a raw or qcow2 disk instead of the two scratch disks. The first is /dev/vda; repeat
    /// for more.
    #[arg(long = "disk", value_name = "FILE")]
    disks: Vec<PathBuf>,
    /// Attaches the given disks read-only.
    #[arg(long, requires = "disks")]
    read_only: bool,
    /// Size of the guest's memory, in MiB or with M or G. The default is 512M.
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<String>,
    /// Number of the guest's processors.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    cpus: u32,
    /// Adds more tools to the guest: fio, LVM and others.
    #[arg(long)]
    tools: bool,
    /// Runs the guest with auto, kvm, tcg or icount. auto is KVM if a guest has run with KVM on this
    /// host, and TCG otherwise; icount is TCG with a clock of one nanosecond an instruction.
    #[arg(long, value_name = "HOW")]
    accel: Option<Accel>,
    /// Stops the machine after this number of seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Copies a file or a folder into the guest: to /root, where commands start, or to PATH. Repeat
    /// for more.
    #[arg(long = "copy", value_name = "FILE[:PATH]")]
    copies: Vec<OsString>,
    /// Runs this sh script in the guest.
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    script: Option<PathBuf>,
    /// Runs this command in the guest, with these arguments.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn memory(text: &str) -> Result<String, String> {
    let digits = text.strip_suffix(['M', 'G']).unwrap_or(text);
    match digits.parse::<u32>() {
        Ok(1..) => Ok(text.into()),
        _ => Err("expected a number of MiB, or a number with M or G".into()),
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { 125 } else { 0 }.into();
        }
    };
    match dmp_vm::clean_up_on_signals().and_then(|()| go(arguments)) {
        Ok(status) => u8::try_from(status).unwrap_or(u8::MAX).into(),
        // The output's reader has gone: dmp-vm exits like a process that SIGPIPE kills.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 141.into(),
        Err(error) => {
            eprintln!("dmp-vm: {error}");
            status_of(&error).into()
        }
    }
}

fn status_of(error: &Error) -> u8 {
    match error {
        Error::Panic { .. } | Error::WentDown { .. } => 123,
        Error::Timeout { .. } => 124,
        _ => 125,
    }
}

fn go(arguments: Arguments) -> Result<i32, Error> {
    let Some(script) = script(&arguments)? else {
        require_terminal()?;
        return builder(&arguments).interact().map(|()| 0);
    };
    let mut machine = builder(&arguments).boot()?;
    let status = machine.run_to(&script, [&mut io::stdout(), &mut io::stderr()])?;
    machine.power_off()?;
    Ok(status)
}

fn builder(arguments: &Arguments) -> Builder {
    let mut builder = Machine::builder()
        .cpus(arguments.cpus)
        .tools(arguments.tools)
        .limit(FOREVER);
    if let Some(seconds) = arguments.timeout {
        builder = builder.timeout(Duration::from_secs(seconds.into()));
    }
    if let Some(memory) = &arguments.memory {
        builder = builder.memory(memory);
    }
    for copy in &arguments.copies {
        builder = builder.copy(Copy::parse(copy));
    }
    if let Some(accel) = arguments.accel {
        builder = builder.accel(accel);
    }
    if arguments.disks.is_empty() {
        return SCRATCH
            .into_iter()
            .fold(builder, |builder, size| builder.disk(Disk::Scratch(size)));
    }
    arguments.disks.iter().fold(builder, |builder, path| {
        builder.disk(Disk::Own {
            path: path.clone(),
            read_only: arguments.read_only,
        })
    })
}

/// Returns the script for the guest; nothing for a shell.
fn script(arguments: &Arguments) -> Result<Option<Vec<u8>>, Error> {
    if let Some(path) = &arguments.script {
        return std::fs::read(path).map(Some).map_err(|source| Error::Host {
            what: format!("read {}", path.display()),
            source,
        });
    }
    if arguments.command.is_empty() {
        return Ok(None);
    }
    let words: Vec<Vec<u8>> = arguments.command.iter().map(quote).collect();
    Ok(Some(words.join(&b' ')))
}

/// Quotes any word for sh.
fn quote(word: &OsString) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    quoted
}

fn require_terminal() -> Result<(), Error> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Error::Host {
        what: "open a shell without a terminal; give a command after --".into(),
        source: io::ErrorKind::Unsupported.into(),
    })
}
