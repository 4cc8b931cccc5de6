// SPDX-License-Identifier: GPL-2.0

//! Booted machines, and machines that start from a saved state: their guests see no difference.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::common::*;

/// A host: a place for states, empty at first, and a QEMU that records its starts.
struct Host(TempDir);

impl Host {
    /// Makes a host whose QEMU runs `first`, a script, before it starts.
    fn new(first: &str) -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        fs::create_dir(host.states()).unwrap();
        host.install(first);
        host
    }

    fn install(&self, first: &str) {
        let script = format!(
            "#!/bin/sh\ncd '{}'\n\
             case \"$*\" in *' -incoming '*) how=resumed ;; *) how=booted ;; esac\n\
             {first}\necho $how >>log\nexec '{}' \"$@\"\n",
            self.0.path().display(),
            std::env::var("DMP_VM_QEMU").unwrap()
        );
        fs::write(self.qemu(), script).unwrap();
        fs::set_permissions(self.qemu(), Permissions::from_mode(0o755)).unwrap();
    }

    fn qemu(&self) -> PathBuf {
        self.0.path().join("qemu")
    }

    fn states(&self) -> PathBuf {
        self.0.path().join("states")
    }

    /// Returns a dmp-vm on this host.
    fn vm(&self) -> Command {
        let mut vm = dmp_vm();
        vm.env("DMP_VM_QEMU", self.qemu())
            .env("DMP_VM_STATES", self.states())
            .env("DMP_VM_ACCEL", "tcg");
        vm
    }

    fn run(&self, args: &[&str]) -> Output {
        self.vm().args(args).output().unwrap()
    }

    /// Returns the directories of all saved states.
    fn saved(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.states()).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }

    /// Asserts how the host's machines started, one after the other.
    #[track_caller]
    fn assert_came_up(&self, how: &[&str]) {
        let log = fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        assert_eq!(log.lines().collect::<Vec<_>>(), how);
    }
}

const TRUE: [&str; 2] = ["--", "true"];

#[test]
fn concurrent_machines_make_one_state() {
    let host = Host::new("");
    let machines = [(); 3].map(|()| host.vm().args(TRUE).spawn().unwrap());
    for mut machine in machines {
        assert!(machine.wait().unwrap().success());
    }
    host.assert_came_up(&["booted", "resumed", "resumed"]);
    assert_eq!(host.saved().len(), 1);
}

/// Every difference that a guest could see makes another state: here the memory and the processors.
/// So does a changed QEMU.
#[test]
fn a_machine_with_another_shape_is_booted() {
    let host = Host::new("");
    let run_both = || {
        for shape in [["--memory", "300M"], ["--cpus", "2"]] {
            assert_output(&host.run(&[&shape[..], &TRUE].concat()), 0, "", "");
        }
    };
    run_both();
    run_both();
    host.assert_came_up(&["booted", "booted", "resumed", "resumed"]);
    host.install("# another");
    run_both();
    let came_up = ["booted", "booted", "resumed", "resumed", "booted", "booted"];
    host.assert_came_up(&came_up);
}

/// Compares the output of a booted guest and of two that start from its state.
#[test]
fn resumed_machines_share_no_disk_random_numbers_boot_id_or_old_clock() {
    let host = Host::new("");
    let script = "od -An -tx8 -N 8 /dev/urandom; cat /proc/sys/kernel/random/boot_id; date +%s; \
                  tr -d '\\0' </dev/vda; printf secret >/dev/vda; sync; head -c 6 /dev/vda";
    let said = [(); 3].map(|()| {
        // The guest's clock is read in seconds.
        thread::sleep(Duration::from_millis(1100));
        let now = || {
            let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
            since.as_secs()
        };
        let before = now();
        let output = host.run(&["--", "sh", "-c", script]);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!((lines.len(), &*lines[3]), (4, "secret"), "{text}");
        let date: u64 = lines[2].parse().unwrap();
        // A booted guest reads its time from a chip that counts in seconds.
        assert!((before - 1..=now()).contains(&date), "{date}, {before}");
        lines
    });
    host.assert_came_up(&["booted", "resumed", "resumed"]);
    for line in [0, 1] {
        let all = said.each_ref().map(|lines| &lines[line]);
        assert!(
            all[0] != all[1] && all[1] != all[2] && all[0] != all[2],
            "{all:?}"
        );
    }
}

#[test]
fn a_resumed_machines_console_includes_the_boot_and_its_complaints() {
    let host = Host::new("");
    assert_output(&host.run(&TRUE), 0, "", "");
    let panic = host.run(&["--", "sh", "-c", "echo c >/proc/sysrq-trigger"]);
    host.assert_came_up(&["booted", "resumed"]);
    assert_failure(&panic, 123, "sysrq triggered crash");
    // The tail begins with the first complaint, here one of the boot.
    let console = host.saved()[0].join("console");
    let boot = fs::read_to_string(&console).unwrap();
    let complained = boot.replace("Run /init", "WARNING: in the boot\nRun /init");
    assert_ne!(boot, complained);
    fs::write(&console, complained).unwrap();
    let panic = host.run(&["--", "sh", "-c", "echo c >/proc/sysrq-trigger"]);
    assert_failure(&panic, 123, "WARNING: in the boot");
    host.assert_came_up(&["booted", "resumed", "resumed"]);
}

#[test]
fn a_broken_state_is_reported_removed_and_replaced() {
    let host = Host::new("");
    assert_output(&host.run(&TRUE), 0, "", "");
    let whole = fs::read(host.saved()[0].join("memory")).unwrap();
    for broken in [&whole[..whole.len() / 2], b"something else"] {
        fs::write(host.saved()[0].join("memory"), broken).unwrap();
        let output = host.run(&["--", "echo", "up"]);
        let said = "dmp-vm: a machine did not start from its saved state, so one is booted: ";
        assert_failure(&output, 0, said);
        assert_eq!(output.stdout, b"up\n");
        assert_eq!(host.saved().len(), 0);
        assert_output(&host.run(&TRUE), 0, "", "");
        assert_eq!(host.saved().len(), 1);
    }
    let again = ["resumed", "booted", "booted"];
    host.assert_came_up(&[&["booted"][..], &again, &again].concat());
}

#[test]
fn after_a_failed_save_the_machine_works_and_the_next_is_booted() {
    // The state's file exceeds the limit of a file's size here.
    let host = Host::new("ulimit -f 1024; trap '' XFSZ");
    let output = host.run(&["--", "echo", "up"]);
    let said = "dmp-vm: cannot save the machine's state, so the next is booted: ";
    assert_failure(&output, 0, said);
    assert_eq!(output.stdout, b"up\n");
    assert_eq!(host.saved().len(), 0);
    host.assert_came_up(&["booted"]);
}

#[test]
fn machines_are_booted_without_a_directory_for_states() {
    let host = Host::new("");
    for place in ["", "/proc/nowhere"] {
        let output = host.vm().env("DMP_VM_STATES", place).args(TRUE).output();
        assert_output(&output.unwrap(), 0, "", "");
    }
    host.assert_came_up(&["booted", "booted"]);
}

#[test]
fn states_unused_for_a_day_or_beyond_sixteen_are_removed() {
    let host = Host::new("");
    let made = |name: &str, age: u64| {
        let state = host.states().join(name);
        fs::create_dir(&state).unwrap();
        let shape = fs::File::create(state.join("shape")).unwrap();
        let used = SystemTime::now() - Duration::from_secs(age);
        shape.set_modified(used).unwrap();
    };
    for n in 0..16 {
        made(&format!("{n:02}"), 60 + n);
    }
    made("old", 2 * 24 * 3600);
    assert_output(&host.run(&TRUE), 0, "", "");
    let kept = host.saved();
    assert_eq!(kept.len(), 16);
    for gone in ["15", "old"] {
        assert!(!kept.contains(&host.states().join(gone)), "{kept:?}");
    }
}

/// This happens now and then under QEMU's translator.
#[test]
fn a_guest_that_exits_or_hangs_before_its_init_is_restarted() {
    // All run in parallel, because the detection of a hung guest takes a while.
    let machines = ["kill -ABRT $$", "exit 0", "exec sleep 1000"].map(|first| {
        let host = Host::new(&format!("if mkdir once 2>/dev/null; then {first}; fi"));
        thread::spawn(move || {
            let output = host.run(&["--", "echo", "up"]);
            let said = "dmp-vm: the guest's kernel exited or hung before its init: booting again\n\
                        (the guest's console is empty)\n";
            assert_output(&output, 0, "up\n", said);
            host.assert_came_up(&["booted"]);
        })
    });
    for machine in machines {
        machine.join().unwrap();
    }
}

/// The limit also applies on a slow kernel. A guest that was only slow so far is not restarted.
#[test]
fn a_guest_that_boots_too_slowly_is_ended_with_124() {
    let host = Host::new("");
    let mut vm = host.vm();
    vm.env("DMP_VM_PATIENCE", "5");
    let output = vm.args(["--timeout", "1", "--", "true"]).output().unwrap();
    let said = "dmp-vm: 1 s were not enough for its first command\n";
    assert_failure(&output, 124, said);
    assert!(output.stderr.starts_with(said.as_bytes()));
    host.assert_came_up(&["booted"]);
    assert_eq!(host.saved().len(), 0);
}

#[test]
fn a_machine_that_hangs_at_its_resume_is_booted() {
    let host = Host::new("[ $how = booted ] || exec sleep 1000");
    assert_output(&host.run(&TRUE), 0, "", "");
    let output = host.run(&["--", "echo", "up"]);
    let said = "dmp-vm: a machine did not start from its saved state, so one is booted: ";
    assert_failure(&output, 0, said);
    assert_eq!(output.stdout, b"up\n");
    host.assert_came_up(&["booted", "booted"]);
}
