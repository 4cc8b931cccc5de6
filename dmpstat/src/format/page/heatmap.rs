// SPDX-License-Identifier: GPL-2.0

//! Pictures of heatmaps.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;

use crate::format::page::{Escaped, figure, figure_end};
use crate::format::times::shown;
use crate::model::heatmap::Heatmap;
use crate::model::timeline::Timeline;

/// Number of colours, besides that of an empty cell.
const COLOURS: u8 = 64;
/// The colour of a cell with one request, and of the cell with the most. The first one differs clearly from
/// the background, and both from light to dark, for prints without colours.
const FIRST: [u8; 3] = [0x9e, 0xca, 0xe1];
const LAST: [u8; 3] = [0x08, 0x1d, 0x58];

/// Returns the colour of a count: 0 for no request, and otherwise 1 to 64 by the logarithm of the count.
pub fn colour(map: &Heatmap, count: u64) -> u8 {
    map.level(count, COLOURS)
}

/// Returns the picture in the PNG format, with a pixel for each cell.
pub fn png(map: &Heatmap) -> Result<Vec<u8>, png::EncodingError> {
    let rows = map.counts.iter().rev();
    let pixels: Vec<u8> = rows.flatten().map(|count| colour(map, *count)).collect();
    let width = map.counts.first().map_or(0, Vec::len);
    let mut bytes = Vec::new();
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, size(width), size(map.counts.len()));
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette());
    // Only the empty cell is transparent.
    encoder.set_trns(vec![0]);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes the figure.
pub fn write(
    map: &Heatmap,
    out: &mut dyn Write,
    caption: &str,
    timeline: &Timeline,
    zone: &TimeZone,
) -> io::Result<()> {
    let top = map.bounds.len() - 1;
    let bottom = if top == 0 {
        String::new()
    } else {
        map.label(0)
    };
    figure(out, caption, &map.label(top), &bottom)?;
    let png = png(map).map_err(io::Error::other)?;
    writeln!(
        out,
        "<img class=\"map\" style=\"min-width:{}px;height:{}px\" alt=\"{}\" src=\"data:image/png;base64,{}\">",
        timeline.columns,
        map.bounds.len() * 9,
        Escaped(&description(map, caption, timeline, zone)),
        STANDARD.encode(&png)
    )?;
    figure_end(out, timeline, zone)
}

/// Describes the heatmap in words: its range, and its highest row.
fn description(map: &Heatmap, caption: &str, timeline: &Timeline, zone: &TimeZone) -> String {
    let counts = map.counts.iter().flatten();
    let total = counts.fold(0_u64, |sum, count| sum.saturating_add(*count));
    let first = |row: &Vec<u64>| row.iter().position(|count| *count > 0);
    let mut rows = map.counts.iter().enumerate().rev();
    let Some((row, column)) = rows.find_map(|(at, row)| Some((at, first(row)?))) else {
        return format!("{caption}: no requests.");
    };
    let (top, when) = (map.label(row), shown(timeline.time(column), zone));
    format!("{caption}: {total} requests. The highest row is {top}, first at {when}.")
}

fn palette() -> Vec<u8> {
    let mut palette = vec![0xff, 0xff, 0xff];
    for colour in 0..COLOURS {
        let part = f64::from(colour) / f64::from(COLOURS - 1);
        for (first, last) in FIRST.into_iter().zip(LAST) {
            palette.push(
                (f64::from(first) + part * (f64::from(last) - f64::from(first))).round() as u8,
            );
        }
    }
    palette
}
