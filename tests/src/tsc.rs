// SPDX-License-Identifier: GPL-2.0

//! How fast the host's processors count time (their time stamp counter), which under TCG the guest's
//! do as well.

use std::arch::x86_64::_rdtsc;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For how long it is watched.
const WATCH: Duration = Duration::from_millis(50);
/// Both clocks were read at once if it took no longer.
const AT_ONCE: Duration = Duration::from_micros(2);
/// How often that is tried.
const TRIES: u32 = 1000;

/// In kHz. It is measured once.
pub(crate) fn frequency() -> u64 {
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    *FREQUENCY.get_or_init(|| {
        let (began, first) = both_clocks();
        sleep(WATCH);
        let (ended, last) = both_clocks();
        let ticks = u128::from(last.wrapping_sub(first));
        let ns = (ended - began).as_nanos();
        u64::try_from(ticks * 1_000_000 / ns).expect("a processor has some GHz")
    })
}

/// The time, and the counter at that time.
fn both_clocks() -> (Instant, u64) {
    let pairs = (0..TRIES).map(|_| {
        let before = Instant::now();
        // SAFETY: every x86-64 processor has the instruction, and Linux lets programs use it.
        let counter = unsafe { _rdtsc() };
        (before.elapsed(), before, counter)
    });
    let mut best = None;
    for pair in pairs {
        if best.is_none_or(|best| pair < best) {
            best = Some(pair);
        }
        if pair.0 <= AT_ONCE {
            break;
        }
    }
    let (_, at, counter) = best.expect("it was tried");
    (at, counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_measurements_agree_to_a_thousandth() {
        let (began, first) = both_clocks();
        sleep(Duration::from_millis(200));
        let (ended, last) = both_clocks();
        let ticks = (last - first) as f64;
        let khz = ticks / (ended - began).as_secs_f64() / 1e3;
        let error = (frequency() as f64 - khz).abs();
        assert!(error < khz / 1000.0, "{error} kHz of {khz}");
    }
}
