// SPDX-License-Identifier: GPL-2.0

//! A minimal eBPF count of a disk's requests: a program on the tracepoint block_bio_queue that adds
//! 1, and the request's bytes, to counters of each CPU.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

const EVENT: &str = "/sys/kernel/tracing/events/block/block_bio_queue";

// linux/bpf.h: the commands and types in use.
const MAP_CREATE: i32 = 0;
const MAP_LOOKUP_ELEM: i32 = 1;
const PROG_LOAD: i32 = 5;
const MAP_TYPE_PERCPU_ARRAY: u32 = 6;
const PROG_TYPE_TRACEPOINT: u32 = 5;

// linux/perf_event.h
const TYPE_TRACEPOINT: u32 = 2;
const FLAG_FD_CLOEXEC: u64 = 8;
const IOC_ENABLE: libc::Ioctl = 0x2400;
const IOC_SET_BPF: libc::Ioctl = 0x4004_2408;

/// Values in the map for each CPU: requests and bytes.
const FIELDS: usize = 2;

/// The program, which counts while this exists.
pub struct Counter {
    map: OwnedFd,
    _program: OwnedFd,
    _events: Vec<OwnedFd>,
}

impl Counter {
    /// Counts the requests of this disk from now on.
    pub fn attach(disk: &File) -> io::Result<Self> {
        let format = fs::read_to_string(format!("{EVENT}/format"))?;
        let device = kernel_device(disk.metadata()?.rdev());
        let map = create_map()?;
        let program = load(&program(
            map.as_raw_fd(),
            device,
            offset(&format, "dev")?,
            offset(&format, "nr_sector")?,
        ))?;
        let id = number(&fs::read_to_string(format!("{EVENT}/id"))?)?;
        let events = (0..possible_cpus()?)
            .map(|cpu| event(id, cpu, &program))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            map,
            _program: program,
            _events: events,
        })
    }

    /// Fails unless the program has counted exactly this number of requests.
    pub fn must_have(&self, requests: u64) -> io::Result<()> {
        let key = 0_u32;
        let mut values = vec![[0_u64; FIELDS]; possible_cpus()? as usize];
        let attributes = [
            self.map.as_raw_fd() as u64,
            (&raw const key) as u64,
            values.as_mut_ptr() as u64,
            0,
        ];
        // SAFETY: the kernel reads one key and, for a per-CPU array, writes one value for each
        // possible CPU. `key` and `values` are that large.
        unsafe { bpf(MAP_LOOKUP_ELEM, &attributes)? };
        let counted: u64 = values.iter().map(|[requests, _]| requests).sum();
        if counted == requests {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "eBPF counted {counted} requests of {requests}"
        )))
    }
}

/// Converts a device number of user space to the kernel's own.
fn kernel_device(device: u64) -> u32 {
    (libc::major(device) << 20) | libc::minor(device)
}

/// Returns the offset of a field in an event's record, from the event's description.
fn offset(format: &str, field: &str) -> io::Result<i16> {
    let end = format!(" {field};");
    format
        .lines()
        .find_map(|line| {
            let (_, place) = line.split_once(&end)?;
            let (_, offset) = place.split_once("offset:")?;
            offset.split(';').next()?.parse().ok()
        })
        .ok_or_else(|| io::Error::other(format!("block_bio_queue has no field {field}")))
}

fn number(text: &str) -> io::Result<u64> {
    text.trim().parse().map_err(io::Error::other)
}

/// Returns the number of possible CPUs: the highest number in "0-7", plus 1.
fn possible_cpus() -> io::Result<u32> {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let last = text.trim().rsplit(['-', ',']).next().unwrap_or_default();
    last.parse::<u32>()
        .map(|last| last + 1)
        .map_err(io::Error::other)
}

/// Returns an instruction in the kernel's encoding.
fn instruction(code: u8, target: u8, source: u8, offset: i16, immediate: i32) -> u64 {
    let [low, high] = offset.to_le_bytes();
    let [a, b, c, d] = immediate.to_le_bytes();
    u64::from_le_bytes([code, (source << 4) | target, low, high, a, b, c, d])
}

fn program(map: RawFd, device: u32, dev: i16, nr_sector: i16) -> Vec<u64> {
    const FRAME: u8 = 10;
    const LOOKUP: i32 = 1;
    let load_word = |target, source, offset| instruction(0x61, target, source, offset, 0);
    let load = |target, source, offset| instruction(0x79, target, source, offset, 0);
    let store = |target, source, offset| instruction(0x7b, target, source, offset, 0);
    let copy = |target, source| instruction(0xbf, target, source, 0, 0);
    let add = |target, immediate| instruction(0x07, target, 0, 0, immediate);
    vec![
        // The record is in r1, which the call below overwrites.
        copy(6, 1),
        load_word(2, 6, dev),
        // if ((u32)r2 != device) goto out
        instruction(0x56, 2, 0, 15, device as i32),
        load_word(7, 6, nr_sector),
        // r7 <<= 9
        instruction(0x67, 7, 0, 0, 9),
        // *(u32 *)(frame - 4) = 0, the key
        instruction(0x62, FRAME, 0, -4, 0),
        // r1 = map, an instruction of double length
        instruction(0x18, 1, 1, 0, map),
        0,
        copy(2, FRAME),
        add(2, -4),
        instruction(0x85, 0, 0, 0, LOOKUP),
        // if (!r0) goto out
        instruction(0x15, 0, 0, 6, 0),
        load(1, 0, 0),
        add(1, 1),
        store(0, 1, 0),
        load(1, 0, 8),
        // r1 += r7
        instruction(0x0f, 1, 7, 0, 0),
        store(0, 1, 8),
        // out: return 0
        instruction(0xb7, 0, 0, 0, 0),
        instruction(0x95, 0, 0, 0, 0),
    ]
}

/// Makes the bpf system call.
///
/// # Safety
///
/// `attributes` must be those of `command`, and the addresses in them must point to memory that
/// `command` may read or write.
unsafe fn bpf(command: i32, attributes: &[u64]) -> io::Result<RawFd> {
    let (first, size) = (attributes.as_ptr(), size_of_val(attributes));
    // SAFETY: the kernel reads `size` bytes from `first`, which `attributes` has. The caller
    // guarantees the addresses in them.
    checked(unsafe { libc::syscall(libc::SYS_bpf, command, first, size) })
}

fn checked(result: libc::c_long) -> io::Result<RawFd> {
    match RawFd::try_from(result) {
        Ok(0..) => Ok(result as RawFd),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Joins two halves of one word of attributes.
fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) | (u64::from(second) << 32)
}

fn create_map() -> io::Result<OwnedFd> {
    // Type and key size; value size and number of entries.
    let attributes = [
        pair(MAP_TYPE_PERCPU_ARRAY, size_of::<u32>() as u32),
        pair(size_of::<[u64; FIELDS]>() as u32, 1),
    ];
    // SAFETY: the attributes have no address in them, and nobody else has the new descriptor.
    unsafe { Ok(OwnedFd::from_raw_fd(bpf(MAP_CREATE, &attributes)?)) }
}

fn load(program: &[u64]) -> io::Result<OwnedFd> {
    let license = c"GPL";
    // Type and number of instructions, the instructions, the license; no log.
    let attributes = [
        pair(PROG_TYPE_TRACEPOINT, program.len() as u32),
        program.as_ptr() as u64,
        license.as_ptr() as u64,
    ];
    // SAFETY: the addresses are of `program` and of `license`, which the kernel only reads, and
    // nobody else has the new descriptor.
    unsafe { Ok(OwnedFd::from_raw_fd(bpf(PROG_LOAD, &attributes)?)) }
}

/// Runs the program for every event on this CPU.
fn event(id: u64, cpu: u32, program: &OwnedFd) -> io::Result<OwnedFd> {
    // struct perf_event_attr of its first version: type and size, config, nothing else.
    let mut attributes = [0; 8];
    attributes[0] = pair(TYPE_TRACEPOINT, size_of_val(&attributes) as u32);
    attributes[1] = id;
    // SAFETY: the kernel reads as many bytes as the attributes' size says. Nobody else has the new
    // descriptor.
    let event = unsafe {
        let (first, every_process, no_group) = (attributes.as_ptr(), -1, -1);
        let fd = libc::syscall(
            libc::SYS_perf_event_open,
            first,
            every_process,
            cpu,
            no_group,
            FLAG_FD_CLOEXEC,
        );
        OwnedFd::from_raw_fd(checked(fd)?)
    };
    // SAFETY: both calls take a number and no address.
    unsafe {
        let fd = event.as_raw_fd();
        checked(libc::ioctl(fd, IOC_SET_BPF, program.as_raw_fd()).into())?;
        checked(libc::ioctl(fd, IOC_ENABLE, 0).into())?;
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_from_a_description() {
        let format = "\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;\n\
                      \tfield:unsigned int nr_sector;\toffset:24;\tsize:4;\tsigned:0;\n";
        assert_eq!(offset(format, "dev").unwrap(), 8);
        assert_eq!(offset(format, "nr_sector").unwrap(), 24);
        assert!(offset(format, "sector").is_err());
    }

    #[test]
    fn jumps_lead_to_the_return() {
        let program = program(3, 0, 8, 24);
        let out = program.len() - 2;
        let target = |at: usize| at + 1 + ((program[at] >> 16) & 0xffff) as usize;
        assert_eq!((target(2), target(11)), (out, out));
    }
}
