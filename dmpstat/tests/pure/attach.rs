// SPDX-License-Identifier: GPL-2.0

//! Tables that take another's place, whatever fails.

use std::io;

use dmpstat::attach::exchange::{Failure, exchange};
use dmpstat::attach::kernel::{DeviceMapper, Number, Status, Which};
use dmpstat::attach::line::{Line, Options};
use rustix::io::Errno;

const DEVICE: Number = Number(0xfd03);

fn line(target: &str, parameters: &str) -> Line {
    Line {
        start: 0,
        length: 2048,
        target: target.to_owned(),
        parameters: parameters.as_bytes().to_vec(),
    }
}

/// Where the one device of a fake fails, once, and with what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Load,
    Table,
    /// Before the new table is live: the kernel keeps it.
    Suspend,
    /// Before the new table is live, which is lost, and the device stays suspended.
    Swap,
    /// The new table is live, and the device stays suspended.
    Resume,
}

struct Fake {
    live: Vec<Line>,
    inactive: Option<Vec<Line>>,
    suspended: bool,
    fails: Option<(Step, Errno)>,
    /// It fails so often.
    times: u32,
}

impl Fake {
    fn new(live: &Line, fails: Option<(Step, Errno)>) -> Self {
        Self {
            live: vec![live.clone()],
            inactive: None,
            suspended: false,
            fails,
            times: 1,
        }
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        match self.fails {
            Some((at, errno)) if at == step && self.times > 0 => {
                self.times -= 1;
                Err(errno.into())
            }
            _ => Ok(()),
        }
    }
}

impl DeviceMapper for Fake {
    fn devices(&mut self) -> io::Result<Vec<(Number, Vec<u8>)>> {
        Ok(vec![(DEVICE, b"volume".to_vec())])
    }

    fn status(&mut self, _: Number) -> io::Result<Status> {
        Ok(Status {
            suspended: self.suspended,
            has_inactive: self.inactive.is_some(),
            ..Status::default()
        })
    }

    fn table(&mut self, _: Number, _: Which) -> io::Result<Vec<Line>> {
        self.step(Step::Table)?;
        Ok(self.live.clone())
    }

    fn has_target(&mut self, _: &str) -> io::Result<bool> {
        Ok(true)
    }

    fn load(&mut self, _: Number, table: &[Line], _: bool) -> io::Result<()> {
        self.step(Step::Load)?;
        self.inactive = Some(table.to_vec());
        Ok(())
    }

    fn clear(&mut self, _: Number) -> io::Result<()> {
        self.inactive = None;
        Ok(())
    }

    fn resume(&mut self, _: Number) -> io::Result<()> {
        if self.inactive.is_some() {
            self.step(Step::Suspend)?;
            self.suspended = true;
            let new = self.inactive.take();
            self.step(Step::Swap)?;
            self.live.extend(new.into_iter().flatten());
            self.live.drain(..1);
        }
        self.step(Step::Resume)?;
        self.suspended = false;
        Ok(())
    }
}

fn attach(fake: &mut Fake) -> Result<(), Failure> {
    let (old, new) = (line("linear", "8:0 0"), line("dmp", "8:0 0"));
    exchange(fake, DEVICE, [&[old], &[new]], false)
}

#[test]
fn whatever_fails_the_volume_runs_with_its_old_table_and_no_other_is_loaded() {
    let old = line("linear", "8:0 0");
    for step in [
        Step::Load,
        Step::Table,
        Step::Suspend,
        Step::Swap,
        Step::Resume,
    ] {
        for errno in [Errno::NOMEM, Errno::INVAL, Errno::INTR, Errno::IO] {
            let mut fake = Fake::new(&old, Some((step, errno)));
            attach(&mut fake).unwrap_err();
            assert_eq!(fake.live, std::slice::from_ref(&old));
            assert_eq!((fake.inactive, fake.suspended), (None, false));
        }
    }
    let mut fake = Fake::new(&old, None);
    attach(&mut fake).unwrap();
    assert_eq!(fake.live, [line("dmp", "8:0 0")]);
    assert_eq!((fake.inactive, fake.suspended), (None, false));
}

#[test]
fn each_failure_says_what_it_was() {
    let old = line("linear", "8:0 0");
    for (step, errno, expected) in [
        (Step::Load, Errno::NXIO, "it went meanwhile"),
        (Step::Suspend, Errno::NXIO, "it went meanwhile"),
        (
            Step::Suspend,
            Errno::INTR,
            "a signal came while requests were waited for. It runs as before",
        ),
        (
            Step::Resume,
            Errno::IO,
            "its new table did not come to life: Input/output error (os error 5). It runs as before",
        ),
    ] {
        let mut fake = Fake::new(&old, Some((step, errno)));
        assert_eq!(attach(&mut fake).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_volume_that_cannot_be_resumed_at_all_comes_with_its_table_and_what_to_do() {
    let mut fake = Fake::new(&line("linear", "8:0 0"), Some((Step::Resume, Errno::IO)));
    fake.times = u32::MAX;
    let message = attach(&mut fake).unwrap_err().to_string();
    assert!(message.contains("IT STANDS STILL"), "{message}");
    assert!(message.contains("\n0 2048 linear 8:0 0\n"), "{message}");
}

#[test]
fn a_table_that_another_program_changed_meanwhile_is_left_alone() {
    let other = line("linear", "8:16 0");
    let mut fake = Fake::new(&other, None);
    assert!(matches!(attach(&mut fake), Err(Failure::Changed)));
    assert_eq!(fake.live, [other]);
    assert_eq!((fake.inactive, fake.suspended), (None, false));
}

#[test]
fn a_linear_line_gets_options_and_loses_them_again_and_others_stay() {
    let options = |latency, flush_bypass| Options {
        latency,
        flush_bypass,
        ..Options::default()
    };
    let linear = line("linear", "8:0 2048");
    for (options, parameters) in [
        (options(false, false), "8:0 2048"),
        (options(true, false), "8:0 2048 1 latency"),
        (options(true, true), "8:0 2048 2 latency flush_bypass"),
    ] {
        let dmp = line("dmp", parameters);
        assert_eq!(linear.attached(options), dmp);
        assert_eq!(dmp.detached(), linear);
        assert_eq!(dmp.attached(Options::default()), dmp);
    }
    let crypt = line("crypt", "aes-xts-plain64 0123456789abcdef 0 8:0 0");
    assert_eq!(crypt.attached(options(true, true)), crypt);
    assert_eq!(crypt.detached(), crypt);
    assert_eq!(crypt.to_string(), "0 2048 crypt ...");
}
