// SPDX-License-Identifier: GPL-2.0

//! A page of devices over a long time, in one file of HTML that needs no network.
//!
//! Each picture is an image element whose description and table have its numbers, so that a screen reader can
//! read the page, and each column of a picture is a pixel wide or wider. [`heatmap`] and [`lines`] draw the
//! pictures, and [`numbers`] the tables.

pub mod heatmap;
pub mod lines;
pub mod numbers;

use std::fmt::Display;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::format::times::{clock, plural, shown, step};
use crate::model::heatmap::Heatmap;
use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::model::timeline::{Timeline, Track};

/// Maximum number of columns: as many pixels as screens are wide.
pub const COLUMNS: usize = 1200;
/// Maximum number of rows of the table behind the pictures of a device.
const ROWS: usize = 48;

const STYLE: &str = include_str!("style.css");

/// A recorded time.
#[derive(Debug)]
pub struct Part {
    /// The name of the machine, and its kernel.
    pub machine: String,
    /// The devices.
    pub timeline: Timeline,
}

/// Writes the page of one time, or of two to be compared.
pub fn write(
    out: &mut dyn Write,
    part: &Part,
    other: Option<&Part>,
    zone: &TimeZone,
) -> io::Result<()> {
    let title = format!("Volumes of {}", part.machine);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        Escaped(&title)
    )?;
    let parts = [Some(part), other];
    for (part, letter) in parts.into_iter().flatten().zip(["A", "B"]) {
        let timeline = &part.timeline;
        let begin = shown(timeline.time(0), zone);
        let end = shown(timeline.time(timeline.columns), zone);
        let step = step(timeline.step.as_secs());
        let letter = if other.is_some() {
            format!("{letter}: ")
        } else {
            String::new()
        };
        writeln!(
            out,
            "<p>{letter}{}, from {begin} to {end}, in columns of {step}.</p>",
            Escaped(&part.machine)
        )?;
    }
    numbers::summary(out, part, other)?;
    if let Some(other) = other {
        only(out, ("A", part), other)?;
        only(out, ("B", other), part)?;
    }
    for track in &part.timeline.tracks {
        let other = other.and_then(|other| Some((other, find(other, track)?)));
        device(out, (part, track), other, zone)?;
    }
    writeln!(
        out,
        "<footer>dmpstat {}. Percentiles are the upper bounds of buckets, each twice the one before.</footer>\n\
         </body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

/// Returns the device of the other part with the same name.
pub fn find<'a>(part: &'a Part, track: &Track) -> Option<&'a Track> {
    let mut tracks = part.timeline.tracks.iter();
    tracks.find(|other| other.last.name == track.last.name)
}

/// Names the devices of a part that the other one lacks.
fn only(out: &mut dyn Write, (letter, part): (&str, &Part), other: &Part) -> io::Result<()> {
    let tracks = part.timeline.tracks.iter();
    let names: Vec<String> = tracks
        .filter(|track| find(other, track).is_none())
        .map(|track| track.last.shown_name())
        .collect();
    match &names[..] {
        [] => Ok(()),
        names => writeln!(
            out,
            "<p>Only in {letter}: {}.</p>",
            Escaped(&names.join(", "))
        ),
    }
}

fn device(
    out: &mut dyn Write,
    one: (&Part, &Track),
    other: Option<(&Part, &Track)>,
    zone: &TimeZone,
) -> io::Result<()> {
    let track = one.1;
    let name = track.last.shown_name();
    writeln!(out, "<section>\n<h2>{}</h2>", Escaped(&name))?;
    for measure in [Measure::Latency, Measure::Size, Measure::Seek] {
        for operation in Operation::ALL {
            let maps = match other {
                None => Heatmap::new(track, operation, measure).map(|map| vec![map]),
                Some((_, other)) => {
                    Heatmap::alike([track, other], operation, measure).map(Vec::from)
                }
            };
            let parts = letters(one, other);
            for (map, (letter, (part, _))) in maps.into_iter().flatten().zip(parts) {
                let what = match measure {
                    Measure::Latency => "Latency",
                    Measure::Size => "Size",
                    Measure::Seek => "Distance",
                };
                let caption = format!("{what} of {}{letter}", plural(operation));
                heatmap::write(&map, out, &caption, &part.timeline, zone)?;
            }
        }
    }
    for group in lines::GROUPS {
        for (letter, (part, track)) in letters(one, other) {
            let caption = format!("{}{letter}", group.caption);
            group.write(out, &caption, &part.timeline, track, zone)?;
        }
    }
    for (letter, (part, track)) in letters(one, other) {
        numbers::details(out, &letter, part, track, ROWS, zone)?;
    }
    writeln!(out, "</section>")
}

/// Returns the device in both parts, each with a letter if there are two.
fn letters<'a>(
    one: (&'a Part, &'a Track),
    other: Option<(&'a Part, &'a Track)>,
) -> impl Iterator<Item = (String, (&'a Part, &'a Track))> {
    let is_alone = other.is_none();
    let both = [Some(one), other].into_iter().flatten().zip([", A", ", B"]);
    both.map(move |(part, letter)| match is_alone {
        true => (String::new(), part),
        false => (letter.to_owned(), part),
    })
}

/// Writes the begin of a figure: its caption, and the labels of the time beside its picture.
pub fn figure(out: &mut dyn Write, caption: &str, top: &str, bottom: &str) -> io::Result<()> {
    writeln!(
        out,
        "<figure>\n<figcaption>{}</figcaption>\n<div class=\"y\"><span>{}</span><span>{}</span></div>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{0}\">",
        Escaped(caption),
        Escaped(top),
        Escaped(bottom)
    )
}

/// Writes the end of a figure, with five times below its picture.
pub fn figure_end(out: &mut dyn Write, timeline: &Timeline, zone: &TimeZone) -> io::Result<()> {
    write!(
        out,
        "<div class=\"x\" style=\"min-width:{}px\">",
        timeline.columns
    )?;
    for quarter in 0..=4 {
        let time = timeline.time(timeline.columns * quarter / 4);
        write!(out, "<span>{}</span>", clock(time, timeline, zone))?;
    }
    writeln!(out, "</div>\n</div>\n</figure>")
}

/// A text in HTML.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                letter => write!(out, "{letter}")?,
            }
        }
        Ok(())
    }
}
