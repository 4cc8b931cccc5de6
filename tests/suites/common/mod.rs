// SPDX-License-Identifier: GPL-2.0

//! Machines, mapped devices, and helpers for both.

mod counts;

use std::fs;

use dmp_vm::{Builder, Disk, Machine};
use tempfile::TempDir;

pub use counts::*;

pub const MIB: u64 = 1 << 20;
/// The size of each of a machine's two disks.
pub const DISK: u64 = 64 * MIB;
/// The version of the module.
pub const VERSION: &str = include_str!("../../../module/VERSION").trim_ascii_end();
/// The module's directory of counters in sysfs.
pub const STAT: &str = "/sys/module/dmp/stat";

pub fn builder() -> Builder {
    Machine::builder()
        .disk(Disk::Scratch(DISK))
        .disk(Disk::Scratch(DISK))
}

/// Boots a machine whose drop fails the test if dmp leaked memory or the kernel logged a complaint.
/// Declare the directory of a disk's file before the machine, because locals are dropped in reverse
/// order.
pub fn boot(builder: Builder) -> Machine {
    let mut machine = builder.boot().unwrap_or_else(|error| panic!("{error}"));
    machine.check_at_end(assert_no_leak);
    machine
}

pub fn machine() -> Machine {
    boot(builder())
}

/// Boots a machine with fio, LVM and other tools.
pub fn machine_with_tools() -> Machine {
    boot(builder().tools(true))
}

/// Boots a machine with the mapped device `d` and this table. Also returns the device's kernel
/// name.
#[track_caller]
pub fn machine_with_device(table: &str) -> (Machine, String) {
    with_device(machine(), table)
}

/// Makes the mapped device `d` with this table in a machine. Returns the machine and the device's
/// kernel name.
#[track_caller]
pub fn with_device(mut machine: Machine, table: &str) -> (Machine, String) {
    let device = create(&mut machine, "d", table);
    (machine, device)
}

/// Makes a disk with this content, in a file of `directory`.
pub fn disk_of(directory: &TempDir, name: &str, content: &[u8], read_only: bool) -> Disk {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    Disk::Own { path, read_only }
}

/// Boots a machine whose only disk has this content, in a file of the directory. The directory
/// comes first in the result, so that it is dropped after the machine.
pub fn machine_over(content: &[u8]) -> (TempDir, Machine) {
    let directory = tempfile::tempdir().unwrap();
    let disk = disk_of(&directory, "disk", content, false);
    (directory, boot(Machine::builder().disk(disk)))
}

/// Asserts that a kernel with kmemleak finds no leak of dmp's. kmemleak reports memory that nothing
/// refers to in two scans, and that is some seconds old by the second scan.
fn assert_no_leak(machine: &mut Machine) {
    let leaks = machine.sh(
        "cd /sys/kernel/debug 2>/dev/null && [ -e kmemleak ] || exit 0; \
         dmsetup remove_all; began=$(date +%s); echo scan >kmemleak || exit; \
         while [ $(date +%s) -lt $((began + 6)) ]; do sleep 1; done; echo scan >kmemleak || exit; \
         if grep -q '\\[dmp\\]' kmemleak; then cat kmemleak; fi",
    );
    assert_eq!(leaks, "", "memory that nothing points to any more");
}

/// Makes the mapped device `name` with this table. Returns the device's kernel name, dm-N.
#[track_caller]
pub fn create(machine: &mut Machine, name: &str, table: &str) -> String {
    let made = machine.sh(&format!(
        "dmsetup create {name} <<'END'\n{table}\nEND\n\
         status=$?; [ $status = 0 ] || exit $status\n\
         dmsetup info -c --noheadings -o minor {name}"
    ));
    format!("dm-{}", made.trim())
}

/// Returns a script that removes the mapped devices whose names begin with `names`. It removes them
/// together, because each removal waits seconds on the debug kernel. It fails, and names them, if
/// any remains.
pub fn remove_together(names: &str) -> String {
    format!(
        "for device in /dev/mapper/{names}*; do dmsetup remove $device & done; wait; \
         ! ls /dev/mapper/{names}* 2>/dev/null"
    )
}

/// Returns a script that waits until the process `pid` sleeps at `place`, which appears in its
/// stack. The script fails after ten seconds, and prints the stack.
pub fn until_asleep(pid: &str, place: &str) -> String {
    format!(
        "n=0; until grep -q '{place}' /proc/{pid}/stack; do n=$((n + 1)); \
           [ $n -lt 100 ] || {{ cat /proc/{pid}/stack >&2; exit 1; }}; usleep 100000; done"
    )
}

/// Returns a script that reads eight bytes of the open file `fd`, beginning eight bytes before its
/// position. busybox's dd, which this machine names de, multiplies the two numbers modulo 2^64.
pub fn read_back(fd: u32) -> String {
    format!("busybox de bs=8 skip=2305843009213693951 count=1 <&{fd} 2>/dev/null")
}

/// A script that makes the user `user`, without any capability.
pub const MAKE_USER: &str = "mkdir -p /etc && echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd";

/// Asserts that a script fails with status 1 and an error message with `errno`.
#[track_caller]
pub fn assert_refused(machine: &mut Machine, script: &str, errno: &str) {
    let output = machine
        .run(script)
        .unwrap_or_else(|error| panic!("{error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status, 1, "{script}: {stderr}");
    assert!(stderr.contains(errno), "{script}: {stderr}");
}

/// A script's status and output.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Asserts that a script has the same outcome for each of these devices. Replaces DEVICE by the
/// device and TARGET by its name. Returns the outcome.
#[track_caller]
pub fn assert_alike<const N: usize>(
    machine: &mut Machine,
    devices: [&str; N],
    script: &str,
) -> Outcome {
    let outcomes = devices.map(|device| {
        let name = device.rsplit('/').next().unwrap();
        let script = script.replace("DEVICE", device).replace("TARGET", name);
        let output = machine
            .run(&script)
            .unwrap_or_else(|error| panic!("{error}"));
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.replace(device, "DEVICE").replace(name, "TARGET")
        };
        Outcome {
            status: output.status,
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    });
    for (device, outcome) in devices.iter().zip(&outcomes) {
        assert_eq!(
            *outcome, outcomes[0],
            "{device} and {}: {script}",
            devices[0]
        );
    }
    outcomes.into_iter().next().unwrap()
}

/// Makes a SCSI disk, /dev/sda, by scsi_debug with these options.
#[track_caller]
pub fn scsi_disk(machine: &mut Machine, options: &str) {
    machine.sh(&format!(
        "modprobe scsi_debug dev_size_mb=16 {options} || exit; \
         for n in $(seq 300); do [ -e /dev/sda ] && exit; usleep 100000; done; \
         echo no /dev/sda comes >&2; exit 1"
    ));
}

/// Returns a script that gives a disk one partition, DISK1 or DISKp1: 16384 sectors from sector
/// 1024 on.
pub fn partition(disk: &str) -> String {
    format!(
        "{{ printf '\\000\\000\\000\\000\\203\\000\\000\\000\\000\\004\\000\\000\\000\\100\\000\\000'; \
            head -c 48 /dev/zero; printf '\\125\\252'; }} | \
         dd of={disk} bs=1 seek=446 conv=notrunc,fsync status=none && blockdev --rereadpt {disk}"
    )
}

/// Returns the files of a mapped device's queue, one a line: name and content.
#[track_caller]
pub fn queue(machine: &mut Machine, name: &str) -> Vec<String> {
    machine
        .sh(&format!(
            "set -- $(dmsetup info -c --noheadings -o minor {name}) && cd /sys/block/dm-$1/queue && \
             for f in *; do [ -d $f ] || echo \"$f: $(cat $f 2>&1)\"; done"
        ))
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Asserts that no device remains, and no trace of one in sysfs. Device mapper closes disks that a
/// target left open, and logs that.
#[track_caller]
pub fn assert_nothing_left(machine: &mut Machine, what: &str) {
    let left = machine.sh(&format!("dmsetup ls; ls {STAT} /dev/mapper"));
    assert_eq!(
        left,
        format!("No devices found\n/dev/mapper:\ncontrol\n\n{STAT}:\nvolumes\n"),
        "{what}"
    );
    let open = machine.sh("dmesg | grep 'dm_put_device call missing' || true");
    assert_eq!(open, "", "{what}");
}

/// Returns a script that writes `count` blocks of `size` bytes of zeros to the beginning of a
/// device, each in one request.
pub fn direct_writes(device: &str, size: u64, count: u64) -> String {
    format!(
        "dd if=/dev/zero of=/dev/mapper/{device} bs={size} count={count} oflag=direct status=none"
    )
}

/// Returns a script that reads `count` blocks of `size` bytes from the beginning of a device, each
/// in one request.
pub fn direct_reads(device: &str, size: u64, count: u64) -> String {
    format!(
        "dd if=/dev/mapper/{device} of=/dev/null bs={size} count={count} iflag=direct status=none"
    )
}

/// Returns bytes that depend only on `seed`. No two sectors are alike.
pub fn pattern(seed: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).unwrap()];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// Asserts that the bytes are equal. Reports the first difference, which helps more than a megabyte
/// of bytes.
#[track_caller]
pub fn assert_same_bytes(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    if let Some(at) = (0..found.len()).find(|&n| found[n] != expected[n]) {
        panic!("{what}: differs first at byte {at}, in sector {}", at / 512);
    }
}
