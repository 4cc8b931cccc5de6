// SPDX-License-Identifier: GPL-2.0

//! `dmpstat heatmap`: heatmaps of a recording in the terminal.

use std::ffi::OsString;

use crate::commands::timeline;
use crate::environment::Environment;
use crate::error::Error;
use crate::format::heatmap;
use crate::model::measure::Measure;
use crate::record::player::Request;

/// The width without a terminal.
const WIDTH: usize = 80;

/// The options of heatmaps.
#[derive(Debug)]
pub struct Options {
    /// The property of requests.
    pub what: Measure,
    /// The recording.
    pub recording: Request,
    /// The devices, as the user wrote them; empty for all.
    pub devices: Vec<OsString>,
}

/// Writes the heatmaps of each device.
pub fn run(options: &Options, environment: &mut Environment<'_>) -> Result<(), Error> {
    let zone = environment.clock.now().time_zone().clone();
    let columns = heatmap::columns((environment.width)().unwrap_or(WIDTH));
    let Options {
        what,
        recording,
        devices,
    } = options;
    let (timeline, _) = timeline::read(recording, devices, columns, environment)?;
    let blocks = environment.has_blocks;
    environment.print(|out| {
        let mut tracks = timeline.tracks.iter();
        tracks.try_for_each(|track| heatmap::write(out, track, *what, &timeline, &zone, blocks))
    })
}
