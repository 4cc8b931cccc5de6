// SPDX-License-Identifier: GPL-2.0

//! Signals during an exchange of tables: none kills or stops the process, and some interrupt a wait in the
//! kernel.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use signal_hook::flag;

/// Lets SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGALRM interrupt system calls without killing the process: a
/// call that waits for in-flight requests then fails with EINTR. signal-hook installs its handlers with
/// SA_RESTART, which would restart such calls.
pub fn interrupt() -> io::Result<()> {
    hold(&[SIGHUP, SIGQUIT, SIGALRM])?;
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM] {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: sigaction(2) writes the action to the second pointer, which points to memory of its type.
        let got = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
        if got != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: sigaction(2) succeeded, so it has written the whole action.
        let mut action = unsafe { action.assume_init() };
        action.sa_flags &= !libc::SA_RESTART;
        // SAFETY: this installs the current handler and flags without SA_RESTART. By sigaction(2), SA_RESTART
        // decides only whether interrupted calls are restarted.
        let set = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // ^Z would stop the process while the volume is suspended.
    hold(&[SIGTSTP, SIGTTIN, SIGTTOU])
}

/// Prevents these signals from killing or stopping the process.
pub fn hold(signals: &[i32]) -> io::Result<()> {
    for signal in signals {
        flag::register(*signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
