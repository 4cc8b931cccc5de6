// SPDX-License-Identifier: GPL-2.0

//! The cost of many devices: of their creation, memory, reading and removal.

use std::ops::Range;
use std::path::Path;

use dmp_vm::{Builder, Machine};
use serde::Serialize;

use crate::batches::median;
use crate::guest::{self, Failure, Guest};
use crate::meminfo::Meminfo;
use crate::report::table_of;
use crate::setup;

/// The kinds of devices: name, target and options.
const KINDS: [(&str, &str, &str); 3] = [
    (setup::LINEAR, "linear", ""),
    ("dmp", "dmp", ""),
    ("dmp latency", "dmp", "1 latency"),
];

/// The files to read: names in the table, and paths. `$one` is the directory of one device.
const FILES: [(&str, &str); 5] = [
    ("volumes", "$stat/volumes"),
    ("size_histogram of a device", "$one/read/size_histogram"),
    ("snapshot of a device", "$one/snapshot"),
    (
        "all other files of a device",
        "$(find $one -type f ! -name snapshot ! -name reset ! -name inflight ! -name 'latency_*' \
         ! -name seek_histogram)",
    ),
    ("snapshot of each device", "$stat/dm-*/snapshot"),
];

/// The duration of an action. In a machine whose clock counts instructions, each instruction is a
/// nanosecond.
#[derive(Debug, Clone, Serialize)]
pub struct Took {
    pub nanoseconds: u64,
    /// The CPU time of dmsetup, including its time in the kernel. The rest is mostly waiting.
    pub own_nanoseconds: u64,
}

/// The cost of a read of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    pub file: String,
    pub bytes: u64,
    pub instructions: u64,
}

/// Some devices of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Devices {
    pub kind: String,
    pub cpus: u32,
    pub count: u32,
    pub create: Took,
    pub remove: Took,
    /// The memory of the same number of further devices, if time is measured.
    pub memory: Option<Meminfo>,
    /// Reads of dmp devices' files, if instructions are counted.
    pub reading: Vec<Reading>,
}

impl Devices {
    /// Returns the devices of another kind with the same numbers.
    fn of_kind<'a>(&self, all: &'a [Self], kind: &str) -> Option<&'a Self> {
        all.iter().find(|other| {
            other.kind == kind && other.cpus == self.cpus && other.count == self.count
        })
    }

    /// Returns the memory of each device in bytes, minus that of a dm-linear device: per-CPU
    /// memory, and slab. `None` for dm-linear itself, and if no memory was measured.
    pub fn memory_over_linear(&self, all: &[Self]) -> Option<[i64; 2]> {
        if self.kind == setup::LINEAR {
            return None;
        }
        let linear = self.of_kind(all, setup::LINEAR)?.memory.as_ref()?;
        let over = self.memory.as_ref()?.more_than(linear);
        Some([over.percpu, over.slab].map(|kib| kib * 1024 / i64::from(self.count)))
    }
}

/// Number of devices that are created before the measurement.
const WARM_UP: u32 = 64;

/// Least number of devices for the table of many devices.
const ENOUGH: u32 = 250;

/// Creates the devices of each kind, one kind after the other, in a machine whose clock counts
/// instructions.
pub fn count(module: Option<&Path>, counts: &[u32]) -> Result<Vec<Devices>, Failure> {
    let mut guest = boot(guest::counting(), module)?;
    guest.wait_for_clock()?;
    let mut all = Vec::new();
    for count in counts {
        for kind in KINDS {
            let read = |guest: &mut Guest| match kind {
                (_, "dmp", _) => Ok((read_all(guest)?, None)),
                _ => Ok((Vec::new(), None)),
            };
            all.push(measure(&mut guest, 1, *count, kind, read)?);
        }
    }
    guest.finish()?;
    Ok(all)
}

/// Creates each kind in a machine of its own, at full speed. The machine has no other devices,
/// because the kernel keeps pages of per-CPU memory that other devices had.
pub fn time(module: Option<&Path>, cpus: u32, count: u32) -> Result<Vec<Devices>, Failure> {
    let one = |kind: (&str, &str, &str)| {
        let builder = Machine::builder().limit(guest::LIMIT).cpus(cpus);
        let mut guest = boot(builder, module)?;
        let (_, target, options) = kind;
        let weigh = |guest: &mut Guest| {
            let memory = memory_of_more(guest, count, target, options)?;
            Ok((Vec::new(), Some(memory)))
        };
        let devices = measure(&mut guest, cpus, count, kind, weigh)?;
        guest.finish()?;
        Ok(devices)
    };
    KINDS.map(one).into_iter().collect()
}

fn boot(builder: Builder, module: Option<&Path>) -> Result<Guest, Failure> {
    let mut guest = Guest::boot(builder.memory("1G"), module)?;
    // The first devices fill caches.
    create(&mut guest, 0..WARM_UP, "dmp", "1 latency")?;
    remove(&mut guest, 0..WARM_UP)?;
    Ok(guest)
}

/// Creates this number of devices and removes them. `meanwhile` reads their files or measures their
/// memory in between.
fn measure(
    guest: &mut Guest,
    cpus: u32,
    count: u32,
    (kind, target, options): (&str, &str, &str),
    meanwhile: impl Fn(&mut Guest) -> Result<(Vec<Reading>, Option<Meminfo>), Failure>,
) -> Result<Devices, Failure> {
    let create = create(guest, 0..count, target, options)?;
    let (reading, memory) = meanwhile(guest)?;
    let remove = remove(guest, 0..count)?;
    Ok(Devices {
        kind: kind.into(),
        cpus,
        count,
        create,
        remove,
        memory,
        reading,
    })
}

/// Returns the memory of the same number of further devices: the first ones fill gaps between other
/// allocations.
fn memory_of_more(
    guest: &mut Guest,
    count: u32,
    target: &str,
    options: &str,
) -> Result<Meminfo, Failure> {
    let before = meminfo(guest)?;
    create(guest, count..2 * count, target, options)?;
    let memory = meminfo(guest)?.more_than(&before);
    remove(guest, count..2 * count)?;
    Ok(memory)
}

/// Returns the memory in use after freeing everything that can be freed: delayed frees, the files'
/// caches, and freed objects that the allocator keeps.
fn meminfo(guest: &mut Guest) -> Result<Meminfo, Failure> {
    let text = guest.run(
        "sync
        sleep 1
        echo 3 >/proc/sys/vm/drop_caches
        for cache in /sys/kernel/slab/*/shrink; do echo 1 >$cache; done
        sleep 1
        cat /proc/meminfo",
    )?;
    text.parse().map_err(Failure::Words)
}

/// Returns a list of one item for each device.
fn list(numbers: Range<u32>, separator: &str, item: impl Fn(u32) -> String) -> String {
    let items: Vec<String> = numbers.map(item).collect();
    items.join(separator)
}

fn create(
    guest: &mut Guest,
    numbers: Range<u32>,
    target: &str,
    options: &str,
) -> Result<Took, Failure> {
    let devices = list(numbers, ";", |number| {
        format!("d{number},,,rw,0 8 {target} /dev/nullb0 0 {options}")
    });
    took(guest, &format!("create --concise '{devices}'"))
}

fn remove(guest: &mut Guest, numbers: Range<u32>) -> Result<Took, Failure> {
    let names = list(numbers, " ", |number| format!("d{number}"));
    took(guest, &format!("remove {names}"))
}

/// Runs a dmsetup, and returns its duration.
fn took(guest: &mut Guest, arguments: &str) -> Result<Took, Failure> {
    let printed = guest.run(&format!(
        "{}dmp-load run -- dmsetup {arguments}",
        setup::PREPARE
    ))?;
    match numbers(&printed)?[..] {
        [nanoseconds, own_nanoseconds] => Ok(Took {
            nanoseconds,
            own_nanoseconds,
        }),
        _ => Err(Failure::Words(format!("dmp-load printed: {printed}"))),
    }
}

fn read_all(guest: &mut Guest) -> Result<Vec<Reading>, Failure> {
    FILES
        .map(|(file, path)| read(guest, file, path))
        .into_iter()
        .collect()
}

fn read(guest: &mut Guest, file: &str, paths: &str) -> Result<Reading, Failure> {
    let printed = guest.run(&format!(
        "{}stat=/sys/module/dmp/stat; one=$stat/$(node d0); dmp-load file {paths}",
        setup::PREPARE
    ))?;
    match numbers(&printed)?.split_first() {
        Some((bytes, ticks)) => Ok(Reading {
            file: file.into(),
            bytes: *bytes,
            instructions: median(ticks),
        }),
        None => Err(Failure::Words("dmp-load printed nothing".into())),
    }
}

fn numbers(printed: &str) -> Result<Vec<u64>, Failure> {
    let words = printed.split_whitespace().map(str::parse);
    words
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::Words(format!("dmp-load printed: {printed}")))
}

/// Returns a table of the cost of reading the files.
pub fn reading_table(all: &[Devices]) -> String {
    let lines: Vec<String> = all
        .iter()
        .filter(|devices| devices.kind == "dmp")
        .flat_map(|devices| devices.reading.iter().map(move |file| (devices, file)))
        .map(|(devices, file)| {
            format!(
                "{:<35} {:>8} {:>13} {:>12}\n",
                file.file, devices.count, file.instructions, file.bytes
            )
        })
        .collect();
    let head = format!(
        "{:<35} {:>8} {:>13} {:>12}\n",
        "Reading a file, 1 CPU", "devices", "instructions", "bytes"
    );
    table_of(&head, &lines)
}

/// Returns a table of the memory of a device.
pub fn memory_table(all: &[Devices]) -> String {
    let lines: Vec<String> = all
        .iter()
        .filter_map(|devices| Some((devices, devices.memory_over_linear(all)?)))
        .map(|(devices, [percpu, slab])| {
            format!(
                "{:<28} {:>6} {:>8} {percpu:>13} {slab:>12} {:>8}\n",
                devices.kind,
                devices.cpus,
                devices.count,
                percpu + slab
            )
        })
        .collect();
    let head = format!(
        "{:<28} {:>6} {:>8} {:>13} {:>12} {:>8}\n",
        "Bytes of a device over linear", "CPUs", "devices", "per CPU", "slab", "both"
    );
    table_of(&head, &lines)
}

/// Returns a table of the time to create and to remove all devices.
pub fn making_table(counted: &[Devices], timed: &[Devices]) -> String {
    let lines: Vec<String> = counted
        .iter()
        .filter(|devices| devices.count >= ENOUGH)
        .flat_map(|devices| {
            let time = devices.of_kind(timed, &devices.kind);
            [
                making_line(
                    "make",
                    devices,
                    &devices.create,
                    time.map(|time| &time.create),
                ),
                making_line(
                    "remove",
                    devices,
                    &devices.remove,
                    time.map(|time| &time.remove),
                ),
            ]
        })
        .collect();
    let head = format!(
        "{:<28} {:>6} {:>8} {:>13} {:>12} {:>8}\n",
        "Many devices, 1 CPU", "", "devices", "instructions", "with waits", "seconds"
    );
    table_of(&head, &lines)
}

fn making_line(what: &str, devices: &Devices, took: &Took, time: Option<&Took>) -> String {
    let seconds = time.map(|took| format!("{:.2}", took.nanoseconds as f64 / 1e9));
    format!(
        "{:<28} {what:>6} {:>8} {:>13} {:>12} {:>8}\n",
        devices.kind,
        devices.count,
        took.own_nanoseconds,
        took.nanoseconds,
        seconds.unwrap_or_default()
    )
}
