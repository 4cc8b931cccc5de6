// SPDX-License-Identifier: GPL-2.0

//! Asks a guest that takes too long what it is doing: SysRq, on its serial console. The kernel
//! answers where no program of the guest would.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::console::Console;
use crate::error::{Doing, Error};
use crate::limit::Limit;

/// The keys, and how the kernel's answers begin (Documentation/admin-guide/sysrq.rst). The last
/// answer is one line: when it is there, so are the others to their ends.
const QUESTIONS: [(u8, &str); 4] = [
    (b'l', "sysrq: Show backtrace of all active CPUs"),
    (b'q', "sysrq: Show clockevent devices"),
    (b'w', "sysrq: Show Blocked State"),
    (b'h', "sysrq: HELP"),
];
/// What QEMU's multiplexer makes a break of, after which a key is SysRq's.
const BREAK: &[u8] = b"\x01b";
/// How long the kernel may take for an answer. It takes a tenth of a second for the longest, if
/// it gives any.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// It does not see a break that comes while it writes: it is asked when it has been quiet for so
/// long, and again after so long.
const QUIET: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(1);

/// The input of a guest's console.
#[derive(Debug)]
pub(crate) struct SysRq(File);

impl SysRq {
    /// Makes it, for QEMU to read from `path`.
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        let doing = || format!("make a pipe {}", path.display());
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).doing(doing)?;
        // Open for both: so nobody waits for anybody, and QEMU sees no end of it.
        let input = OpenOptions::new().read(true).write(true).open(path);
        Ok(Self(input.doing(doing)?))
    }

    /// Has the kernel say on its console what its processors do and what its tasks wait for;
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
