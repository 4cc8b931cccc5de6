// SPDX-License-Identifier: GPL-2.0

//! Commands in the guest behave like local ones.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::common::*;

#[test]
fn the_status_is_the_commands_own() {
    assert_output(&run(["--", "true"]), 0, "", "");
    assert_output(&run(["--", "false"]), 1, "", "");
    let missing = run(["--", "no-such-command"]);
    assert_failure(&missing, 127, "no-such-command: not found");
}

#[test]
fn stdout_and_stderr_are_separate_and_exact() {
    let output = run_sh("echo out; echo err >&2; printf 'no newline'; exit 42");
    assert_output(&output, 42, "out\nno newline", "err\n");
}

#[test]
fn the_machine_has_the_manual_of_dmpstat() {
    let output = run_sh(
        "for page in dmpstat dmpstat-top ls; do man $page 2>&1 | grep -c r_p99; done; man ls",
    );
    let error = "man: this machine has the pages of dmpstat only: dmpstat, dmpstat-top, dmpstat-attach, ...\n";
    assert_eq!(output.status.code(), Some(16));
    assert_eq!(String::from_utf8_lossy(&output.stderr), error);
    let counts = String::from_utf8_lossy(&output.stdout);
    let has: Vec<bool> = counts.lines().map(|count| count != "0").collect();
    assert_eq!(has, [true, true, false], "{counts}");
}

#[test]
fn every_argument_arrives_unchanged() {
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
fn the_machine_has_the_requested_processors_and_memory() {
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

#[test]
fn copied_files_are_in_the_working_directory_or_at_the_given_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("folder/below")).unwrap();
    fs::write(path("folder/below/file"), "in a folder\n").unwrap();
    fs::write(path("a script"), "#!/bin/sh\necho \"run: $1\"\n").unwrap();
    fs::set_permissions(path("a script"), Permissions::from_mode(0o750)).unwrap();
    // This is more than any buffer in between.
    fs::write(path("large"), vec![7; 8 << 20]).unwrap();
    symlink(path("large"), path("link")).unwrap();
    let copy = |name: &str, to: &str| {
        let mut argument = path(name).into_os_string();
        argument.push(to);
        [OsString::from("--copy"), argument]
    };
    let script = "./'a script' x; cat folder/below/file /opt/other/below/file; \
                  wc -c link /opt/link; cmp link /opt/link; stat -c '%u %A' 'a script' link";
    let copies = [
        copy("a script", ""),
        copy("folder", ""),
        copy("folder", ":/opt/other"),
        copy("link", ""),
        copy("link", ":/opt/"),
    ];
    let command = ["--", "sh", "-c", script].map(OsString::from);
    let output = run(copies.concat().into_iter().chain(command));
    let expected = "run: x\nin a folder\nin a folder\n  8388608 link\n  8388608 /opt/link\n \
                    16777216 total\n0 -rwxr-xr-x\n0 -rw-r--r--\n";
    assert_output(&output, 0, expected, "");
}

#[test]
fn a_failed_copy_is_125_and_named() {
    let missing = run(["--copy", "/nowhere/file:/x", "--", "true"]);
    assert_failure(
        &missing,
        125,
        "cannot copy /nowhere/file to the guest: No such file",
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut argument = file.path().as_os_str().to_owned();
    argument.push(":/proc/nowhere");
    let refused = run([
        "--copy".as_ref(),
        &*argument,
        "--".as_ref(),
        "true".as_ref(),
    ]);
    assert_failure(&refused, 125, "to the guest: tar: can't ");
}
