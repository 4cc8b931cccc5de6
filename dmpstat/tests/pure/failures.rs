// SPDX-License-Identifier: GPL-2.0

//! Failing calls, interfering programs, and the death of dmpstat.

use std::io;
use std::os::fd::BorrowedFd;

use dmpstat::attach::exchange::{Exchange, Mended, load, mend};
use dmpstat::attach::guard::{Guard, Plan as Guarded};
use dmpstat::attach::plan::exchange;
use dmpstat::attach::request::Change;
use dmpstat::attach::volume::Volume;
use rustix::io::Errno;

use crate::attach::{OPTIONS, Still, attach, cases, change, job, run, text};
use crate::fake::{DEVICE, Deed, Fake, Fault, LVM, line, others};

/// Each call of device mapper fails in turn, with each error, once or twice.
#[test]
fn a_volume_runs_after_any_failed_call() {
    for (what, begin, wanted) in cases() {
        for (errno, times) in [(Errno::NOMEM, 1), (Errno::INTR, 1), (Errno::IO, 2)] {
            {
                let mut failures = 0;
                for call in 1.. {
                    let mut fake = begin();
                    let old = fake.volume().live.clone();
                    fake.fault = Some(Fault {
                        call: fake.calls + call,
                        times,
                        errno,
                    });
                    let (result, ..) = change(&mut fake, wanted);
                    let fault = fake.fault.take().unwrap();
                    if fault.times == times {
                        assert!(result.is_ok(), "{what}: {result:?}");
                        break;
                    }
                    let at = format!("{what}, call {call}, {errno:?} {times} times: {result:?}");
                    assert!(!fake.volume().suspended, "{at}");
                    if result.is_err() {
                        failures += 1;
                        assert_eq!(fake.volume().live, old, "{at}");
                    }
                    if times == 1 {
                        assert_eq!(fake.volume().inactive, None, "{at}");
                        let above = fake.volume().live.iter().any(|line| {
                            String::from_utf8_lossy(&line.parameters).starts_with("253:4 ")
                        });
                        assert_eq!(fake.others().len(), usize::from(above), "{at}");
                    }
                }
                assert!(failures >= 10, "{what}: only {failures} calls could fail");
            }
        }
    }
}

/// dmpstat dies at each call in turn, and the guard acts by its last plan.
#[test]
fn the_guard_resumes_the_volume_after_dmpstat_dies_at_any_step() {
    for (what, begin, wanted) in cases() {
        for call in 1.. {
            let mut fake = begin();
            let old = fake.volume().live.clone();
            fake.fault = Some(Fault {
                call: fake.calls + call,
                times: u32::MAX,
                errno: Errno::IO,
            });
            let machine = fake.machine();
            let mut guard = Dies::default();
            let job = job(&fake, wanted);
            let (result, _) = run(&mut fake, &job, &mut Still, &mut guard);
            if result.is_ok() {
                break;
            }
            fake.fault = None;
            guard.finish(&mut fake);
            let at = format!("{what}, call {call}");
            let volume = fake.volume().clone();
            assert!(!volume.suspended && volume.inactive.is_none(), "{at}");
            let now = Volume::read(&mut fake, DEVICE, &machine).unwrap();
            let above = now.attachment.is_some_and(|is| is.hidden.is_some());
            assert_eq!(fake.others().len(), usize::from(above), "{at}");
            if volume.live == old {
                continue;
            }
            assert!(guard.resuming, "{at}");
        }
    }
}

/// A guard that acts by its last plan, as after dmpstat's death.
#[derive(Default)]
struct Dies {
    plan: Guarded,
    resuming: bool,
}

impl Guard for Dies {
    fn arm(&mut self, plan: &Guarded, _: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.plan = plan.clone();
        Ok(())
    }

    fn resuming(&mut self) -> io::Result<()> {
        self.resuming = true;
        Ok(())
    }

    fn disarm(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Dies {
    fn finish(&self, fake: &mut Fake) {
        self.plan.finish(fake, self.resuming);
    }
}

#[test]
fn each_failure_has_its_own_message() {
    for (call_from_end, errno, expected) in [
        (2, Errno::NXIO, "the volume was removed meanwhile"),
        (
            2,
            Errno::INTR,
            "a signal ended the wait for requests in flight. The volume runs as before",
        ),
        (
            1,
            Errno::IO,
            "cannot activate the new table: Input/output error (os error 5). The volume runs as \
             before",
        ),
    ] {
        let begin = || Fake::new("", vec![line("linear", "8:0 0")]);
        let mut whole = begin();
        attach(&mut whole).unwrap();
        let mut fake = begin();
        fake.fault = Some(Fault {
            call: whole.calls - call_from_end,
            times: 1,
            errno,
        });
        assert_eq!(attach(&mut fake).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_error_of_a_failed_resume_has_the_old_table() {
    let begin = || Fake::new("", vec![line("linear", "8:0 0")]);
    let mut whole = begin();
    attach(&mut whole).unwrap();
    let mut fake = begin();
    fake.fault = Some(Fault {
        call: whole.calls,
        times: u32::MAX,
        errno: Errno::IO,
    });
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(message.contains("THE VOLUME IS SUSPENDED"), "{message}");
    assert!(message.contains("\n0 2048 linear 8:0 0\n"), "{message}");
}

/// The resume of the new table fails, and then the first resume of the old one.
#[test]
fn a_volume_runs_with_its_old_table_after_three_failed_resumes() {
    for uuid in ["", LVM] {
        let mut fake = Fake::new(uuid, vec![line("linear", "8:0 0")]);
        fake.failing_resumes = 3;
        assert_eq!(
            attach(&mut fake).unwrap_err().to_string(),
            "cannot activate the new table: Input/output error (os error 5). The volume runs as \
             before"
        );
        assert_eq!(fake.failing_resumes, 0);
        let volume = fake.volume();
        assert_eq!(text(&volume.live), ["0 2048 linear 8:0 0"]);
        assert!(!volume.suspended && volume.inactive.is_none());
    }
}

#[test]
fn a_removal_after_a_failed_resume_is_reported() {
    let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
    fake.failing_resumes = 1;
    fake.after_resume = Some(Deed::Remove);
    assert_eq!(
        attach(&mut fake).unwrap_err().to_string(),
        "the volume was removed meanwhile"
    );
}

#[test]
fn each_load_of_a_read_only_volume_is_read_only() {
    for read_only in [false, true] {
        for table in [line("linear", "8:0 0"), line("thin", "253:9 1")] {
            let mut fake = Fake::new("", vec![table]);
            fake.devices.get_mut(&DEVICE).unwrap().read_only = read_only;
            // This loads the old table again.
            fake.failing_resumes = 2;
            attach(&mut fake).unwrap_err();
            let loads: Vec<bool> = fake.loads.iter().map(|(_, read_only)| *read_only).collect();
            assert!(loads.len() >= 2, "{loads:?}");
            assert_eq!(loads, vec![read_only; loads.len()]);
        }
    }
}

/// Makes a volume of this target, and sets the flag of `blockdev --setro`.
fn set_read_only(target: &str) -> Fake {
    let mut fake = Fake::new("", vec![line(target, "253:9 1")]);
    fake.devices.get_mut(&DEVICE).unwrap().setro = true;
    fake
}

/// `blockdev --setro` outlasts a table. Without a node of the volume, dmpstat cannot distinguish the flag from
/// a read-only table.
#[test]
fn a_volume_that_was_set_read_only_stays_so_and_gets_a_writable_table() {
    for has_no_nodes in [false, true] {
        for target in ["linear", "thin"] {
            let mut fake = set_read_only(target);
            fake.has_no_nodes = has_no_nodes;
            attach(&mut fake).unwrap();
            assert!(fake.volume().setro);
            let loads: Vec<bool> = fake.loads.iter().map(|(_, read_only)| *read_only).collect();
            assert_eq!(loads, vec![has_no_nodes; loads.len()]);
        }
    }
}

/// dmpstat dies at each call in turn, and the guard acts by its last plan.
#[test]
fn a_read_only_flag_stays_wherever_dmpstat_dies() {
    for target in ["linear", "thin"] {
        for call in 1.. {
            let mut fake = set_read_only(target);
            fake.fault = Some(Fault {
                call: fake.calls + call,
                times: u32::MAX,
                errno: Errno::IO,
            });
            let mut guard = Dies::default();
            let job = job(&fake, Change::Attach(OPTIONS));
            let (result, _) = run(&mut fake, &job, &mut Still, &mut guard);
            if result.is_ok() {
                assert!(call > 10, "only {call} calls");
                break;
            }
            fake.fault = None;
            guard.finish(&mut fake);
            assert!(fake.volume().setro, "{target}, call {call}");
        }
    }
}

#[test]
fn a_read_only_flag_stays_after_any_failed_call() {
    for target in ["linear", "thin"] {
        for times in [1, 2] {
            for call in 1.. {
                let mut fake = set_read_only(target);
                fake.fault = Some(Fault {
                    call: fake.calls + call,
                    times,
                    errno: Errno::NOMEM,
                });
                let _ = attach(&mut fake);
                assert!(fake.volume().setro, "{target}, call {call}, {times} times");
                if fake.fault.is_some_and(|fault| fault.times == times) {
                    assert!(call > 10, "only {call} calls");
                    break;
                }
            }
        }
    }
}

/// Another program changes the volume right before the resume.
#[test]
fn another_programs_change_before_the_resume_is_kept() {
    for (deed, expected) in [
        (Deed::Suspend, "another program suspended the volume"),
        (Deed::Load, "another program changed the table meanwhile"),
        (
            Deed::Exchange,
            "another program changed the table meanwhile",
        ),
        (Deed::Rename, "another program changed the table meanwhile"),
        (Deed::Remove, "the volume was removed meanwhile"),
    ] {
        for table in [line("linear", "8:0 0"), line("thin", "253:9 1")] {
            let mut fake = Fake::new(LVM, vec![table.clone()]);
            fake.after_load = Some(deed);
            let error = attach(&mut fake).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{deed:?}: {error}");
            assert_eq!(fake.others().len(), 0, "{deed:?}");
            if deed == Deed::Remove {
                continue;
            }
            let volume = fake.volume();
            assert_eq!(volume.suspended, deed == Deed::Suspend);
            let loaded = (deed == Deed::Load).then(others);
            assert_eq!(volume.inactive, loaded, "{deed:?}");
            let live = if deed == Deed::Exchange {
                others()
            } else {
                vec![table]
            };
            assert_eq!(volume.live, live, "{deed:?}");
        }
    }
}

/// Another program gives the volume a third table, or loads one, during the repair of a failed resume.
#[test]
fn another_programs_table_is_not_replaced() {
    for deed in [Deed::Exchange, Deed::Load] {
        let begin = || Fake::new("", vec![line("linear", "8:0 0")]);
        let mut whole = begin();
        attach(&mut whole).unwrap();
        let mut fake = begin();
        fake.after_resume = Some(deed);
        fake.fault = Some(Fault {
            call: whole.calls,
            times: u32::MAX,
            errno: Errno::NOMEM,
        });
        let message = attach(&mut fake).unwrap_err().to_string();
        match deed {
            Deed::Exchange => assert_eq!(fake.volume().live, others()),
            _ => assert_eq!(fake.volume().inactive, Some(others())),
        }
        if !fake.volume().suspended {
            continue;
        }
        assert!(!message.contains("runs as before"), "{deed:?}: {message}");
    }
}

/// `mend` changes nothing if the volume runs or was removed.
#[test]
fn mend_leaves_a_running_volume_unchanged() {
    let mut fake = Fake::new(LVM, vec![line("linear", "8:0 0")]);
    let machine = fake.machine();
    let volume = Volume::read(&mut fake, DEVICE, &machine).unwrap();
    let exchange = exchange(&volume, vec![line("dmp", "8:0 0")], false);
    assert!(matches!(mend(&mut fake, &exchange), Mended::Runs));
    assert_eq!(text(&fake.volume().live), ["0 2048 linear 8:0 0"]);
    fake.devices.remove(&DEVICE);
    assert!(matches!(mend(&mut fake, &exchange), Mended::Gone));
}

/// Returns the exchange of dm-3's linear table for a dmp table.
fn planned(fake: &mut Fake) -> Exchange {
    let machine = fake.machine();
    let volume = Volume::read(fake, DEVICE, &machine).unwrap();
    exchange(&volume, vec![line("dmp", "8:0 0")], false)
}

/// Another program has loaded a table after dmpstat's check of the volume.
#[test]
fn another_programs_inactive_table_is_not_replaced() {
    let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
    let plan = planned(&mut fake);
    fake.deed(Some(Deed::Load));
    let message = load(&mut fake, &plan).unwrap_err().to_string();
    assert!(
        message.starts_with("another program changed the table"),
        "{message}"
    );
    assert_eq!(fake.volume().inactive, Some(others()));
}

/// The inactive table is another program's. `mend` never drops it, and does not resume a volume that would
/// activate it.
#[test]
fn mend_keeps_another_programs_inactive_table() {
    for suspended in [false, true] {
        let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
        let plan = planned(&mut fake);
        plan.reserve(&mut fake);
        fake.deed(Some(Deed::Load));
        fake.devices.get_mut(&DEVICE).unwrap().suspended = suspended;
        let mended = mend(&mut fake, &plan);
        assert_eq!(matches!(mended, Mended::Theirs), suspended, "{mended:?}");
        assert_eq!(matches!(mended, Mended::Runs), !suspended, "{mended:?}");
        assert_eq!(fake.volume().inactive, Some(others()));
        assert_eq!(fake.volume().suspended, suspended);
        assert_eq!(text(&fake.volume().live), ["0 2048 linear 8:0 0"]);
    }
}

/// A third table is live, and its first resume fails.
#[test]
fn mend_resumes_another_programs_live_table() {
    let mut fake = Fake::new("", vec![line("linear", "8:0 0")]);
    let plan = planned(&mut fake);
    plan.reserve(&mut fake);
    fake.deed(Some(Deed::Exchange));
    fake.deed(Some(Deed::Suspend));
    // The second call is the resume: the first one reads the state.
    fake.fault = Some(Fault {
        call: fake.calls + 2,
        times: 1,
        errno: Errno::NOMEM,
    });
    assert!(matches!(mend(&mut fake, &plan), Mended::Runs));
    assert_eq!(fake.fault.unwrap().times, 0);
    assert_eq!(fake.volume().live, others());
    assert!(!fake.volume().suspended);
}
