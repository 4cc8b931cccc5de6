// SPDX-License-Identifier: GPL-2.0

//! Lines: columns of the table over time.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::format::page::{Escaped, figure, figure_end};
use crate::format::times::shown;
use crate::model::column::{Column, Unit};
use crate::model::statistic::Statistic;
use crate::model::timeline::{Timeline, Track};

/// A picture of up to three columns with a common scale.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub caption: &'static str,
    /// The names of the columns.
    columns: &'static [&'static str],
    /// The unit, for people.
    unit: &'static str,
    /// The scale is logarithmic.
    logarithmic: bool,
}

/// The pictures of a device.
pub const GROUPS: [Group; 4] = [
    Group {
        caption: "Requests a second",
        columns: &["r/s", "w/s", "f/s"],
        unit: "/s",
        logarithmic: false,
    },
    Group {
        caption: "Throughput",
        columns: &["rkB/s", "wkB/s"],
        unit: " kB/s",
        logarithmic: false,
    },
    Group {
        caption: "Percentiles of reads",
        columns: &["r_p50", "r_p99", "r_max"],
        unit: " ms",
        logarithmic: true,
    },
    Group {
        caption: "Percentiles of writes",
        columns: &["w_p50", "w_p99", "w_max"],
        unit: " ms",
        logarithmic: true,
    },
];

const CLASSES: [&str; 3] = ["one", "two", "three"];
/// The height of a picture, in its own units.
const HEIGHT: f64 = 100.0;

impl Group {
    /// Writes the figure, unless no number was measured or all are 0.
    pub fn write(
        &self,
        out: &mut dyn Write,
        caption: &str,
        timeline: &Timeline,
        track: &Track,
        zone: &TimeZone,
    ) -> io::Result<()> {
        let columns: Vec<&Column> = self
            .columns
            .iter()
            .filter_map(|name| Column::named(name))
            .collect();
        let values: Vec<Vec<Option<f64>>> = columns
            .iter()
            .map(|column| {
                let intervals = track.intervals.iter();
                intervals
                    .map(|interval| column.value(interval.as_ref()?, Unit::Kilobytes))
                    .collect()
            })
            .collect();
        let numbers = || values.iter().flatten().flatten().copied();
        let most = numbers().fold(0.0, f64::max);
        if most <= 0.0 {
            return Ok(());
        }
        let least = match self.logarithmic {
            true => numbers().filter(|value| *value > 0.0).fold(most, f64::min),
            false => 0.0,
        };
        let shown_number = |number: f64| format!("{}{}", three(number), self.unit);
        figure(out, caption, &shown_number(most), &shown_number(least))?;
        let width = timeline.columns;
        writeln!(
            out,
            "<svg class=\"lines\" style=\"min-width:{width}px\" viewBox=\"0 0 {width} {HEIGHT}\" \
             preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
            Escaped(&self.description(caption, &columns, &values, timeline, zone))
        )?;
        for (values, class) in values.iter().zip(CLASSES) {
            let height = |value: f64| match self.logarithmic {
                true if most > least => (value.max(least) / least).ln() / (most / least).ln(),
                true => 0.5,
                false => value / most,
            };
            writeln!(
                out,
                "<path class=\"{class}\" d=\"{}\"/>",
                path(values, height)
            )?;
        }
        let errors = track.intervals.iter().enumerate().filter(|(_, interval)| {
            let errors = interval.as_ref().and_then(|of| of.total(Statistic::Errors));
            errors.unwrap_or(0) > 0
        });
        for (column, _) in errors {
            writeln!(
                out,
                "<path class=\"errors\" d=\"M{column} {HEIGHT}h1v-8h-1z\"/>"
            )?;
        }
        for (column, _) in track.restarts() {
            writeln!(
                out,
                "<path class=\"restart\" d=\"M{column}.5 0v{HEIGHT}\"/>"
            )?;
        }
        writeln!(out, "</svg>")?;
        figure_end(out, timeline, zone)?;
        write!(out, "<p class=\"key\">")?;
        let drawn = values.iter().zip(columns).zip(CLASSES);
        for ((_, column), class) in
            drawn.filter(|((values, _), _)| values.iter().any(Option::is_some))
        {
            write!(
                out,
                "<svg viewBox=\"0 0 28 8\" aria-hidden=\"true\"><path class=\"{class}\" d=\"M0 4h28\"/></svg> {} ",
                Escaped(column.name)
            )?;
        }
        writeln!(out, "</p>")
    }

    /// Describes the lines in words: the highest number of each, and its time.
    fn description(
        &self,
        caption: &str,
        columns: &[&Column],
        values: &[Vec<Option<f64>>],
        timeline: &Timeline,
        zone: &TimeZone,
    ) -> String {
        let mut text = format!("{caption}.");
        for (column, values) in columns.iter().zip(values) {
            let measured = values
                .iter()
                .enumerate()
                .filter_map(|(at, of)| Some((at, (*of)?)));
            let Some((at, most)) = measured.max_by(|one, other| one.1.total_cmp(&other.1)) else {
                continue;
            };
            let time = shown(timeline.time(at), zone);
            let _ = write!(
                text,
                " {}: {}{} at most, at {time}.",
                column.name,
                three(most),
                self.unit
            );
        }
        text
    }
}

/// Returns the path of a line, which is interrupted where no number was measured.
fn path(values: &[Option<f64>], height: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut is_drawn = false;
    for (column, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let y = HEIGHT - 1.0 - (HEIGHT - 2.0) * height(*value);
            // A step of one column, so that a single column is seen.
            let begin = if is_drawn { 'L' } else { 'M' };
            let _ = write!(path, "{begin}{column} {y:.1}h1");
        }
        is_drawn = value.is_some();
    }
    path
}

/// Formats a number with three digits.
pub fn three(number: f64) -> String {
    match number {
        _ if number >= 100.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ if number >= 1.0 || number == 0.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}
