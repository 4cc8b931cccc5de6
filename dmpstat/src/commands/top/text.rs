// SPDX-License-Identifier: GPL-2.0

//! Colours and widths of text on the screen.

use ratatui::style::{Color, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::commands::top::app::App;

/// Returns the style of a colour; none if colours are off.
pub fn colour(app: &App, colour: Color) -> Style {
    match app.colours {
        true => Style::new().fg(colour),
        false => Style::new(),
    }
}

/// Cuts a name to a width, with an ellipsis at its end.
pub fn cut(name: &str, width: usize) -> String {
    if name.width() <= width {
        return name.to_owned();
    }
    let mut cut = String::new();
    let mut taken = 1;
    for character in name.chars() {
        taken += character.width().unwrap_or(0);
        if taken > width {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}
