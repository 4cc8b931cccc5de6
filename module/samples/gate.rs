// SPDX-License-Identifier: GPL-2.0

//! A target with a message and a file in sysfs: refuses changes of the device while its gate is
//! closed.
//!
//! # Steps
//!
//! 1. Begin with `pass.rs`.
//! 2. Declare the files of a directory (`sysfs::attributes!`): a type, and for each file a name and
//!    a function that writes the file's text.
//! 3. Choose `Context`, the state of the module that all lines share: here the directory. Make it
//!    in `context`. It goes when the module is unloaded, after the last line.
//! 4. Share what both a line and a file need by an `Arc`.
//! 5. In `message`, read the words of a `dmsetup message`, and change a setting.
//! 6. In `map`, ask the setting. `Mapped::KILL` fails the request.
//!
//! # Examples
//!
//! ```text
//! # insmod dm_sample_gate.ko
//! # dmsetup create data --table '0 2048 sample-gate /dev/vda'
//! # dmsetup message data 0 close
//! # dmsetup status data
//! 0 2048 sample-gate closed
//! # dd if=/dev/zero of=/dev/mapper/data bs=4k count=1 oflag=direct
//! dd: error writing '/dev/mapper/data': Input/output error
//! # cat /sys/module/dm_sample_gate/gate/refused
//! 1
//! # dmsetup message data 0 open
//! ```
//!
//! # Not supported
//!
//! - An answer to a message: `message` returns success or an errno.
//! - Another errno than `EIO` for a refused request.
//! - A wait for earlier changes when the gate closes: `dmsetup suspend` waits for them.

#[allow(unused)] // The wrappers have more than a sample needs.
#[path = "../wrappers/mod.rs"]
mod wrappers;

use core::{
    ffi::CStr,
    fmt::{
        self,
        Write, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use wrappers::{
    atomic::{
        Counters,
        Setting, //
    },
    bio::{
        Bio,
        ReqOp, //
    },
    dm::{
        linear::Linear,
        target_name_and_version,
        Callout,
        Device,
        DmTarget,
        Iterated,
        Mapped,
        Refusal,
        StatusType,
        TableLine,
        Target,
        TargetModule, //
    },
    output::Output,
    sysfs::{
        self,
        Directory,
        Parent, //
    }, //
};

/// The data of /sys/module/dm_sample_gate/gate: the number of refused requests of all lines.
struct Refused(Arc<Counters<1>>);

impl Refused {
    fn show(&self, out: &mut Output<'_>) -> Result {
        Ok(writeln!(out, "{}", self.0.read(0))?)
    }
}

sysfs::attributes! {
    Refused {
        c"refused": read_only(Refused::show),
    }
}

/// A table line: `<start> <length> sample-gate <device>`.
struct Gate {
    linear: Linear,
    /// 1 while the gate is closed, otherwise 0.
    closed: Setting,
    refused: Arc<Counters<1>>,
}

#[vtable]
impl Target for Gate {
    const NAME: &'static CStr = c"sample-gate";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = Directory<Refused>;
    type Devices<'ti> = Device<'ti>;

    fn context(module: &'static ThisModule) -> Result<Directory<Refused>> {
        let refused = Refused(Arc::new(Counters::new(), GFP_KERNEL)?);
        let parent = Parent::<Refused>::Module(module);
        Ok(Directory::new(parent, c"gate", refused)?)
    }

    fn ctr<'ti>(
        directory: &Directory<Refused>,
        line: &TableLine<'ti>,
    ) -> Result<(Self, Device<'ti>), Refusal> {
        let mut args = line.args();
        let (Some(path), None) = (args.next(), args.next()) else {
            return Err((EINVAL, c"expected one argument, <device>"));
        };
        let device = line
            .open(path)
            .map_err(|errno| (errno, c"<device> cannot be opened"))?;
        let gate = Self {
            linear: Linear::new(line, 0),
            closed: Setting::new(0),
            refused: directory.data().0.clone(),
        };
        Ok((gate, device))
    }

    fn map<'bio>(
        &self,
        _line: &DmTarget,
        device: &Device<'_>,
        bio: &mut Bio<'bio>,
    ) -> Mapped<'bio> {
        // A flush is a write without data, and changes nothing.
        let changes = bio.op() != ReqOp::READ && bio.size() > 0;
        if changes && self.closed.get() == 1 {
            self.refused.add(0, 1);
            return Mapped::KILL;
        }
        Mapped::remapped(self.linear.map(device, bio))
    }

    fn status(
        &self,
        _line: &DmTarget,
        device: &Device<'_>,
        kind: StatusType,
        out: &mut Output<'_>,
    ) -> fmt::Result {
        match kind {
            StatusType::Info if self.closed.get() == 1 => out.write_str("closed"),
            StatusType::Info => out.write_str("open"),
            StatusType::Table => out.write_str(device.name()),
            StatusType::Ima => {
                target_name_and_version::<Self>(out)?;
                write!(out, ",device_name={};", device.name())
            }
        }
    }

    fn message<'a>(&self, _line: &DmTarget, mut args: impl Iterator<Item = &'a CStr>) -> Result {
        let words = [args.next(), args.next()].map(|word| word.map(CStr::to_bytes));
        match words {
            [Some(b"close"), None] => self.closed.set(1),
            [Some(b"open"), None] => self.closed.set(0),
            _ => {
                pr_err!("message: expected \"close\" or \"open\"\n");
                return Err(EINVAL);
            }
        }
        Ok(())
    }

    fn iterate_devices(
        &self,
        line: &DmTarget,
        device: &Device<'_>,
        callout: &mut Callout<'_>,
    ) -> Iterated {
        self.linear.iterate_devices(line, device, callout)
    }
}

type GateModule = TargetModule<Gate>;

module! {
    type: GateModule,
    name: "dm_sample_gate",
    description: "Sample: device-mapper target that refuses changes on demand",
    license: "GPL",
    alias: ["dm-sample-gate"],
}
