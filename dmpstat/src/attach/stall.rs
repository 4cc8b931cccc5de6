// SPDX-License-Identifier: GPL-2.0

//! In-flight requests that do not complete: an exchange would wait for them, and new requests would wait for
//! the exchange.

use std::time::Duration;

use crate::clock::Clock;
use crate::model::snapshot::Disk;
use crate::source::sysfs::Machine;

/// The time without a completed request after which a device is stalled.
const LOOK: Duration = Duration::from_secs(1);
/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(100);

/// Returns whether a device has requests in flight, and none of them completes within a second, or until a
/// signal comes.
pub fn is_stalled(machine: &Machine, device: &str, clock: &mut dyn Clock) -> bool {
    let first = machine.disk(device).completed;
    let mut looked = Duration::ZERO;
    loop {
        let Disk {
            inflight,
            completed,
            ..
        } = machine.disk(device);
        if inflight.is_none_or(|inflight| inflight == [0, 0]) || completed != first {
            return false;
        }
        if looked >= LOOK {
            return true;
        }
        // A signal ends the check early. The requests may hang, so the volume stays unchanged.
        if !clock.wait(PAUSE) {
            return true;
        }
        looked += PAUSE;
    }
}
