// SPDX-License-Identifier: GPL-2.0

//! Signals during an exchange. Handlers belong to a whole process, so the test has its own process.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use dmpstat::attach::signals;
use dmpstat::clock::{Clock, System};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};

use crate::alone;

#[test]
fn signals_interrupt_a_wait_without_killing_or_stopping_the_process() {
    alone(&mut Command::new("env"), "signals::interrupted");
}

#[test]
#[ignore = "signals_interrupt_a_wait_without_killing_or_stopping_the_process runs it"]
fn interrupted() {
    let mut clock = System::new().unwrap();
    clock.hold();
    signals::interrupt().unwrap();
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM] {
        assert!(is_interrupted_by(signal), "{signal}");
    }
    assert!(clock.has_ended());
    // These signals would stop the process.
    for signal in [SIGTSTP, SIGTTIN, SIGTTOU] {
        assert!(is_caught(signal), "{signal}");
    }
}

#[test]
fn signals_after_a_hand_over_have_no_effect() {
    alone(&mut Command::new("env"), "signals::handed_over");
}

#[test]
#[ignore = "signals_after_a_hand_over_have_no_effect runs it"]
fn handed_over() {
    let mut clock = System::new().unwrap();
    clock.hand_over();
    // The second one would kill the process.
    for _ in 0..2 {
        signal_hook::low_level::raise(SIGTERM).unwrap();
    }
    assert!(!clock.has_ended() && clock.wait(Duration::ZERO));
}

/// Returns whether a read of an empty socket fails with EINTR. The signal is repeated for three seconds.
fn is_interrupted_by(signal: i32) -> bool {
    let (mut socket, other) = UnixStream::pair().unwrap();
    let is_over = AtomicBool::new(false);
    // SAFETY: pthread_self(3) takes no arguments and always succeeds.
    let reader = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..300 {
                thread::sleep(Duration::from_millis(10));
                if is_over.load(SeqCst) {
                    return;
                }
                // SAFETY: `reader` is a thread that still runs, because its scope waits for this thread.
                unsafe { libc::pthread_kill(reader, signal) };
            }
            other.shutdown(Shutdown::Both).unwrap();
        });
        let read = socket.read(&mut [0]);
        is_over.store(true, SeqCst);
        read.is_err_and(|error| error.kind() == ErrorKind::Interrupted)
    })
}

/// Returns whether the process has a handler for the signal (proc_pid_status(5)).
fn is_caught(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & (1 << (signal - 1)) != 0
}
