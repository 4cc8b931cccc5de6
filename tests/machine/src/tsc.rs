// SPDX-License-Identifier: GPL-2.0

//! The frequency of the host's time stamp counter, which is that of the guest's counter under TCG.

use std::arch::x86_64::_rdtsc;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Length of a measurement.
const WATCH: Duration = Duration::from_millis(10);
/// Number of reads of both clocks. The pair with the shortest read counts.
const TRIES: u32 = 1000;

/// Returns the frequency in kHz, which is measured once.
pub(crate) fn frequency() -> u64 {
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    *FREQUENCY.get_or_init(|| measure(WATCH))
}

fn measure(watch: Duration) -> u64 {
    let (began, first) = both_clocks();
    sleep(watch);
    let (end, last) = both_clocks();
    let ticks = u128::from(last.wrapping_sub(first));
    let ns = (end - began).as_nanos();
    u64::try_from(ticks * 1_000_000 / ns).expect("a processor has some GHz")
}

/// Returns the time, and the counter at that time.
fn both_clocks() -> (Instant, u64) {
    let pairs = (0..TRIES).map(|_| {
        let before = Instant::now();
        // SAFETY: every x86-64 processor has the instruction, and Linux lets programs use it.
        let counter = unsafe { _rdtsc() };
        (before.elapsed(), before, counter)
    });
    let (_, at, counter) = pairs.min().expect("it was tried");
    (at, counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_measurements_agree_to_a_thousandth() {
        let khz = measure(Duration::from_millis(200));
        let difference = khz.abs_diff(frequency());
        assert!(difference < khz / 1000, "{difference} kHz of {khz}");
    }
}
