// SPDX-License-Identifier: GPL-2.0

//! SysRq on the serial console of a guest that takes too long: asks for the guest's state. The
//! kernel answers even if no program in the guest would.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::console::Console;
use crate::error::{Doing, Error};
use crate::limit::Limit;

/// The keys, and the beginnings of the kernel's answers (Documentation/admin-guide/sysrq.rst). The
/// last answer is one line, so once it has appeared, all answers are complete.
const QUESTIONS: [(u8, &str); 4] = [
    (b'l', "sysrq: Show backtrace of all active CPUs"),
    (b'q', "sysrq: Show clockevent devices"),
    (b'w', "sysrq: Show Blocked State"),
    (b'h', "sysrq: HELP"),
];
/// Keys that QEMU's multiplexer turns into a break. A key after a break is SysRq's.
const BREAK: &[u8] = b"\x01b";
/// Time limit of an answer. The longest takes the kernel a tenth of a second, if it answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Length of the quiet before a question, and time until the question is repeated. The kernel
/// misses a break that arrives while it writes.
const QUIET: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(1);

/// The input of a guest's console.
#[derive(Debug)]
pub(crate) struct SysRq(File);

impl SysRq {
    /// Makes the input, which QEMU reads from `path`.
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        let doing = || format!("make a pipe {}", path.display());
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).doing(doing)?;
        // The pipe is open for both directions, so no open waits for another, and QEMU sees no end.
        let input = OpenOptions::new().read(true).write(true).open(path);
        Ok(Self(input.doing(doing)?))
    }

    /// Asks the kernel to print its processors' work and its tasks' waits on its console. Returns
    /// whether it did.
    pub(crate) fn ask(&self, console: impl Fn() -> Console) -> bool {
        QUESTIONS.iter().all(|(key, answer)| {
            let before = console();
            let limit = Limit::about(ANSWER_LIMIT);
            while !limit.left().is_zero() {
                wait_until_quiet(limit, &console);
                self.press(*key);
                let asked = Instant::now();
                while asked.elapsed() < AGAIN {
                    if console().since(&before).contains(answer) {
                        return true;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
            false
        })
    }

    fn press(&self, key: u8) {
        let _ = (&self.0).write_all(&[BREAK, &[key]].concat());
    }
}

fn wait_until_quiet(limit: Limit, console: impl Fn() -> Console) {
    let mut last = console();
    while !limit.left().is_zero() {
        thread::sleep(QUIET);
        let now = console();
        if now.since(&last).is_empty() {
            return;
        }
        last = now;
    }
}
