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

/// Tells the time and lets it pass.
pub trait Clock {
    /// The time of day, where the machine is.
    fn now(&self) -> Zoned;
    /// The time since boot, with suspends: it goes on evenly when the time of day is set.
    fn boottime(&self) -> Duration;
    /// Waits for the next interval. False if there is to be no next one, also where no time is to pass.
    fn wait(&mut self, interval: Duration) -> bool;
    /// Somebody else takes the signals from now on.
    fn hand_over(&mut self) {}
    /// A second signal does not end the program any more.
    fn hold(&mut self) {}
    /// Returns whether a signal came that is to end the program.
    fn has_ended(&self) -> bool {
        false
    }
}

/// Returns the end of the interval that begins at `last`, or now if there was none before. The time that it takes
/// to read and print is part of an interval. Missed ones are not made up for: behind one that took longer, the
/// next is a whole one.
pub fn following(last: Option<Instant>, interval: Duration, now: Instant) -> Instant {
    let next = last.unwrap_or(now).checked_add(interval);
    next.filter(|next| *next > now).unwrap_or(now + interval)
}

/// The machine's.
pub struct System {
    /// When the next interval begins.
    next: Option<Instant>,
    /// Readable once a signal came.
    signal: UnixStream,
    ended: Arc<AtomicBool>,
    /// End the program at a second signal.
    shutdowns: Vec<SigId>,
    handlers: Vec<SigId>,
}

impl System {
    /// From now on ^C ends the wait, and a second one the program.
    pub fn new() -> io::Result<Self> {
        let (signal, sender) = UnixStream::pair()?;
        let ended = Arc::new(AtomicBool::new(false));
        let (mut shutdowns, mut handlers) = (Vec::new(), Vec::new());
        for number in [SIGINT, SIGTERM] {
            shutdowns.push(flag::register_conditional_shutdown(
                number,
                128 + number,
                ended.clone(),
            )?);
            handlers.extend([
                flag::register(number, ended.clone())?,
                low_level::pipe::register(number, sender.try_clone()?)?,
            ]);
        }
        Ok(Self {
            next: None,
            signal,
            ended,
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
        let time = clock_gettime(ClockId::Boottime);
        Duration::try_from(time).unwrap_or_default()
    }

    fn wait(&mut self, interval: Duration) -> bool {
        let next = following(self.next, interval, Instant::now());
        self.next = Some(next);
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return false;
            }
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let timeout = Timespec::try_from(left).ok();
            // Interrupted, or read after a signal: the flag says what happened.
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
        self.ended.load(Ordering::Relaxed)
    }

    fn hand_over(&mut self) {
        self.hold();
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}
