// SPDX-License-Identifier: GPL-2.0

//! The plot.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cost::Cost;
use crate::report::Report;
use crate::setup;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 900;
const TITLE: u32 = 40;

/// Colours of dmp, of dm-linear and of all others.
const DMP: RGBColor = RGBColor(0xc4, 0x4e, 0x1c);
const LINEAR: RGBColor = RGBColor(0x4a, 0x6f, 0xa5);
const OTHERS: RGBColor = RGBColor(0x9a, 0xa0, 0xa6);

fn colour(setup: &str) -> RGBColor {
    match setup {
        setup::LINEAR => LINEAR,
        name if name.starts_with("dmp") => DMP,
        _ => OTHERS,
    }
}

/// Draws everything in the report.
pub fn draw(report: &Report, path: &Path) -> Drawn {
    let root = SVGBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let (title, below) = root.split_vertically(TITLE);
    let text = format!("What dmp costs, on Linux {}", report.build.kernel);
    let style = label(22).pos(Pos::new(HPos::Left, VPos::Center));
    title.draw(&Text::new(text, (20, TITLE as i32 / 2), style))?;
    let panels = below.split_evenly((2, 2));
    requests(&panels[0], &report.requests)?;
    stacks(&panels[1], &report.requests)?;
    scaling(&panels[2], report)?;
    memory(&panels[3], report)?;
    root.present()?;
    Ok(())
}

fn label(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

/// Returns the costs of small reads, the only requests in the plot.
fn small_reads(costs: &[Cost]) -> impl Iterator<Item = &Cost> {
    costs
        .iter()
        .filter(|cost| cost.operation == "read" && cost.size == 4096)
}

/// Draws a bar for each setup that costs more than dm-linear.
fn requests(area: &Area<'_>, costs: &[Cost]) -> Drawn {
    let bars: Vec<(&str, f64)> = small_reads(costs)
        .filter(|cost| !setup::is_stack(&cost.setup))
        .filter_map(|cost| {
            let over = cost.instructions - cost.same_in(costs, setup::LINEAR)?;
            (over > 0.0).then_some((cost.setup.as_str(), over))
        })
        .collect();
    let most = bars.iter().map(|(_, over)| *over).fold(0.0, f64::max);
    if bars.is_empty() {
        return Ok(());
    }
    let mut chart = ChartBuilder::on(area)
        .caption("A 4 KiB read: instructions over dm-linear", label(17))
        .margin(20)
        .margin_left(210)
        .margin_right(70)
        .build_cartesian_2d(0.0..most, 0.0..bars.len() as f64)?;
    for (row, (name, over)) in bars.iter().rev().enumerate() {
        let (bottom, middle, top) = (row as f64 + 0.15, row as f64 + 0.5, row as f64 + 0.85);
        let name = (*name).to_owned();
        let bar = Rectangle::new([(0.0, bottom), (*over, top)], colour(&name).filled());
        let left = label(14).pos(Pos::new(HPos::Right, VPos::Center));
        let right = label(14).pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series([bar])?;
        chart.draw_series([EmptyElement::at((0.0, middle)) + Text::new(name, (-8, 0), left)])?;
        chart.draw_series([
            EmptyElement::at((*over, middle)) + Text::new(format!("{over:.0}"), (6, 0), right)
        ])?;
    }
    Ok(())
}

/// A line with dots on it, named at its end.
struct Line {
    name: String,
    colour: RGBColor,
    dots: Vec<(f64, f64)>,
}

/// Draws lines over a count, from 0 up.
fn lines(area: &Area<'_>, title: &str, below: &str, all: &[Line]) -> Drawn {
    let dots = || all.iter().flat_map(|line| &line.dots);
    let last = dots().map(|(x, _)| *x).fold(0.0, f64::max);
    let most = dots().map(|(_, y)| *y).fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(());
    }
    let mut chart = ChartBuilder::on(area)
        .caption(title, label(17))
        .margin(20)
        .margin_right(110)
        .x_label_area_size(35)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..last, 0.0..most * 1.1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(below)
        .x_labels(last as usize + 1)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(label(13))
        .draw()?;
    for line in all {
        chart.draw_series(LineSeries::new(
            line.dots.clone(),
            line.colour.stroke_width(2),
        ))?;
        chart.draw_series(
            line.dots
                .iter()
                .map(|dot| Circle::new(*dot, 3, line.colour.filled())),
        )?;
        let style = label(14)
            .color(&line.colour)
            .pos(Pos::new(HPos::Left, VPos::Center));
        let end = line.dots.last().copied().unwrap_or_default();
        chart.draw_series([EmptyElement::at(end) + Text::new(line.name.clone(), (8, 0), style)])?;
    }
    Ok(())
}

/// Draws the cost of stacks by their depth.
fn stacks(area: &Area<'_>, costs: &[Cost]) -> Drawn {
    let all = setup::STACKED.map(|target| Line {
        name: target.to_owned(),
        colour: colour(target),
        dots: setup::DEPTHS
            .filter_map(|depth| {
                let name = setup::stack_name(target, depth);
                let cost = small_reads(costs).find(|cost| cost.setup == name)?;
                Some((f64::from(depth), cost.instructions))
            })
            .collect(),
    });
    let title = "A 4 KiB read through stacked devices: instructions";
    lines(area, title, "devices", &all)
}

/// Draws the memory of a device by the number of CPUs.
fn memory(area: &Area<'_>, report: &Report) -> Drawn {
    let all = ["dmp", "dmp latency"].map(|kind| Line {
        name: kind.to_owned(),
        colour: if kind == "dmp" { DMP } else { OTHERS },
        dots: report
            .devices_timed
            .iter()
            .filter(|devices| devices.kind == kind)
            .filter_map(|devices| {
                let memory = devices.memory_over_linear(&report.devices_timed)?;
                let bytes: i64 = memory.iter().sum();
                Some((f64::from(devices.cpus), bytes as f64 / 1024.0))
            })
            .collect(),
    });
    let title = "Memory of a device over dm-linear: KiB";
    lines(area, title, "CPUs", &all)
}

/// Draws the other setups' fractions of dm-linear's rate, by the number of CPUs.
fn scaling(area: &Area<'_>, report: &Report) -> Drawn {
    let others = || {
        let rates = report.scaling.iter();
        rates.filter(|rate| rate.setup != setup::LINEAR)
    };
    let rows = others().count();
    if rows == 0 {
        return Ok(());
    }
    let high = others().map(|rate| rate.of_linear[2]).fold(1.0, f64::max);
    let low = others().map(|rate| rate.of_linear[0]).fold(1.0, f64::min);
    let mut chart = ChartBuilder::on(area)
        .caption(
            "Rate of 4 KiB reads over dm-linear's: median and middle half",
            label(17),
        )
        .margin(20)
        .margin_left(210)
        .margin_right(30)
        .x_label_area_size(35)
        .build_cartesian_2d(low - 0.02..high + 0.02, 0.0..rows as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|x| format!("{x:.2}"))
        .label_style(label(13))
        .draw()?;
    let one = PathElement::new([(1.0, 0.0), (1.0, rows as f64)], LINEAR.stroke_width(2));
    chart.draw_series([one])?;
    for (row, rate) in others().enumerate() {
        let height = rows as f64 - row as f64 - 0.5;
        let [low, middle, high] = rate.of_linear;
        let colour = colour(&rate.setup);
        let half = PathElement::new([(low, height), (high, height)], colour.stroke_width(3));
        chart.draw_series([half])?;
        chart.draw_series([Circle::new((middle, height), 4, colour.filled())])?;
        let style = label(13).pos(Pos::new(HPos::Right, VPos::Center));
        let name = format!("{}, CPUs: {}", rate.setup, rate.cpus);
        let start = chart.plotting_area().get_x_range().start;
        chart.draw_series([EmptyElement::at((start, height)) + Text::new(name, (-8, 0), style)])?;
    }
    Ok(())
}
