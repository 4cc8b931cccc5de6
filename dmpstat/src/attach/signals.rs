// SPDX-License-Identifier: GPL-2.0

//! Signals that end a wait in the kernel.
//!
//! signal-hook has interrupted calls begin again, and then ^C would not end the wait for requests that
//! never end, while the volume takes no new ones.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use signal_hook::consts::{SIGINT, SIGTERM};

/// From now on, calls that these signals interrupt fail with EINTR.
pub fn interrupt() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
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
    Ok(())
}
