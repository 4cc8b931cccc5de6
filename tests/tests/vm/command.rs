// SPDX-License-Identifier: GPL-2.0

//! A command in the guest is as if it ran here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::common::*;

#[test]
fn the_status_is_the_commands_own() {
    assert_output(&run(["--", "true"]), 0, "", "");
    assert_output(&run(["--", "false"]), 1, "", "");
    let missing = run(["--", "no-such-command"]);
    assert_failure(&missing, 127, "no-such-command: not found");
}

#[test]
fn output_and_errors_come_apart_and_alone() {
    let output = run_sh("echo out; echo err >&2; printf 'no newline'; exit 42");
    assert_output(&output, 42, "out\nno newline", "err\n");
}

#[test]
fn every_argument_arrives_as_it_was_given() {
    let arguments: [&[u8]; 12] = [
        b"two words",
        b"",
        b"single ' and '' quotes",
        b"double \" and \"\" quotes",
        b"line\nline\n",
        b"$HOME $(false) `false` ${x}",
        b"* ? [a-z] ~ {a,b}",
        b"back\\slash \\n \\",
        b"; | & > < ! #",
        b"--help",
        "\u{e9}\u{4e16}".as_bytes(),
        b"\xff\xfe\x1e\x01",
    ];
    let command: [OsString; 3] = ["--".into(), "printf".into(), "%s\\0".into()];
    let given = arguments.map(|bytes| OsStr::from_bytes(bytes).to_owned());
    let output = run(command.iter().chain(&given));
    let mut expected = Vec::new();
    for argument in arguments {
        expected.extend_from_slice(argument);
        expected.push(0);
    }
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, expected);
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_script_from_a_file_is_run() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "x='a  b'\necho \"$x\"\nexit 7\n").unwrap();
    let output = run(["--script".as_ref(), file.path().as_os_str()]);
    assert_output(&output, 7, "a  b\n", "");
}

#[test]
fn standard_input_is_empty() {
    assert_output(&run(["--", "cat"]), 0, "", "");
}

#[test]
fn the_machine_has_the_processors_and_the_memory_asked_for() {
    let output = run([
        "--cpus",
        "2",
        "--memory",
        "200M",
        "--",
        "sh",
        "-c",
        "nproc; awk '/MemTotal/ { print ($2 > 100 * 1024 && $2 < 200 * 1024) }' /proc/meminfo",
    ]);
    assert_output(&output, 0, "2\n1\n", "");
}

#[test]
fn the_module_is_loaded_and_there_are_two_disks() {
    let output = run_sh(
        "dmsetup create d --table '0 2048 dmp /dev/vda 0' && \
         dd if=/dev/zero of=/dev/mapper/d bs=4k count=8 oflag=direct status=none && \
         cat /sys/module/dmp/stat/volumes && cat /sys/block/vdb/size && ls /dev/vd*",
    );
    let expected = "read:\n reqs: 0\n avg size: 0\nwrite:\n reqs: 8\n avg size: 4096\n\
                    total:\n reqs: 8\n avg size: 4096\n131072\n/dev/vda\n/dev/vdb\n";
    assert_output(&output, 0, expected, "");
}
