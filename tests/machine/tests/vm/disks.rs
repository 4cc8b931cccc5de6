// SPDX-License-Identifier: GPL-2.0

//! The user's own disks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::*;

const MIB: usize = 1 << 20;

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

fn file(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn both_streams_pass_ten_megabytes_of_any_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (random(1, 10 * MIB), random(2, 10 * MIB));
    let mut vm = dmp_vm();
    vm.arg("--disk").arg(file(directory.path(), "one", &one));
    vm.arg("--disk").arg(file(directory.path(), "two", &two));
    let output = vm
        .args(["--", "sh", "-c", "cat /dev/vda & cat /dev/vdb >&2; wait"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == one, "standard output differs");
    assert!(output.stderr == two, "standard error differs");
}

#[test]
fn a_raw_disk_keeps_writes() {
    let directory = tempfile::tempdir().unwrap();
    // A comma in a file's name has a special meaning in QEMU's options.
    let path = file(directory.path(), "a disk, raw", &vec![0; MIB]);
    let script = "echo kept | dd of=/dev/vda bs=512 seek=3 conv=sync status=none; ls /dev/vd*";
    let output = dmp_vm()
        .arg("--disk")
        .arg(&path)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap();
    assert_output(&output, 0, "/dev/vda\n", "");
    let content = fs::read(&path).unwrap();
    assert_eq!(content.len(), MIB);
    assert_eq!(&content[3 * 512..][..6], b"kept\n\0");
}

#[test]
fn a_qcow2_disk_shows_its_content_and_keeps_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("disk.qcow2");
    let qemu_img = std::env::var_os("DMP_VM_QEMU_IMG")
        .expect("DMP_VM_QEMU_IMG is not set: it must name the program qemu-img");
    let made = Command::new(qemu_img)
        .args(["create", "-q", "-f", "qcow2"])
        .args([path.as_os_str(), "32M".as_ref()])
        .status()
        .unwrap();
    assert!(made.success());
    let run = |script: &str| {
        let mut vm = dmp_vm();
        vm.arg("--disk").arg(&path);
        vm.args(["--", "sh", "-c", script]).output().unwrap()
    };
    let write = run("cat /sys/block/vda/size; echo kept >/dev/vda");
    assert_output(&write, 0, "65536\n", "");
    assert_output(&run("head -c 5 /dev/vda"), 0, "kept\n", "");
    assert_eq!(&fs::read(&path).unwrap()[..4], b"QFI\xfb");
}

#[test]
fn a_read_only_disk_cannot_be_written_and_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let content = random(3, MIB);
    let path = file(directory.path(), "disk", &content);
    let script = "cat /sys/block/vda/ro; echo no >/dev/vda || head -c 1048576 /dev/vda | md5sum; \
                  dmsetup create d --readonly --table '0 2048 dmp /dev/vda 0' && \
                  md5sum </dev/mapper/d";
    let output = dmp_vm()
        .args(["--read-only", "--disk"])
        .arg(&path)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_failure(&output, 0, "Operation not permitted");
    assert_eq!((lines.len(), lines[0]), (3, "1"), "{stdout}");
    assert_eq!(lines[1], lines[2]);
    assert!(fs::read(&path).unwrap() == content, "the disk was changed");
}
