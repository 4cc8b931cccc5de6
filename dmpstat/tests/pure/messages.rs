// SPDX-License-Identifier: GPL-2.0

//! Messages to device mapper and its answers, byte by byte, by include/uapi/linux/dm-ioctl.h.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use dmpstat::source::kernel::control::Control;
use dmpstat::source::kernel::ioctl::{Channel, Message};
use dmpstat::source::kernel::line::Line;
use dmpstat::source::kernel::mapper::{DeviceMapper, State, Which};
use dmpstat::source::kernel::number::Number;
use rustix::io::Errno;

use crate::fake::line;

/// The size of struct dm_ioctl.
const HEADER: usize = 312;
/// dm-3 in the encoding of the kernel's huge_encode_dev().
const DEVICE: Number = Number(0xfd03);

const READONLY: u32 = 1 << 0;
const SUSPEND: u32 = 1 << 1;
const STATUS_TABLE: u32 = 1 << 4;
const INACTIVE_PRESENT: u32 = 1 << 6;
const BUFFER_FULL: u32 = 1 << 8;
const SKIP_LOCKFS: u32 = 1 << 10;
const QUERY_INACTIVE_TABLE: u32 = 1 << 12;
const SECURE_DATA: u32 = 1 << 15;
const DEFERRED_REMOVE: u32 = 1 << 17;
const INTERNAL_SUSPEND: u32 = 1 << 18;

/// A message to the kernel: the ioctl's number and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    number: u8,
    bytes: Vec<u8>,
}

impl Sent {
    fn number32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn flags(&self) -> u32 {
        self.number32(28)
    }

    fn device(&self) -> u64 {
        u64::from_ne_bytes(self.bytes[40..48].try_into().unwrap())
    }

    fn name(&self) -> &[u8] {
        string(&self.bytes[48..176])
    }

    fn uuid(&self) -> &[u8] {
        string(&self.bytes[176..305])
    }

    /// Returns the number, the device and the flags. Asserts that the kernel accepts the rest of the header.
    fn head(&self) -> (u8, u64, u32) {
        assert_eq!(
            [self.number32(0), self.number32(4), self.number32(8)],
            [4, 0, 0]
        );
        assert_eq!(self.number32(12) as usize, self.bytes.len());
        assert_eq!(self.number32(16) as usize, HEADER);
        (self.number, self.device(), self.flags())
    }
}

/// Returns a C string without the NUL at its end.
fn string(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    &bytes[..end]
}

/// A kernel that records each message, and answers it by the next of the answers: flags, the number of lines,
/// and the data after the header. It sets DM_BUFFER_FULL_FLAG if there is no room for the data.
#[derive(Clone, Default)]
struct Kernel {
    sent: Rc<RefCell<Vec<Sent>>>,
    /// The read-only flags that were set or cleared.
    flags: Rc<RefCell<Vec<(Number, bool)>>>,
    answer: Answer,
    error: Option<Errno>,
}

#[derive(Clone, Default)]
struct Answer {
    flags: u32,
    device: u64,
    name: &'static str,
    uuid: &'static str,
    lines: u32,
    data: Vec<u8>,
}

impl Channel for Kernel {
    fn call(&mut self, number: u8, message: &mut Message) -> io::Result<()> {
        let bytes = message.bytes().to_vec();
        self.sent.borrow_mut().push(Sent { number, bytes });
        if let Some(error) = self.error {
            return Err(error.into());
        }
        let Answer { data, .. } = &self.answer;
        let bytes = message.bytes();
        let mut flags = self.answer.flags;
        match bytes.get_mut(HEADER..HEADER + data.len()) {
            Some(room) => room.copy_from_slice(data),
            None => flags |= BUFFER_FULL,
        }
        bytes[20..24].copy_from_slice(&self.answer.lines.to_ne_bytes());
        bytes[28..32].copy_from_slice(&flags.to_ne_bytes());
        bytes[40..48].copy_from_slice(&self.answer.device.to_ne_bytes());
        bytes[48..48 + self.answer.name.len()].copy_from_slice(self.answer.name.as_bytes());
        bytes[176..176 + self.answer.uuid.len()].copy_from_slice(self.answer.uuid.as_bytes());
        Ok(())
    }

    fn set_read_only(&mut self, device: Number, read_only: bool) -> io::Result<bool> {
        self.flags.borrow_mut().push((device, read_only));
        Ok(read_only)
    }
}

impl Kernel {
    fn answers(answer: Answer) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }

    fn control(&self) -> Control<Self> {
        Control::new(self.clone())
    }

    fn last(&self) -> Sent {
        self.sent.borrow().last().unwrap().clone()
    }
}

/// Returns the lines of a table in the kernel's form: each struct dm_target_spec with its parameters, and in
/// `next` the offset of the next line from the first one.
fn shown(table: &[Line]) -> Answer {
    let mut data = Vec::new();
    for line in table {
        let begin = data.len();
        data.extend(line.start.to_ne_bytes());
        data.extend(line.length.to_ne_bytes());
        data.extend([0; 8]);
        data.extend(line.target.bytes());
        data.resize(begin + 40, 0);
        data.extend(&line.parameters);
        data.push(0);
        data.resize(data.len().next_multiple_of(8), 0);
        let next = data.len() as u32;
        data[begin + 20..begin + 24].copy_from_slice(&next.to_ne_bytes());
    }
    Answer {
        lines: table.len() as u32,
        data,
        ..Answer::default()
    }
}

fn tables() -> Vec<Vec<Line>> {
    // Only the byte at the end of its parameters needs another eight.
    let second = Line {
        start: 2048,
        length: 1 << 40,
        ..line("striped", "2 8 8:0 0 8:16 123456789")
    };
    vec![
        vec![],
        vec![line("linear", "8:0 0")],
        vec![line("dmp", "8:0 0 1 latency"), second],
    ]
}

#[test]
fn each_flag_of_a_device_sets_its_state() {
    let none = State::default();
    let suspended = State {
        suspended: true,
        ..none
    };
    for (flags, expected) in [
        (0, none),
        // Other flags have no effect.
        (STATUS_TABLE | (1 << 5) | SKIP_LOCKFS | SECURE_DATA, none),
        (
            READONLY,
            State {
                read_only: true,
                ..none
            },
        ),
        (SUSPEND, suspended),
        (INTERNAL_SUSPEND, suspended),
        (SUSPEND | INTERNAL_SUSPEND, suspended),
        (
            INACTIVE_PRESENT,
            State {
                has_inactive: true,
                ..none
            },
        ),
        (
            DEFERRED_REMOVE,
            State {
                to_be_removed: true,
                ..none
            },
        ),
    ] {
        let kernel = Kernel::answers(Answer {
            flags,
            name: "vg-data",
            uuid: "LVM-0123",
            ..Answer::default()
        });
        let status = kernel.control().status(DEVICE).unwrap();
        assert_eq!(status.state, expected, "{flags:x}");
        assert_eq!(
            (status.name, status.uuid),
            (b"vg-data".to_vec(), b"LVM-0123".to_vec())
        );
        assert_eq!(kernel.last().head(), (7, DEVICE.0, 0));
        assert_eq!(kernel.control().state(DEVICE).unwrap(), expected);
        assert_eq!(kernel.last().head(), (7, DEVICE.0, 0));
    }
}

/// LVM resumes a linear volume in the same way: no filesystem is frozen.
#[test]
fn a_resume_freezes_no_filesystem_and_a_clear_drops_the_inactive_table() {
    let kernel = Kernel::default();
    kernel.control().resume(DEVICE).unwrap();
    assert_eq!(kernel.last().head(), (6, DEVICE.0, SKIP_LOCKFS));
    kernel.control().clear(DEVICE).unwrap();
    assert_eq!(kernel.last().head(), (10, DEVICE.0, 0));
}

/// BLKROSET is no call of device mapper.
#[test]
fn a_read_only_flag_takes_no_message() {
    let kernel = Kernel::default();
    let mut control = kernel.control();
    assert!(!control.set_read_only(DEVICE, false).unwrap());
    assert!(control.set_read_only(DEVICE, true).unwrap());
    let flags = kernel.flags.borrow();
    assert_eq!(*flags, [(DEVICE, false), (DEVICE, true)]);
    assert!(kernel.sent.borrow().is_empty());
}

#[test]
fn a_hidden_device_is_created_and_hidden_from_udev() {
    let kernel = Kernel::answers(Answer {
        device: 0xfd04,
        ..Answer::default()
    });
    let made = kernel.control().create("dmp-01", "LVM-0123-real").unwrap();
    assert_eq!(made, Number(0xfd04));
    let sent = kernel.last();
    assert_eq!(sent.head(), (3, 0, 0));
    assert_eq!(
        (sent.name(), sent.uuid()),
        (&b"dmp-01"[..], &b"LVM-0123-real"[..])
    );
    kernel.control().start_hidden(made).unwrap();
    let sent = kernel.last();
    assert_eq!(sent.head(), (6, 0xfd04, 0));
    // These are libdevmapper's DM_UDEV_DISABLE_SUBSYSTEM_RULES, _DISK_RULES and _OTHER_RULES, and
    // _PRIMARY_SOURCE.
    assert_eq!(sent.number32(32), 0x4e_0000);
    for (deferred, flags) in [(false, 0), (true, DEFERRED_REMOVE)] {
        kernel.control().remove(made, deferred).unwrap();
        assert_eq!(kernel.last().head(), (4, 0xfd04, flags));
    }
}

#[test]
fn a_table_is_loaded_line_by_line() {
    for table in tables() {
        for read_only in [false, true] {
            let kernel = Kernel::default();
            kernel.control().load(DEVICE, &table, read_only).unwrap();
            let sent = kernel.last();
            let flags = SECURE_DATA | if read_only { READONLY } else { 0 };
            assert_eq!(sent.head(), (9, DEVICE.0, flags));
            assert_eq!(sent.number32(20) as usize, table.len());
            // Unlike in a shown table, `next` counts from each line's own begin.
            let mut at = HEADER;
            for line in &table {
                let spec = &sent.bytes[at..];
                assert_eq!(spec[..8], line.start.to_ne_bytes());
                assert_eq!(spec[8..16], line.length.to_ne_bytes());
                assert_eq!(string(&spec[24..40]), line.target.as_bytes());
                assert_eq!(string(&spec[40..]), line.parameters);
                let next = sent.number32(at + 20) as usize;
                assert_eq!(next, (40 + line.parameters.len() + 1).div_ceil(8) * 8);
                at += next;
            }
            assert_eq!(at, sent.bytes.len());
        }
    }
}

#[test]
fn a_table_is_read_line_by_line() {
    for table in tables() {
        let kernel = Kernel::answers(shown(&table));
        for (which, query) in [(Which::Live, 0), (Which::Inactive, QUERY_INACTIVE_TABLE)] {
            assert_eq!(kernel.control().table(DEVICE, which).unwrap(), table);
            let flags = STATUS_TABLE | SECURE_DATA | query;
            assert_eq!(kernel.last().head(), (12, DEVICE.0, flags));
        }
    }
    // Some targets end their parameters with a blank.
    let kernel = Kernel::answers(shown(&[line("error", ""), line("zero", "x  ")]));
    let table = kernel.control().table(DEVICE, Which::Live).unwrap();
    assert_eq!(table, [line("error", ""), line("zero", "x")]);
}

/// The kernel reports that there was no room for its answer.
#[test]
fn a_call_is_repeated_with_more_room_for_a_long_answer() {
    let long = vec![line("crypt", &"x".repeat(100_000)), line("linear", "8:0 0")];
    let kernel = Kernel::answers(shown(&long));
    let table = kernel.control().table(DEVICE, Which::Live).unwrap();
    assert_eq!(table, long);
    let sizes: Vec<usize> = kernel
        .sent
        .borrow()
        .iter()
        .map(|sent| sent.bytes.len() - HEADER)
        .collect();
    assert_eq!(sizes, [16 << 10, 64 << 10, 256 << 10]);
}

#[test]
fn a_table_is_compared_with_the_kernels() {
    let table = tables().pop().unwrap();
    let kernel = Kernel::answers(shown(&table));
    let is = |which, other: &[Line]| kernel.control().has_table(DEVICE, which, other).unwrap();
    for (which, query) in [(Which::Live, 0), (Which::Inactive, QUERY_INACTIVE_TABLE)] {
        assert!(is(which, &table));
        let flags = STATUS_TABLE | SECURE_DATA | query;
        assert_eq!(kernel.last().head(), (12, DEVICE.0, flags));
    }
    assert!(!is(Which::Live, &[]));
    assert!(!is(Which::Live, &table[..1]));
    assert!(!is(Which::Live, &[table.clone(), table.clone()].concat()));
    for change in [
        |line: &mut Line| line.start = 1,
        |line: &mut Line| line.length = 1,
        |line: &mut Line| line.target.push('x'),
        |line: &mut Line| line.parameters.push(b'x'),
    ] {
        for at in 0..table.len() {
            let mut other = table.clone();
            change(&mut other[at]);
            assert!(!is(Which::Live, &other), "{other:?}");
        }
    }
}

/// Memory is reserved before a volume may be suspended, and no later call needs more.
#[test]
fn a_comparison_has_the_room_that_was_reserved_for_the_table() {
    let long = vec![line("linear", &"x".repeat(100_000))];
    let kernel = Kernel::answers(shown(&long));
    let mut control = kernel.control();
    assert!(!control.has_table(DEVICE, Which::Live, &long).unwrap());
    control.reserve(&[&[line("linear", "8:0 0")], &long, &[]]);
    for _ in 0..2 {
        assert!(control.has_table(DEVICE, Which::Live, &long).unwrap());
        control.load(DEVICE, &long, false).unwrap();
        assert_eq!(kernel.last().head().0, 9);
    }
    assert_eq!(kernel.sent.borrow().len(), 5);
}

/// A struct dm_name_list has a number, the offset of the next one, and a name.
#[test]
fn devices_are_listed_by_number() {
    let entry = |number: u64, next: u32, name: &[u8]| {
        let mut entry = [&number.to_ne_bytes()[..], &next.to_ne_bytes(), name, &[0]].concat();
        entry.resize(entry.len().next_multiple_of(8), 0);
        entry
    };
    let data = [
        entry(0xfd05, 32, b"vg-home-and-more"),
        entry(0xfd03, 0, b"a\\x20\xff"),
    ];
    assert_eq!(data[0].len(), 32);
    let kernel = Kernel::answers(Answer {
        data: data.concat(),
        ..Answer::default()
    });
    assert_eq!(
        kernel.control().devices().unwrap(),
        [
            (Number(0xfd03), b"a\\x20\xff".to_vec()),
            (Number(0xfd05), b"vg-home-and-more".to_vec())
        ]
    );
    assert_eq!(kernel.last().head(), (2, 0, 0));
    let kernel = Kernel::answers(Answer {
        data: entry(0, 0, b""),
        ..Answer::default()
    });
    assert_eq!(kernel.control().devices().unwrap(), []);
}

#[test]
fn a_target_version_is_none_for_a_missing_target() {
    let mut data = Vec::new();
    for number in [0_u32, 1, 2, 3] {
        data.extend(number.to_ne_bytes());
    }
    let mut kernel = Kernel::answers(Answer {
        data,
        ..Answer::default()
    });
    let version = kernel.control().target_version("dmp").unwrap();
    assert_eq!(version, Some([1, 2, 3]));
    let sent = kernel.last();
    assert_eq!((sent.head(), sent.name()), ((17, 0, 0), &b"dmp"[..]));
    kernel.error = Some(Errno::INVAL);
    assert_eq!(kernel.control().target_version("dmp").unwrap(), None);
    kernel.error = Some(Errno::PERM);
    let error = kernel.control().target_version("dmp").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::PERM.raw_os_error()));
}

#[test]
fn a_failed_call_is_an_error_with_the_kernels_number() {
    let mut kernel = Kernel::answers(shown(&tables()[1]));
    kernel.error = Some(Errno::NXIO);
    let mut control = kernel.control();
    let errors = [
        control.devices().map(drop),
        control.status(DEVICE).map(drop),
        control.table(DEVICE, Which::Live).map(drop),
        control.create("a", "b").map(drop),
        control.start_hidden(DEVICE),
        control.remove(DEVICE, true),
        control.state(DEVICE).map(drop),
        control.has_table(DEVICE, Which::Live, &[]).map(drop),
        control.load(DEVICE, &[], false),
        control.clear(DEVICE),
        control.resume(DEVICE),
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().raw_os_error(), Some(6));
    }
}

/// An answer may end within a line, or have an offset outside of the answer.
#[test]
fn an_inconsistent_answer_is_an_error() {
    let mut outside = shown(&tables()[2]);
    outside.data[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
    let kernel = Kernel::answers(outside);
    let error = kernel.control().table(DEVICE, Which::Live).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let kernel = Kernel::answers(Answer {
        data: [&1_u64.to_ne_bytes()[..], &u32::MAX.to_ne_bytes(), b"a\0"].concat(),
        ..Answer::default()
    });
    let error = kernel.control().devices().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
