// SPDX-License-Identifier: GPL-2.0

//! Attach and detach that fail or are killed at each step. A target in the volume's table counts
//! the steps.

use dmp_vm::Machine;

use crate::common::*;

/// The least number of steps: reads, loads, suspensions, resumes and drops of the table with the
/// target.
const STEPS: u32 = 10;

/// Boots a machine with the target, and creates a volume whose table begins with `first`.
fn with_steps(first: &str) -> Machine {
    let mut machine = machine_with_tools();
    machine.sh("insmod /lib/dmp-tests/dmp_test_steps.ko");
    create(
        &mut machine,
        "volume",
        &format!("0 2048 {first}\n2048 8 zero"),
    );
    machine
}

/// Asserts that the volume runs within a second without a loaded table, and that a hidden device
/// exists only if the volume is attached above. Returns whether it is attached.
#[track_caller]
fn assert_runs(machine: &mut Machine, above: bool, what: &str) -> bool {
    let state = "dmsetup info -c --noheadings -o suspended,tables_loaded volume";
    machine.sh(&format!(
        "n=0; until [ \"$({state})\" = Active:Live ]; do n=$((n + 1)); \
           [ $n -lt 100 ] || {{ echo '{what}:' $({state}) >&2; exit 1; }}; usleep 10000; done; \
         timeout 10 dd if=/dev/mapper/volume of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null",
    ));
    let attached = machine.sh(&format!("[ ! -e {STAT}/dm-0 ] || cat {STAT}/dm-0/snapshot"));
    let attached = attached.contains("\nlines 1 0 ");
    let devices = if above && attached { 2 } else { 1 };
    assert_eq!(
        machine.sh("dmsetup ls | wc -l"),
        format!("{devices}\n"),
        "{what}"
    );
    attached
}

fn assert_runs_whatever_dies(first: &str, options: &str, above: bool) {
    let mut machine = with_steps(first);
    let parameters = "/sys/module/dmp_test_steps/parameters";
    let attach = format!("dmpstat attach {options} volume");
    let detach = "dmpstat detach volume";
    for (change, back, is_attached) in [(&*attach, detach, true), (detach, &*attach, false)] {
        // A failing resume leaves the volume suspended, and dmpstat is killed before it resumes the
        // volume.
        for fail in [0, 1] {
            let mut died = 0;
            loop {
                let kill = died + 1;
                let status = machine.sh(&format!(
                    "echo {fail} >{parameters}/fail; echo {kill} >{parameters}/kill; \
                     {change} >/dev/null 2>&1; echo $?; \
                     echo 0 >{parameters}/kill; echo 0 >{parameters}/fail"
                ));
                let what = format!(
                    "{change}, killed at {kill}, {fail} failed: {}",
                    status.trim()
                );
                let attached = assert_runs(&mut machine, above, &what);
                if status != "137\n" {
                    // dmpstat ran to its end. In an attach above, the first resume is the hidden
                    // device's.
                    let expected = match above && is_attached && fail > 0 {
                        true => ("1\n", false),
                        false => ("0\n", is_attached),
                    };
                    assert_eq!((status.as_str(), attached), expected, "{what}");
                    break;
                }
                died = kill;
                machine.sh(back);
            }
            // In an attach above, the target is in one of the two tables.
            let steps = if above { STEPS / 2 } else { STEPS };
            assert!(died >= steps, "{change}: {died}");
            if fail == 0 {
                machine.sh(back);
            }
        }
    }
    machine.sh("dmsetup remove volume && rmmod dmp dmp_test_steps");
}

#[test]
fn a_linear_volume_runs_wherever_dmpstat_is_killed() {
    assert_runs_whatever_dies("linear /dev/vda 0", "", false);
}

/// The old and the new table are printed alike.
#[test]
fn a_volume_shown_as_linear_runs_wherever_dmpstat_is_killed() {
    assert_runs_whatever_dies("linear /dev/vda 0", "--as linear", false);
}

#[test]
fn a_striped_volume_runs_wherever_dmpstat_is_killed() {
    assert_runs_whatever_dies("striped 1 8 /dev/vda 0", "", true);
}

/// After one failure the next attempt succeeds. After more failures, dmpstat resumes the old table.
/// After five, all attempts have failed.
#[test]
fn a_failed_resume_is_repaired() {
    let mut machine = with_steps("linear /dev/vda 0");
    for fail in 1..=5 {
        let status = machine.sh(&format!(
            "echo {fail} >/sys/module/dmp_test_steps/parameters/fail; \
             dmpstat attach volume >/run/out 2>/run/said; echo $?; \
             echo 0 >/sys/module/dmp_test_steps/parameters/fail"
        ));
        let said = machine.sh("cat /run/said");
        let expected = match fail {
            // The next attempt resumed the new table.
            1 => {
                assert!(said.contains("the attachment lasts until"), "{said}");
                ("0\n", true)
            }
            2..=4 => {
                assert_eq!(
                    said,
                    "dmpstat: volume: cannot activate the new table: Input/output error (os error 5). \
                     The volume runs as before\n"
                );
                ("1\n", false)
            }
            _ => {
                let advice = "THE VOLUME IS SUSPENDED. Its old table is\n0 2048 linear 254:0 0\n2048 8 zero \n\
                              Load the old table with \"dmsetup load\", and run \"dmsetup resume\"\n";
                assert!(said.ends_with(advice), "{said}");
                machine.sh("dmsetup resume volume");
                ("1\n", false)
            }
        };
        let attached = assert_runs(&mut machine, false, &format!("{fail} failed"));
        assert_eq!((status.as_str(), attached), expected, "{fail} failed");
        machine.sh("dmpstat detach volume");
    }
    machine.sh("dmsetup remove volume && rmmod dmp dmp_test_steps");
}
