// SPDX-License-Identifier: GPL-2.0

//! Reading of a recording in columns of time.

use std::collections::HashMap;
use std::ffi::OsString;

use crate::environment::Environment;
use crate::error::Error;
use crate::model::snapshot::Snapshot;
use crate::model::timeline::Timeline;
use crate::record::player::{Player, Request};
use crate::source::host::Host;
use crate::source::selection::Selection;
use crate::source::sysfs::Readings;

/// The error of a signal.
#[derive(Debug, thiserror::Error)]
#[error("ended by a signal, before the recording was read")]
pub struct Ended;

/// Reads a recording of these devices, in at most so many columns, and returns also its machine.
pub fn read(
    request: &Request,
    devices: &[OsString],
    columns: usize,
    environment: &mut Environment<'_>,
) -> Result<(Timeline, Host), Error> {
    let player = environment.open(request)?;
    let selection = Selection::new(devices);
    let (begin, end) = player.range();
    let mut timeline = Timeline::new(begin, end, columns);
    let (_, samples) = player.position();
    for at in 0..samples {
        if environment.clock.has_ended() {
            return Err(Error::command(Ended));
        }
        // A device may be missing in a sample, and be there in the next one.
        let sample = player.sample(at);
        let selected = selection.among(readings(sample.snapshots), &player);
        timeline.add(sample.realtime, selected.snapshots);
    }
    timeline.finish();
    let found = timeline.tracks.iter().map(|of| of.last.clone());
    if selection
        .check(&readings(found.collect()), &player, false)
        .is_err()
    {
        selection.check(&all(&player), &player, false)?;
    }
    Ok((timeline, player.host().clone()))
}

/// Returns all devices of the recording, for an error that proposes names.
fn all(player: &Player) -> Readings {
    let mut devices: HashMap<Vec<u8>, Snapshot> = HashMap::new();
    for at in 0..player.position().1 {
        for device in player.sample(at).snapshots {
            devices.entry(device.name.clone()).or_insert(device);
        }
    }
    readings(devices.into_values().collect())
}

fn readings(snapshots: Vec<Snapshot>) -> Readings {
    Readings {
        snapshots,
        failures: Vec::new(),
    }
}
