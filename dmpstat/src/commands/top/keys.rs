// SPDX-License-Identifier: GPL-2.0

//! Keys, and the effect of each.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::commands::top::app::App;
use crate::model::measure::Measure;

/// The help about keys, in the order of use.
pub const HELP: [(&str, &str); 15] = [
    (
        "↑ ↓ j k",
        "choose a device; also page up, page down, home and end",
    ),
    ("← → < >", "sort by the next column to the left or right"),
    ("r", "reverse the order"),
    (
        "/",
        "filter by name; enter: keep the filter, escape: drop it",
    ),
    ("space p", "pause or continue"),
    (
        ", . - +",
        "in a recording: one sample back or forward, or sixty",
    ),
    ("tab", "show sizes or latencies of requests"),
    ("a", "show the histogram since the reset or of the interval"),
    ("enter", "show or hide the chosen device's histogram"),
    ("z", "show or hide idle devices"),
    ("n", "show names or dm-N"),
    ("x", "show all columns or the requested ones"),
    ("^L", "redraw the screen"),
    ("? h", "show these keys"),
    ("q ^C", "quit"),
];

/// The next step, besides drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait for the next input.
    Wait,
    /// End the program.
    End,
    /// Stop the program, as ^Z does, to give the shell its turn.
    Suspend,
    /// End a pause.
    GoOn,
    /// Go to an earlier or later sample of a recording.
    Travel(isize),
    /// Redraw everything, because something else has written to the screen.
    Clear,
}

/// Handles a key. Returns the next step.
pub fn press(app: &mut App, key: KeyEvent) -> Next {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Next::End,
            KeyCode::Char('z') => Next::Suspend,
            KeyCode::Char('l') => Next::Clear,
            _ => Next::Wait,
        };
    }
    match key.code {
        code if app.typing => type_filter(app, code),
        _ if app.help => app.help = false,
        // Escape does not end the program: a terminal sends other keys as sequences that begin with it, and a
        // slow one sends them in pieces.
        KeyCode::Char('q') | KeyCode::F(10) => return Next::End,
        KeyCode::Char(' ' | 'p') => {
            app.paused = !app.paused;
            return if app.paused { Next::Wait } else { Next::GoOn };
        }
        // Brackets would come from a slow terminal, too.
        KeyCode::Char(',') => return Next::Travel(-1),
        KeyCode::Char('.') => return Next::Travel(1),
        KeyCode::Char('-') => return Next::Travel(-60),
        KeyCode::Char('+' | '=') => return Next::Travel(60),
        code => command(app, code),
    }
    Next::Wait
}

fn type_filter(app: &mut App, code: KeyCode) {
    match code {
        KeyCode::Enter => app.typing = false,
        KeyCode::Esc => {
            app.typing = false;
            app.filter.clear();
        }
        KeyCode::Backspace => drop(app.filter.pop()),
        KeyCode::Char(character) => app.filter.push(character),
        _ => {}
    }
}

fn command(app: &mut App, code: KeyCode) {
    let page = isize::try_from(app.rows.max(1)).unwrap_or(isize::MAX);
    match code {
        KeyCode::Up | KeyCode::Char('k') => app.go(-1),
        KeyCode::Down | KeyCode::Char('j') => app.go(1),
        KeyCode::PageUp => app.go(-page),
        KeyCode::PageDown => app.go(page),
        KeyCode::Home | KeyCode::Char('g') => app.go(isize::MIN),
        KeyCode::End | KeyCode::Char('G') => app.go(isize::MAX),
        KeyCode::Left | KeyCode::Char('<') => app.sort_by_next(true),
        KeyCode::Right | KeyCode::Char('>') => app.sort_by_next(false),
        KeyCode::Char('r') => app.reverse(),
        KeyCode::Char('/') => app.typing = true,
        KeyCode::Tab => {
            app.measure = match app.measure {
                Measure::Latency => Measure::Size,
                Measure::Size if app.measures_pattern() => Measure::Seek,
                Measure::Size | Measure::Seek => Measure::Latency,
            };
        }
        KeyCode::Char('a') => app.since_reset_details = !app.since_reset_details,
        KeyCode::Enter => app.details = !app.details,
        KeyCode::Char('z') => app.omit_idle = !app.omit_idle,
        KeyCode::Char('n') => app.numbers = !app.numbers,
        KeyCode::Char('x') => app.toggle_columns(),
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => app.help = true,
        _ => {}
    }
}
