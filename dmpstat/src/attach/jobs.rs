// SPDX-License-Identifier: GPL-2.0

//! Jobs: the volumes that a command line or attach.conf names, and the change of each.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::attach::kind::own_device;
use crate::attach::request::Change;
use crate::attach::volume::{device, diskseq};
use crate::model::escape;
use crate::source::kernel::mapper::DeviceMapper;
use crate::source::kernel::number::Number;
use crate::source::lvm;
use crate::source::selection::{self, Choice};
use crate::source::sysfs::Machine;

/// One volume, and its change.
#[derive(Clone, Debug)]
pub struct Job {
    /// The device's number, which another device can have after this one's removal.
    pub device: Number,
    /// The device's uuid. With `diskseq` it distinguishes the device from a later one of the same number.
    pub uuid: Vec<u8>,
    #[allow(missing_docs)]
    pub diskseq: u64,
    /// The change.
    pub change: Change,
    /// A user named the volume, instead of a pattern that matches it.
    pub named: bool,
    /// The name or the pattern, as the user wrote it.
    pub written: OsString,
}

/// Adds jobs for these volumes. A volume with a job keeps it: the first mention applies.
pub fn add(
    jobs: &mut Vec<Job>,
    found: Vec<Number>,
    choice: &Choice,
    change: Change,
    kernel: &mut dyn DeviceMapper,
    machine: &Machine,
) {
    for number in found {
        if jobs.iter().any(|job| job.device == number) {
            continue;
        }
        // A device that was removed gets a job as well, which then fails with a message.
        let uuid = kernel.status(number).map(|status| status.uuid);
        jobs.push(Job {
            device: number,
            uuid: uuid.unwrap_or_default(),
            diskseq: diskseq(&device(number), machine),
            change,
            named: !choice.is_pattern(),
            written: choice.written.clone(),
        });
    }
}

/// Returns the devices that a choice names. A pattern leaves out parts of other volumes, and private devices
/// of other programs.
pub fn find(choice: &Choice, devices: &[(Number, Vec<u8>)], machine: &Machine) -> Vec<Number> {
    let target = choice.target(machine);
    let named = devices.iter().filter(|(number, name)| {
        let device = device(*number);
        let uuid = || machine.attribute(&device, "uuid").unwrap_or_default();
        choice.is(&device, &selection::names(&device, name), target.as_deref())
            && !(choice.is_pattern()
                && (choice.leaves_out(name, &uuid()) || is_private(*number, machine)))
    });
    named.map(|(number, _)| *number).collect()
}

/// Returns whether a device has the flag that tells all other programs to leave it alone
/// (`DM_UDEV_DISABLE_OTHER_RULES_FLAG`).
pub fn is_private(number: Number, machine: &Machine) -> bool {
    let (major, minor) = (number.major(), number.minor());
    let database = fs::read_to_string(machine.path(format!("/run/udev/data/b{major}:{minor}")));
    database.is_ok_and(|database| {
        let mut lines = database.lines();
        lines.any(|line| line == "E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1")
    })
}

/// Returns the message that a choice matches no device.
pub fn unknown(choice: &Choice, devices: &[(Number, Vec<u8>)], machine: &Machine) -> String {
    let written = escape::show(choice.written.as_bytes());
    let target = choice
        .target(machine)
        .unwrap_or_else(|| choice.written.clone());
    let class = machine.path("/sys/class/block").join(&target);
    if target != "." && class.join("dev").exists() {
        let advice = own_device(&format!("/dev/{}", escape::show(target.as_bytes())));
        return format!("{written}: not a volume of device mapper. {advice}");
    }
    let names = devices
        .iter()
        .map(|(number, name)| selection::names(&device(*number), name));
    let near = choice.near(names);
    let inactive = match logical_volume(&written).filter(|_| !choice.is_pattern()) {
        Some(volume) => {
            format!(". Activate an inactive volume with \"lvchange -ay {volume}\"")
        }
        None => String::new(),
    };
    match near.as_slice() {
        [] => format!("there is no volume \"{written}\"{inactive}"),
        near => format!(
            "there is no volume \"{written}\"; similar names: {}{inactive}",
            near.join(", ")
        ),
    }
}

/// Returns VG/LV if a name has that form.
fn logical_volume(written: &str) -> Option<&str> {
    let volume = written.strip_prefix("/dev/").unwrap_or(written);
    let is_one = !volume.starts_with("mapper/") && lvm::device_name(volume.as_bytes()).is_some();
    is_one.then_some(volume)
}
