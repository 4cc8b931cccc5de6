// SPDX-License-Identifier: GPL-2.0

//! The time of a command.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn run(command: &[OsString]) -> io::Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let before = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()?;
    let took = before.elapsed();
    if !status.success() {
        return Err(io::Error::other(format!("{program:?}: {status}")));
    }
    println!("{} {}", took.as_nanos(), cpu_time()?.as_nanos());
    Ok(())
}

/// Returns the CPU time of all children so far.
fn cpu_time() -> io::Result<Duration> {
    // SAFETY: all zeroes are a valid `rusage`, which is nothing but numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `rusage`, and there is room for it.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Ok(Duration::from_micros(
        micros(usage.ru_utime) + micros(usage.ru_stime),
    ))
}
