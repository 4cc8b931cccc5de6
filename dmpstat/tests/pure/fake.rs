// SPDX-License-Identifier: GPL-2.0

//! A simulated device mapper with a few devices, and their files in sysfs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use dmpstat::source::kernel::line::Line;
use dmpstat::source::kernel::mapper::{DeviceMapper, State, Status, Which};
use dmpstat::source::kernel::number::Number;
use dmpstat::source::sysfs::Machine;
use rustix::io::Errno;
use tempfile::TempDir;

/// The number of dm-3.
pub const DEVICE: Number = Number(0xfd03);
/// The uuid of a volume of LVM's.
pub const LVM: &str = "LVM-";

/// A mapped device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    pub name: Vec<u8>,
    pub uuid: Vec<u8>,
    pub live: Vec<Line>,
    pub inactive: Option<Vec<Line>>,
    pub suspended: bool,
    /// The live table, or the one loaded last, is read-only.
    pub read_only: bool,
    /// The flag of `blockdev --setro` is set.
    pub setro: bool,
    pub deferred: bool,
}

/// A failure: the number of the call, the number of times that it fails, and the error.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub call: u32,
    pub times: u32,
    pub errno: Errno,
}

/// A change by another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Suspend,
    Load,
    Exchange,
    Rename,
    Remove,
}

/// The device mapper.
pub struct Fake {
    pub devices: BTreeMap<Number, Device>,
    pub calls: u32,
    pub fault: Option<Fault>,
    /// Changes of the volume by another program: right after its table was loaded, and after a failed resume.
    pub after_load: Option<Deed>,
    pub after_resume: Option<Deed>,
    /// The volume's name after the next call that reads it.
    pub name_after_status: Option<Vec<u8>>,
    /// The number of resumes that will fail, after the exchange of the volume's table.
    pub failing_resumes: u32,
    /// The loads: each with the device, and true for a read-only table.
    pub loads: Vec<(Number, bool)>,
    /// The reserved tables.
    pub reserved: Vec<Vec<Line>>,
    /// A hidden device had a deferred removal pending at the volume's last exchange.
    pub was_deferred: bool,
    /// The version of the target dmp.
    pub version: [u32; 3],
    /// There is no target dmp.
    pub has_no_target: bool,
    /// No device has a node.
    pub has_no_nodes: bool,
    /// The devices in sysfs.
    written: Option<BTreeMap<Number, Device>>,
    root: TempDir,
}

pub fn line(target: &str, parameters: &str) -> Line {
    Line {
        start: 0,
        length: 2048,
        target: target.to_owned(),
        parameters: parameters.as_bytes().to_vec(),
    }
}

/// Returns another program's table.
pub fn others() -> Vec<Line> {
    vec![line("linear", "8:16 0")]
}

impl Fake {
    /// Makes a device mapper with the volume dm-3 and this table.
    pub fn new(uuid: &str, live: Vec<Line>) -> Self {
        let volume = Device {
            name: b"vg-data".to_vec(),
            uuid: uuid.as_bytes().to_vec(),
            live,
            ..Device::default()
        };
        let fake = Self {
            devices: BTreeMap::from([(DEVICE, volume)]),
            calls: 0,
            fault: None,
            after_load: None,
            after_resume: None,
            name_after_status: None,
            failing_resumes: 0,
            loads: Vec::new(),
            reserved: Vec::new(),
            was_deferred: false,
            version: [1, 1, 0],
            has_no_target: false,
            has_no_nodes: false,
            written: None,
            root: in_memory(),
        };
        fake.write("dm-3/queue/read_ahead_kb", "8\n");
        fake.settle()
    }

    /// Adds another volume, dm-N with this minor number.
    pub fn with(mut self, minor: u32, name: &str, uuid: &str, live: Vec<Line>) -> Self {
        let device = Device {
            name: name.as_bytes().to_vec(),
            uuid: uuid.as_bytes().to_vec(),
            live,
            ..Device::default()
        };
        self.devices.insert(Number::new(253, minor), device);
        self.settle()
    }

    /// Writes a file of the machine, and makes its directories.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn machine(&self) -> Machine {
        Machine::new(self.root.path())
    }

    pub fn volume(&self) -> &Device {
        &self.devices[&DEVICE]
    }

    /// Returns all devices but the volume.
    pub fn others(&self) -> Vec<&Device> {
        let others = self.devices.iter().filter(|(number, _)| **number != DEVICE);
        others.map(|(_, device)| device).collect()
    }

    pub fn read_ahead(&self) -> String {
        fs::read_to_string(self.root().join("sys/block/dm-3/queue/read_ahead_kb")).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        self.file(&format!("sys/block/{file}"), text);
    }

    fn settle(mut self) -> Self {
        self.update();
        self
    }

    /// Returns the underlying devices of all lines.
    fn open(&self) -> Vec<String> {
        let devices = self.devices.values();
        devices
            .flat_map(|device| device.live.iter().chain(device.inactive.iter().flatten()))
            .map(|line| {
                let text = String::from_utf8(line.parameters.clone()).unwrap();
                text.split(' ').next().unwrap_or_default().to_owned()
            })
            .collect()
    }

    /// Removes devices whose deferred removal is due, and rewrites sysfs.
    fn update(&mut self) {
        let open = self.open();
        self.devices
            .retain(|number, device| !device.deferred || open.contains(&number.in_table()));
        let stat = self.root().join("sys/module/dmp/stat");
        let now = self.devices.clone();
        if self.written.as_ref() == Some(&now) {
            return;
        }
        let _ = fs::remove_dir_all(&stat);
        fs::create_dir_all(&stat).unwrap();
        self.written = Some(now);
        for (number, device) in &self.devices {
            let name = format!("dm-{}", number.minor());
            self.write(&format!("{name}/diskseq"), "21\n");
            self.write(
                &format!("{name}/dm/name"),
                &String::from_utf8_lossy(&device.name),
            );
            self.write(
                &format!("{name}/dm/uuid"),
                &String::from_utf8_lossy(&device.uuid),
            );
            let inactive = device.inactive.clone().unwrap_or_default();
            let count = |lines: &[Line], word: &str| {
                let has = |line: &&Line| {
                    line.is_dmp() && String::from_utf8_lossy(&line.parameters).contains(word)
                };
                lines.iter().filter(has).count()
            };
            let counts = |word| format!("{} {}", count(&device.live, word), count(&inactive, word));
            if counts("") == "0 0" {
                continue;
            }
            fs::create_dir_all(stat.join(&name)).unwrap();
            let latency = if count(&device.live, "latency") > 0 {
                "on"
            } else {
                "off"
            };
            let text = format!(
                "dmp 1\ndevice {name}\nname vg-data\ndiskseq 21\nsince 1\ntaken 2\nlatency {latency}\n\
                 lines {} as_linear {} flush_bypass {}\n",
                counts(""),
                counts("as_linear"),
                counts("flush_bypass")
            );
            fs::write(stat.join(&name).join("snapshot"), text).unwrap();
            for file in ["latency", "pattern"] {
                fs::write(stat.join(&name).join(file), "").unwrap();
            }
        }
    }

    fn point(&mut self) -> io::Result<()> {
        self.calls += 1;
        match &mut self.fault {
            Some(fault) if fault.call <= self.calls && fault.times > 0 => {
                fault.times -= 1;
                Err(fault.errno.into())
            }
            _ => Ok(()),
        }
    }

    fn get(&mut self, number: Number) -> io::Result<&mut Device> {
        self.point()?;
        self.there(number)
    }

    fn there(&mut self, number: Number) -> io::Result<&mut Device> {
        self.devices
            .get_mut(&number)
            .ok_or_else(|| Errno::NXIO.into())
    }

    pub fn deed(&mut self, deed: Option<Deed>) {
        let Some(volume) = self.devices.get_mut(&DEVICE) else {
            return;
        };
        match deed {
            None => {}
            Some(Deed::Suspend) => volume.suspended = true,
            Some(Deed::Load) => volume.inactive = Some(others()),
            Some(Deed::Exchange) => volume.live = others(),
            Some(Deed::Rename) => volume.name = b"vg-other".to_vec(),
            Some(Deed::Remove) => drop(self.devices.remove(&DEVICE)),
        }
        self.update();
    }
}

/// Makes a directory in memory, because the tests write thousands of files.
fn in_memory() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

fn shown(lines: &[Line]) -> Vec<Line> {
    lines.iter().map(Line::shown).collect()
}

impl DeviceMapper for Fake {
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>> {
        self.point()?;
        let devices = self.devices.iter();
        Ok(devices
            .map(|(number, device)| (*number, device.name.clone()))
            .collect())
    }

    fn status(&mut self, number: Number) -> io::Result<Status> {
        let next = self.name_after_status.take();
        let device = self.get(number)?;
        let name = device.name.clone();
        device.name = next.unwrap_or_else(|| name.clone());
        Ok(Status {
            name,
            uuid: device.uuid.clone(),
            state: State {
                read_only: device.read_only || device.setro,
                suspended: device.suspended,
                has_inactive: device.inactive.is_some(),
                to_be_removed: device.deferred,
            },
        })
    }

    fn table(&mut self, number: Number, which: Which) -> io::Result<Vec<Line>> {
        let device = self.get(number)?;
        Ok(match which {
            Which::Live => shown(&device.live),
            Which::Inactive => shown(&device.inactive.clone().unwrap_or_default()),
        })
    }

    fn target_version(&mut self, _: &str) -> io::Result<Option<[u32; 3]>> {
        self.point()?;
        Ok(Some(self.version).filter(|_| !self.has_no_target))
    }

    fn create(&mut self, name: &str, uuid: &str) -> io::Result<Number> {
        self.point()?;
        let uuids = self.devices.values().map(|device| device.uuid.as_slice());
        if uuids.collect::<Vec<_>>().contains(&uuid.as_bytes()) {
            return Err(Errno::BUSY.into());
        }
        let number = Number(self.devices.keys().last().unwrap().0 + 1);
        let device = Device {
            name: name.as_bytes().to_vec(),
            uuid: uuid.as_bytes().to_vec(),
            ..Device::default()
        };
        self.devices.insert(number, device);
        self.update();
        Ok(number)
    }

    fn start_hidden(&mut self, device: Number) -> io::Result<()> {
        self.resume(device)
    }

    fn remove(&mut self, number: Number, deferred: bool) -> io::Result<()> {
        let open = self.open();
        self.get(number)?.deferred |= deferred;
        if !deferred {
            if open.contains(&number.in_table()) {
                return Err(Errno::BUSY.into());
            }
            self.devices.remove(&number);
        }
        self.update();
        Ok(())
    }

    fn set_read_only(&mut self, number: Number, read_only: bool) -> io::Result<bool> {
        let has_node = !self.has_no_nodes;
        let device = self.get(number)?;
        if has_node {
            device.setro = read_only;
        }
        Ok(has_node)
    }

    fn reserve(&mut self, tables: &[&[Line]]) {
        self.reserved
            .extend(tables.iter().map(|table| table.to_vec()));
    }

    fn state(&mut self, device: Number) -> io::Result<State> {
        Ok(self.status(device)?.state)
    }

    fn has_table(&mut self, device: Number, which: Which, table: &[Line]) -> io::Result<bool> {
        let is_reserved = self.reserved.iter().any(|of| of == table);
        assert!(is_reserved, "no room was made for {table:?}");
        Ok(self.table(device, which)? == table)
    }

    fn load(&mut self, number: Number, table: &[Line], read_only: bool) -> io::Result<()> {
        let device = self.get(number)?;
        device.inactive = Some(table.to_vec());
        device.read_only = read_only;
        self.loads.push((number, read_only));
        self.update();
        if number == DEVICE {
            let deed = self.after_load.take();
            self.deed(deed);
        }
        Ok(())
    }

    fn clear(&mut self, number: Number) -> io::Result<()> {
        self.get(number)?.inactive = None;
        self.update();
        Ok(())
    }

    /// Resumes a device. A failure before the suspension leaves the table inactive. A failure between the
    /// suspension and the exchange loses the loaded table, and leaves the device suspended. A failure after
    /// the exchange leaves the device suspended.
    fn resume(&mut self, number: Number) -> io::Result<()> {
        let mut result = Ok(());
        if number == DEVICE {
            self.was_deferred = self.others().iter().any(|device| device.deferred);
        }
        if self.there(number)?.inactive.is_some() {
            self.point()?;
            result = self.point();
            let device = self.there(number)?;
            device.suspended = true;
            let new = device.inactive.take();
            if result.is_ok() {
                device.live = new.unwrap_or_default();
                self.write("dm-3/queue/read_ahead_kb", "128\n");
            }
        }
        let result = result.and_then(|()| self.point());
        let result = match result {
            Ok(()) if number == DEVICE && self.failing_resumes > 0 => {
                self.failing_resumes -= 1;
                Err(Errno::IO.into())
            }
            result => result,
        };
        match result {
            Ok(()) => self.there(number)?.suspended = false,
            Err(_) => {
                let deed = self.after_resume.take();
                self.deed(deed);
            }
        }
        self.update();
        result
    }
}
