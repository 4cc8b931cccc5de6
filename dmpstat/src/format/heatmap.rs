// SPDX-License-Identifier: GPL-2.0

//! Heatmaps in the terminal.

use std::io::{self, Write};

use anstyle::{Ansi256Color, AnsiColor, Color, Style};
use jiff::tz::TimeZone;

use crate::format::histograms::BOUND;
use crate::format::times::{clock, plural, shown, step};
use crate::model::heatmap::Heatmap;
use crate::model::interval::Interval;
use crate::model::measure::Measure;
use crate::model::operation::Operation;
use crate::model::statistic::Statistic;
use crate::model::timeline::{Timeline, Track};

const HEADER: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const MARK: Style = AnsiColor::Yellow.on_default();
/// The colours of few to many requests, each of which differs from a dark and from a light background.
const COLOURS: [u8; 8] = [33, 37, 35, 70, 142, 172, 202, 196];
/// The characters of few to many requests.
const CHARACTERS: [char; 9] = ['.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// Returns the number of columns of a heatmap on a terminal of this width.
pub fn columns(width: usize) -> usize {
    width.saturating_sub(BOUND + 1).max(1)
}

/// Writes the heatmaps of a device. `blocks` draws two rows in a line, with colours and half blocks; otherwise a
/// cell is a character of ASCII.
pub fn write(
    out: &mut dyn Write,
    track: &Track,
    measure: Measure,
    timeline: &Timeline,
    zone: &TimeZone,
    blocks: bool,
) -> io::Result<()> {
    let name = track.last.shown_name();
    let maps = Operation::ALL
        .into_iter()
        .filter_map(|operation| Some((operation, Heatmap::new(track, operation, measure)?)));
    let maps: Vec<(Operation, Heatmap)> = maps.collect();
    let what = measure.name();
    if maps.is_empty() {
        let unmeasured = measure.unmeasured();
        return writeln!(out, "{HEADER}{name}{HEADER:#}, {what}\n{unmeasured}\n");
    }
    for (operation, map) in maps {
        writeln!(
            out,
            "{HEADER}{name}{HEADER:#}, {what} of {}, {} to {}, in columns of {}",
            plural(operation),
            shown(timeline.time(0), zone),
            shown(timeline.time(timeline.columns), zone),
            step(timeline.step.as_secs())
        )?;
        match blocks {
            true => write_blocks(out, &map)?,
            false => write_characters(out, &map)?,
        }
        let has_errors = |interval: &Interval| {
            let counters = interval.of(operation);
            counters.and_then(|of| of.of(Statistic::Errors)) > Some(0)
        };
        write_marks(out, track, ("errors", BAD), &has_errors)?;
        write_marks(out, track, ("reset", MARK), &|of| of.restart.is_some())?;
        write_times(out, timeline, zone)?;
        write_scale(out, &map, blocks)?;
    }
    Ok(())
}

/// Writes two rows in a line.
fn write_blocks(out: &mut dyn Write, map: &Heatmap) -> io::Result<()> {
    let rows = map.counts.len();
    let level = |row: Option<usize>, column: usize| {
        row.map_or(0, |row| {
            map.level(map.counts[row][column], COLOURS.len() as u8)
        })
    };
    for top in (0..rows).rev().step_by(2) {
        write!(out, "{:>BOUND$} ", map.label(top))?;
        for column in 0..map.counts[top].len() {
            let (upper, lower) = (level(Some(top), column), level(top.checked_sub(1), column));
            match (colour(upper), colour(lower)) {
                (None, None) => write!(out, " ")?,
                (Some(upper), lower) => {
                    let style = Style::new().fg_color(Some(upper)).bg_color(lower);
                    write!(out, "{style}\u{2580}{style:#}")?;
                }
                (None, lower) => {
                    let style = Style::new().fg_color(lower);
                    write!(out, "{style}\u{2584}{style:#}")?;
                }
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Returns the colour of a level; `None` for an empty cell.
fn colour(level: u8) -> Option<Color> {
    let colour = COLOURS.get(usize::from(level).checked_sub(1)?)?;
    Some(Ansi256Color(*colour).into())
}

/// Writes a row in a line.
fn write_characters(out: &mut dyn Write, map: &Heatmap) -> io::Result<()> {
    for (row, counts) in map.counts.iter().enumerate().rev() {
        let cells = counts.iter().map(|count| {
            let level = usize::from(map.level(*count, CHARACTERS.len() as u8));
            level.checked_sub(1).map_or(' ', |level| CHARACTERS[level])
        });
        let cells: String = cells.collect();
        writeln!(out, "{:>BOUND$} {}", map.label(row), cells.trim_end())?;
    }
    Ok(())
}

/// Marks columns, unless there are none.
fn write_marks(
    out: &mut dyn Write,
    track: &Track,
    (title, style): (&str, Style),
    is_marked: &dyn Fn(&Interval) -> bool,
) -> io::Result<()> {
    let marks = track.intervals.iter().map(|interval| {
        let is_marked = interval.as_ref().is_some_and(is_marked);
        if is_marked { '!' } else { ' ' }
    });
    let marks: String = marks.collect();
    match marks.trim_end() {
        "" => Ok(()),
        marks => writeln!(out, "{title:>BOUND$} {style}{marks}{style:#}"),
    }
}

/// Writes the times of some columns.
fn write_times(out: &mut dyn Write, timeline: &Timeline, zone: &TimeZone) -> io::Result<()> {
    let mut line = String::new();
    for quarter in 0..4 {
        let column = timeline.columns * quarter / 4;
        let has_room = quarter == 0 || line.len() < column;
        if has_room {
            let time = clock(timeline.time(column), timeline, zone);
            line = format!("{line:<column$}{time}");
        }
    }
    writeln!(out, "{:BOUND$} {line}", "")
}

/// Writes the colours or characters from few to many requests.
fn write_scale(out: &mut dyn Write, map: &Heatmap, blocks: bool) -> io::Result<()> {
    write!(out, "{:BOUND$} 1 ", "")?;
    if blocks {
        for colour in COLOURS {
            let style = Style::new().fg_color(Some(Ansi256Color(colour).into()));
            write!(out, "{style}\u{2588}{style:#}")?;
        }
    } else {
        write!(out, "{}", CHARACTERS.iter().collect::<String>())?;
    }
    writeln!(out, " {} requests\n", map.most)
}
