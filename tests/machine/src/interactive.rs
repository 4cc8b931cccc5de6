// SPDX-License-Identifier: GPL-2.0

use std::io;

use crate::builder::Builder;
use crate::console::Console;
use crate::disk::Disk;
use crate::error::{Doing, Error};
use crate::link::{Link, PORTS};
use crate::machine::{console_path, explain_end};
use crate::workdir::{KeepTerminal, Workdir};

impl Builder {
    /// Boots the machine with a shell on the terminal, with the time limit of a command. Returns
    /// after the machine's power-off, or after Ctrl-A X.
    pub fn interact(self) -> Result<(), Error> {
        let packed = self.pack()?;
        let workdir = Workdir::new()?;
        let has_own = |disk: &Disk| matches!(disk, Disk::Own { .. });
        let disks = match self.disks.iter().any(has_own) {
            true => "own",
            false => "scratch",
        };
        let cmdline = format!("quiet -- shell {disks} {}", window_size());
        let (mut invocation, _) = self.invocation(&cmdline)?;
        self.attach_disks(&mut invocation, &workdir)?;
        let (link, sockets) = Link::pair().doing(|| "make sockets".into())?;
        invocation
            .console_terminal(&console_path(&workdir))
            .ports(&PORTS, sockets.into());
        let _terminal = KeepTerminal::new();
        let mut qemu = invocation.start(&workdir.path().join("qemu.log"))?;
        let limit = self.limits.of_command();
        // An error of the link is ignored: if the user leaves the machine before its shell starts,
        // the machine's end explains it.
        for packed in packed {
            if let Ok(unpacked) = packed.send(&link, limit) {
                unpacked?;
            }
        }
        let _ = link.shell(limit);
        let exited = qemu.wait(limit.left())?;
        let console = Console::read(&console_path(&workdir));
        match exited {
            None => Err(Error::Timeout {
                what: "the machine".into(),
                limit: limit.length,
                silent: false,
                console: console.tail(),
            }),
            Some(status) if status.success() && !console.has_panicked() => Ok(()),
            Some(status) => Err(explain_end(status, qemu.message(), &console, "its end")),
        }
    }
}

/// Returns the terminal's rows and columns, or nothing if they are unknown.
fn window_size() -> String {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
            format!("{} {}", size.ws_row, size.ws_col)
        }
        _ => String::new(),
    }
}
