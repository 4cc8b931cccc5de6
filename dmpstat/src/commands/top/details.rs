// SPDX-License-Identifier: GPL-2.0

//! The chosen device: its last intervals, and a histogram.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::block::FULL;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Sparkline};

use crate::commands::top::app::{App, Device};
use crate::commands::top::history::KEPT;
use crate::commands::top::text::{colour, cut};
use crate::format::histograms::{BOUND, COUNT};
use crate::model::histogram::{Histogram, bounds};
use crate::model::interval::Interval;
use crate::model::measure::Measure;
use crate::model::operation::Operation;

/// The least number of lines: a title, a history, a header and one or two buckets.
pub const SMALLEST: usize = 6;
/// The widths of a history's name and of its numbers, in characters.
const NAME: u16 = 6;
const NUMBERS: u16 = 34;

/// Draws the chosen device, from its title on.
pub fn draw(app: &App, device: &Device, frame: &mut Frame<'_>, area: Rect) {
    let since_reset = app.since_reset_details || app.since_reset;
    let all;
    let interval = if since_reset {
        all = Interval::since_reset(&device.snapshot);
        &all
    } else {
        &device.interval
    };
    let what = match app.measure {
        Measure::Size => "sizes",
        Measure::Latency => "latencies",
        Measure::Seek => "distances",
    };
    let time = if since_reset {
        "since the reset"
    } else {
        "in the interval"
    };
    let name = cut(&device.snapshot.shown_name(), usize::from(area.width) / 2);
    let title = format!(
        " {name}  {}  {what} {time}, {:.1} s ",
        device.snapshot.device,
        app.measure.length(interval).as_secs_f64()
    );
    let block = Block::new()
        .borders(Borders::TOP)
        .title(Span::styled(title, Modifier::BOLD));
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let mut lines = inner.rows().collect::<Vec<Rect>>().into_iter();
    // Histories without a number are left out, and so are those without room.
    let room = usize::from(inner.height).saturating_sub(4);
    for (kept, (name, _)) in KEPT.iter().enumerate().take(room) {
        let past = app.history.of(&device.snapshot, kept);
        if past.iter().any(Option::is_some) {
            let Some(line) = lines.next() else { return };
            draw_history(app, name, &past, frame, line);
        }
    }
    draw_histogram(app, device, interval, frame, lines);
}

fn draw_history(app: &App, name: &str, past: &[Option<f32>], frame: &mut Frame<'_>, area: Rect) {
    let width = area.width.saturating_sub(NAME + NUMBERS + 2);
    // The newest value is at the right.
    let skipped = past.len().saturating_sub(width.into());
    let past = &past[skipped..];
    let most = past.iter().flatten().copied().fold(0.0, f32::max);
    // Sparklines take integers, so a value below 1 would vanish.
    let scaled = |value: f32| (f64::from(value) * 1e3) as u64;
    let line = Rect {
        x: area.x + NAME + 1 + width.saturating_sub(past.len() as u16),
        width: past.len() as u16,
        ..area
    };
    let spark = Sparkline::default()
        .data(past.iter().map(|value| value.map(scaled)))
        .max(scaled(most).max(1))
        .style(colour(app, Color::Cyan));
    let last = past.last().copied().flatten();
    let last = last.map_or("-".to_owned(), |last| format!("{last:.2}"));
    let numbers = format!("{last:>11}, {most:.2} at most");
    frame.render_widget(Span::raw(name), area);
    frame.render_widget(spark, line);
    let right = Rect {
        x: area.x + NAME + 1 + width,
        ..area
    };
    frame.render_widget(Span::raw(numbers), right.intersection(area));
}

fn draw_histogram(
    app: &App,
    device: &Device,
    interval: &Interval,
    frame: &mut Frame<'_>,
    mut lines: impl ExactSizeIterator<Item = Rect>,
) {
    let histograms: Vec<(Operation, Cow<'_, Histogram>)> = Operation::ALL
        .into_iter()
        .filter_map(|operation| Some((operation, app.measure.of(interval.of(operation)?)?)))
        // Operations without a request are left out: most devices have several.
        .filter(|(operation, of)| {
            matches!(operation, Operation::Read | Operation::Write) || of.count() > 0
        })
        .collect();
    let Some(first) = lines.next() else { return };
    if histograms.is_empty() {
        let text = match (app.measure, device.snapshot.latency) {
            (Measure::Latency, false) => format!(
                "latency is not measured; enable it with \"dmpstat latency on {}\"",
                device.snapshot.device
            ),
            (Measure::Latency, true) => "latency was not measured for the whole time".to_owned(),
            (Measure::Size, _) => "no request was counted".to_owned(),
            (Measure::Seek, _) => format!(
                "distances are not measured; enable them with \"dmpstat measure pattern on {}\"",
                device.snapshot.device
            ),
        };
        return frame.render_widget(Span::raw(text), first);
    }
    let each = usize::from(first.width).saturating_sub(BOUND) / histograms.len();
    let bar = each.saturating_sub(COUNT + 2);
    let mut header = format!("{:>BOUND$}", "up to");
    for (operation, _) in &histograms {
        header += &format!(" {:>COUNT$} {:bar$}", operation.name(), "");
    }
    let bold = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Span::styled(header, bold), first);

    // Neighbouring buckets are merged if there are more buckets than lines.
    let bounds = bounds(histograms.iter().map(|(_, histogram)| &**histogram));
    let together = bounds.len().div_ceil(lines.len().max(1)).max(1);
    let groups: Vec<&[u64]> = bounds.chunks(together).collect();
    let count = |of: &Histogram, group: &[u64]| {
        let counts = group.iter().map(|bound| of.of(*bound));
        counts.fold(0, u64::saturating_add)
    };
    // All bars have one scale.
    let counts = histograms
        .iter()
        .flat_map(|(_, of)| groups.iter().map(|group| count(of, group)));
    let most = u128::from(counts.max().unwrap_or(0).max(1));
    for (group, line) in groups.iter().zip(lines) {
        let label = group.last().map(|bound| app.measure.label(*bound));
        let mut spans = vec![Span::raw(format!("{:>BOUND$}", label.unwrap_or_default()))];
        for (_, of) in &histograms {
            let count = count(of, group);
            let length = (bar as u128 * u128::from(count)).div_ceil(most) as usize;
            spans.push(Span::raw(format!(" {count:>COUNT$} ")));
            spans.push(Span::styled(FULL.repeat(length), colour(app, Color::Cyan)));
            spans.push(Span::raw(" ".repeat(bar - length)));
        }
        frame.render_widget(Line::from(spans), line);
    }
}
