// SPDX-License-Identifier: GPL-2.0

//! The screen: a title, the table, the chosen device, and a line about keys.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState, Wrap};
use unicode_width::UnicodeWidthStr;

use crate::commands::top::app::App;
use crate::commands::top::details;
use crate::commands::top::keys::HELP;
use crate::commands::top::text::{colour, cut};
use crate::error::Error;
use crate::format::report::marks;
use crate::format::table::Cells;
use crate::model::interval::{Interval, Restart, State};

/// The least width and height of the screen.
const SMALLEST: (u16, u16) = (40, 6);
/// Least width of the devices' names.
const NAME_WIDTH: usize = 12;

/// Draws the whole screen.
pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let (width, height) = SMALLEST;
        let text = format!(
            "The terminal is {} by {}; dmpstat top needs {width} by {height}",
            area.width, area.height
        );
        return frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
    }
    let shown = app.shown();
    let place = app.place(&shown);
    let rest = usize::from(area.height) - 2;
    let (table, pane) = heights(app, shown.len(), rest);
    let [title, table, pane, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(table),
        Constraint::Length(pane),
        Constraint::Length(1),
    ])
    .areas(area);

    if shown.is_empty() {
        app.hidden = 0;
        draw_nothing(app, frame, table);
    } else {
        draw_table(app, &shown, place, frame, table);
        if pane.height > 0 {
            details::draw(app, &app.devices[shown[place]], frame, pane);
        }
    }
    draw_title(app, shown.len(), frame, title);
    match &app.problem {
        // The line shows the keys again after the problem.
        Some(problem) if !shown.is_empty() && !app.typing => {
            let text = problem.to_string().replace('\n', " ");
            frame.render_widget(Span::styled(text, colour(app, Color::Red)), keys);
        }
        _ => draw_keys(app, frame, keys),
    }
    if app.help {
        draw_help(frame, area);
    }
}

/// Returns the heights of the table and of the pane below it. The table gets a line for each device, but at
/// most half of all lines. It gets all lines if the pane is hidden or too small.
fn heights(app: &App, devices: usize, rest: usize) -> (u16, u16) {
    let table = (devices + 1).min((rest / 2).max(4));
    let pane = rest.saturating_sub(table);
    let (table, pane) = match app.details && devices > 0 && pane >= details::SMALLEST {
        true => (table, pane),
        false => (rest, 0),
    };
    // Both are parts of a `u16`.
    (table as u16, pane as u16)
}

fn draw_title(app: &App, shown: usize, frame: &mut Frame<'_>, area: Rect) {
    let count = app.devices.len();
    let of = if shown < count {
        format!("{shown} of {count}")
    } else {
        count.to_string()
    };
    let plural = if count == 1 { "" } else { "s" };
    let mut parts = vec![app.time.clone(), format!("{of} device{plural}")];
    if app.hidden > 0 {
        let plural = if app.hidden == 1 { "" } else { "s" };
        parts.push(format!("+{} column{plural}", app.hidden));
    }
    if app.since_reset {
        parts.push("since the reset".to_owned());
    } else {
        let whole = app.devices.iter().map(|device| &device.interval);
        let whole = whole.filter(|interval| {
            interval
                .restart
                .is_none_or(|restart| restart == Restart::Latency)
        });
        if let Some(length) = whole.map(|interval| interval.length).max() {
            parts.push(format!("{:.1} s", length.as_secs_f64()));
        }
    }
    let order = if app.reversed { ", reversed" } else { "" };
    parts.push(match app.sort {
        Some(column) => format!("by {}{order}", column.name),
        None => format!("by number{order}"),
    });
    if !app.filter.is_empty() && !app.typing {
        parts.push(format!("filter {}", app.filter));
    }
    let mut line = vec![
        Span::styled("dmpstat", Modifier::BOLD),
        Span::raw(format!("  {}", parts.join("  "))),
    ];
    if app.paused {
        let style = colour(app, Color::Yellow).add_modifier(Modifier::BOLD);
        line.push(Span::styled("  PAUSED", style));
    }
    frame.render_widget(Line::from(line), area);
}

/// Draws the reason why there is no device to show.
fn draw_nothing(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let text = match &app.problem {
        Some(problem) => problem.to_string(),
        None if app.devices.is_empty() => Error::NoDevices(Vec::new()).to_string(),
        None => match (app.filter.as_str(), app.omit_idle) {
            ("", _) => "All devices are idle; press z to show them".to_owned(),
            (filter, false) => format!("No device name contains {filter}"),
            (filter, true) => {
                format!("All devices whose names contain {filter} are idle; press z to show them")
            }
        },
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
}

fn draw_table(app: &mut App, shown: &[usize], place: usize, frame: &mut Frame<'_>, area: Rect) {
    let rows = usize::from(area.height) - 1;
    app.rows = rows;
    // The chosen device stays in view, and no line stays empty if there are enough devices.
    app.first_row = app
        .first_row
        .clamp((place + 1).saturating_sub(rows), place)
        .min(shown.len().saturating_sub(rows));
    let visible = &shown[app.first_row..shown.len().min(app.first_row + rows)];
    let width = usize::from(area.width);
    let titles = visible.iter().map(|at| app.devices[*at].title(app.numbers));
    let titles: Vec<String> = titles.collect();
    let widest = titles.iter().map(|name| name.width()).max();
    app.name_width = (app.name_width)
        .max(widest.unwrap_or(0))
        .clamp(NAME_WIDTH, (width / 3).max(NAME_WIDTH));
    app.fit(width);
    let cells = visible
        .iter()
        .map(|at| app.grid.cells(&app.devices[*at].interval));
    let cells: Vec<Cells> = cells.collect();
    let columns = columns(app, width - app.name_width);
    app.hidden = app.grid.columns.len() - columns.len();
    let lines: Vec<(&String, Cells, &Interval)> = titles
        .iter()
        .zip(cells)
        .zip(visible)
        .map(|((title, cells), at)| (title, cells, &app.devices[*at].interval))
        .collect();
    let mark_width = lines
        .iter()
        .map(|(.., interval)| marks(interval).len())
        .max();
    let mark_width = mark_width.filter(|width| *width > 0);

    let names: Vec<&str> = app.grid.names().collect();
    let header = columns.clone().map(|at| {
        let sorted = app.sort == Some(app.grid.columns[at]);
        let style = match sorted {
            true => colour(app, Color::Cyan).add_modifier(Modifier::UNDERLINED),
            false => Style::new(),
        };
        let name = Span::styled(names[at], style);
        Cell::from(Line::from(name).alignment(Alignment::Right))
    });
    let header = Row::new([Cell::from("Device")].into_iter().chain(header));
    let red = |is_red: bool| match is_red {
        true => colour(app, Color::Red).add_modifier(Modifier::BOLD),
        false => Style::new(),
    };
    let rows = lines.iter().map(|(name, cells, interval)| {
        let is_stuck = interval.state != State::Running;
        let numbers = columns.clone().map(|at| {
            let has_failures = app.grid.columns[at].quantity.has_failures(interval);
            let number = Span::styled(&cells[at], red(has_failures || is_stuck));
            Cell::from(Line::from(number).alignment(Alignment::Right))
        });
        let name = Span::styled(cut(name, app.name_width), red(is_stuck));
        let name = [Cell::from(name)].into_iter();
        let mark = format!(" {}", marks(interval));
        let mark = Cell::from(Span::styled(mark, colour(app, Color::Yellow)));
        Row::new(name.chain(numbers).chain([mark]))
    });
    let widths = [app.name_width as u16]
        .into_iter()
        .chain(columns.clone().map(|at| app.grid.widths[at] as u16))
        .chain(mark_width.map(|width| 1 + width as u16));
    let table = Table::new(rows, widths.map(Constraint::Length))
        .header(header.style(Modifier::BOLD))
        .column_spacing(1)
        .row_highlight_style(Modifier::REVERSED);
    let mut state = TableState::new().with_selected(place - app.first_row);
    frame.render_stateful_widget(table, area, &mut state);
}

/// Returns the range of the columns that fit: from the first one, or shifted right until it includes the
/// sorted column.
fn columns(app: &mut App, width: usize) -> std::ops::Range<usize> {
    let widths = &app.grid.widths;
    let fits = |first: usize, end: usize| {
        let taken: usize = widths[first..end].iter().map(|width| width + 1).sum();
        taken <= width
    };
    let sorted = app.sort.and_then(|sort| {
        let mut columns = app.grid.columns.iter();
        columns.position(|column| *column == sort)
    });
    let mut first = app.first_column;
    match sorted {
        None => first = 0,
        Some(at) if at < first => first = at,
        Some(at) => {
            while first < at && !fits(first, at + 1) {
                first += 1;
            }
        }
    }
    // A wider terminal also has room for columns to the left.
    while first > 0 && fits(first - 1, widths.len()) {
        first -= 1;
    }
    app.first_column = first;
    let mut ends = (first..=widths.len()).rev();
    let end = ends.find(|end| fits(first, *end)).unwrap_or(first);
    first..end
}

fn draw_keys(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let bold = |text: &'static str| Span::styled(text, Modifier::BOLD);
    let line = if app.typing {
        Line::from(vec![
            bold("filter: "),
            Span::raw(app.filter.clone()),
            Span::styled(" ", Modifier::REVERSED),
            Span::raw("  enter: keep, esc: drop"),
        ])
    } else {
        let keys = [
            ("q", "quit"),
            ("?", "keys"),
            ("← →", "sort"),
            ("/", "filter"),
            ("space", "pause"),
            ("tab", "sizes"),
            ("a", "all"),
            ("z", "idle"),
        ];
        let spans = keys
            .into_iter()
            .flat_map(|(key, what)| [bold(key), Span::raw(format!(" {what}  "))]);
        Line::from_iter(spans)
    };
    frame.render_widget(line, area);
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let lines = HELP
        .iter()
        .map(|(key, what)| Line::from(format!("{key:<9} {what}")));
    let width = area.width.min(70);
    let height = area.height.min(HELP.len() as u16 + 2);
    let area = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" Keys (press any to go back) ");
    frame.render_widget(Paragraph::new(Vec::from_iter(lines)).block(block), area);
}
