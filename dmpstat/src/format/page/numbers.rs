// SPDX-License-Identifier: GPL-2.0

//! Tables of numbers.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::format::page::lines::three;
use crate::format::page::{Escaped, Part, find};
use crate::format::times::shown;
use crate::model::column::{Column, Unit};
use crate::model::interval::Interval;
use crate::model::timeline::Track;

/// The columns of the tables.
const COLUMNS: [&str; 14] = [
    "r/s", "rkB/s", "r_p50", "r_p99", "r_max", "w/s", "wkB/s", "w_p50", "w_p99", "w_max", "f/s",
    "f_p99", "aqu-sz", "errs",
];

fn columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter_map(|name| Column::named(name))
}

/// Writes a table with a row for each device, or three for a device that is compared.
pub fn summary(out: &mut dyn Write, part: &Part, other: Option<&Part>) -> io::Result<()> {
    writeln!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"All devices\">\n<table>"
    )?;
    header(out, "Device")?;
    for track in &part.timeline.tracks {
        let name = track.last.shown_name();
        let total = track.total();
        let compared = other.and_then(|other| find(other, track)).map(Track::total);
        match compared {
            None => row(out, &name, total.as_ref())?,
            Some(compared) => {
                row(out, &format!("{name}, A"), total.as_ref())?;
                row(out, &format!("{name}, B"), compared.as_ref())?;
                difference(out, total.as_ref(), compared.as_ref())?;
            }
        }
    }
    writeln!(out, "</table>\n</div>")
}

/// Writes a table of a device over time, of at most `most` rows, which can be opened.
pub fn details(
    out: &mut dyn Write,
    letter: &str,
    part: &Part,
    track: &Track,
    most: usize,
    zone: &TimeZone,
) -> io::Result<()> {
    let timeline = &part.timeline;
    let columns = timeline.columns.div_ceil(most.max(1));
    writeln!(
        out,
        "<details>\n<summary>Numbers{letter}</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" \
         aria-label=\"Numbers{letter}\">\n<table>"
    )?;
    header(out, "From")?;
    for (at, interval) in track.coarse(columns).iter().enumerate() {
        let time = shown(timeline.time(at * columns), zone);
        row(out, &time, interval.as_ref())?;
    }
    writeln!(out, "</table>\n</div>\n</details>")
}

fn header(out: &mut dyn Write, first: &str) -> io::Result<()> {
    write!(out, "<tr><th scope=\"col\">{first}</th>")?;
    for column in columns() {
        write!(
            out,
            "<th scope=\"col\"><abbr title=\"{}\">{}</abbr></th>",
            Escaped(column.help),
            Escaped(column.name)
        )?;
    }
    writeln!(out, "<th scope=\"col\"></th></tr>")
}

fn row(out: &mut dyn Write, title: &str, interval: Option<&Interval>) -> io::Result<()> {
    write!(out, "<tr><th scope=\"row\">{}</th>", Escaped(title))?;
    for column in columns() {
        let value = interval.and_then(|interval| column.value(interval, Unit::Kilobytes));
        let class = match value {
            Some(errors) if column.name == "errs" && errors > 0.0 => " class=\"bad\"",
            _ => "",
        };
        let text = match value {
            Some(errors) if column.name == "errs" => errors.to_string(),
            Some(value) => three(value),
            None => "-".to_owned(),
        };
        write!(out, "<td{class}>{text}</td>")?;
    }
    let mark = interval.and_then(|interval| interval.restart);
    writeln!(out, "<td>{}</td></tr>", mark.map_or("", |mark| mark.word()))
}

/// Writes the change from one interval to another, in percent.
fn difference(
    out: &mut dyn Write,
    one: Option<&Interval>,
    other: Option<&Interval>,
) -> io::Result<()> {
    write!(out, "<tr><th scope=\"row\">B compared with A</th>")?;
    for column in columns() {
        let value = |of: Option<&Interval>| column.value(of?, Unit::Kilobytes);
        let text = match (value(one), value(other)) {
            (Some(one), Some(other)) if one == other => "0 %".to_owned(),
            (Some(one), Some(other)) if one > 0.0 => {
                format!("{:+.0} %", (other / one - 1.0) * 100.0)
            }
            _ => "-".to_owned(),
        };
        write!(out, "<td>{text}</td>")?;
    }
    writeln!(out, "<td></td></tr>")
}
