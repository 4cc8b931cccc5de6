// SPDX-License-Identifier: GPL-2.0

//! The time of day, and the wait for the next interval.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Zoned;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

/// Times, and waits for intervals.
pub trait Clock {
    /// Returns the time of day, in the local time zone.
    fn now(&self) -> Zoned;
    /// Returns the time since boot, with suspends. Setting the time of day does not change it.
    fn boottime(&self) -> Duration;
    /// Waits for the next interval. Returns false if a signal came that asks the program to exit. A wait of
    /// zero only checks for such a signal.
    fn wait(&mut self, interval: Duration) -> bool;
    /// Stops handling signals, because another part of the program handles them from now on.
    fn hand_over(&mut self) {}
    /// Prevents a second signal from killing the program.
    fn hold(&mut self) {}
    /// Returns whether a signal came that asks the program to exit.
    fn has_ended(&self) -> bool {
        false
    }
}

/// The interval and number of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The time from one report to the next.
    pub interval: Duration,
    /// The number of reports; `None` for no limit.
    pub count: Option<u64>,
}

/// Returns the end of the interval that begins at `last`, or now if there is no `last`. The time to read and
/// print is part of an interval. Missed intervals are skipped: after an interval that took too long comes a
/// whole one.
pub fn following(last: Option<Instant>, interval: Duration, now: Instant) -> Instant {
    let next = last.unwrap_or(now).checked_add(interval);
    next.filter(|next| *next > now).unwrap_or(now + interval)
}

/// Returns the machine's time since boot, with suspends.
pub fn boottime() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// The machine's clock.
pub struct System {
    /// The begin of the next interval.
    next: Option<Instant>,
    /// A socket that is readable once a signal came.
    signal: UnixStream,
    signalled: Arc<AtomicBool>,
    /// Handlers that kill the program at a second signal.
    shutdowns: Vec<SigId>,
    handlers: Vec<SigId>,
}

impl System {
    /// Handles signals from now on: SIGINT (^C) or SIGTERM ends a wait, and a second signal kills the
    /// program.
    pub fn new() -> io::Result<Self> {
        let (signal, sender) = UnixStream::pair()?;
        let signalled = Arc::new(AtomicBool::new(false));
        let (mut shutdowns, mut handlers) = (Vec::new(), Vec::new());
        for number in [SIGINT, SIGTERM] {
            shutdowns.push(flag::register_conditional_shutdown(
                number,
                128 + number,
                signalled.clone(),
            )?);
            handlers.extend([
                flag::register(number, signalled.clone())?,
                low_level::pipe::register(number, sender.try_clone()?)?,
            ]);
        }
        Ok(Self {
            next: None,
            signal,
            signalled,
            shutdowns,
            handlers,
        })
    }
}

impl Clock for System {
    fn now(&self) -> Zoned {
        Zoned::now()
    }

    fn boottime(&self) -> Duration {
        boottime()
    }

    fn wait(&mut self, interval: Duration) -> bool {
        let next = following(self.next, interval, Instant::now());
        self.next = Some(next);
        loop {
            if self.signalled.load(Ordering::Relaxed) {
                return false;
            }
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let timeout = Timespec::try_from(left).ok();
            // The result is ignored: after any result of poll, the flag tells whether a signal came.
            let _ = poll(
                &mut [PollFd::new(&self.signal, PollFlags::IN)],
                timeout.as_ref(),
            );
        }
    }

    fn hold(&mut self) {
        for handler in self.shutdowns.drain(..) {
            low_level::unregister(handler);
        }
    }

    fn has_ended(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }

    fn hand_over(&mut self) {
        self.hold();
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}
