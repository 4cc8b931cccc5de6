// SPDX-License-Identifier: GPL-2.0

//! In-flight requests that do not end: an exchange would wait for them, and new requests with it.

use std::fs;
use std::time::Duration;

use crate::clock::Clock;
use crate::sysfs::Machine;

/// The longest look, and the pause between two.
const LOOK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

/// Returns whether a device has requests in flight of which none ends for a second, or until a signal comes.
pub fn is_stalled(machine: &Machine, device: &str, clock: &mut dyn Clock) -> bool {
    let first = completed(machine, device);
    let mut looked = Duration::ZERO;
    while is_busy(machine, device) && completed(machine, device) == first {
        if looked >= LOOK {
            return true;
        }
        // A signal ends the look early. The requests may hang, and the volume is left as it is.
        if !clock.wait(PAUSE) {
            return true;
        }
        looked += PAUSE;
    }
    false
}

/// Reads /sys/block/DISK/inflight: reads and writes (Documentation/ABI/stable/sysfs-block).
fn is_busy(machine: &Machine, device: &str) -> bool {
    let inflight = fs::read_to_string(machine.path(format!("/sys/block/{device}/inflight")));
    inflight.is_ok_and(|text| text.split_whitespace().any(|number| number != "0"))
}

/// Reads the numbers of completed reads, writes, discards and flushes from /sys/block/DISK/stat
/// (Documentation/block/stat.rst).
fn completed(machine: &Machine, device: &str) -> Vec<String> {
    let stat = fs::read_to_string(machine.path(format!("/sys/block/{device}/stat")));
    let stat = stat.unwrap_or_default();
    let numbers: Vec<&str> = stat.split_whitespace().collect();
    [0, 4, 11, 15]
        .iter()
        .filter_map(|at| numbers.get(*at).map(|number| (*number).to_owned()))
        .collect()
}
