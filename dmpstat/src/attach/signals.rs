// SPDX-License-Identifier: GPL-2.0

//! Signals while tables are exchanged: none ends or stops the process there, and some end a wait in the
//! kernel.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use signal_hook::flag;

/// Has these signals do no more than to interrupt calls, in which the kernel waits for in-flight requests:
/// they fail with EINTR. signal-hook has interrupted calls begin again.
pub fn interrupt() -> io::Result<()> {
    hold(&[SIGHUP, SIGQUIT, SIGALRM])?;
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM] {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: sigaction(2) writes the action to the second pointer, which is to memory of its type.
        let got = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
        if got != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: that call succeeded, so it has written all of it.
        let mut action = unsafe { action.assume_init() };
        action.sa_flags &= !libc::SA_RESTART;
        // SAFETY: the handler is the one that was there, and its other flags are, too: of SA_RESTART,
        // sigaction(2) says no more than that it makes calls begin again.
        let set = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // ^Z would stop the process with the volume.
    hold(&[SIGTSTP, SIGTTIN, SIGTTOU])
}

/// Has signals neither end nor stop the process.
pub fn hold(signals: &[i32]) -> io::Result<()> {
    for signal in signals {
        flag::register(*signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
