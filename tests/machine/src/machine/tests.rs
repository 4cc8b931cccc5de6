// SPDX-License-Identifier: GPL-2.0

//! The end of a machine, without a guest.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::accel::Chosen;
use crate::qemu::{Invocation, Parts};

/// Starts a machine whose QEMU is `true`, which exits at once and leaves an empty log.
fn machine() -> Machine {
    let parts = Parts {
        qemu: "true".into(),
        kernel: PathBuf::new(),
        initrd: PathBuf::new(),
    };
    let workdir = Workdir::new().unwrap();
    let (link, _) = Link::pair().unwrap();
    let (monitor, _) = Monitor::pair().unwrap();
    let sysrq = SysRq::new(&workdir.path().join("keys")).unwrap();
    let qemu = Invocation::new(&parts, Chosen::Tcg, "")
        .start(&workdir.path().join("qemu.log"))
        .unwrap();
    let limits = Limits {
        command: Duration::from_secs(1),
        total: None,
    };
    let mut machine = Machine::started(qemu, link, monitor, sysrq, vec![], limits, workdir);
    machine.over = false;
    machine
}

thread_local! {
    static CHECKS: Cell<u32> = const { Cell::new(0) };
}

fn count(machine: &mut Machine) {
    assert!(!machine.over, "the machine is still on");
    CHECKS.set(CHECKS.get() + 1);
}

fn fail(_: &mut Machine) {
    panic!("a leak");
}

/// Returns the message of the panic that ends `body`.
fn message(body: impl FnOnce()) -> &'static str {
    let payload = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    payload.downcast_ref::<&str>().unwrap()
}

#[test]
fn each_end_but_a_power_cut_runs_the_check_once() {
    let ends: [fn(Machine); 3] = [
        drop,
        |machine| machine.finish().unwrap(),
        Machine::cut_power,
    ];
    for (end, checks) in ends.into_iter().zip([1, 2, 2]) {
        let mut machine = machine();
        machine.check_at_end(count);
        end(machine);
        assert_eq!(CHECKS.get(), checks);
    }
}

#[test]
fn a_failed_check_panics_the_owner() {
    let ends: [fn(Machine); 2] = [drop, |machine| machine.finish().unwrap()];
    for end in ends {
        let mut machine = machine();
        machine.check_at_end(fail);
        assert_eq!(message(|| end(machine)), "a leak");
    }
}

/// A second panic would abort the process.
#[test]
fn a_panicking_owner_skips_the_check() {
    let failed = || {
        let mut machine = machine();
        machine.check_at_end(fail);
        panic!("another failure");
    };
    assert_eq!(message(failed), "another failure");
}

/// Only the first drop can panic: the second one happens in a panicking thread.
#[test]
fn the_first_of_two_failed_checks_sets_the_panic_message() {
    let failed = || {
        let mut first = machine();
        first.check_at_end(|_| panic!("a leak of the first"));
        let mut second = machine();
        second.check_at_end(|_| panic!("a leak of the second"));
    };
    assert_eq!(message(failed), "a leak of the second");
}
